"""What a person is told of their decision: thanks, or why nothing was decided."""

from __future__ import annotations

from bot.card import Who
from bot.commands import RefusalKind
from bot.domain import Proposal
from bot.forms import NotDecided

_DENIED_WORDS: dict[RefusalKind, str] = {
    "stale": "This card has changed since; nothing was decided. Please look at it as it is now.",
    "wrong_state": "That is not possible any more; nothing was changed.",
    "already_approved_by_them": "You have approved this already; a second person must.",
    "cannot_tell_persons_apart": "Nobody can tell whether you are the first approver on another "
    "surface (no e-mail address), so a second approval by you does not count.",
    "not_approved": "There is no approval of what this card shows now.",
    "lapsed": "The approval is too old; please decide again.",
    "digest": "What would be approved is not what the card showed; nothing was decided.",
    "not_next": "Another action comes first.",
    "wrong_attempt": "That belongs to an earlier attempt.",
    "succeeded_action_changed": "An action that has been carried out cannot be changed.",
    "no_reason": "The screen has found something in this. Say in 3 to 500 characters why it may go "
    "out all the same; nothing was decided.",
    "too_early": "The first attempt may still be on its way. Please press again in a few seconds.",
}


def denied(kind: RefusalKind, proposal: Proposal) -> NotDecided:
    """The lifecycle's refusal, in words."""
    return NotDecided(kind, (_DENIED_WORDS[kind],), proposal)


def unknown() -> NotDecided:
    return NotDecided("unknown_token", ("Deskhand does not know this button. Nothing was done.",))


def not_saved() -> NotDecided:
    return NotDecided("not_saved", ("That took too long and was not saved. Please press again.",))


def crm_away(why: str) -> NotDecided:
    """``why``: in the CRM's own words, or ours for its silence."""
    said = f"The CRM cannot be read just now ({why}), so nothing was changed. Press again later."
    return NotDecided("crm_away", (said,))


def cannot_tell() -> NotDecided:
    return NotDecided(
        "cannot_tell",
        (
            "Deskhand cannot tell just now whether that was saved. "
            "Look at the card again before you press.",
        ),
    )


def found(proposal: Proposal) -> str:
    """What the screen has found, by name."""
    return ", ".join(proposal.hit_names)


def thanks(proposal: Proposal) -> tuple[str | Who, ...]:
    """What the decision has come to, for who made it."""
    match proposal.state:
        case "pending" if proposal.approvals:
            return ("Your approval is recorded; a second person's is needed.",)
        case "pending" if proposal.hits:
            return (f"Saved. The screen has found {found(proposal)}; it waits for approval.",)
        case "pending":
            return ("Saved. It waits for approval.",)
        case "approved":
            return ("Approved; it is being carried out.",)
        case _:
            return (f"Saved: {proposal.state}.",)
