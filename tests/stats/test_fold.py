"""What entries add to the figures, and take back: every proposal and action once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.journal import Entry, EntryKind
from bot.stats import asks, fold
from bot.stats.dims import Cell
from bot.stats.shape import counted, percentiles
from bot.tracing import sum_of, words_of

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HERE = {"route": "billing", "model": "large", "prompt_version": "v1"}
CELL = Cell("support", "billing", "large", "v1")


@dataclass(frozen=True)
class Line:
    id: str
    entry: Entry
    at: datetime


class Case:
    """One ticket's entries, folded as they come, a minute apart."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.counts: Counter[tuple[datetime, Cell, str]] = Counter()

    def add(self, kind: EntryKind, proposal: str | None = "p1", **data: Any) -> Case:
        at = AT + timedelta(minutes=len(self.lines))
        entry = Entry(kind=kind, ticket="t1", proposal=proposal, playbook="support", data=data)
        line = Line(str(len(self.lines)), entry, at)
        for count in fold(line, self.lines if asks(entry) else ()):
            self.counts[count.at, count.cell, count.figure] += count.by
        self.lines.append(line)
        return self

    def proposed(self, **data: Any) -> Case:
        return self.add("proposal", took_ms=900, citations_struck=0, **HERE, **data)

    def decided(self, verb: str, came: str, went: str, **data: Any) -> Case:
        given = {"edited": verb == "edit", "waited_ms": 60_000, "final": went != "pending", **data}
        return self.add("decision", verb=verb, **{"from": came, "to": went}, **HERE, **given)

    def moved(self, came: str, went: str) -> Case:
        return self.add("transition", **{"from": came, "to": went}, **HERE)

    def effect(self, came: str, outcome: str) -> Case:
        return self.add("effect", outcome=outcome, **{"from": came, "to": outcome}, **HERE)

    @property
    def figures(self) -> dict[str, Any]:
        sums: Counter[str] = Counter()
        for (_, _, figure), number in self.counts.items():
            assert number >= 0, f"{figure} was taken back where it never stood"
            sums[figure] += number
        return counted(sums)

    @property
    def ends(self) -> tuple[int, int, int, int, int]:
        figures = self.figures
        names = ("approved", "edited", "expired", "superseded")
        return (*(figures[name] for name in names), figures["rejected"]["total"])


def test_an_approval_that_lapsed_is_taken_back() -> None:
    case = Case().proposed().decided("approve", "pending", "approved")
    assert case.ends == (1, 0, 0, 0, 0)
    assert case.figures["time_to_decision_s"]["p50"] is not None
    case.moved("approved", "pending")
    assert case.ends == (0, 0, 0, 0, 0)
    assert case.figures["time_to_decision_s"]["p50"] is None
    assert case.decided("approve", "pending", "approved").ends == (1, 0, 0, 0, 0)
    assert case.moved("approved", "superseded").ends == (0, 0, 0, 1, 0)


def test_a_failed_action_that_is_edited_counts_as_edited_and_as_it_ended() -> None:
    case = Case().proposed().decided("approve", "pending", "approved", kept_permille=1000)
    case.effect("executing", "failed")
    assert case.figures["actions"] == {"succeeded": 0, "failed": 1, "unknown": 0}
    case.decided("edit", "failed", "approved", kept_permille=500)
    assert case.ends == (0, 1, 0, 0, 0)
    assert case.figures["kept_share"] == 0.5
    case.effect("executing", "succeeded")
    assert case.figures["actions"] == {"succeeded": 1, "failed": 0, "unknown": 0}


def test_a_failed_action_whose_card_is_rejected_stays_failed() -> None:
    case = Case().proposed().decided("approve", "pending", "approved").effect("executing", "failed")
    case.decided("reject", "failed", "rejected", reason="other", edited=False)
    assert case.ends == (0, 0, 0, 0, 1)
    assert case.figures["actions"]["failed"] == 1


