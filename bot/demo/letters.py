"""The letters that decide a card, and what they mean on it."""

from __future__ import annotations

from bot.card import CardView
from bot.domain import Verb

LETTERS: dict[str, Verb] = {
    "a": "approve",
    "e": "edit",
    "r": "reject",
    "t": "retry",
    "d": "settle_done",
    "n": "settle_retry",
}
NEXT_LEAD = "l"

_MEANING: dict[Verb, str] = {
    "approve": "a approves and sends",
    "edit": "e changes it",
    "reject": "r rejects it",
    "retry": "t tries again",
    "settle_done": "d: it did arrive",
    "settle_retry": "n: it did not arrive, send again",
    "take": "",
}
_OF_A_LEAD: dict[Verb, str] = {
    "approve": "a approves and writes",
    "edit": "e chooses the fields",
}
_OF_A_HANDOFF: dict[Verb, str] = {"edit": "e writes the reply", "reject": "r closes it"}
_OF_BOTH: dict[Verb, str] = {"edit": "e types the fields"}


def possible(card: CardView, *, of_a_lead: bool) -> str:
    """What each letter does that decides this card."""
    handoff = card.state == "handoff"
    meaning = {
        **_MEANING,
        **(_OF_A_LEAD if of_a_lead else {}),
        **(_OF_A_HANDOFF if handoff else {}),
        **(_OF_BOTH if of_a_lead and handoff else {}),
    }
    verbs = [button.verb for button in card.buttons if button.verb in LETTERS.values()]
    return ", ".join([*(meaning[verb] for verb in verbs), "s skips it", "q ends"])


def hint_for(card: CardView, *, of_a_lead: bool) -> str:
    """Said above the prompt where its letters alone would mislead."""
    match card.state:
        case "handoff" | "failed" | "unknown":
            words = possible(card, of_a_lead=of_a_lead)
            return f"There is nothing to approve here yet: {words}."
        case _:
            return "[x] is written on approval; e chooses the fields." if card.lead else ""
