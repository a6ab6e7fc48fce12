"""What the pages show, to whom, and that nothing on them acts by itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.console.rig import browser, signed_in
from tests.live.product import Live, live
from tests.live.steps import QUESTION, becomes, card_that, cards, idle, says
from tests.standins.anthropic import choosing
from tests.standins.anthropic.replies import refusal
from tests.standins.slack import Message

HOSTILE = (
    "Where is my invoice? <script>alert(1)</script> <img src=x onerror=alert(1)> "
    "\"><a href='https://evil.example'>click</a> https://evil.example/x "
    "{{ 700001*7 }} javascript:alert(1) \u202eevil\u202c &lt;b&gt; <!channel> <@U0MANAGER>"
)


async def asked(desk: Live, text: str = QUESTION) -> tuple[Message, str]:
    await says(desk, text)
    card = await card_that(desk, "pending")
    return card, str(card.payload["proposal"])


async def ticket_of(desk: Live, proposal: str) -> str:
    ticket, _ = await desk.product.store.resolve(proposal)
    assert ticket is not None
    return ticket


async def test_without_a_session_there_is_never_a_peek(desk: Live) -> None:
    _, proposal = await asked(desk)
    ticket = await ticket_of(desk, proposal)
    async with browser(desk.product.url) as window:
        for path in (
            "/console",
            f"/console/tickets/{ticket}",
            f"/console/trace/{ticket}",
            f"/console/proposals/{proposal}/edit",
            "/console/status",
            "/console/journal",
        ):
            answer = await window.get(path)
            assert answer.status == 303, path
            assert answer.headers["Location"] == "/console/login"
            assert answer.text == ""
            piece = await window.get(path, HX_Request="true")
            assert piece.status == 401
            assert "invoice" not in piece.text
        assert (await window.get("/console/events")).status == 401


async def test_texts_are_for_the_routes_approvers_and_the_managers(desk: Live) -> None:
    _, proposal = await asked(desk)
    ticket = await ticket_of(desk, proposal)
    async with signed_in(desk) as agent:
        moved = await agent.decide(proposal, "edit", route="refunds", approve_now="")
        assert moved.status == 303
        entry = (await desk.product.store.record_book.of_case(ticket))[-1].id
        inbox = await agent.get("/console")
        assert "invoice" not in inbox.text
        assert "1 more waits for others: refunds 1" in inbox.words
        for path in (
            f"/console/tickets/{ticket}",
            f"/console/tickets/{proposal}",
            f"/console/trace/{ticket}",
            f"/console/trace/{proposal}/texts/{entry}",
        ):
            answer = await agent.get(path)
            assert answer.status == 403, path
            assert "invoice" not in answer.text
        searched = await agent.get(f"/console/journal?q={ticket}")
        assert "not of your routes" in searched.words
        assert 'id="e-' not in searched.text
        assert "whole journal is for the managers" in (await agent.get("/console/journal")).words
    for reader in ("U0AGENT2", "U0MANAGER"):
        async with signed_in(desk, reader) as allowed:
            assert QUESTION in (await allowed.get("/console")).words
            assert QUESTION in (await allowed.get(f"/console/tickets/{ticket}")).words
            assert (await allowed.get(f"/console/trace/{ticket}")).status == 200
            assert "decision" in (await allowed.get(f"/console/journal?q={ticket}")).words


async def test_an_earlier_proposal_opens_no_ticket_that_has_moved_on(
    tmp_path: Path, redis_url: str
) -> None:
    """Its own route's people may not read what is said and drafted now: invariant 16."""
    async with live(tmp_path, redis_url) as desk:
        sent = await says(desk, QUESTION)
        first = await card_that(desk, "pending")
        desk.model.fill = choosing(route="refunds", labels=["billing"])
        await says(desk, "SECRET for refunds", user=sent.user, thread_ts=sent.ts)
        await becomes(desk, first, "superseded")
        await card_that(desk, "pending", but=first)
        earlier = str(first.payload["proposal"])
        ticket = await ticket_of(desk, earlier)
        record = desk.product.store.record_book
        lines = await record.of_case(ticket)
        kept = await record.texts([line.id for line in lines])
        told = [one for one, texts in kept.items() if "SECRET" in str(texts)]
        assert told
        paths = [
            f"/console/{page}/{name}" for page in ("tickets", "trace") for name in (earlier, ticket)
        ]
        paths += [f"/console/trace/{earlier}/texts/{one}" for one in told]
        async with signed_in(desk, "U0AGENT") as agent:
            for path in paths:
                answer = await agent.get(path)
                assert answer.status == 403, path
                assert "SECRET" not in answer.text
                assert "invoice" not in answer.text
            searched = await agent.get(f"/console/journal?q={earlier}")
            assert "not of your routes" in searched.words
        for command, user, reads in (
            (f"show {earlier}", "U0AGENT", False),
            (f"show {earlier}", "U0AGENT2", True),
            (f"show {earlier}", "U0MANAGER", True),
        ):
            told_in_slack = (await desk.people.command(command, user=user)).body["text"]
            assert ("SECRET" in told_in_slack) == reads, user
            assert ("approvers of the ticket's route" in told_in_slack) != reads
        traced = await desk.people.command(f"trace {earlier}", user="U0AGENT")
        assert "/agent console" not in traced.body["text"]
        for reader in ("U0AGENT2", "U0MANAGER"):
            async with signed_in(desk, reader) as allowed:
                for path in paths[:-1]:
                    assert (await allowed.get(path)).status == 200, path