def test_an_unknown_action_is_what_it_turns_out_to_be() -> None:
    begun = Case().proposed().decided("approve", "pending", "approved")
    begun.moved("executing", "unknown")
    assert begun.figures["actions"] == {"succeeded": 0, "failed": 0, "unknown": 1}
    begun.effect("unknown", "succeeded")
    assert begun.figures["actions"] == {"succeeded": 1, "failed": 0, "unknown": 0}
    assert begun.ends == (1, 0, 0, 0, 0)

    told = Case().proposed().decided("approve", "pending", "approved")
    told.effect("executing", "unknown").decided("settle_done", "unknown", "succeeded")
    assert told.figures["actions"] == {"succeeded": 1, "failed": 0, "unknown": 0}

    again = Case().proposed().decided("approve", "pending", "approved")
    again.effect("executing", "unknown").decided("settle_retry", "unknown", "approved")
    assert again.figures["actions"] == {"succeeded": 0, "failed": 0, "unknown": 0}
    again.moved("approved", "unknown")
    assert again.figures["actions"]["unknown"] == 1
    assert again.ends == (1, 0, 0, 0, 0)


def test_a_late_answer_that_says_nothing_is_not_another_unknown_action() -> None:
    case = Case().proposed().decided("approve", "pending", "approved")
    case.moved("executing", "unknown").effect("unknown", "unknown")
    assert case.figures["actions"] == {"succeeded": 0, "failed": 0, "unknown": 1}
    case.effect("unknown", "succeeded")
    assert case.figures["actions"] == {"succeeded": 1, "failed": 0, "unknown": 0}


def test_an_approval_that_is_asked_for_anew_is_counted_once() -> None:
    kept: dict[str, Any] = {"kept_permille": 1000}
    case = Case().proposed().decided("approve", "pending", "pending")
    case.decided("approve", "pending", "approved", **kept).moved("approved", "unknown")
    case.decided("settle_retry", "unknown", "pending")
    assert case.ends == (0, 0, 0, 0, 0)
    case.decided("approve", "pending", "pending").decided("approve", "pending", "approved", **kept)
    case.effect("executing", "succeeded")
    assert case.ends == (1, 0, 0, 0, 0)
    assert sum(n for (_, _, name), n in case.counts.items() if name == "kept_of") == 1
    assert case.figures["actions"] == {"succeeded": 1, "failed": 0, "unknown": 0}


def test_what_is_taken_back_is_taken_where_it_was_counted() -> None:
    case = Case().proposed().decided("approve", "pending", "approved").moved("approved", "pending")
    left = [key for key, number in case.counts.items() if number and key[2] == "approved"]
    assert left == []


def test_a_ticket_is_counted_once_in_the_route_of_its_first_card() -> None:
    case = Case().add("ticket", what="opened").proposed()
    case.add("proposal", "p2", took_ms=5, first_run=False, **HERE)
    assert case.figures["tickets"] == 1
    assert case.figures["proposals"] == 2
    assert sum(n for (_, _, name), n in case.counts.items() if name == "run_tickets") == 1
    # Its first run was cancelled: the second makes the first card.
    late = Case().add("ticket", what="opened").add("run", what="cancelled")
    late.add("proposal", "p2", took_ms=5, first_run=False, **HERE)
    assert late.counts[AT + timedelta(minutes=2), CELL, "run_tickets"] == 1


def test_a_ticket_whose_first_run_is_archived_is_not_counted_again() -> None:
    case = Case().add("ticket", what="grew").add("proposal", "p2", first_run=False, **HERE)
    assert not any(name == "run_tickets" for _, _, name in case.counts)


def test_a_draft_that_nobody_waited_for_is_a_handoff_by_the_clock() -> None:
    case = Case().decided("take", "drafting", "handoff", final=False)
    assert case.figures["handoffs"] == {"total": 1, "by_reason": {"time": 1}}
    # Taking a handoff that is one already counts no other.
    again = Case().add("handoff", reason="money", took_ms=5, **HERE)
    again.decided("take", "handoff", "handoff", final=False)
    assert again.figures["handoffs"] == {"total": 1, "by_reason": {"money": 1}}


def test_an_edit_that_waits_and_a_draft_that_is_replaced_are_no_ends() -> None:
    assert Case().proposed().decided("edit", "pending", "pending").ends == (0, 0, 0, 0, 0)
    assert Case().moved("drafting", "superseded").ends == (0, 0, 0, 0, 0)


