"""Presses and submissions: what ``Decisions`` is asked, and what the presser is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.card import CardView, Who
from bot.domain import Actor, Author, Message, Place, Proposal, Run, Ticket
from bot.forms import Decided, EditInput, FieldErrors, NotDecided, RejectInput
from bot.playbook import Playbook, Route
from bot.ports import StoreUnavailable
from bot.projection import view
from handlers.agent_answer import CommandAnswer
from handlers.slack import ACCEPT_SECONDS, COMMAND_SECONDS
from handlers.slack_clicks import ANSWER_SECONDS, VIEW_SECONDS
from handlers.slack_private import may_answer_at
from tests.handlers.forms import edit_form, reject_form
from tests.handlers.rig import Rig, WallClock, running_rig
from tests.patience import BUSY_SECONDS
from tests.standins.slack import SlackStandin, slack_standin
from tests.standins.slack.model import Message as Shown
from tests.standins.slack.model import View
from tests.standins.wire import DropReply, Hold, HttpFailure

AGENT = Actor(surface="slack", team="T0TEAM", id="U0AGENT")
LATE = NotDecided(
    "decided", (Who(AGENT, "Alex Agent"), " has already approved this <now> & for good.")
)


def decided() -> Decided:
    now = WallClock().now()
    proposal = Proposal(
        id="p_aaaaaaaaaaaaaaaa",
        tenant="test",
        ticket="t_aaaaaaaaaaaaaaaa",
        playbook="support",
        state="approved",
        run=Run(id="r_1", generation=1, not_before=now),
        secret="0" * 32,
        created_at=now,
    )
    return Decided(proposal, ("Approved.",))


async def card(rig: Rig, *ids: str, thread_ts: str | None = None) -> Shown:
    """A card of ours with these buttons, in the card channel."""
    buttons = [
        {
            "type": "button",
            "action_id": ident,
            "text": {"type": "plain_text", "text": "Press"},
            "value": f"token of {ident}",
        }
        for ident in ids
    ]
    space = rig.slack.space
    return space.post(
        Shown(
            channel="C0TRIAGE",
            ts=space.new_ts(),
            user=space.bot_user,
            bot_id=space.bot_id,
            text="card",
            thread_ts=thread_ts,
            blocks=space.with_block_ids([{"type": "actions", "elements": buttons}]),
        )
    )


async def opened(rig: Rig, *, since: int = 0) -> View:
    return await rig.slack.space.view_changes.wait_for(lambda view: view.is_open, since=since)


@pytest.mark.parametrize(
    "verb", ["approve", "edit", "reject", "take", "retry", "settle_done", "settle_retry"]
)
async def test_a_press_asks_with_the_buttons_verb_token_and_who(rig: Rig, verb: str) -> None:
    rig.decisions.answers = [decided()]
    shown = await card(rig, f"deskhand.{verb}")
    sent = await rig.people.click("U0AGENT", shown, f"deskhand.{verb}")
    assert (sent.status, sent.body) == (200, {})
    assert rig.decisions.asked == [("press", f"token of deskhand.{verb}", verb, AGENT)]


async def test_an_outsiders_press_says_whose_team_they_are(rig: Rig) -> None:
    shown = await card(rig, "deskhand.approve")
    await rig.people.click("U0STRANGER", shown, "deskhand.approve")
    (asked,) = rig.decisions.asked
    assert asked[3] == Actor(surface="slack", team="T0OTHER", id="U0STRANGER")


async def test_buttons_of_nobody_ask_nothing(rig: Rig) -> None:
    shown = await card(rig, "deskhand.link", "deskhand.approve.x", "approve")
    for ident in shown.action_ids:
        assert (await rig.people.click("U0AGENT", shown, ident)).status == 200
    assert rig.decisions.asked == []


async def test_a_late_press_is_told_in_private_who_decided(rig: Rig) -> None:
    rig.decisions.answers = [LATE]
    shown = await card(rig, "deskhand.approve")
    sent = await rig.people.click("U0AGENT2", shown, "deskhand.approve")
    assert sent.status == 200
    told = await rig.slack.space.ephemerals.next()
    assert (told.user, told.channel, told.via) == ("U0AGENT2", "C0TRIAGE", "response_url")
    assert told.text == "<@U0AGENT> has already approved this &lt;now&gt; &amp; for good."
    assert told.response_type == "ephemeral"
    assert rig.slack.space.current(shown).text == "card"


async def test_a_used_up_response_url_falls_back_to_an_ephemeral(rig: Rig) -> None:
    rig.slack.faults.add("response_url", HttpFailure(404))
    rig.decisions.answers = [LATE]
    shown = await card(rig, "deskhand.approve")
    await rig.people.click("U0AGENT2", shown, "deskhand.approve")
    told = await rig.slack.space.ephemerals.next()
    assert told.via == "chat.postEphemeral"


async def test_a_lost_answer_is_not_followed_by_a_second_line(rig: Rig) -> None:
    rig.slack.faults.add("response_url", DropReply())
    rig.decisions.answers = [LATE]
    shown = await card(rig, "deskhand.approve")
    await rig.people.click("U0AGENT2", shown, "deskhand.approve")
    await rig.slack.space.ephemerals.next()
    await rig.inbound.close()
    assert len(rig.slack.space.ephemerals) == 1


async def test_a_response_url_that_broke_is_not_followed_by_a_second_line(rig: Rig) -> None:
    rig.slack.faults.add("response_url", HttpFailure(502))
    rig.decisions.answers = [LATE]
    shown = await card(rig, "deskhand.approve")
    await rig.people.click("U0AGENT2", shown, "deskhand.approve")
    await rig.inbound.close()
    assert rig.slack.log.calls("chat.postEphemeral") == []


async def test_a_response_url_of_a_foreign_host_is_never_called(
    slack: SlackStandin, redis_url: str
) -> None:
    async with slack_standin() as foreign, running_rig(slack, redis_url) as rig:
        rig.decisions.answers = [LATE]
        payload = {
            "type": "block_actions",
            "user": {"id": "U0AGENT2", "team_id": "T0TEAM"},
            "container": {"channel_id": "C0TRIAGE"},
            "response_url": foreign.url + "/actions/T/1/x",
            "actions": [{"action_id": "deskhand.approve", "value": "x"}],
        }
        status, _ = await rig.inbound.handle(payload)
        assert status == 200
        told = await slack.space.ephemerals.next()
        assert (told.via, told.user) == ("chat.postEphemeral", "U0AGENT2")
        assert len(foreign.log) == 0


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://hooks.slack.com/actions/T1/2/3", True),
        ("https://hooks.slack.com:443/actions", True),
        ("http://hooks.slack.com/actions", False),
        ("https://hooks.slack.com:8443/actions", False),
        ("https://hooks.slack.com.evil.example/", False),
        ("https://hooks.slack.com@evil.example/", False),
        ("https://user:pw@hooks.slack.com/", False),
        ("https://evil.example/?hooks.slack.com", False),
        ("http://127.0.0.1:4000/r/1", True),
        ("http://127.0.0.1:4001/r/1", False),
        ("https://127.0.0.1:4000/r/1", False),
        ("http://localhost:4000/r/1", False),
        ("http://127.0.0.1:999999/r/1", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_which_response_urls_are_believed(url: str, allowed: bool) -> None:
    assert may_answer_at(url, "http://127.0.0.1:4000/api/") is allowed


def test_no_limit_is_longer_than_slack_waits() -> None:
    assert max(COMMAND_SECONDS, ANSWER_SECONDS, VIEW_SECONDS) < 3
    assert ACCEPT_SECONDS < 2


async def test_a_press_that_is_not_saved_in_time_is_told_so_within_three_seconds(rig: Rig) -> None:
    cancelled = asyncio.Event()

    async def never() -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    rig.decisions.answers = [never]
    shown = await card(rig, "deskhand.approve")
    sent = await rig.people.click("U0AGENT", shown, "deskhand.approve")
    assert sent.status == 200
    assert sent.seconds < ANSWER_SECONDS + BUSY_SECONDS
    assert cancelled.is_set()
    told = await rig.slack.space.ephemerals.next()
    assert "not saved" in told.text
    assert "press again" in told.text


async def test_a_press_without_a_store_is_told_so(rig: Rig) -> None:
    async def away() -> Any:
        raise StoreUnavailable("gone")

    rig.decisions.answers = [away]
    shown = await card(rig, "deskhand.approve")
    sent = await rig.people.click("U0AGENT", shown, "deskhand.approve")
    assert sent.status == 200
    assert "not saved" in (await rig.slack.space.ephemerals.next()).text


async def test_slack_being_slow_does_not_hold_up_the_answer(rig: Rig) -> None:
    slow = Hold()
    rig.slack.faults.add("views.open", slow)
    rig.decisions.answers = [edit_form()]
    shown = await card(rig, "deskhand.edit")
    sent = await rig.people.click("U0AGENT", shown, "deskhand.edit")
    assert (sent.status, len(rig.slack.space.view_changes)) == (200, 0)
    slow.gate.set()
    assert (await opened(rig)).payload["callback_id"] == "deskhand.edit"


# --- forms ------------------------------------------------------------------------------------


async def test_edit_opens_a_form_and_its_submission_comes_back_whole(rig: Rig) -> None:
    rig.decisions.answers = [edit_form(), decided()]
    shown = await card(rig, "deskhand.edit")
    await rig.people.click("U0AGENT", shown, "deskhand.edit")
    view = await opened(rig)
    sent = await rig.people.submit(
        view,
        {
            "reply": "By hand.\nTwo lines & <b>",
            "labels": ["bug", "how_to"],
            "route": "default",
            "priority": "urgent",
            "action.0.subject": "New subject",
            "action.1.count": "7",
            "include": ["1"],
            "approve_now": [],
        },
    )
    assert (sent.status, sent.refusals, sent.faults) == (200, {}, ())
    assert rig.decisions.asked[1] == (
        "submit_edit",
        "form token",
        AGENT,
        EditInput(
            reply="By hand.\nTwo lines & <b>",
            labels=("bug", "how_to"),
            route="default",
            priority="urgent",
            fields={"action.0.subject": "New subject", "action.1.count": "7"},
            include=(1,),
            approve_now=False,
        ),
    )
    assert not rig.slack.space.views[view.id].is_open


async def test_an_unchanged_form_comes_back_as_it_was(rig: Rig) -> None:
    rig.decisions.answers = [edit_form(), decided()]
    shown = await card(rig, "deskhand.edit")
    await rig.people.click("U0AGENT", shown, "deskhand.edit")
    await rig.people.submit(await opened(rig))
    given = rig.decisions.asked[1][3]
    assert given == EditInput(
        reply="Dear Dana, the second charge is refunded.",
        labels=("billing",),
        route="billing",
        priority="normal",
        fields={"action.0.subject": "Refund", "action.1.count": "3"},
        include=(0, 1),
        approve_now=True,
    )


async def test_reject_opens_its_form_and_comes_back(rig: Rig) -> None:
    rig.decisions.answers = [reject_form(), decided()]
    shown = await card(rig, "deskhand.reject")
    await rig.people.click("U0AGENT", shown, "deskhand.reject")
    view = await opened(rig)
    assert view.payload["callback_id"] == "deskhand.reject"
    await rig.people.submit(
        view, {"reason": "wrong_tone", "words": "Too stiff.", "draft_again": ["draft_again"]}
    )
    asked = rig.decisions.asked[1]
    assert asked == (
        "submit_reject",
        "form token",
        AGENT,
        RejectInput(reason="wrong_tone", words="Too stiff.", draft_again=True),
    )


async def test_errors_appear_at_their_fields(rig: Rig) -> None:
    errors = {"labels": "Choose one.", "action.1.count": "Not a number.", "nowhere": "Odd."}
    rig.decisions.answers = [edit_form(), FieldErrors(errors)]
    shown = await card(rig, "deskhand.edit")
    await rig.people.click("U0AGENT", shown, "deskhand.edit")
    view = await opened(rig)
    sent = await rig.people.submit(view)
    assert sent.faults == ()
    assert sent.refusals == {
        "labels": "Choose one.",
        "action.1.count": "Not a number.",
        "reply": "Odd.",
    }
    assert rig.slack.space.views[view.id].is_open


@pytest.mark.parametrize("kind", ["stale", "look_up_failed", "too_early"])
async def test_a_stale_submission_is_answered_with_errors_and_stays_open(
    rig: Rig, kind: str
) -> None:
    words = ("This card has changed since; ", Who(AGENT, "Alex <Agent>"), " changed it.")
    rig.decisions.answers = [edit_form(), NotDecided(kind, words)]
    shown = await card(rig, "deskhand.edit")
    await rig.people.click("U0AGENT", shown, "deskhand.edit")
    view = await opened(rig)
    sent = await rig.people.submit(view)
    assert sent.refusals == {"reply": "This card has changed since; Alex <Agent> changed it."}
    assert sent.body["response_action"] == "errors"
    assert rig.slack.space.views[view.id].is_open


async def test_a_submission_that_may_not_closes_and_is_told_in_private(rig: Rig) -> None:
    root = rig.people.write("root", channel="C0TRIAGE")
    rig.decisions.answers = [reject_form(), LATE]
    shown = await card(rig, "deskhand.reject", thread_ts=root.ts)
    await rig.people.click("U0AGENT2", shown, "deskhand.reject")
    view = await opened(rig)
    sent = await rig.people.submit(view, {"reason": "other"})
    assert (sent.status, sent.body) == (200, {})
    told = await rig.slack.space.ephemerals.next()
    assert (told.user, told.channel, told.thread_ts) == ("U0AGENT2", "C0TRIAGE", root.ts)
    assert "<@U0AGENT> has already approved" in told.text
    assert not rig.slack.space.views[view.id].is_open


async def test_a_submission_not_saved_in_time_keeps_the_words(rig: Rig) -> None:
    async def never() -> Any:
        await asyncio.Event().wait()

    rig.decisions.answers = [edit_form(), never]
    shown = await card(rig, "deskhand.edit")
    await rig.people.click("U0AGENT", shown, "deskhand.edit")
    view = await opened(rig)
    sent = await rig.people.submit(view)
    assert sent.seconds < ANSWER_SECONDS + BUSY_SECONDS
    assert "not saved" in sent.refusals["reply"]
    assert rig.slack.space.views[view.id].is_open


async def test_a_form_too_late_for_its_trigger_is_told_so(rig: Rig) -> None:
    async def late() -> Any:
        rig.slack.clock.advance(4)
        return edit_form()

    rig.decisions.answers = [late]
    shown = await card(rig, "deskhand.edit")
    await rig.people.click("U0AGENT", shown, "deskhand.edit")
    assert "press again" in (await rig.slack.space.ephemerals.next()).text


async def test_someone_not_in_the_channel_is_told_directly(rig: Rig) -> None:
    rig.slack.faults.add("response_url", HttpFailure(404))
    rig.slack.space.channels["C0TRIAGE"].members.discard("U0AGENT2")
    rig.decisions.answers = [LATE]
    shown = await card(rig, "deskhand.approve")
    await rig.people.click("U0AGENT2", shown, "deskhand.approve")
    direct = await rig.slack.space.posted.wait_for(lambda message: "already" in message.text)
    assert rig.slack.space.channels[direct.channel].is_im


# --- show all ---------------------------------------------------------------------------------


def whole_card() -> CardView:
    now = WallClock().now()
    author = Author(surface="slack", team="T0TEAM", id="U0CUSTOMER", name="Carla")
    ticket = Ticket(
        id="t_aaaaaaaaaaaaaaaa",
        tenant="test",
        playbook="support",
        origin=Place(surface="slack", place="C0SUPPORT", thread="1.0"),
        author=author,
        messages=(Message(id="1.0", author=author, text="the whole quote", at=now),),
        created_at=now,
    )
    playbook = Playbook(name="support", labels={"billing": "x"}, routes={"default": Route()})
    return view(decided().proposal, 1, ticket, playbook)


async def test_show_all_opens_the_whole_card(rig: Rig) -> None:
    rig.decisions.answers = [whole_card()]
    shown = await card(rig, "deskhand.show")
    await rig.people.click("U0AGENT", shown, "deskhand.show")
    assert rig.decisions.asked == [("show", "token of deskhand.show", AGENT)]
    assert "the whole quote" in (await opened(rig)).block_text


async def test_show_all_is_for_those_who_may(rig: Rig) -> None:
    rig.decisions.answers = [NotDecided("not_allowed", ("Only approvers and managers see it.",))]
    shown = await card(rig, "deskhand.show")
    assert (await rig.people.click("U0NOBODY", shown, "deskhand.show")).status == 200
    told = await rig.slack.space.ephemerals.next()
    assert (told.user, told.text) == ("U0NOBODY", "Only approvers and managers see it.")
    assert len(rig.slack.space.view_changes) == 0


async def test_show_all_without_a_store_is_told(rig: Rig) -> None:
    async def away() -> Any:
        raise StoreUnavailable("gone")

    rig.decisions.answers = [away]
    shown = await card(rig, "deskhand.show")
    assert (await rig.people.click("U0AGENT", shown, "deskhand.show")).status == 200
    assert "press again" in (await rig.slack.space.ephemerals.next()).text


# --- /agent -----------------------------------------------------------------------------------


async def test_a_command_is_answered_in_private(slack: SlackStandin, redis_url: str) -> None:
    asked: list[tuple[str, Actor]] = []

    async def agent(text: str, actor: Actor) -> CommandAnswer:
        asked.append((text, actor))
        block = {"type": "section", "text": {"type": "mrkdwn", "text": "waiting: 3"}}
        return CommandAnswer("waiting: 3", (block,))

    async with running_rig(slack, redis_url, agent_command=agent) as rig:
        sent = await rig.people.command("status 24h")
        assert asked == [("status 24h", AGENT)]
        assert sent.body["response_type"] == "ephemeral"
        told = await slack.space.ephemerals.next()
        assert (told.user, told.text, told.block_text) == ("U0AGENT", "waiting: 3", "waiting: 3")


async def test_a_command_without_a_store_is_answered(slack: SlackStandin, redis_url: str) -> None:
    async def agent(text: str, actor: Actor) -> CommandAnswer:
        raise StoreUnavailable("gone")

    async with running_rig(slack, redis_url, agent_command=agent) as rig:
        assert "just now" in (await rig.people.command("status")).body["text"]


async def test_a_slow_command_is_answered_within_three_seconds(
    slack: SlackStandin, redis_url: str
) -> None:
    async def agent(text: str, actor: Actor) -> CommandAnswer:
        await asyncio.Event().wait()
        raise AssertionError

    async with running_rig(slack, redis_url, agent_command=agent) as rig:
        sent = await rig.people.command("status")
        assert sent.status == 200
        assert sent.seconds < ANSWER_SECONDS + BUSY_SECONDS
        assert "just now" in sent.body["text"]


async def test_a_fault_behind_a_press_is_503_and_logged(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> Any:
        raise RuntimeError("a fault of ours")

    rig.decisions.answers = [broken]
    shown = await card(rig, "deskhand.approve")
    sent = await rig.people.click("U0AGENT", shown, "deskhand.approve")
    assert sent.status == 503
    assert "a fault of ours" in caplog.text
