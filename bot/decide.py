"""A person's decision on one revision: verified, authorised, saved; then acknowledged.

Every entry point reads the case, checks the token against the stored secret, the revision and
state against the present, and the person against the directory *now*; then one compare-and-swap
saves the transition with its journal entry. A lost race reads again and finds who decided.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from bot import buttons
from bot.authority import (
    Allowed,
    NotAllowed,
    decided_words,
    listed,
    may_decide,
    may_read,
    required_lists,
    same_person,
)
from bot.card import CardView, Who
from bot.commands import (
    Approve,
    Command,
    Denied,
    Edit,
    RefusalKind,
    Reject,
    Retry,
    SettleDone,
    SettleRetry,
    Take,
)
from bot.context import Context
from bot.domain import Action, Actor, Decision, Notice, Person, Proposal, State, Ticket, Verb
from bot.edit_distance import kept_permille
from bot.editing import apply_edit, edit_form, reject_form
from bot.forms import (
    Decided,
    EditInput,
    FieldErrors,
    NotDecided,
    Pressed,
    RejectInput,
    Submitted,
)
from bot.journal import Entry, about
from bot.lifecycle import digest, next_action, transition
from bot.masking import example_of
from bot.playbook import Playbook, after
from bot.ports import Commit, Conflict, LookUpFailed, StoreUnavailable, TooLate, Versioned, Wake
from bot.projection import view
from bot.runs import drafting, first_wakes, handed_off, over_limit

log = logging.getLogger("deskhand.decide")

DECIDE_SECONDS = 1.6
"""No decision is saved later than this after the press. Slack and the person wait 3 s at most, and
an answer of the store that is lost has to be asked for once more within them."""

_STATES: dict[Verb, tuple[State, ...]] = {
    "approve": ("pending",),
    "edit": ("pending", "handoff", "failed"),
    "reject": ("pending", "handoff", "failed"),
    "take": ("handoff", "drafting"),
    "retry": ("failed",),
    "settle_done": ("unknown",),
    "settle_retry": ("unknown",),
}
"""In which states a verb's button makes sense."""


@dataclass(frozen=True)
class _Case:
    """A proposal under decision, everything read in one round trip."""

    proposal: Versioned[Proposal]
    ticket: Versioned[Ticket]
    playbook: Playbook


@dataclass(frozen=True)
class _Step:
    """What a decision does: a command, further commits beside it, or an answer without either."""

    command: Command
    commit: Commit = field(default_factory=Commit)


