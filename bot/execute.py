"""Carry out what was approved: claim, grant, one dispatch, receipt.

Read it from ``run``: ``approved`` is claimed and dispatched, ``executing`` without an outcome is
overdue, ``unknown`` is looked up. The rules are pure (``bot.lifecycle.effects``); here is the order
in which they, the store and the remote are asked.

The only way from here to an effect is ``ActionTool.apply(args, grant)``, and the only way to a
grant is ``Store.claim``: one atomic step on the server that finds the approved revision with the
digest of exactly what was shown, and makes it ``executing`` before the first byte leaves. One
claim, one dispatch. What happened is saved as succeeded, failed or unknown; if this process dies
before it can say, the margin after the deadline passes and it is unknown.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from bot.commands import (
    Claim,
    Command,
    Denied,
    Lapse,
    Moved,
    Outcome,
    Overdue,
    Refused,
    Report,
    Resend,
    Succeeded,
    Uncertain,
)
from bot.context import Context
from bot.domain import ActionProgress, Proposal, Ticket
from bot.journal import Entry, about
from bot.lifecycle import (
    APPROVAL_TTL,
    UNKNOWN_AFTER_SECONDS,
    approved_at,
    digest,
    next_action,
    transition,
)
from bot.playbook import after
from bot.ports import Case, Commit, Conflict, NotClaimed, StoreUnavailable, Versioned, Wake
from tools.spec import ActionTool, Grant, Sent, Unanswered

log = logging.getLogger("deskhand.execute")

_SAVE_SECONDS = 30
"""How long a receipt is kept trying against a store that is away. After that the claim becomes
unknown by itself, which is true: nobody has recorded what happened."""
_PAUSED_RETRY = timedelta(seconds=5)
"""While paused, or after a failover, nothing is claimed: looked at again this much later."""
_UNANSWERED_RETRY = timedelta(seconds=5)
"""A sending that must be looked up first, and could not be: looked at again this much later."""
_SOON = timedelta(milliseconds=100)
_LOOK_UP_SECONDS = 8
"""For the remote to say whether an effect is there."""
_LOOK_UPS = (
    (timedelta(minutes=1), timedelta(seconds=10)),
    (timedelta(minutes=10), timedelta(minutes=1)),
    (timedelta(hours=1), timedelta(minutes=5)),
    (timedelta(hours=24), timedelta(minutes=30)),
)
"""An unknown effect is looked for: while it is younger than the first, after the second."""


@dataclass(frozen=True)
class _Again:
    """Go on at once: from this case, as it was just saved; without one it is read anew."""

    case: Case | None = None


class Execute:
    """Acts on approved proposals. ``toolbox`` holds the action tools with their credentials."""

    def __init__(self, context: Context, toolbox: Mapping[str, ActionTool]) -> None:
        self._context = context
        self._toolbox = toolbox

    async def run(self, proposal_id: str) -> datetime | None:
        """Bring one proposal as far as it may go now; the answer is when to look again. A wake
        with nothing to do does nothing."""
        case: Case | None = None
        while True:
            case = case or await self._context.store.case(proposal_id)
            if case is None:
                return None
            match case.proposal.value.state:
                case "approved":
                    again = await self._claim_and_act(case)
                case "executing":
                    again = await self._overdue(case)
                case "unknown":
                    again = await self._look_up(case)
                case _:
                    return None
            if not isinstance(again, _Again):
                return again
            case = again.case

    async def _claim_and_act(self, case: Case) -> datetime | _Again | None:
        """One action, if it may be claimed. When to look again; None: not without a wake."""
        now = self._context.clock.now()
        approved, proposal, ticket = case.proposal, case.proposal.value, case.ticket.value
        index = next_action(proposal)
        if index is None:
            return None
        moved = transition(proposal, Claim(now, index))
        if isinstance(moved, Denied):
            if moved.kind == "lapsed":
                book = self._context.playbook(proposal.playbook)
                remind_at = after(now, book.remind_after, book.hours)
                expires_at = after(now, book.expire_after, book.hours)
                return _Again(await self._save(case, Lapse(now, remind_at, expires_at)))
            # An approval that does not fit what is stored: nothing may be dispatched under it, and
            # in time it lapses.
            log.error("deskhand: %s is approved but not claimable: %s", proposal.id, moved.kind)
            return (approved_at(proposal) or now) + APPROVAL_TTL
        claimed = moved.proposal.progress[index]
        if len(claimed.keys) > 1 and claimed.keys != proposal.progress[index].keys:
            # It would be sent under another key than before, which the remote cannot tell from a
            # second reply. So it is asked first whether an earlier one arrived after all: who said
            # that it did not may be wrong, and nothing is sent while there is no answer.
            try:
                found = await self._find(proposal, ticket, index)
            except Unanswered as why:
                log.info("deskhand: %s waits to be sent again: %s", proposal.id, why)
                return self._context.clock.now() + _UNANSWERED_RETRY
            if found is not None and (saved := await self._save(case, found)):
                return _Again(saved)
            # Asking takes its time, and the claim's own begins only now.
            moved = transition(proposal, Claim(self._context.clock.now(), index))
            if isinstance(moved, Denied):
                return _Again()
            claimed = moved.proposal.progress[index]
        entry = _claim_entry(moved.proposal, index, claimed)
        grant = await self._context.store.claim(approved, moved.proposal, index, entry)
        if isinstance(grant, NotClaimed):
            return _Again() if grant.why == "conflict" else now + _PAUSED_RETRY
        # From here on the proposal is ``executing`` on disk, and a byte may leave.
        with self._context.spans.execution(ticket, moved.proposal):
            with self._context.spans.action(grant) as acting:
                outcome = acting.ended(await self._dispatch(moved.proposal, ticket, grant))
            executing = case._replace(proposal=Versioned(moved.proposal, approved.version + 1))
            return _Again(await self._report(executing, index, claimed, outcome))

    async def _dispatch(self, proposal: Proposal, ticket: Ticket, grant: Grant) -> Outcome:
        """Check again all that the claim vouched for, then act once. The operator's file or the
        ticket may have changed since the approval; the rest differs only by a fault of ours. Either
        way nothing has been sent, so it is refused."""
        content = proposal.content
        playbook = self._context.playbook(proposal.playbook)
        tool = self._toolbox.get(grant.tool)
        if content is None or content != grant.content or digest(proposal) != grant.digest:
            return Refused("what was approved is not what would be sent")
        if proposal.revision != grant.revision or grant.approved_by.revision != grant.revision:
            return Refused("the approval is for another revision")
        if proposal.decision is None or proposal.decision.actor != grant.approved_by.actor:
            return Refused("the approver is not the one recorded")
        action = content.actions[grant.index]
        if action.tool != grant.tool or not action.included:
            return Refused("what is to be done is not what was approved")
        if tool is None or playbook.action(grant.tool) is None:
            return Refused(f"the playbook {playbook.name} does not allow {grant.tool}")
        if self._context.target(grant.tool, ticket) != action.target:
            return Refused("it would go elsewhere by now; edit the card to see where")
        try:
            args = tool.spec.args_model.model_validate(dict(action.args))
        except ValidationError as invalid:
            return Refused(f"its arguments are not valid: {invalid.errors()[0]['msg']}")
        left = grant.deadline - self._context.clock.monotonic()
        if left <= 0:
            return Refused("the claim's time was over before anything was sent")
        try:
            async with asyncio.timeout(left):
                return await tool.apply(args, grant)
        except TimeoutError:
            return Uncertain("no answer came before the deadline")
        except Exception as fault:
            # A tool must answer with an outcome; one that raises may have acted before it did.
            log.exception("deskhand: %s raised on %s", grant.tool, grant.proposal)
            return Uncertain(f"the tool failed: {type(fault).__name__}")

    async def _report(
        self, executing: Case, index: int, claimed: ActionProgress, outcome: Outcome
    ) -> Case | None:
        """Save what became of the claim, whatever it takes; the case as saved, if it was."""
        clock, proposal_id = self._context.clock, executing.proposal.value.id
        key, at = claimed.keys[-1], claimed.claimed_at
        give_up = clock.monotonic() + _SAVE_SECONDS
        pause = 0.05
        found: Case | None = executing
        while True:
            try:
                found = found or await self._context.store.case(proposal_id)
                if found is None:
                    return None
                report = Report(clock.now(), index, key, outcome, at)
                saved = await self._save(found, report)
                if saved is not None:
                    return saved
                fresh = await self._context.store.case(proposal_id)
                if fresh is None or fresh.proposal.version == found.proposal.version:
                    return None
                found = fresh
            except StoreUnavailable:
                found = None  # it may have been saved all the same
                if clock.monotonic() + pause > give_up:
                    log.exception("deskhand: the outcome of %s could not be saved", proposal_id)
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)

    async def _overdue(self, case: Case) -> datetime | _Again | None:
        """A claim without an outcome: too early to say, sent again, or unknown."""
        now, proposal, ticket = self._context.clock.now(), case.proposal.value, case.ticket.value
        index = next_action(proposal)
        if index is None or proposal.content is None:
            return None
        done = proposal.progress[index]
        honoured = self._context.resend_seconds(proposal.content.actions[index].tool, ticket)
        until = (done.first_sent_at or now) + timedelta(seconds=honoured)
        if honoured > 0 and now < until and (saved := await self._save(case, Resend(now, until))):
            return _Again(saved)
        if saved := await self._save(case, Overdue(now)):
            return _Again(saved)
        return max(now + _SOON, _unknown_from(done, now))

    async def _look_up(self, case: Case) -> datetime | _Again | None:
        """Ask the remote whether it arrived, ever more rarely, until somebody settles it."""
        proposal, ticket = case.proposal.value, case.ticket.value
        index = next_action(proposal)
        if index is None:
            return None
        try:
            found = await self._find(proposal, ticket, index)
        except Unanswered as why:
            log.info("deskhand: whether %s arrived cannot be asked: %s", proposal.id, why)
            found = None
        if found is not None and (saved := await self._save(case, found)):
            return _Again(saved)
        now = self._context.clock.now()
        age = now - (proposal.progress[index].claimed_at or now)
        pause = next((pause for limit, pause in _LOOK_UPS if age < limit), None)
        return None if pause is None else now + pause

    async def _find(self, proposal: Proposal, ticket: Ticket, index: int) -> Report | None:
        """What the remote knows of this action's keys. Never an effect, so it needs no grant.
        Raises ``Unanswered``."""
        keys = proposal.progress[index].keys
        tool = self._toolbox.get(proposal.content.actions[index].tool if proposal.content else "")
        if tool is None or not keys:
            return None
        sent = Sent(
            proposal=proposal.id,
            revision=proposal.revision,
            ticket=ticket.id,
            origin=ticket.origin,
            key=keys[-1],
            earlier_keys=keys[:-1],
        )
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS):
                found = await tool.look_up(sent)
        except TimeoutError as late:
            raise Unanswered(f"no answer within {_LOOK_UP_SECONDS} s") from late
        if found is None:
            return None
        return Report(self._context.clock.now(), index, keys[-1], found)

    async def _save(self, case: Case, command: Command) -> Case | None:
        """Apply and commit: the case as saved. None: not possible, or somebody else was first."""
        before = case.proposal
        moved = transition(before.value, command)
        if not isinstance(moved, Moved):
            return None
        fresh = moved.proposal
        # What follows in this job follows in the loop of ``run``, under the lease that it has.
        wakes = [Wake("card", fresh.id)]
        due = [moment for moment in (fresh.remind_at, fresh.expires_at) if moment is not None]
        if due:
            wakes.append(Wake("timer", fresh.id, min(due)))
        index = next_action(before.value)
        entry = _transition_entry(command, before.value, fresh, index)
        # Whoever wakes it again does so by a change that comes after this one.
        ended = fresh.state in ("succeeded", "failed", "pending")
        committed = await self._context.store.commit(
            Commit(
                proposals=(Versioned(fresh, before.version),),
                entries=(entry,),
                wakes=tuple(wakes),
                cleared=(Wake("execute", fresh.id),) if ended else (),
                read=case,
            )
        )
        if isinstance(committed, Conflict):
            return None
        return case._replace(proposal=Versioned(fresh, before.version + 1))


def _unknown_from(done: ActionProgress, now: datetime) -> datetime:
    """When a claim without an outcome may be called unknown, and a little."""
    return (done.deadline or now) + timedelta(seconds=UNKNOWN_AFTER_SECONDS, milliseconds=50)


def _claim_entry(proposal: Proposal, index: int, done: ActionProgress) -> Entry:
    action = proposal.content.actions[index] if proposal.content else None
    return Entry(
        kind="claim",
        ticket=proposal.ticket,
        run=proposal.run.id,
        proposal=proposal.id,
        playbook=proposal.playbook,
        actor=proposal.decision.actor.key if proposal.decision else None,
        data={
            "action": action.tool if action else None,
            "index": index,
            "attempt": done.attempt,
            "key": done.keys[-1],
            "revision": proposal.revision,
            "digest": digest(proposal),
        },
    )


def _transition_entry(
    command: Command, before: Proposal, fresh: Proposal, index: int | None
) -> Entry:
    data: dict[str, object] = {
        "from": before.state,
        "to": fresh.state,
        "revision": fresh.revision,
        **about(fresh),
    }
    texts = {}
    kind = "transition"
    if isinstance(command, Report) and fresh.content is not None:
        kind = "effect"
        outcome = command.outcome
        data |= {
            "action": fresh.content.actions[command.index].tool,
            "index": command.index,
            "attempt": fresh.progress[command.index].attempt,
            "key": command.key,
            "outcome": fresh.progress[command.index].status,
        }
        match outcome:
            case Succeeded(receipt):
                texts["receipt"] = receipt
            case Refused(error) | Uncertain(error):
                texts["error"] = error
    elif index is not None and fresh.content is not None:
        data["action"] = fresh.content.actions[index].tool
    return Entry.model_validate(
        {
            "kind": kind,
            "ticket": fresh.ticket,
            "run": fresh.run.id,
            "proposal": fresh.id,
            "playbook": fresh.playbook,
            "data": data,
            "texts": texts,
        }
    )