def test_what_a_person_answers_or_closes_by_hand_is_no_draft() -> None:
    answered = Case().decided("edit", "handoff", "approved", by_hand=True).figures
    assert answered["edited"] == 1
    assert answered["drafts"] == {"approved": 0, "edited": 0, "rejected": 0, "by_reason": {}}
    closed = Case().decided("reject", "handoff", "rejected", reason="other").figures
    assert closed["rejected"] == {"total": 1, "by_reason": {"other": 1}}
    assert closed["closed"] == closed["rejected"]
    assert closed["drafts"] == {"approved": 0, "edited": 0, "rejected": 0, "by_reason": {}}
    edited = Case().proposed().decided("edit", "pending", "approved").figures
    assert edited["drafts"]["edited"] == 1
    rejected = Case().proposed().decided("reject", "pending", "rejected", reason="other").figures
    assert rejected["drafts"]["by_reason"] == {"other": 1}
    lapsed = (
        Case().decided("edit", "handoff", "approved", by_hand=True).moved("approved", "superseded")
    )
    assert lapsed.figures["drafts"]["edited"] == lapsed.figures["edited"] == 0


def test_rubber_stamps_are_decisions_in_under_five_seconds() -> None:
    case = Case().proposed().decided("approve", "pending", "approved", waited_ms=4_999)
    assert case.figures["rubber_stamps"] == 1
    late = Case().proposed().decided("approve", "pending", "approved", waited_ms=5_000)
    assert late.figures["rubber_stamps"] == 0


def test_percentiles_are_the_nearest_rank_within_five_per_cent() -> None:
    case = Case()
    for ms in range(1_000, 101_000, 1_000):
        case.add("proposal", took_ms=ms, **HERE)
    found = case.figures["time_to_card_s"]
    for share, exact in (("p50", 50), ("p95", 95), ("p99", 99)):
        assert abs(found[share] - exact) / exact < 0.045
    assert percentiles({}).p50 is None


def test_the_time_to_card_is_the_first_cards_and_an_old_entrys_own() -> None:
    def samples(case: Case) -> list[int]:
        return [n for (_, _, name), n in case.counts.items() if name.startswith("card_ms:") and n]

    case = Case().add("proposal", saved_ms=900, **HERE)
    assert samples(case) == []
    case.add("card", what="posted", state="pending", took_ms=60_000, **HERE)
    case.add("card", what="updated", state="rejected")
    assert samples(case) == [1]
    assert 57 < case.figures["time_to_card_s"]["p50"] < 63
    assert {cell for (_, cell, name) in case.counts if name.startswith("card_ms:")} == {CELL}
    # As it was written before, and where no surface shows cards: with its saving, and only then.
    old = Case().proposed().add("card", what="posted", state="pending")
    assert samples(old) == [1]
    assert 0.8 < old.figures["time_to_card_s"]["p50"] < 1
    taken = Case().decided("take", "drafting", "handoff", final=False)
    assert samples(taken.add("card", what="updated", state="handoff", took_ms=20_000)) == [1]


def test_a_call_counts_all_that_went_in() -> None:
    case = Case().add(
        "model_call",
        **{"tokens_in": 10, "cache_read": 100, "cache_write": 1000, "tokens_out": 5},
        cost_usd="0.000000001",
        model="small",
        prompt_version="v1",
    )
    model = case.figures["model"]
    assert (model["calls"], model["tokens_in"], model["tokens_cached"]) == (1, 1110, 100)
    assert case.counts[AT, Cell("support", "-", "small", "v1"), "nano_usd"] == 1


def test_a_trace_and_the_status_count_the_same_tokens() -> None:
    tokens: dict[str, Any] = {"tokens_in": 100, "cache_read": 20, "cache_write": 3, "tokens_out": 7}
    case = Case()
    for _ in range(2):
        entry = Entry(kind="model_call", run="r1", playbook="support", data={**tokens, **HERE})
        case.lines.append(Line(str(len(case.lines)), entry, AT))
        for count in fold(case.lines[-1]):
            case.counts[count.at, count.cell, count.figure] += count.by
    model = case.figures["model"]
    assert (model["tokens_in"], model["tokens_cached"], model["tokens_out"]) == (246, 40, 14)
    assert "tokens 123 in (20 cached) 7 out" in words_of(case.lines[0])
    assert "tokens 246 in (40 cached) 14 out" in sum_of("r1", case.lines)
