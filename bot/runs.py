"""Runs and proposals as they begin and give way: values, wakes and journal entries. No I/O."""

from __future__ import annotations

from datetime import datetime

from bot import buttons
from bot.commands import Denied, HandOff
from bot.domain import Content, Handoff, Notice, Proposal, Run, Ticket, new_id
from bot.journal import Entry, about
from bot.lifecycle import transition
from bot.playbook import Playbook, after
from bot.ports import Wake
from bot.publish import DRAFTING_AFTER
from bot.showing import since_ms


def drafting(
    ticket: Ticket,
    now: datetime,
    *,
    not_before: datetime,
    feedback: tuple[str, ...] = (),
    notices: tuple[Notice, ...] = (),
) -> Proposal:
    """A proposal that is about to be drafted; its run and it share the random part of the id."""
    proposal = new_id("p")
    return Proposal(
        id=proposal,
        tenant=ticket.tenant,
        ticket=ticket.id,
        playbook=ticket.playbook,
        state="drafting",
        run=Run(
            id="r" + proposal.removeprefix("p"),
            generation=ticket.generation,
            not_before=not_before,
            feedback=feedback,
        ),
        secret=buttons.new_secret(),
        notices=notices,
        created_at=now,
    )


def over_limit(proposal: Proposal, now: datetime, playbook: Playbook, words: str) -> Proposal:
    """A ticket whose limit of runs is reached goes to a person without another run."""
    command = HandOff(
        at=now,
        handoff=Handoff(reason="steps", missing=(words,)),
        content=Content(labels=(), route="default"),
        playbook_version=playbook.version(),
        model="",
        remind_at=after(now, playbook.remind_after, playbook.hours),
    )
    moved = transition(proposal, command)
    if isinstance(moved, Denied):
        raise AssertionError(f"a new proposal cannot be handed off: {moved.kind}")
    return moved.proposal


def first_wakes(proposal: Proposal, now: datetime) -> tuple[Wake, ...]:
    """What a new proposal is first woken for: its run and its drafting card, or its card."""
    if proposal.state != "drafting":
        return (Wake("card", proposal.id), Wake("timer", proposal.id, proposal.remind_at))
    start = proposal.run.not_before
    return (
        Wake("run", proposal.id, start if start > now else None),
        Wake("card", proposal.id, now + DRAFTING_AFTER),
    )


def late_card(proposal: Proposal, now: datetime) -> tuple[Wake, ...]:
    """The drafting card's wake anew, where the run begins after the first one has passed."""
    if now < proposal.created_at + DRAFTING_AFTER:
        return ()
    return (Wake("card", proposal.id, now + DRAFTING_AFTER),)


# --- what the journal says of it --------------------------------------------------------------


def begun_entries(
    ticket: Ticket, proposal: Proposal, why: str, *, to_card: bool
) -> tuple[Entry, ...]:
    """A ticket's next pass begins, or (its limit is reached) is a handoff at once. ``to_card``: see
    ``took``."""
    begun = Entry(
        kind="ticket",
        ticket=ticket.id,
        run=proposal.run.id,
        proposal=proposal.id,
        playbook=ticket.playbook,
        data={"what": why, "generation": ticket.generation, "state": proposal.state},
    )
    return (begun, *handed_off(proposal, to_card=to_card))


def handed_off(fresh: Proposal, *, to_card: bool) -> tuple[Entry, ...]:
    """The entry of a new proposal that is a handoff from its first moment; nothing for others."""
    if fresh.state != "handoff":
        return ()
    return (handoff_entry(fresh, steps=0, to_card=to_card),)


def handoff_entry(ended: Proposal, steps: int, *, to_card: bool, **used: int | str) -> Entry:
    """A run ended in a handoff. ``used``: what its calls came to (``bot.stats.tally``)."""
    return Entry(
        kind="handoff",
        ticket=ended.ticket,
        run=ended.run.id,
        proposal=ended.id,
        playbook=ended.playbook,
        data={
            "reason": ended.handoff.reason if ended.handoff else None,
            "revision": ended.revision,
            "steps": steps,
            "usd": str(ended.cost_usd),
            **took(ended, to_card=to_card),
            **about(ended),
            **used,
        },
    )


def answer_entry(ended: Proposal, steps: int, *, to_card: bool, **used: int | str) -> Entry:
    """A run ended in the answer to an ask, or in a word to its asker alone: that is no card."""
    answer = ended.answer
    to_card = to_card and answer is not None and not answer.private
    return Entry(
        kind="answer",
        ticket=ended.ticket,
        run=ended.run.id,
        proposal=ended.id,
        playbook=ended.playbook,
        data={
            "what": "declined" if answer is None else answer.kind,
            "parts": answer.size if answer is not None else 0,
            "private": answer.private if answer is not None else True,
            "steps": steps,
            "usd": str(ended.cost_usd),
            **took(ended, to_card=to_card),
            **about(ended),
            **used,
        },
    )


def transition_entry(before: Proposal, moved: Proposal, why: str) -> Entry:
    """A proposal was changed, and not by a decision about it."""
    return Entry(
        kind="transition",
        ticket=moved.ticket,
        run=moved.run.id,
        proposal=moved.id,
        playbook=moved.playbook,
        data={
            "from": before.state,
            "to": moved.state,
            "revision": moved.revision,
            "why": why,
            "successor": moved.successor,
            **about(moved),
        },
    )


def took(ended: Proposal, *, to_card: bool) -> dict[str, int]:
    """What a run's end says of its time. ``to_card``: a card will show it, and that card's entry
    says the time to card (``bot.showing``); without one, the end says it itself, as ``took_ms``."""
    if ended.proposed_at is None:
        return {}
    return {"saved_ms" if to_card else "took_ms": since_ms(ended, ended.proposed_at)}