async def test_hostile_words_are_only_words(desk: Live) -> None:
    _, proposal = await asked(desk, HOSTILE)
    async with signed_in(desk) as agent:
        calls = [
            line.id
            for line in await desk.product.store.record_book.of_case(
                await ticket_of(desk, proposal)
            )
            if line.entry.kind == "model_call"
        ]
        for path in (
            "/console",
            f"/console/tickets/{proposal}",
            f"/console/trace/{proposal}",
            f"/console/trace/{proposal}/texts/{calls[0]}",
            f"/console/proposals/{proposal}/edit",
        ):
            answer = await agent.get(path)
            assert answer.status == 200, path
            assert not re.search(r"<script>|<img|onerror=alert\(1\)>|<!channel>", answer.text), path
            assert "4900007" not in answer.text, path
            assert "\u202e" not in answer.text
            assert set(re.findall(r'href="(https?:[^"]*|javascript:[^"]*)"', answer.text)) == set()
        assert "<script>alert(1)</script>" in (await agent.get("/console")).words


async def test_a_ticket_shows_its_ground_and_its_story(desk: Live) -> None:
    card, proposal = await asked(desk)
    async with signed_in(desk) as agent:
        assert (await agent.decide(proposal, "approve")).status == 303
        await becomes(desk, card, "succeeded")
        page = await agent.get(f"/console/tickets/{await ticket_of(desk, proposal)}")
        assert page.status == 200
        for words in (
            QUESTION,
            "Carla Customer",
            "Approved by Alex Agent",
            "Carried out",
            "Alex Agent, by Deskhand",
            "Draft proposed",
        ):
            assert words in page.words, words
        citations = re.findall(r'<div class="source">.*?</div>\s*</div>', page.text, re.S)
        assert all("<mark>" in one or "notice" in one for one in citations)


async def test_a_trace_shows_each_call_and_its_texts_on_demand(desk: Live) -> None:
    _, proposal = await asked(desk)
    await idle(desk)
    async with signed_in(desk) as agent:
        page = await agent.get(f"/console/trace/{proposal.replace('p_', 'r_')}")
        assert page.status == 200
        assert "claude-haiku" in page.words
        assert "search_kb" in page.words
        assert re.search(r"prompt triage [0-9a-f]{12}", page.words)
        assert re.search(r"[\d,]+ in", page.words)
        assert "$0.00" in page.words
        assert QUESTION not in page.words
        links = re.findall(r'<a href="(/console/trace/[^"]*/texts/[^"]+)"', page.text)
        assert len(links) == len(set(links)) >= 3
        first = await agent.get(links[0], HX_Request="true")
        assert first.status == 200
        assert QUESTION in first.words
        assert "<html" not in first.text
        assert "triage hand of a support desk" in first.words
        assert "invoice" in (await agent.get(links[-1])).words.lower()
        assert (await agent.get(f"/console/trace/{proposal}/texts/1-1")).status == 404