class Decide:
    """Implements ``bot.ports.Decisions``. ``texts`` in its journal entries are the person's."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def press(self, token: str, verb: Verb, actor: Actor) -> Pressed:
        """A button was pressed. Forms are returned for edit and reject; all else is decided."""
        if verb == "edit":
            case = await self._open(token, verb, actor)
            if isinstance(case, NotDecided):
                return case
            return edit_form(case.proposal.value, case.playbook, self._context.specs)
        if verb == "reject":
            case = await self._open(token, verb, actor)
            return case if isinstance(case, NotDecided) else reject_form(case.proposal.value)

        async def step(case: _Case, person: Person, now: datetime) -> _Step:
            decision = _decision(verb, case.proposal.value, person, now)
            match verb:
                case "approve":
                    content = case.proposal.value.content
                    actions = content.actions if content else ()
                    needed = approvals_needed(case.playbook, actions)
                    persons = _persons(case.proposal.value, person)
                    return _Step(Approve(decision, persons, needed))
                case "take":
                    book = case.playbook
                    return _Step(Take(decision, after(now, book.remind_after, book.hours)))
                case "retry":
                    return _Step(Retry(decision))
                case "settle_done":
                    return _Step(SettleDone(decision))
                case _:
                    return _Step(SettleRetry(decision, self._keeps_key_until(case, now)))

        outcome = await self._decide(token, verb, actor, step)
        # Only an edit has fields to be wrong.
        return outcome if not isinstance(outcome, FieldErrors) else _not_saved()

    async def submit_edit(self, token: str, actor: Actor, given: EditInput) -> Submitted:
        """The edit form came back. Authority is checked again, in the old route and the new."""

        async def step(case: _Case, person: Person, now: datetime) -> _Step | FieldErrors:
            proposal, ticket, playbook = case.proposal.value, case.ticket.value, case.playbook
            context = self._context
            edited = apply_edit(proposal, ticket, playbook, context.specs, context.target, given)
            if isinstance(edited, FieldErrors):
                return edited
            notices: tuple[Notice, ...] = ()
            approve = given.approve_now
            old_route = proposal.content.route if proposal.content else "default"
            new_route = edited.content.route
            lists = required_lists(playbook, new_route, edited.content.actions)
            if not all([await listed(context, person.actor, one) for one in lists]):
                approve = False
            if given.approve_now and not approve:
                words = "changed this; somebody else must approve it."
                if new_route != old_route:
                    words = (
                        f"moved this to the route {new_route}; "
                        "somebody of that route must approve it."
                    )
                notices = (Notice(kind="new_route", text=words, actor=person.actor),)
            command = Edit(
                decision=_decision("edit", proposal, person, now),
                content=edited.content,
                marks=edited.marks,
                changes=edited.changes,
                approve=approve,
                approvals_needed=approvals_needed(playbook, edited.content.actions),
                remind_at=after(now, playbook.remind_after, playbook.hours),
                expires_at=after(now, playbook.expire_after, playbook.hours),
                notices=notices,
            )
            return _Step(command)

        return await self._decide(token, "edit", actor, step)

    async def submit_reject(self, token: str, actor: Actor, given: RejectInput) -> Submitted:
        """The reject form came back; with *draft again*, a new run gets the reasons."""

        async def step(case: _Case, person: Person, now: datetime) -> _Step:
            decision = _decision("reject", case.proposal.value, person, now).model_copy(
                update={"reason": given.reason, "words": given.words.strip() or None}
            )
            command = Reject(decision)
            if not given.draft_again or case.ticket.value.proposal != case.proposal.value.id:
                return _Step(command)  # of a ticket that has a newer proposal there is no second
            feedback = (given.reason, *((given.words.strip(),) if given.words.strip() else ()))
            ticket = case.ticket.value
            fresh = drafting(ticket, now, not_before=now, feedback=feedback)
            limit = case.playbook.limits.runs_per_ticket
            if ticket.runs >= limit:
                fresh = over_limit(fresh, now, case.playbook, f"This ticket has had {limit} runs.")
            moved = ticket.model_copy(update={"proposal": fresh.id, "runs": ticket.runs + 1})
            return _Step(
                command,
                Commit(
                    tickets=(Versioned(moved, case.ticket.version),),
                    proposals=(Versioned(fresh, 0),),
                    wakes=first_wakes(fresh, now),
                    entries=(
                        Entry(
                            kind="run",
                            ticket=ticket.id,
                            run=fresh.run.id,
                            proposal=fresh.id,
                            playbook=ticket.playbook,
                            data={"why": "draft_again"},
                        ),
                        *handed_off(fresh),
                    ),
                ),
            )

        return await self._decide(token, "reject", actor, step)

    async def show(self, proposal_id: str, actor: Actor) -> CardView | NotDecided:
        """The whole card, for those who may read the ticket's texts (invariant 16)."""
        case = await self._context.store.case(proposal_id)
        if case is None:
            return _unknown()
        proposal, ticket, _ = case
        playbook = self._context.playbook(proposal.value.playbook)
        route = proposal.value.content.route if proposal.value.content else "default"
        if not await may_read(self._context, actor, playbook, route):
            return NotDecided("not_allowed", ("Only this route's approvers and managers see it.",))
        return view(proposal.value, proposal.version, ticket.value, playbook)

    async def _open(self, token: str, verb: Verb, actor: Actor) -> _Case | NotDecided:
        """The case behind a token, if this actor may decide it now."""
        case = await self._read(token, verb)
        if isinstance(case, NotDecided):
            return case
        allowed = await self._authorise(case, actor)
        return allowed if isinstance(allowed, NotDecided) else case

    async def _decide(
        self,
        token: str,
        verb: Verb,
        actor: Actor,
        step: Callable[[_Case, Person, datetime], Awaitable[_Step | FieldErrors]],
    ) -> Decided | NotDecided | FieldErrors:
        clock = self._context.clock
        last = clock.monotonic() + DECIDE_SECONDS
        while True:
            case = await self._read(token, verb)
            if isinstance(case, NotDecided):
                return case
            allowed = await self._authorise(case, actor)
            if isinstance(allowed, NotDecided):
                return allowed
            now = clock.now()
            try:
                planned = await step(case, allowed, now)
            except LookUpFailed:
                return NotDecided(
                    "look_up_failed", ("Deskhand could not look you up just now. Press again.",)
                )
            if isinstance(planned, FieldErrors):
                return planned
            before = case.proposal.value
            moved = transition(before, planned.command)
            if isinstance(moved, Denied):
                return _denied(moved.kind, before)
            left = last - clock.monotonic()
            if left <= 0:
                return await self._too_late(token, verb)
            entry = _entry(verb, before, moved.proposal, actor, planned.command)
            change = self._commit(case, moved.proposal, planned.commit, entry, left)
            try:
                saved = await self._context.store.commit(change)
            except StoreUnavailable as lost:
                return await self._was_it_saved(moved.proposal, case, lost)
            match saved:
                case Conflict():
                    continue  # somebody was first: read who, and tell
                case TooLate():
                    return await self._too_late(token, verb)
            await self._after(moved.proposal, case.ticket.value)
            return Decided(moved.proposal, _thanks(moved.proposal))

    async def _too_late(self, token: str, verb: Verb) -> NotDecided:
        """Not saved; if that is so because somebody else was first, who."""
        case = await self._read(token, verb)
        return case if isinstance(case, NotDecided) else _not_saved()

    async def _was_it_saved(
        self, wanted: Proposal, case: _Case, lost: StoreUnavailable
    ) -> Decided | NotDecided:
        """The store's answer was lost. It may have saved the decision all the same: look."""
        log.warning("deskhand: the answer to a decision on %s was lost: %s", wanted.id, lost)
        try:
            found = await self._context.store.proposal(wanted.id)
        except StoreUnavailable:
            return NotDecided(
                "cannot_tell",
                (
                    "Deskhand cannot tell just now whether that was saved. "
                    "Look at the card again before you press.",
                ),
            )
        if found is not None and found.version == case.proposal.version:
            return _not_saved()
        if found is not None and found.value.decision == wanted.decision:
            return Decided(found.value, _thanks(found.value))
        return NotDecided("decided", decided_words(found.value if found else wanted))

    async def _read(self, token: str, verb: Verb) -> _Case | NotDecided:
        button = buttons.read(token)
        if button is None or button.verb != verb:
            return _unknown()
        found = await self._context.store.case(button.proposal)
        if found is None or not buttons.verify(button, found[0].value.secret):
            return _unknown()
        proposal, ticket, _ = found
        if proposal.value.state not in _STATES[verb]:
            return NotDecided("decided", decided_words(proposal.value), proposal.value)
        if button.revision != proposal.value.revision:
            return _denied("stale", proposal.value)
        if (
            verb in ("edit", "retry")
            and proposal.value.state == "failed"
            and (ticket.value.proposal != proposal.value.id)
        ):
            return NotDecided(
                "newer_proposal",
                ("The ticket has a newer card by now. Decide that one, and reject this.",),
                proposal.value,
            )
        playbook = self._context.playbook(proposal.value.playbook)
        return _Case(proposal, ticket, playbook)

    async def _authorise(self, case: _Case, actor: Actor) -> Person | NotDecided:
        proposal = case.proposal.value
        route = proposal.content.route if proposal.content else "default"
        allowed = await may_decide(self._context, actor, proposal, case.ticket.value, route)
        match allowed:
            case Allowed(person):
                return person
            case NotAllowed(kind, words):
                log.info("deskhand: %s refused on %s: %s", actor.key, proposal.id, kind)
                return NotDecided(kind, words, proposal)

    def _keeps_key_until(self, case: _Case, now: datetime) -> datetime | None:
        """Until when the remote honours the key of the action that is to be sent again."""
        proposal = case.proposal.value
        index = next_action(proposal)
        if index is None or proposal.content is None:
            return None
        sent = proposal.progress[index].first_sent_at
        tool = proposal.content.actions[index].tool
        honoured = self._context.resend_seconds(tool, case.ticket.value)
        if sent is None or honoured <= 0:
            return None
        until = sent + timedelta(seconds=honoured)
        return until if now < until else None

    def _commit(
        self, case: _Case, moved: Proposal, beside: Commit, entry: Entry, seconds: float
    ) -> Commit:
        wakes = [Wake("card", moved.id), *beside.wakes]
        cleared: list[Wake] = []
        if moved.state == "approved":
            wakes.append(Wake("execute", moved.id))
        due = [moment for moment in (moved.remind_at, moved.expires_at) if moment is not None]
        if due:
            wakes.append(Wake("timer", moved.id, min(due)))
        else:
            cleared.append(Wake("timer", moved.id))
        return Commit(
            tickets=beside.tickets,
            proposals=(Versioned(moved, case.proposal.version), *beside.proposals),
            entries=(entry, *beside.entries),
            wakes=tuple(wakes),
            cleared=tuple(cleared),
            within_seconds=seconds,
        )

    async def _after(self, moved: Proposal, ticket: Ticket) -> None:
        if moved.state not in ("approved", "succeeded") or moved.content is None:
            return
        approvers = [approval.name for approval in moved.approvals]
        try:
            example = example_of(ticket, moved.content, self._context.vocabulary, approvers)
            await self._context.store.learn(moved.playbook, ticket.id, example)
        except StoreUnavailable as away:
            # The decision is saved; only its lesson for later drafts is lost.
            log.warning("deskhand: %s approved but not learnt from: %s", moved.id, away)


