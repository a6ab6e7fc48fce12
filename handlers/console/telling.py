"""Journal entries in a person's words, for a ticket's own pages; the journal shows all they say."""

from __future__ import annotations

from typing import Any, Final

from bot.tracing import TraceLine, cost_of, kind_of, words_of
from handlers.console.pages import seconds, usd

_DONE: Final = {
    "approve": "Approved",
    "edit": "Edited",
    "reject": "Rejected",
    "take": "Taken",
    "retry": "Retried",
    "settle_done": "Settled: it arrived",
    "settle_retry": "Settled: sent again",
}
_PLACES: Final = {
    "slack": "in Slack",
    "teams": "in Teams",
    "console": "in the console",
    "terminal": "in the terminal",
}
_TITLES: Final = {
    "proposal": "Draft proposed",
    "handoff": "Handed to a person",
    "claim": "Action claimed",
    "delivery": "Came in",
    "ticket": "Ticket",
    "card": "Card",
    "transition": "Changed",
    "run": "Run",
}


def title_of(line: TraceLine) -> str:
    """What happened, in two words."""
    data = line.entry.data
    match line.entry.kind:
        case "decision":
            verb = str(data.get("verb"))
            words = _DONE.get(verb, verb)
            return f"{words} and approved" if verb == "edit" and data.get("final") else words
        case "effect":
            return {
                "succeeded": "Carried out",
                "failed": "Refused, not carried out",
                "unknown": "May or may not have happened",
            }.get(str(data.get("outcome")), "Effect")
        case "ticket" if data.get("what") == "opened":
            return "Ticket opened"
        case "transition" if data.get("from") != data.get("to"):
            return f"Became {data.get('to')}"
        case kind:
            return _TITLES.get(kind, kind_of(line).capitalize())


def words_for(line: TraceLine) -> str:
    """The rest of it that a person reads, on one line."""
    data = line.entry.data
    match line.entry.kind:
        case "decision":
            return _joined(
                _PLACES.get(str(data.get("surface")), ""),
                f"revision {data.get('revision')}",
                _listed("changed", data.get("changed")),
                _said("reason", data.get("reason")),
                _took("after", data.get("waited_ms")),
                _kept(data.get("kept_permille")),
            )
        case "proposal":
            return _joined(
                _listed("labels", data.get("labels")),
                _said("route", data.get("route")),
                _said("priority", data.get("priority")),
                _said("confidence", data.get("confidence")),
                _said("by", data.get("model")),
                usd(data.get("usd") or 0),
                _took("in", data.get("saved_ms", data.get("took_ms"))),
                f"{data['citations_struck']} citations struck"
                if data.get("citations_struck")
                else "",
            )
        case "handoff":
            return _joined(
                _said("reason", data.get("reason")),
                usd(data.get("usd") or 0),
                _took("after", data.get("saved_ms", data.get("took_ms"))),
            )
        case "delivery":
            return _joined(_said("a", data.get("what")), _said("from", data.get("surface")))
        case "card":
            return _joined(
                str(data.get("what") or ""),
                _said("in", data.get("place")),
                _said("as", data.get("state")),
                _took("after", data.get("took_ms")),
            )
        case "claim" | "effect":
            return _joined(
                str(data.get("action") or ""),
                f"attempt {data['attempt']}" if data.get("attempt") else "",
                str(data.get("error") or ""),
            )
        case "transition":
            return str(data.get("why") or "").replace("_", " ")
        case "ticket" | "run":
            what = str(data.get("what") or "").replace("_", " ")
            return "" if what == "opened" else what
        case "model_call":
            return f"{words_of(line)} ({usd(cost_of(line))})"
        case _:
            return words_of(line)


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _said(name: str, value: Any) -> str:
    return f"{name} {str(value).replace('_', ' ')}" if value not in (None, "") else ""


def _listed(name: str, value: Any) -> str:
    return f"{name} {', '.join(map(str, value))}" if isinstance(value, list) and value else ""


def _took(name: str, ms: Any) -> str:
    return f"{name} {seconds(ms / 1000)}" if isinstance(ms, int | float) else ""


def _kept(permille: Any) -> str:
    return f"{permille / 10:.0f} % of the draft kept" if isinstance(permille, int) else ""
