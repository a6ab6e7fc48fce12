"""What one journal entry adds to the figures, and what it takes back.

Each entry is folded once, in order, when it is sealed, so asking costs the same with a hundred
tickets and a hundred thousand. Every ticket, proposal and action is counted once, by what became
of it last: an approval that lapsed, or whose failed action was edited, is taken back at the minute
where it was counted. The few entries that take something back are folded with the ones before them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from bot.journal import Entry
from bot.stats.dims import UNKNOWN, Cell
from bot.tracing import TraceLine

RUBBER_STAMP_MS = 5_000
"""A decision made faster than this was hardly read."""

STEPS = 8
"""Histogram buckets a doubling: a percentile is right to within 4.5 %."""

OPEN = ("pending", "handoff")
"""States in which a person is waited for."""


class Count(NamedTuple):
    """``by`` more of ``figure`` in ``cell``, at the time ``at``."""

    at: datetime
    cell: Cell
    figure: str
    by: int


def asks(entry: Entry) -> bool:
    """Whether folding this entry needs its case's earlier ones: it may take something back, or
    might not be its ticket's first."""
    data = entry.data
    if _ends_run(entry):
        return not _first(data)
    came, went = data.get("from"), data.get("to")
    if entry.kind not in ("decision", "transition", "effect") or came == went:
        return False
    return came in ("failed", "unknown") or (came == "approved" and went in _BACK)


def may_go_back(entry: Entry) -> bool:
    """Whether a later entry of its proposal may take back what this one adds."""
    return not {*_action(entry), *_outcome(entry)}.isdisjoint((*_UNSETTLED, *_APPROVED))


_BACK = ("pending", "superseded")
"""Where an approval that was not acted on goes, or that is asked for anew."""
_UNSETTLED = ("action:failed", "action:unknown")
_APPROVED = ("approved", "edited")
_USED = ("calls", "tokens_in", "tokens_out", "tokens_cached")


def fold(line: TraceLine, earlier: Sequence[TraceLine] = ()) -> list[Count]:
    """What this entry adds. ``earlier``: its case's entries before it, where ``asks`` says so."""
    entry, at = line.entry, line.at
    cell = _cell(entry)
    counts = [Count(at, cell, figure, by) for figure, by in _adds(entry).items() if by]
    if _ends_run(entry) and (_first(entry.data) or not _ended_before(earlier)):
        # A ticket's route, model and prompt version are those of its first card.
        counts.append(Count(at, cell, "run_tickets", 1))
    return counts + list(_taken_back(entry, earlier))


def _adds(entry: Entry) -> Mapping[str, int]:
    data = entry.data
    match entry.kind:
        case "ticket" if _opens(entry):
            return {"tickets": 1}
        case "proposal":
            struck = {"citations_struck": _int(data.get("citations_struck"))}
            return {"proposals": 1, **struck, **_run(data)}
        case "handoff":
            return {"handoffs": 1, f"handoff:{data.get('reason')}": 1, **_run(data)}
        case "answer":
            return {"answered": 1, **_run(data)}
        case "card":
            # Only the first card that shows what its run came to says how long it took.
            return _time("card", data.get("took_ms"))
        case "model_call":
            read, written = _int(data.get("cache_read")), _int(data.get("cache_write"))
            return {
                "calls": 1,
                "tokens_in": _int(data.get("tokens_in")) + read + written,
                "tokens_out": _int(data.get("tokens_out")),
                "tokens_cached": read,
                "nano_usd": _nano(data.get("cost_usd")),
            }
        case "decision":
            late = _taken_while_drafting(entry)
            taken = {"handoffs": 1, "handoff:time": 1} if late else {}
            return {**taken, **_outcome(entry), **_action(entry)}
        case "transition" | "effect":
            return {**_outcome(entry), **_action(entry)}
        case _:
            return {}