def approvals_needed(playbook: Playbook, actions: tuple[Action, ...]) -> int:
    """How many people must approve: the most that the playbook or an included action asks for."""
    needed = playbook.approvals
    for action in actions:
        use = playbook.action(action.tool)
        if use is not None and action.included:
            needed = max(needed, use.approvals)
    return needed


def _decision(verb: Verb, proposal: Proposal, person: Person, now: datetime) -> Decision:
    return Decision(
        verb=verb,
        actor=person.actor,
        name=person.name,
        email=person.email,
        revision=proposal.revision,
        digest=digest(proposal),
        at=now,
    )


def _persons(
    proposal: Proposal, person: Person
) -> Literal["first", "different", "same", "cannot_tell"]:
    if not proposal.approvals:
        return "first"
    known = [same_person(earlier, person) for earlier in proposal.approvals]
    if any(same is True for same in known):
        return "same"
    return "cannot_tell" if any(same is None for same in known) else "different"


def _entry(verb: Verb, before: Proposal, moved: Proposal, actor: Actor, command: Command) -> Entry:
    decision = getattr(command, "decision", None)
    texts = {}
    if isinstance(decision, Decision) and decision.words:
        texts["words"] = decision.words
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
            "from": before.state,
            "to": moved.state,
            "revision": moved.revision,
            "digest": digest(moved),
            "reason": decision.reason if isinstance(decision, Decision) else None,
            "changed": [change.field for change in moved.changes] if verb == "edit" else [],
            "edited": moved.edited,
            "final": moved.state not in ("pending", "handoff"),
            "waited_ms": _waited_ms(before, moved),
            "kept_permille": _kept_permille(moved),
            **about(moved),
        },
        texts=texts,
    )


