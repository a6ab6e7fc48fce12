"""The reply into a Slack thread, over real HTTP: sent once, and what is known after a failure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.commands import Refused, Succeeded, Uncertain
from bot.domain import Place
from handlers.slack_blocks import characters
from handlers.slack_client import SlackIdentity, slack_client, slack_session
from handlers.slack_reply import SlackReply, reply_message
from tests.actions.grants import EARLIER, KEY, TestClock, grant, place, ticket
from tests.standins.slack import Message, SlackStandin, slack_standin
from tests.standins.slack.limits import blocks_too_long, validate_blocks
from tests.standins.wire import (
    DropBefore,
    DropReply,
    Fault,
    Hang,
    HttpFailure,
    RateLimited,
    Refusal,
)
from tools.signature import Signatures
from tools.spec import Unanswered

TEXT = "Hello Dana & <all>,\n*not bold* <!here> @channel :tada: see https://kb.example/a\nBye"


@dataclass
class Desk:
    slack: SlackStandin
    outlet: SlackReply
    clock: TestClock
    origin: Place

    @property
    def replies(self) -> list[Message]:
        return self.slack.space.thread("C0SUPPORT", self.origin.thread or "")[1:]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with slack_standin() as slack, slack_session(kept_alive=False) as session:
        root = slack.space.post(
            Message(channel="C0SUPPORT", ts=slack.space.new_ts(), user="U0CUSTOMER", text="Help")
        )
        client = slack_client(slack.bot_token, slack.api_url, session)
        clock = TestClock()
        yield Desk(
            slack,
            SlackReply(
                client,
                SlackIdentity(client),
                clock,
                Signatures({"house": "Verdant Support", "none": ""}),
            ),
            clock,
            Place(surface="slack", place="C0SUPPORT", thread=root.ts),
        )


async def test_the_reply_is_what_was_approved_signed_and_inert(desk: Desk) -> None:
    outcome = await desk.outlet.send(grant(desk.origin, TEXT), TEXT)
    (reply,) = desk.replies
    assert reply.event_type == "deskhand_reply"
    assert reply.payload == {"proposal": "p_k3v5q2xw7m4bz6ha", "revision": 2, "key": KEY}
    assert (reply.unfurl_links, reply.unfurl_media) == (False, False)
    leaves = reply.blocks[0]["elements"][0]["elements"]
    assert "".join(leaf.get("text") or leaf["url"] for leaf in leaves) == TEXT
    assert {leaf["type"] for leaf in leaves} == {"text", "link"}
    assert "— Alex Agent" in reply.block_text
    assert "&lt;!here&gt;" in reply.text
    assert "<" not in reply.text
    (call,) = desk.slack.log.calls("chat.postMessage")
    assert (call.args["parse"], call.args["link_names"]) == ("none", False)
    assert isinstance(outcome, Succeeded)


async def test_the_receipt_is_the_replys_address(desk: Desk) -> None:
    found = await desk.outlet.look_up(grant(desk.origin))
    assert found is None
    outcome = await desk.outlet.send(grant(desk.origin), "Hello")
    (reply,) = desk.replies
    number = reply.ts.replace(".", "")
    assert outcome == Succeeded(
        f"https://deskhand-test.slack.com/archives/C0SUPPORT/p{number}"
        f"?thread_ts={desk.origin.thread}&cid=C0SUPPORT"
    )
    assert await desk.outlet.look_up(grant(desk.origin)) == outcome


@pytest.mark.parametrize(
    ("playbook", "signed"),
    [("support", "— Alex Agent"), ("house", "— Verdant Support"), ("none", "")],
)
async def test_reply_as(desk: Desk, playbook: str, signed: str) -> None:
    await desk.outlet.send(grant(desk.origin, "Hello", playbook=playbook), "Hello")
    (reply,) = desk.replies
    assert reply.block_text == "\n".join(one for one in ("Hello", signed) if one)


async def test_a_name_cannot_mention_or_break_out(desk: Desk) -> None:
    await desk.outlet.send(grant(desk.origin, name="<!channel>\n*x* <@U0AGENT>"), "Hello")
    (reply,) = desk.replies
    assert reply.text == "Hello\n— &lt;!channel&gt; *x* &lt;@U0AGENT&gt;"
    assert {block["type"] for block in reply.blocks} == {"rich_text", "context"}
    assert reply.blocks[1]["elements"][0]["type"] == "plain_text"


async def test_a_lost_answer_is_looked_up(desk: Desk) -> None:
    desk.slack.faults.add("chat.postMessage", DropReply())
    outcome = await desk.outlet.send(grant(desk.origin), "Hello")
    assert isinstance(outcome, Succeeded)
    assert len(desk.replies) == 1
    assert len(desk.slack.log.calls("chat.postMessage")) == 1


@pytest.mark.parametrize(
    "fault",
    [
        DropBefore(),
        HttpFailure(502),
        HttpFailure(200, "<html>"),
        HttpFailure(200, "ok", "text/plain"),
        Refusal("internal_error"),
        Refusal("fatal_error"),
    ],
    ids=str,
)
async def test_not_found_after_a_lost_answer_stays_unknown(desk: Desk, fault: Fault) -> None:
    desk.slack.faults.add("chat.postMessage", fault)
    outcome = await desk.outlet.send(grant(desk.origin), "Hello")
    assert isinstance(outcome, Uncertain)
    assert len(desk.slack.log.calls("chat.postMessage")) == 1


async def test_a_look_up_that_fails_leaves_it_unknown(desk: Desk) -> None:
    desk.slack.faults.add("chat.postMessage", DropReply())
    desk.slack.faults.add("conversations.replies", HttpFailure(500))
    assert isinstance(await desk.outlet.send(grant(desk.origin), "Hello"), Uncertain)
    desk.slack.faults.add("conversations.replies", RateLimited(30))
    with pytest.raises(Unanswered, match="wait 30 s"):
        await desk.outlet.look_up(grant(desk.origin))
    desk.slack.faults.add("conversations.replies", Refusal("missing_scope"))
    assert await desk.outlet.look_up(grant(desk.origin)) is None, "Slack will never say"
    # A later look-up, as for an unknown card, finds it.
    assert isinstance(await desk.outlet.look_up(grant(desk.origin)), Succeeded)


@pytest.mark.parametrize("after_effect", [True, False])
async def test_a_hanging_slack_is_given_up_in_time_for_a_look_up(
    desk: Desk, after_effect: bool
) -> None:
    desk.slack.faults.add("chat.postMessage", Hang(after_effect=after_effect))
    given = grant(desk.origin, seconds=2.0)
    outcome = await desk.outlet.send(given, "Hello")
    assert isinstance(outcome, Succeeded if after_effect else Uncertain)
    assert desk.clock.monotonic() < given.deadline


@pytest.mark.parametrize(
    "code", ["channel_not_found", "not_in_channel", "is_archived", "invalid_blocks"]
)
async def test_a_definite_error_is_a_refusal(desk: Desk, code: str) -> None:
    desk.slack.faults.add("chat.postMessage", Refusal(code))
    outcome = await desk.outlet.send(grant(desk.origin), "Hello")
    assert isinstance(outcome, Refused)
    assert code in outcome.error
    assert desk.replies == []


async def test_too_many_requests_is_not_sent_and_tried_again_in_time(desk: Desk) -> None:
    desk.slack.faults.add("chat.postMessage", RateLimited(0))
    assert isinstance(await desk.outlet.send(grant(desk.origin), "Hello"), Succeeded)
    assert len(desk.replies) == 1


async def test_too_many_requests_for_too_long_is_a_refusal(desk: Desk) -> None:
    desk.slack.faults.add("chat.postMessage", RateLimited(30), times=None)
    outcome = await desk.outlet.send(grant(desk.origin), "Hello")
    assert isinstance(outcome, Refused)
    assert len(desk.slack.log.calls("chat.postMessage")) == 1


async def test_after_the_deadline_no_byte_leaves(desk: Desk) -> None:
    outcome = await desk.outlet.send(grant(desk.origin, seconds=-0.001), "Hello")
    assert isinstance(outcome, Refused)
    assert desk.slack.log.calls("chat.postMessage") == []


async def test_slack_away_is_a_refusal(unused_tcp_port: int) -> None:
    async with slack_session(kept_alive=False) as session:
        client = slack_client("xoxb-1", f"http://127.0.0.1:{unused_tcp_port}/api/", session)
        outlet = SlackReply(client, SlackIdentity(client), TestClock())
        assert isinstance(await outlet.send(grant(place()), "Hello"), Refused)


async def test_a_forged_reply_is_not_taken_for_ours(desk: Desk) -> None:
    forged = {"proposal": "p_k3v5q2xw7m4bz6ha", "revision": 2, "key": KEY}
    for user, bot in (("U0BOT", "B0OTHER"), ("U0CUSTOMER", None)):
        desk.slack.space.post(
            Message(
                channel="C0SUPPORT",
                ts=desk.slack.space.new_ts(),
                user=user,
                bot_id=bot,
                text="Hello",
                thread_ts=desk.origin.thread,
                metadata={"event_type": "deskhand_reply", "event_payload": forged},
            )
        )
    assert await desk.outlet.look_up(grant(desk.origin)) is None


async def test_an_earlier_attempt_is_found_by_its_key(desk: Desk) -> None:
    for number in range(250):
        desk.slack.space.post(
            Message(
                channel="C0SUPPORT",
                ts=desk.slack.space.new_ts(),
                user="U0AGENT",
                text=str(number),
                thread_ts=desk.origin.thread,
            )
        )
    await desk.outlet.send(grant(desk.origin), "Hello")
    from dataclasses import replace

    later = replace(grant(desk.origin), key=EARLIER)
    assert await desk.outlet.look_up(later) is None
    assert isinstance(await desk.outlet.look_up(replace(later, earlier_keys=(KEY,))), Succeeded)


def test_where_and_how_it_is_signed_stand_on_the_card() -> None:
    signatures = Signatures({"support": "{approver}, Verdant"})
    assert signatures.words("support") == "signed “name of whoever approves it, Verdant”"
    assert signatures.words("other") == "signed by whoever approves it"


async def test_the_target_names_the_channel(desk: Desk) -> None:
    words = desk.outlet.target(ticket(place()))
    assert words == "the customer's thread in #C0SUPPORT, signed by whoever approves it"
    assert desk.outlet.resend_seconds(place()) == 0


@pytest.mark.parametrize(
    "text", ["x" * 3000, '"\n' * 1500, "http://a.b " * 272, "\x00" * 20 + "a", "💥" * 3000]
)
def test_any_reply_fits_into_a_message(text: str) -> None:
    drawn = reply_message(grant(place(), text), text, "Alex " * 100)
    assert validate_blocks(drawn.blocks) == []
    assert not blocks_too_long(drawn.blocks)
    assert characters(drawn.blocks) < 12_000
