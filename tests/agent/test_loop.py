"""The loop: steps, research, the final answer, and every way in which an answer is none."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from bot.agent.run import Cancelled, Drafted, RunOutcome, Stopped
from bot.ports import Prompt, StopReason
from tests.agent.make import (
    REPLY,
    SEARCH,
    WITH_NOTE,
    Bench,
    Say,
    final,
    ticket,
)
from tools.spec import Findings


def drafted(outcome: RunOutcome) -> Drafted:
    assert isinstance(outcome, Drafted), outcome
    return outcome


def stopped(outcome: RunOutcome, reason: str) -> Stopped:
    assert isinstance(outcome, Stopped), outcome
    assert outcome.handoff.reason == reason
    return outcome


async def test_two_calls_make_a_draft_with_its_action_and_sources() -> None:
    bench = Bench(SEARCH, Say(final()))
    got = drafted(await bench.run())

    assert got.content.labels == ("billing",)
    assert (got.content.priority, got.content.route) == ("normal", "billing")
    assert got.content.reply == REPLY
    (action,) = got.content.actions
    assert (action.tool, action.args, action.target) == (
        "send_reply",
        {"text": REPLY},
        "the helpdesk",
    )
    assert [c.supported for c in got.citations] == [True, True]
    assert got.citations[0].title == "Refunds"
    assert got.marks == ()
    assert got.confidence == "high"
    assert got.notices == ()
    assert (got.steps, got.model, got.degraded) == (2, "large", False)

    research, draft = bench.prompts
    assert (research.model, research.schema) == ("small", None)
    assert [tool.name for tool in research.toolbox] == ["search_kb"]
    assert draft.model == "large"
    assert draft.schema is not None
    assert draft.toolbox
    assert draft.turns[0].results[0].findings is not None
    assert bench.lines == ["Reading the ticket", "Searching the knowledge base", "Writing a draft"]


async def test_the_journal_has_a_line_for_every_call_and_no_personal_text_in_it() -> None:
    bench = Bench(SEARCH, Say(final()))
    got = drafted(await bench.run())

    kinds = [entry.kind for entry in bench.entries]
    assert kinds == ["model_call", "tool_call", "model_call"]
    first, tool, last = (entry.data for entry in bench.entries)
    assert (first["model"], first["step"], first["attempt"]) == ("small", 1, 1)
    assert (last["model"], last["step"], last["stop"]) == ("large", 2, "end_turn")
    assert first["prompt_version"] == last["prompt_version"] != ""
    assert tool["tool"] == "search_kb"
    costs = [Decimal(str(e.data["cost_usd"])) for e in bench.entries if e.kind == "model_call"]
    assert sum(costs) == got.cost_usd == sum(bench.till.settled)
    chained = json.dumps([entry.data for entry in bench.entries])
    assert "refund" not in chained
    assert bench.entries[1].texts["args"] == '{"query": "refund yearly plan"}'


async def test_a_first_answer_without_a_search_goes_straight_to_the_draft() -> None:
    bench = Bench(Say("I know this."), Say(final()))
    got = drafted(await bench.run())
    assert got.steps == 2
    assert bench.prompts[1].turns == ()


async def test_system_text_is_the_same_bytes_for_every_ticket() -> None:
    one, other = Bench(SEARCH, Say(final())), Bench(SEARCH, Say(final()))
    other.ticket = ticket("Wie kündige ich?", id="t_2", subject="Ende")
    other.feedback = ("wrong_tone",)
    await one.run()
    await other.run()
    for a, b in zip(one.prompts, other.prompts, strict=True):
        assert a.system == b.system
        assert (a.toolbox, a.schema, a.prompt_version) == (b.toolbox, b.schema, b.prompt_version)
        assert a.ticket_text != b.ticket_text
    assert "t_1" not in one.prompts[0].system


async def test_the_last_step_offers_the_final_answer_alone() -> None:
    bench = Bench(SEARCH, Say(calls=(("search_kb", {"query": "a"}),)), Say(final()))
    bench.limits(steps=3)
    got = drafted(await bench.run())
    assert got.steps == 3
    assert [bool(p.toolbox) for p in bench.prompts] == [True, True, False]
    assert [p.schema is not None for p in bench.prompts] == [False, True, True]


async def test_one_step_is_the_final_answer_at_once() -> None:
    bench = Bench(Say(final()))
    bench.limits(steps=1)
    assert drafted(await bench.run()).steps == 1
    assert bench.prompts[0].toolbox == ()


def endless(prompt: Prompt) -> Say:
    return Say(calls=(("search_kb", {"query": f"again {len(prompt.turns)}"}),))


async def test_endless_tool_calls_end_in_a_handoff_with_what_was_tried() -> None:
    bench = Bench(endless, local=[Say(final())])
    bench.limits(steps=4, usd="1")
    got = stopped(await bench.run(), "steps")
    assert got.steps == 4
    assert len(bench.search.queries) == 3
    assert got.handoff.tried[0] == "Searching the knowledge base: again 0"
    assert got.handoff.found == ("Refunds (refunds.md)", "The hub (hub.md)")
    assert (got.content.labels, got.content.route) == (("billing",), "billing")
    assert (got.content.reply, got.content.actions) == (None, ())


async def test_without_a_local_model_a_handoff_goes_to_the_default_route() -> None:
    bench = Bench(endless)
    bench.limits(steps=2, usd="1")
    got = stopped(await bench.run(), "steps")
    assert (got.content.labels, got.content.route) == ((), "default")


async def test_the_same_call_again_is_answered_from_memory() -> None:
    twin = ("search_kb", {"query": "refund"})
    bench = Bench(Say(calls=(twin, twin)), Say(calls=(twin,)), Say(final()))
    drafted(await bench.run())
    assert bench.search.queries == ["refund"]
    first, second = bench.prompts[2].turns
    assert "stands above" in first.results[1].text
    assert "stands above" in second.results[0].text


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("send_reply", {"text": "pwned"}, "no such tool"),
        ("", {}, "no such tool"),
        ("search_kb", {"query": 7}, "do not fit"),
        ("search_kb", {"query": "a", "to": "eve@evil.example"}, "do not fit"),
        ("search_kb", "not an object", "do not fit"),
        ("search_kb", None, "do not fit"),
    ],
)
async def test_a_call_that_is_not_allowed_is_an_error_for_the_model(
    name: str, args: object, words: str
) -> None:
    bench = Bench(Say(calls=((name, args),)), Say(final()))
    drafted(await bench.run())
    (result,) = bench.prompts[1].turns[0].results
    assert result.failed
    assert words in result.text
    assert bench.search.queries == []


async def test_parallel_calls_are_all_carried_out_up_to_a_bound() -> None:
    flood = tuple(("search_kb", {"query": f"q{n}"}) for n in range(40))
    bench = Bench(Say(calls=flood), Say(final()))
    drafted(await bench.run())
    assert bench.search.queries == [f"q{n}" for n in range(6)]
    results = bench.prompts[1].turns[0].results
    assert len(results) == 40
    assert all(r.failed for r in results[6:])


async def test_a_tool_that_fails_tells_the_model_nothing_of_its_insides() -> None:
    def explode() -> Findings:
        raise RuntimeError("postgres://user:secret@db/x")

    bench = Bench(SEARCH, SEARCH, Say(final()))
    bench.search.plays = explode
    drafted(await bench.run())
    (result,) = bench.prompts[1].turns[0].results
    assert result.failed
    assert "secret" not in result.text
    # A failed look-up is not remembered as an answer: it may be tried again.
    assert len(bench.search.queries) == 2


@pytest.mark.parametrize("stop", ["max_tokens", "pause_turn", "other"])
async def test_an_answer_that_is_not_whole_gets_one_more_try(stop: StopReason) -> None:
    bench = Bench(SEARCH, Say('{"outcome": "re', stop=stop), Say(final()))
    got = drafted(await bench.run())
    assert got.steps == 3
    assert bench.prompts[2].turns[-1].note != ""

    again = Bench(SEARCH, Say("", stop=stop))
    stopped(await again.run(), "model")
    assert len(again.prompts) == 3


async def test_a_refusal_is_handed_off_at_once() -> None:
    bench = Bench(SEARCH, Say("", stop="refusal"))
    got = stopped(await bench.run(), "refusal")
    assert len(bench.prompts) == 2
    assert got.handoff.tried


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Sure, here you go", "not JSON"),
        (final()[:-20], "not JSON"),
        ("[1]", "answer"),
        (final(labels=["nonsense"]), "labels"),
        (final(labels=[]), "labels"),
        (final(route="evil"), "route"),
        (final(priority="now"), "priority"),
        (final(confidence=0.9), "confidence"),
        (final(reply="x" * 3001), "reply"),
        (final(reply="  "), "reply"),
        (final(outcome="approve"), "outcome"),
        ('{"outcome": "reply", ' + final()[1:], "twice"),
        (final(reason="x").replace('"x"', "NaN"), "NaN"),
        (final(reason="x").replace('"x"', '"\\ud83d"'), "Unicode"),
        ("[" * 50_000, "deep"),
        ("1" * 70_000, "too long"),
    ],
)
async def test_an_invalid_answer_gets_one_more_try_with_the_error_told(
    text: str, words: str
) -> None:
    bench = Bench(SEARCH, Say(text), Say(final()))
    assert drafted(await bench.run()).steps == 3
    assert words in bench.prompts[2].turns[-1].note

    again = Bench(SEARCH, Say(text))
    stopped(await again.run(), "model")


async def test_not_a_request_has_no_reply_and_no_action() -> None:
    bench = Bench(SEARCH, Say(final(outcome="not_a_request", reply="You are welcome!")))
    got = drafted(await bench.run())
    assert (got.content.reply, got.content.actions, got.citations) == (None, (), ())

    null = Bench(SEARCH, Say(final(reply=None)))
    assert drafted(await null.run()).content.actions == ()


async def test_nothing_to_answer_from_is_a_handoff_with_the_models_labels() -> None:
    bench = Bench(SEARCH, Say(final(outcome="cannot_answer", reply=None, missing=["the price"])))
    got = stopped(await bench.run(), "no_source")
    assert got.content.labels == ("billing",)
    assert "the price" in got.handoff.missing


async def test_an_action_that_is_not_allowed_is_dropped_and_named() -> None:
    wished = [{"tool": "delete_account", "args": {}}, {"tool": "add_note", "args": {"note": "x"}}]
    bench = Bench(SEARCH, Say(final(actions=wished)))
    got = drafted(await bench.run())
    assert [action.tool for action in got.content.actions] == ["send_reply"]
    (notice,) = got.notices
    assert "delete_account, add_note" in notice.text


async def test_the_model_never_words_or_addresses_the_reply_action() -> None:
    wished = [{"tool": "send_reply", "args": {"text": "other", "to": "eve@evil.example"}}]
    bench = Bench(SEARCH, Say(final(actions=wished)))
    got = drafted(await bench.run())
    (action,) = got.content.actions
    assert action.args == {"text": REPLY}


async def test_an_allowed_action_is_checked_against_its_arguments() -> None:
    good = [{"tool": "add_note", "args": {"note": "call back"}}]
    bench = Bench(SEARCH, Say(final(actions=good)))
    bench.playbook = WITH_NOTE
    got = drafted(await bench.run())
    assert [(a.tool, a.target) for a in got.content.actions] == [
        ("send_reply", "the helpdesk"),
        ("add_note", "the ticket"),
    ]

    bad = [{"tool": "add_note", "args": {"note": 7, "to": "x"}}]
    again = Bench(SEARCH, Say(final(actions=bad)), Say(final()))
    again.playbook = WITH_NOTE
    drafted(await again.run())
    assert "add_note" in again.prompts[2].turns[-1].note


async def test_an_unsupported_quote_is_kept_and_struck_and_does_not_hand_off() -> None:
    quotes = [
        {"article": "refunds.md", "quote": "Refunds take a year."},
        {"article": "gone.md", "quote": "A yearly plan can be refunded."},
    ]
    bench = Bench(SEARCH, Say(final(citations=quotes)))
    got = drafted(await bench.run())
    assert [c.supported for c in got.citations] == [False, False]
    assert {mark.kind for mark in got.marks} == {"sentence", "value"}
    assert got.confidence == "medium", "nobody is sure of what rests on nothing"


async def test_a_newer_message_cancels_before_the_next_call() -> None:
    bench = Bench(SEARCH, Say(final()))
    bench.cancel_at = 1
    got = await bench.run()
    assert isinstance(got, Cancelled)
    assert got.steps == 1
    assert got.cost_usd == sum(bench.till.settled) > 0
    assert [entry.kind for entry in bench.entries] == ["model_call", "tool_call"]


async def test_no_model_and_no_tool_sees_a_masked_tickets_card_or_secret() -> None:
    card, key = "4111 1111 1111 1111", "ghp_" + "a1B2" * 9
    bench = Bench(SEARCH, Say(final()))
    bench.mask_inbound = True
    bench.ticket = ticket(f"I paid with {card}.", subject=f"My key {key}")
    bench.feedback = ("wrong_facts", f"The card is {card}")
    drafted(await bench.run())

    seen = "".join(p.system + p.ticket_text + p.ticket.model_dump_json() for p in bench.prompts)
    assert "[payment card]" in seen
    assert "[secret]" in seen
    assert "4111" not in seen
    assert key not in seen

    bench = Bench(SEARCH, Say(final()))
    bench.ticket = ticket(f"I paid with {card}.")
    drafted(await bench.run())
    assert card in bench.prompts[0].ticket_text