async def test_what_is_not_known_says_so(desk: Live) -> None:
    async with signed_in(desk) as agent:
        for ident in ("t_none", "p_aaaaaaaaaaaaaaaa", "x", "%3Cscript%3E", "a" * 500):
            for kind in ("tickets", "trace"):
                answer = await agent.get(f"/console/{kind}/{ident}")
                assert answer.status == 404, ident
                assert "<script>" not in answer.text
        nowhere = await agent.get("/console/nowhere")
        assert "nothing at this address" in nowhere.words
        assert 'href="/console/status"' in nowhere.text, "with the way to every page"
        assert "Alex Agent" in nowhere.words


async def test_status_counts_for_everybody_and_takes_no_nonsense(desk: Live) -> None:
    card, proposal = await asked(desk)
    async with signed_in(desk) as agent:
        await agent.decide(proposal, "approve")
        await becomes(desk, card, "succeeded")
        page = await agent.get("/console/status")
        assert "Tickets in 1" in page.words
        assert "Approved 1" in page.words
        assert "<svg" in page.text
        for query in (
            "window=7d",
            "window=30d&playbook=support",
            "window=1y",
            "route=billing&model=claude-sonnet-5-5",
            "playbook=%3Cscript%3E&prompt_version=" + "x" * 5000,
        ):
            answer = await agent.get(f"/console/status?{query}")
            assert answer.status == 200, query
            assert "<script>" not in answer.text
        for query, said in (
            ("window=nope", "There is no window “nope”: these are the last 24h."),
            ("playbook=nope", "Nothing is known of a playbook “nope” in this window."),
            ("route=nope", "Nothing is known of a route “nope” in this window."),
            ("model=nope&playbook=support", "Nothing is known of a model “nope” in this window."),
            ("prompt_version=x", "Nothing is known of a prompt version “x” in this window."),
        ):
            assert said in (await agent.get(f"/console/status?{query}")).words, query
        for query in ("window=7d", "playbook=support", "route=billing", "route=refunds", "window="):
            words = (await agent.get(f"/console/status?{query}")).words
            assert "There is no" not in words, query
            assert "Nothing is known" not in words, query
        routed = await agent.get("/console/status?route=billing")
        assert "Approved 1" in routed.words
        assert "route billing" in routed.words


async def test_what_people_answer_in_a_drafts_place_says_nothing_of_the_drafts(
    tmp_path: Path, redis_url: str
) -> None:
    async with live(tmp_path, redis_url, script=[refusal(), refusal()]) as desk:
        for number in range(2):
            await says(desk, f"{QUESTION} {number}")
            await card_that(desk, "handoff", f"{QUESTION} {number}")
        closed, answered = (card.payload["proposal"] for card in cards(desk, state="handoff"))
        card, drafted = await asked(desk)
        async with signed_in(desk) as agent:
            refused = await agent.decide(closed, "reject", reason="duplicate")
            assert refused.status == 303, refused.words
            await agent.decide(answered, "take")
            written = {"reply": "By hand I answer.", "labels": "billing", "route": "billing"}
            sent = await agent.decide(
                answered, "edit", approve_now="on", priority="normal", **written
            )
            assert sent.status == 303, sent.words
            await agent.decide(drafted, "approve")
            await becomes(desk, card, "succeeded")
            page = await agent.get("/console/status")
        assert "Approved 1 as drafted, 100 % of the drafts decided" in page.words
        assert "Edited 1" in page.words
        assert "Rejected 1 1 of them handoffs closed" in page.words
        assert "Why handoffs were closed duplicate" in page.words
        assert "Why drafts were rejected" not in page.words