def _waited_ms(before: Proposal, moved: Proposal) -> int | None:
    """From the proposal's first showing to this decision, by the decision's own clock."""
    decision = moved.decision or moved.owner
    if before.proposed_at is None or decision is None:
        return None
    return max(0, round((decision.at - before.proposed_at).total_seconds() * 1000))


def _kept_permille(moved: Proposal) -> int | None:
    """How much of the model's draft stands in the approved reply; None: nothing was approved."""
    if moved.state not in ("approved", "succeeded") or not moved.content:
        return None
    if not moved.edited:
        return 1000 if moved.content.reply else None
    if not moved.drafted:
        return None
    return kept_permille(moved.drafted, moved.content.reply or "")


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
    "too_early": "The first attempt may still be on its way. Please press again in a few seconds.",
}


def _denied(kind: RefusalKind, proposal: Proposal) -> NotDecided:
    return NotDecided(kind, (_DENIED_WORDS[kind],), proposal)


def _unknown() -> NotDecided:
    return NotDecided("unknown_token", ("Deskhand does not know this button. Nothing was done.",))


def _not_saved() -> NotDecided:
    return NotDecided("not_saved", ("That took too long and was not saved. Please press again.",))


def _thanks(proposal: Proposal) -> tuple[str | Who, ...]:
    match proposal.state:
        case "pending" if proposal.approvals:
            return ("Your approval is recorded; a second person's is needed.",)
        case "pending":
            return ("Saved. It waits for approval.",)
        case "approved":
            return ("Approved; it is being carried out.",)
        case _:
            return (f"Saved: {proposal.state}.",)
