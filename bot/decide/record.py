"""The journal's entry of a decision, with the figures that are folded from it."""

from __future__ import annotations

from datetime import timedelta

from bot.commands import Command
from bot.domain import Actor, Decision, Proposal, SurfaceName, Verb
from bot.edit_distance import kept_permille
from bot.journal import Entry, about
from bot.lifecycle import digest


def entry_of(
    verb: Verb,
    before: Proposal,
    moved: Proposal,
    actor: Actor,
    command: Command,
    place: SurfaceName,
    shown_ms: int | None,
) -> Entry:
    """``texts`` are the person's own words; ``place`` is where they pressed. ``shown_ms``: when a
    card first showed what they decided about (``Board.shown_ms``)."""
    decision = getattr(command, "decision", None)
    texts = {}
    if isinstance(decision, Decision) and decision.words:
        texts["reason" if verb == "approve" else "words"] = decision.words
    if verb == "edit" and moved.content and moved.content.reply:
        texts["reply"] = moved.content.reply
    return Entry(
        kind="decision",
        ticket=moved.ticket,
        run=moved.run.id,
        proposal=moved.id,
        playbook=moved.playbook,
        actor=actor.key,
        data={
            "verb": verb,
            "surface": place,
            "from": before.state,
            "to": moved.state,
            "revision": moved.revision,
            "digest": digest(moved),
            "reason": decision.reason if isinstance(decision, Decision) else None,
            "changed": [change.field for change in moved.changes] if verb == "edit" else [],
            "edited": moved.edited,
            **({"hits": list(moved.hit_names)} if moved.hits else {}),
            "final": moved.state not in ("pending", "handoff"),
            # The console shows what is saved, and waits for no card.
            "waited_ms": _waited_ms(before, moved, None if place == "console" else shown_ms),
            "kept_permille": _kept_permille(moved),
            # No draft of ours was judged: a person has answered a handoff, or closed it.
            **({} if moved.handoff is None else {"by_hand": True}),
            **about(moved),
        },
        texts=texts,
    )


def _waited_ms(before: Proposal, moved: Proposal, shown_ms: int | None) -> int | None:
    """From the proposal's first showing to this decision, by the decision's own clock."""
    decision = moved.decision or moved.owner
    if before.proposed_at is None or decision is None:
        return None
    shown_at = before.created_at + timedelta(milliseconds=shown_ms or 0)
    since = max(before.proposed_at, shown_at)
    return max(0, round((decision.at - since).total_seconds() * 1000))


def _kept_permille(moved: Proposal) -> int | None:
    """How much of the model's draft stands in the approved reply; None: nothing was approved."""
    if moved.state not in ("approved", "succeeded") or not moved.content:
        return None
    if not moved.edited:
        return 1000 if moved.content.reply else None
    if not moved.drafted:
        return None
    return kept_permille(moved.drafted, moved.content.reply or "")