async def test_the_journal_is_paged_searched_and_verified(
    desk: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        await says(desk, f"{QUESTION} {number}", user="U0CUSTOMER" if number % 2 else "U0CUSTOMER2")
    await idle(desk)
    store = desk.product.store
    await store.record_book.seal()
    total = await store.wire.command("XLEN", store.keys.journal)
    async with signed_in(desk, "U0MANAGER") as manager:
        seen: list[str] = []
        path: str | None = "/console/journal"
        while path is not None:
            page = await manager.get(path)
            assert page.status == 200
            assert "The chain holds" in page.words
            seen += re.findall(r'<tr[^>]* id="e-([\d-]+)"', page.text)
            older = re.search(r'href="(/console/journal\?[^"]*)">Older', page.text)
            path = older[1].replace("&amp;", "&") if older else None
        assert len(seen) == len(set(seen)) >= total
        assert seen == sorted(seen, key=lambda one: tuple(map(int, one.split("-"))), reverse=True)

        ticket = (await store.record_book.since(datetime(2020, 1, 1, tzinfo=UTC)))[1].entry.ticket
        found = await manager.get(f"/console/journal?q={ticket}")
        assert set(re.findall(r"t_[a-z2-7]{16}", found.text)) == {ticket}
        assert "The chain holds" in found.words
        kinds = await manager.get("/console/journal?kind=model_call&playbook=support")
        assert "tool call" not in kinds.text.partition("<tbody")[2]
        assert "entries looked through" not in kinds.words
        words = await manager.get("/console/journal?q=search_kb")
        assert "tool call" in words.text.partition("<tbody")[2]
        assert "entries looked through" in words.words
        none = await manager.get("/console/journal?q=2020-01-01")
        assert "Nothing found" in none.words
        assert seen[3] in (await manager.get(f"/console/journal?q={seen[3]}")).text
        odd = quote(
            "\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0661\u0662\u0663\u0664"
        )
        for query in (
            *("before=x", "before=1-1", "kind=x", "q=%00", "q=" + "y" * 4000),
            *("q=9999-12-31", "q=9999-12-31T23:59", "before=9999999999999-999999999"),
            *(f"q={ticket}&before=%C2%B2", f"q={ticket}&before={'9' * 40}"),
            *(f"before={odd}-1", "before=0000000000000-0"),
        ):
            assert (await manager.get(f"/console/journal?{query}")).status == 200, query
        for query in (
            *("q=0001-01-01", "q=1969-01-01", "q=1970-01-01", "q=2026-02-30", "q=0000000000000-0"),
            *(f"q={odd}-1", "q=" + quote("\u0662\u0660\u0662\u0666-11-22")),
        ):
            answer = await manager.get(f"/console/journal?{query}")
            assert answer.status == 200, query
            assert "Nothing found" in answer.words, query

        csrf = page.csrf
        whole = await manager.post("/console/journal/verify", {"csrf": csrf})
        assert whole.status == 200
        assert "The chain holds" in whole.words
        assert re.search(r"\d+ entries, whole and in order", whole.words)
        assert (await manager.post("/console/journal/verify", {"csrf": "x"})).status == 403
        async with signed_in(desk) as agent:
            assert "Verify the whole" not in (await agent.get("/console/journal")).words
            own = (await agent.get("/console/journal")).csrf
            assert (await agent.post("/console/journal/verify", {"csrf": own})).status == 403
        monkeypatch.setattr("handlers.console.journal.VERIFY_SECONDS", 0)
        late = await manager.post("/console/journal/verify", {"csrf": csrf})
        assert "takes too long for a page" in late.words
        monkeypatch.undo()

        await store.wire.command("XDEL", store.keys.journal, seen[10])
        found = await manager.post("/console/journal/verify", {"csrf": csrf})
        assert f"At entry {seen[10]}" in found.words
        broken = await manager.get("/console/journal")
        assert "The chain is broken" in broken.words