def _outcome(entry: Entry) -> Mapping[str, int]:
    """What became of a proposal by this entry, with what is counted beside it."""
    data = entry.data
    came, went = data.get("from"), data.get("to")
    if entry.kind == "transition":
        ended = came != went and came != "drafting" and went in ("expired", "superseded")
        return {str(went): 1} if ended else {}
    if entry.kind != "decision" or not data.get("final"):
        return {}
    add: dict[str, int]
    match data.get("verb"):
        case "reject":
            add = {"rejected": 1, f"reject:{data.get('reason')}": 1}
            if data.get("by_hand") or came == "handoff":
                add |= {"closed": 1, f"close:{data.get('reason')}": 1}
        case "approve" | "edit":
            add = {"edited" if data.get("edited") else "approved": 1}
            add["by_hand"] = int(bool(data.get("by_hand")))
            if data.get("kept_permille") is not None:
                add |= {"kept": _int(data["kept_permille"]), "kept_of": 1}
        case _:
            return {}
    waited = data.get("waited_ms")
    if came in OPEN and isinstance(waited, int):
        add |= _time("decision", waited)
        add["rubber_stamps"] = int(waited < RUBBER_STAMP_MS)
    return add


def _action(entry: Entry) -> Mapping[str, int]:
    """What became of an action by this entry."""
    data = entry.data
    if entry.kind == "effect":
        if data.get("from") == data.get("outcome") == "unknown":
            return {}  # it was given up as unknown before its late answer, which is no better
        return {f"action:{data.get('outcome')}": 1}
    if entry.kind == "transition" and data.get("to") == "unknown" != data.get("from"):
        return {"action:unknown": 1}
    if entry.kind == "decision" and data.get("verb") == "settle_done":
        return {"action:succeeded": 1}
    return {}


def _taken_back(entry: Entry, earlier: Sequence[TraceLine]) -> Iterable[Count]:
    data = entry.data
    came, went, verb = data.get("from"), data.get("to"), data.get("verb")
    if not asks(entry) or _ends_run(entry):
        return
    if came in ("failed", "unknown") and verb != "reject":
        yield from _last(entry, earlier, _action, _UNSETTLED)
    reopened = came in ("approved", "unknown") and went in _BACK
    if reopened or (came == "failed" and verb in ("edit", "reject")):
        yield from _last(entry, earlier, _outcome, _APPROVED)


def _last(
    entry: Entry, earlier: Sequence[TraceLine], kind: Any, figures: tuple[str, ...]
) -> Iterable[Count]:
    """The newest such count of the same proposal, taken back where it stands."""
    for line in reversed(earlier):
        if line.entry.proposal != entry.proposal:
            continue
        found: Mapping[str, int] = kind(line.entry)
        if any(figure in found for figure in figures):
            cell = _cell(line.entry)
            for figure, by in found.items():
                if by:
                    yield Count(line.at, cell, figure, -by)
            return


def _ends_run(entry: Entry) -> bool:
    return entry.kind in ("proposal", "handoff", "answer") or _taken_while_drafting(entry)


def _taken_while_drafting(entry: Entry) -> bool:
    """A person did not wait for the draft: the run ended in a handoff, by the clock."""
    data = entry.data
    return (
        entry.kind == "decision" and data.get("verb") == "take" and data.get("from") == "drafting"
    )


def _first(data: Mapping[str, Any]) -> bool:
    return data.get("first_run") is not False


def _ended_before(earlier: Sequence[TraceLine]) -> bool:
    # Without its beginning: that is archived, and with it, as good as always, its first run's end.
    begins = any(_opens(line.entry) for line in earlier)
    return not begins or any(_ends_run(line.entry) for line in earlier)


def _opens(entry: Entry) -> bool:
    return entry.kind == "ticket" and entry.data.get("what") == "opened"


def _cell(entry: Entry) -> Cell:
    data = entry.data

    def name(key: str) -> str:
        return str(data.get(key) or UNKNOWN)

    if entry.kind == "ticket":
        return Cell(entry.playbook or UNKNOWN)
    return Cell(entry.playbook or UNKNOWN, name("route"), name("model"), name("prompt_version"))


def _run(data: Mapping[str, Any]) -> Mapping[str, int]:
    """What a run took and used, which is the route's from its end on. It says the time to card
    itself only where no card was awaited."""
    return {
        **_time("card", data.get("took_ms")),
        **{f"run_{name}": _int(data.get(name)) for name in _USED},
        "run_nano_usd": _nano(data.get("run_usd")),
    }


def _time(name: str, ms: object) -> Mapping[str, int]:
    if not isinstance(ms, int) or isinstance(ms, bool):
        return {}
    return {f"{name}_ms:{round(math.log2(max(ms, 1)) * STEPS)}": 1}


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _nano(usd: object) -> int:
    return round(Decimal(str(usd or 0)) * 10**9)
