"""The screen on the running product: on the card, at the gate, in the journal, before the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.console.rig import signed_in
from tests.live.product import Live, live
from tests.live.steps import (
    QUESTION,
    becomes,
    card_that,
    config,
    idle,
    journal,
    replies,
    says,
    told,
    until,
    words,
)
from tests.standins.anthropic import choosing
from tests.standins.slack import Message, View

PAN = "4111 1111 1111 1111"
DRAFT = f"Your card {PAN} was charged."
WHY = "It is our own test card, and they asked for it."
POLICY = "rules: [{id: rivals, rule: No rivals., words: [Globex], hint: Say another maker.}]"


def screened(folder: Path, on_hit: str = "reason", **support: Any) -> Mapping[str, Any]:
    (folder / "policy.yaml").write_text(POLICY)
    routes = config()["playbooks"]["support"]["routes"]
    routes["billing"]["approvers"] = {"slack_users": ["U0AGENT", "U0AGENT2"]}
    screen = {"policy": "policy.yaml", "allowed_domains": ["acme.example"], "on_hit": on_hit}
    return config({"routes": routes, **support}, screen=screen)


async def drafted(desk: Live, reply: str = DRAFT) -> Message:
    desk.model.fill = choosing(route="billing", labels=["billing"], reply=reply, outcome="reply")
    await says(desk, QUESTION)
    return await card_that(desk, "pending")


async def asked_why(desk: Live, card: Message, user: str = "U0AGENT") -> View:
    since = len(desk.slack.space.view_changes)
    sent = await desk.people.click(user, desk.slack.space.current(card), "deskhand.approve")
    assert sent.ok, sent
    return await desk.slack.space.view_changes.wait_for(
        lambda v: v.callback_id == "deskhand.approve" and v.is_open, since=since
    )


async def test_a_hit_stands_on_the_card_and_only_a_reason_lets_it_out(
    tmp_path: Path, redis_url: str
) -> None:
    async with live(tmp_path, redis_url, config=screened(tmp_path)) as desk:
        card = await drafted(desk)
        assert card.payload["hits"] == ["payment_card"]
        assert "approvals" not in card.payload
        assert PAN not in str(card.metadata)
        assert "Screen: payment_card" in words(card)

        view = await asked_why(desk, card)
        await idle(desk, "execute", "card")
        assert desk.slack.space.current(card).card_state == "pending"
        assert not replies(desk)
        short = await desk.people.submit(view, {"reason": "  ok  "})  # long enough for Slack
        assert short.refusals == {"reason": "Write 3 to 500 characters."}
        sent = await desk.people.submit(view, {"reason": WHY})
        assert sent.ok, sent
        done = await becomes(desk, card, "succeeded")
        assert WHY in words(done)
        assert len(replies(desk)) == 1
        entries = await journal(desk, card)
        (decision,) = [entry for entry in entries if entry.kind == "decision"]
        (proposal,) = [entry for entry in entries if entry.kind == "proposal"]
        assert proposal.data["hits"] == decision.data["hits"] == ["payment_card"]
        assert WHY not in str(decision.data)
        late = await desk.people.submit(view, {"reason": WHY})
        assert late.ok
        await told(desk, "U0AGENT", "already approved")
        assert len(replies(desk)) == 1


async def test_who_may_not_decide_is_not_asked_why(tmp_path: Path, redis_url: str) -> None:
    async with live(tmp_path, redis_url, config=screened(tmp_path)) as desk:
        card = await drafted(desk)
        await desk.people.click("U0CUSTOMER", card, "deskhand.approve")
        await told(desk, "U0CUSTOMER", "somebody else must decide")
        assert len(desk.slack.space.view_changes) == 0


async def test_an_edit_is_screened_and_waits_and_one_that_clears_it_goes(
    tmp_path: Path, redis_url: str
) -> None:
    async with live(tmp_path, redis_url, config=screened(tmp_path)) as desk:
        card = await drafted(desk, "You find it under Billing.")
        assert "hits" not in card.payload
        await desk.people.click("U0AGENT", card, "deskhand.edit")
        view = await desk.slack.space.view_changes.wait_for(
            lambda v: v.callback_id == "deskhand.edit"
        )
        await desk.people.submit(view, {"reply": "Ask Globex, or see https://evil.example."})
        waiting = await until(
            desk,
            lambda: next(
                (m for m in desk.slack.space.cards() if m.payload.get("revision") == 2), None
            ),
        )
        assert waiting.card_state == "pending"
        assert waiting.payload["hits"] == ["policy:rivals", "foreign_link"]
        assert "Screen: policy:rivals" in words(waiting)
        assert "Say another maker." in words(waiting)
        assert "approved apart" in words(waiting)
        assert not replies(desk)
        since = len(desk.slack.space.view_changes)
        await desk.people.click("U0AGENT", waiting, "deskhand.edit")
        view = await desk.slack.space.view_changes.wait_for(
            lambda v: v.callback_id == "deskhand.edit" and v.is_open, since=since
        )
        await desk.people.submit(view, {"reply": "See https://docs.acme.example."})
        done = await becomes(desk, card, "succeeded")
        assert "hits" not in done.payload


async def test_a_second_approver_where_that_is_asked_for(tmp_path: Path, redis_url: str) -> None:
    async with live(tmp_path, redis_url, config=screened(tmp_path, "second")) as desk:
        card = await drafted(desk)
        await desk.people.click("U0AGENT", card, "deskhand.approve")
        once = await until(
            desk,
            lambda: next((m for m in desk.slack.space.cards() if "approvals" in m.payload), None),
        )
        assert (once.card_state, once.payload["approvals"]) == ("pending", [1, 2])
        assert not replies(desk)
        await desk.people.click("U0AGENT", once, "deskhand.approve")
        await told(desk, "U0AGENT", "approved this already")
        await desk.people.click("U0AGENT2", once, "deskhand.approve")
        await becomes(desk, card, "succeeded")
        assert len(replies(desk)) == 1


async def test_the_model_sees_no_card_and_no_key(tmp_path: Path, redis_url: str) -> None:
    key = "ghp_" + "a1B2" * 9
    async with live(tmp_path, redis_url, config=screened(tmp_path)) as desk:
        await says(desk, f"I paid with {PAN}, my key is {key}. Where is my invoice?")
        card = await card_that(desk, "pending")
        asked = str([request.body for request in desk.model.requests])
        assert "[payment card]" in asked
        assert "4111" not in asked
        assert key not in asked
        assert PAN in words(card)  # who decides sees what was written


async def test_the_console_shows_it_and_asks_why(tmp_path: Path, redis_url: str) -> None:
    async with live(tmp_path, redis_url, config=screened(tmp_path)) as desk:
        card = await drafted(desk)
        proposal = card.payload["proposal"]
        async with signed_in(desk) as agent:
            inbox = await agent.get("/console")
            assert "Screen: payment_card" in inbox.words
            assert f'<mark class="hit" title="The screen found this">{PAN}</mark>' in inbox.text
            asked = await agent.decide(proposal, "approve")
            assert asked.status == 422
            assert 'name="reason"' in asked.text
            assert not replies(desk)
            short = await agent.decide(proposal, "approve", reason="no")
            assert short.status == 422
            assert "Write 3 to 500 characters." in short.words
            answer = await agent.decide(proposal, "approve", reason=WHY)
            assert answer.status == 303, answer.words
            done = await becomes(desk, card, "succeeded")
            assert WHY in words(done)
            page = await agent.get(f"/console/tickets/{proposal}")
            assert WHY in page.words


@pytest.mark.parametrize("reply", ["You find it under Settings, Billing.", "Please see Billing."])
async def test_without_a_hit_a_click_is_enough(tmp_path: Path, redis_url: str, reply: str) -> None:
    async with live(tmp_path, redis_url, config=screened(tmp_path)) as desk:
        card = await drafted(desk, reply)
        await desk.people.click("U0AGENT", card, "deskhand.approve")
        await becomes(desk, card, "succeeded")
