"""Each decision in the console goes through the gate that Slack's go through."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.console.rig import Browser, browser, signed_in
from tests.fixtures_redis import STRICT, ServerProcess, short_folder
from tests.live.product import Live, live
from tests.live.steps import (
    QUESTION,
    Helpdesk,
    becomes,
    card_that,
    config,
    eventually,
    journal,
    replies,
    says,
    ticket,
)
from tests.standins.sink import sink_standin
from tests.standins.slack import Message
from tests.standins.wire import DropReply, Refusal


async def asked(desk: Live, text: str = QUESTION) -> Message:
    await says(desk, text)
    return await card_that(desk, "pending")


async def state(desk: Live, proposal: str) -> tuple[str, int]:
    found = await desk.product.store.proposal(proposal)
    assert found is not None
    return found.value.state, found.value.revision


async def test_approve_acts_once_and_the_card_in_slack_follows(desk: Live) -> None:
    card = await asked(desk)
    proposal = card.payload["proposal"]
    async with signed_in(desk) as agent:
        page = await agent.get("/console")
        assert page.cards()[proposal] == {
            "proposal": proposal,
            "revision": "1",
            "state": "pending",
        }
        answer = await agent.decide(proposal, "approve")
        assert answer.status == 303, answer.words
        done = await becomes(desk, card, "succeeded")
        assert "Approved by" in done.block_text
        assert len(replies(desk)) == 1
        inbox = await agent.get(answer.headers["Location"])
        assert "Approved; it is being carried out." in inbox.words
        assert proposal not in inbox.cards()
        again = await agent.post(
            f"/console/proposals/{proposal}/approve", {"csrf": inbox.csrf, "revision": "1"}
        )
        assert again.status == 409
        assert "Alex Agent has already approved this" in again.words
    entries = await journal(desk, card)
    decided = [entry for entry in entries if entry.kind == "decision"]
    assert [(entry.actor, entry.data["verb"]) for entry in decided] == [
        ("slack:T0TEAM:U0AGENT", "approve")
    ]
    assert len(replies(desk)) == 1


async def test_the_record_says_where_somebody_decided(desk: Live) -> None:
    first = await asked(desk)
    await says(desk, "The second.", user="U0CUSTOMER2")
    second = await card_that(desk, "pending", "The second.")
    await desk.people.click("U0AGENT", first, "deskhand.approve")
    await becomes(desk, first, "succeeded")
    async with signed_in(desk) as agent, signed_in(desk, "U0MANAGER") as manager:
        proposal = second.payload["proposal"]
        assert (await agent.decide(proposal, "approve")).status == 303
        await becomes(desk, second, "succeeded")
        for card, surface, words in (
            (first, "slack", "in Slack"),
            (second, "console", "in the console"),
        ):
            name = card.payload["proposal"]
            (entry,) = (one for one in await journal(desk, card) if one.kind == "decision")
            assert entry.data["surface"] == surface
            trace = await manager.get(f"/console/trace/{name}")
            assert f"{words} · revision 1" in trace.words
            page = await manager.get(f"/console/journal?q={name}&kind=decision")
            assert f"surface {surface}" in page.words


async def test_an_edit_waits_or_is_approved_in_the_same_step(desk: Live) -> None:
    card = await asked(desk)
    proposal = card.payload["proposal"]
    async with signed_in(desk) as agent:
        form = await agent.get(f"/console/proposals/{proposal}/edit")
        assert form.status == 200
        for field in ("csrf", "revision", "reply", "labels", "route", "include", "approve_now"):
            assert f'name="{field}"' in form.text, field
        saved = await agent.decide(proposal, "edit", reply="First line\r\nsecond", approve_now="")
        assert saved.status == 303, saved.words
        assert await state(desk, proposal) == ("pending", 2)
        assert replies(desk) == []
        stale = await agent.decide(proposal, "edit", revision="1", reply="Too late")
        assert stale.status == 409
        assert "has changed since" in stale.words
        done = await agent.decide(
            proposal, "edit", reply="Under Settings.", labels="bug", approve_now="approve_now"
        )
        assert done.status == 303, done.words
        await becomes(desk, card, "succeeded")
        (sent,) = replies(desk)
        assert "Under Settings." in sent.block_text
        found = await desk.product.store.proposal(proposal)
        assert found is not None
        assert found.value.content is not None
        assert found.value.content.labels == ("bug",)
        page = await agent.get(f"/console/tickets/{proposal}")
        assert "<del>" in page.text
        assert "First line\nsecond" in page.text


async def test_a_form_with_faults_comes_back_with_what_was_written(desk: Live) -> None:
    card = await asked(desk)
    proposal = card.payload["proposal"]
    async with signed_in(desk) as agent:
        long = await agent.decide(proposal, "edit", reply="x" * 3001)
        assert long.status == 422
        assert "3000 characters at most" in long.words
        assert "x" * 3001 in long.text
        unknown = await agent.decide(proposal, "edit", labels="no_such_label")
        assert unknown.status == 422
        assert "is not a label" in unknown.words
        none = await agent.decide(proposal, "edit", labels="")
        assert none.status == 422
        assert "Choose at least one label" in none.words
        empty = await agent.decide(proposal, "reject")
        assert empty.status == 422
        assert "Choose a reason" in empty.words
        assert await state(desk, proposal) == ("pending", 1)


async def test_reject_asks_why_and_may_have_it_drafted_again(desk: Live) -> None:
    card = await asked(desk)
    proposal = card.payload["proposal"]
    async with signed_in(desk) as agent:
        form = await agent.get(f"/console/proposals/{proposal}/reject")
        assert 'name="reason"' in form.text
        answer = await agent.decide(
            proposal,
            "reject",
            reason="wrong_tone",
            words="Warmer, please.",
            draft_again="draft_again",
        )
        assert answer.status == 303
        await becomes(desk, card, "rejected")
        fresh = await card_that(desk, "pending", but=card)
        assert fresh.payload["proposal"] in (await agent.get("/console")).cards()
        page = await agent.get(f"/console/tickets/{proposal}")
        assert "Rejected by Alex Agent" in page.words
        assert "Warmer, please." in page.words
        assert fresh.payload["proposal"] in page.text


async def test_a_route_taken_away_needs_somebody_of_the_new_one(desk: Live) -> None:
    card = await asked(desk)
    proposal = card.payload["proposal"]
    async with signed_in(desk) as agent, signed_in(desk, "U0AGENT2") as other:
        moved = await agent.decide(proposal, "edit", route="refunds", approve_now="approve_now")
        assert moved.status == 303
        assert await state(desk, proposal) == ("pending", 2)
        inbox = await agent.get("/console")
        assert proposal not in inbox.text
        assert "1 more waits for others: refunds 1" in inbox.words
        no = await agent.post(
            f"/console/proposals/{proposal}/approve", {"csrf": inbox.csrf, "revision": "2"}
        )
        assert no.status == 403
        assert "Ana Agent" in no.words
        assert (await other.decide(proposal, "approve")).status == 303
        await becomes(desk, card, "succeeded")


async def test_who_reads_may_not_decide(desk: Live) -> None:
    card = await asked(desk)
    proposal = card.payload["proposal"]
    async with signed_in(desk, "U0MANAGER") as manager:
        inbox = await manager.get("/console")
        assert proposal in inbox.cards()
        assert "You may read this; it is decided by Alex Agent" in inbox.words
        assert "/approve" not in inbox.text
        for verb, more in (("approve", {}), ("edit", {}), ("reject", {"reason": "other"})):
            answer = await manager.decide(proposal, verb, **more)
            assert answer.status == 403, verb
        assert (await manager.get(f"/console/proposals/{proposal}/edit")).status == 403
    assert await state(desk, proposal) == ("pending", 1)


@pytest.mark.parametrize(
    ("change", "status"),
    [("deleted", 403), ("is_restricted", 403), ("is_stranger", 403)],
)
async def test_the_person_is_looked_up_again_at_each_decision(
    desk: Live, change: str, status: int
) -> None:
    card = await asked(desk)
    proposal = card.payload["proposal"]
    async with signed_in(desk) as agent:
        csrf = (await agent.get("/console")).csrf
        setattr(desk.slack.space.users["U0AGENT"], change, True)
        people = desk.product.desk.context.surfaces.directories["slack"]
        people._persons._seconds = -1.0  # type: ignore[attr-defined]  # as if 4 s had passed
        answer = await agent.post(
            f"/console/proposals/{proposal}/approve", {"csrf": csrf, "revision": "1"}
        )
        assert answer.status == status, answer.words
        assert (await agent.get("/console")).status == status
    assert await state(desk, proposal) == ("pending", 1)
    assert replies(desk) == []


async def test_without_a_look_up_nothing_is_decided(desk: Live) -> None:
    card = await asked(desk)
    proposal = card.payload["proposal"]
    async with signed_in(desk) as agent:
        csrf = (await agent.get("/console")).csrf
        people = desk.product.desk.context.surfaces.directories["slack"]
        people._persons._seconds = -1.0  # type: ignore[attr-defined]  # as if 4 s had passed
        desk.slack.faults.add("users.info", Refusal("internal_error"), times=50)
        answer = await agent.post(
            f"/console/proposals/{proposal}/approve", {"csrf": csrf, "revision": "1"}
        )
        assert answer.status == 503
    assert await state(desk, proposal) == ("pending", 1)


async def test_of_many_at_once_in_two_browsers_and_slack_one_wins(desk: Live) -> None:
    card = await asked(desk)
    proposal = card.payload["proposal"]
    async with signed_in(desk) as one, signed_in(desk, "U0AGENT2") as two:
        csrf = [(await window.get("/console")).csrf for window in (one, two)]
        answers = await asyncio.gather(
            *(
                window.post(
                    f"/console/proposals/{proposal}/{verb}",
                    {"csrf": token, "revision": "1", "reason": "other"},
                )
                for window, token in zip((one, two), csrf, strict=True)
                for verb in ("approve", "reject", "approve")
            ),
            desk.people.click("U0AGENT2", card, "deskhand.approve"),
        )
    won = [one for one in answers if one.status == 303]
    lost = [one for one in answers if one.status == 409]
    assert len(won) <= 1
    assert len(won) + len(lost) == 6
    for answer in lost:
        assert "has already" in answer.text, answer  # type: ignore[union-attr]
    await eventually(lambda: _final(desk, proposal))
    decided = [entry for entry in await journal(desk, card) if entry.kind == "decision"]
    assert len(decided) == 1
    assert len(replies(desk)) == (decided[0].data["verb"] == "approve")


async def _final(desk: Live, proposal: str) -> bool:
    return (await state(desk, proposal))[0] in ("succeeded", "rejected")


async def test_what_is_asked_of_the_wrong_thing(desk: Live) -> None:
    card = await asked(desk)
    proposal = card.payload["proposal"]
    async with signed_in(desk) as agent:
        csrf = (await agent.get("/console")).csrf
        for ident in (
            "p_aaaaaaaaaaaaaaaa",
            "journal",
            "t_aaaaaaaaaaaaaaaa",
            "p_%00",
            "p_" + "a" * 400,
        ):
            answer = await agent.post(
                f"/console/proposals/{ident}/approve", {"csrf": csrf, "revision": "1"}
            )
            assert answer.status == 404, ident
        for revision in ("", "one", "-1", "1.0", "9" * 30):
            answer = await agent.decide(proposal, "approve", revision=revision)
            assert answer.status == 400, revision
        for verb in ("delete", "claim", "executing"):
            answer = await agent.post(
                f"/console/proposals/{proposal}/{verb}", {"csrf": csrf, "revision": "1"}
            )
            assert answer.status == 404, verb
        assert (await agent.get(f"/console/proposals/{proposal}/approve")).status == 405
        assert (await agent.decide(proposal, "approve", revision="2")).status == 409
        # A word on one sending needs the button that was shown; here there is none.
        for verb in ("retry", "settle_done", "settle_retry"):
            assert (await agent.decide(proposal, verb)).status == 400, verb
    assert await state(desk, proposal) == ("pending", 1)


@pytest.mark.parametrize("verb", ["settle_done", "settle_retry"])
async def test_a_person_settles_what_is_unknown(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, verb: str
) -> None:
    folder = tmp_path_factory.mktemp("desk")
    async with sink_standin() as sink:
        hooks = {
            "helpdesk": {
                "kind": "generic",
                "secret_env": "HELPDESK_SECRET",
                "reply_url": sink.reply_url,
            }
        }
        async with (
            live(folder, redis_url, config=config(webhooks=hooks)) as desk,
            signed_in(desk) as agent,
        ):
            sink.faults.add("/replies", DropReply())
            assert await Helpdesk(desk.product.url, agent.session).send(ticket("HD-1")) == 200
            card = await card_that(desk, "pending")
            proposal = card.payload["proposal"]
            assert (await agent.decide(proposal, "approve")).status == 303
            await becomes(desk, card, "unknown", timeout=15)
            page = await agent.get("/console")
            assert page.cards()[proposal]["state"] == "unknown"
            assert "It arrived" in page.words
            csrf = {"csrf": page.csrf, "revision": page.cards()[proposal]["revision"]}
            unnamed = await agent.post(f"/console/proposals/{proposal}/{verb}", csrf)
            assert unnamed.status == 400, "the button that was shown is missing"
            answer = await agent.decide(proposal, verb)
            while answer.status == 409 and "few seconds" in answer.words:
                # Sending again is possible once the first attempt cannot be on its way any more.
                await asyncio.sleep(0.5)
                answer = await agent.decide(proposal, verb)
            assert answer.status == 303, answer.words
            await becomes(desk, card, "succeeded", timeout=15)
            assert len(sink.received) == (1 if verb == "settle_done" else 2)


async def test_a_first_approval_is_not_said_to_be_carried_out(
    tmp_path: Path, redis_url: str
) -> None:
    async with (
        live(tmp_path, redis_url, config=config({"approvals": 2})) as desk,
        signed_in(desk) as agent,
    ):
        card = await asked(desk)
        proposal = card.payload["proposal"]
        answer = await agent.decide(proposal, "approve")
        assert answer.status == 303, answer.words
        said = await agent.get(answer.headers["Location"])
        assert "It waits for approval" in said.words
        assert "it is being carried out" not in said.words
        assert await state(desk, proposal) == ("pending", 1)


async def test_nobody_decides_without_a_session(desk: Live) -> None:
    card = await asked(desk)
    proposal = card.payload["proposal"]
    async with browser(desk.product.url) as stranger, signed_in(desk) as agent:
        csrf = (await agent.get("/console")).csrf
        answer = await stranger.post(
            f"/console/proposals/{proposal}/approve", {"csrf": csrf, "revision": "1"}
        )
        assert answer.status == 401
        form = await stranger.get(f"/console/proposals/{proposal}/edit")
        assert form.status == 303
    assert await state(desk, proposal) == ("pending", 1)


async def test_without_the_store_nothing_is_decided_and_it_says_so(tmp_path: Path) -> None:
    with short_folder() as folder:
        server = ServerProcess(folder / "s", *STRICT).start()
        try:
            async with live(tmp_path, server.url) as desk, signed_in(desk) as agent:
                card = await asked(desk)
                proposal = card.payload["proposal"]
                form = {"csrf": (await agent.get("/console")).csrf, "revision": "1"}
                server.freeze()
                for path in ("/console", "/console/status", "/console/journal"):
                    away = await agent.get(path)
                    assert away.status == 503, path
                    assert "try again in a moment" in away.words
                lost = await agent.post(f"/console/proposals/{proposal}/approve", form)
                assert lost.status == 503
                server.thaw()
                await eventually(lambda: _answers(agent))
                assert await state(desk, proposal) == ("pending", 1)
                assert (await agent.decide(proposal, "approve")).status == 303
                await becomes(desk, card, "succeeded")
                assert len(replies(desk)) == 1
        finally:
            server.stop()


async def _answers(agent: Browser) -> bool:
    return (await agent.get("/console")).status == 200
