"""A run: the agent works on one ticket and ends in a proposal or a handoff, never otherwise.

The run is a part of its proposal. Whoever begins it counts a start; the end is saved only if the
proposal is still being drafted by that very start, so a worker that was given up for dead and
comes back changes nothing. A store that is away ends the attempt, not the run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from bot.agent.kit import Kit
from bot.agent.loop import AgentPorts, Cancelled, Drafted, Job, RunOutcome, Stopped, run_agent
from bot.commands import Begin, Denied, HandOff, Propose
from bot.context import Context
from bot.decide import approvals_needed
from bot.domain import Action, Content, Handoff, Notice, Proposal, Ticket
from bot.intake import over_limit
from bot.journal import Entry
from bot.lifecycle import MAX_STARTS, digest, transition
from bot.playbook import Playbook, after
from bot.ports import Commit, Conflict, StoreUnavailable, Versioned, Wake
from bot.publish import Publish

log = logging.getLogger("deskhand.triage")

_PAUSED_RETRY = timedelta(seconds=5)
_LINE_SECONDS = 1.0
"""How long the end of a run waits for its last status line."""


class Triage:
    """Runs the agent over tickets. ``kits`` are the playbooks made ready, by name."""

    def __init__(
        self, context: Context, kits: Mapping[str, Kit], ports: AgentPorts, publish: Publish
    ) -> None:
        self._context = context
        self._kits = kits
        self._ports = ports
        self._publish = publish

    async def run(self, proposal_id: str) -> datetime | None:
        """Run what is due; the answer is when to look again. A wake with nothing to do does
        nothing."""
        case = await self._context.store.case(proposal_id)
        if case is None:
            return None
        proposal, ticket = case[0], case[1].value
        if proposal.value.state != "drafting":
            return None
        now = self._context.clock.now()
        if proposal.value.run.not_before > now:
            return proposal.value.run.not_before
        paused = await self._context.store.paused()
        if "*" in paused or ticket.playbook in paused:
            return now + _PAUSED_RETRY
        kit = self._kits[self._context.playbook(ticket.playbook).name]
        begun = await self._begin(proposal, ticket, kit.playbook, now)
        if begun is not None:
            await self._run(begun, ticket, kit)
        return None

    async def _begin(
        self, proposal: Versioned[Proposal], ticket: Ticket, playbook: Playbook, now: datetime
    ) -> Versioned[Proposal] | None:
        """Count a start. None: there is nothing (more) to run."""
        if proposal.value.run.starts >= MAX_STARTS:
            words = f"The run was begun {MAX_STARTS} times and never came to an end."
            await self._end(proposal, _fault(playbook, now, words), Decimal(0), 0, ())
            return None
        limit = playbook.limits.runs_per_author_hour
        if proposal.value.run.starts == 0 and not await self._context.store.count_run(
            ticket.author.key, limit
        ):
            words = f"Its author has had {limit} runs within an hour."
            limited = over_limit(proposal.value, now, playbook, words)
            await self._save(proposal, limited, _handoff_entry(limited, 0, ()))
            return None
        moved = transition(proposal.value, Begin(now))
        if isinstance(moved, Denied):
            return None
        entry = Entry(
            kind="run",
            ticket=ticket.id,
            run=proposal.value.run.id,
            proposal=proposal.value.id,
            playbook=ticket.playbook,
            data={"what": "begun", "start": moved.proposal.run.starts},
        )
        saved = await self._context.store.commit(
            Commit(proposals=(Versioned(moved.proposal, proposal.version),), entries=(entry,))
        )
        if isinstance(saved, Conflict):
            return None  # more words came, or another worker was first; both wake again
        return Versioned(moved.proposal, proposal.version + 1)

    async def _run(self, begun: Versioned[Proposal], ticket: Ticket, kit: Kit) -> None:
        proposal = begun.value

        async def cancelled() -> bool:
            current = await self._context.store.proposal(proposal.id)
            return current is None or not _is_ours(current.value, proposal)

        targets = {use.tool: self._context.target(use.tool, ticket) for use in kit.playbook.actions}
        line = _StatusLine(self._publish, proposal.id)
        try:
            outcome = await run_agent(
                Job(ticket, proposal.run, targets),
                kit,
                self._ports,
                cancelled=cancelled,
                doing=line.say,
            )
        finally:
            await line.close()
        if isinstance(outcome, Cancelled):
            log.info("deskhand: run %s is void, its ticket has moved on", proposal.run.id)
            return
        command = self._command(outcome, ticket, kit)
        struck = (
            tuple(one.article for one in outcome.citations if not one.supported)
            if isinstance(outcome, Drafted)
            else ()
        )
        await self._end(begun, command, outcome.cost_usd, outcome.steps, struck)

    def _command(self, outcome: RunOutcome, ticket: Ticket, kit: Kit) -> Propose | HandOff:
        now, playbook = self._context.clock.now(), kit.playbook
        remind_at = after(now, playbook.remind_after, playbook.hours)
        match outcome:
            case Drafted():
                content = self._acknowledged(outcome.content, ticket, playbook)
                return Propose(
                    at=now,
                    content=content,
                    playbook_version=kit.playbook_version,
                    confidence=outcome.confidence,
                    why=outcome.why,
                    citations=outcome.citations,
                    marks=outcome.marks,
                    model=outcome.model,
                    approvals_needed=approvals_needed(playbook, content.actions),
                    remind_at=remind_at,
                    expires_at=after(now, playbook.expire_after, playbook.hours),
                    notices=(*outcome.notices, *_card_notices(ticket, playbook, outcome)),
                )
            case Stopped():
                return HandOff(
                    at=now,
                    handoff=outcome.handoff,
                    content=outcome.content,
                    playbook_version=kit.playbook_version,
                    model=outcome.model,
                    remind_at=remind_at,
                    notices=outcome.notices,
                )
            case Cancelled():
                raise AssertionError("a cancelled run has no end to save")

    def _acknowledged(self, content: Content, ticket: Ticket, playbook: Playbook) -> Content:
        """What asks for nothing is told to a helpdesk all the same: labels and route, no words."""
        if content.reply is not None or not playbook.action("send_reply"):
            return content
        if not self._context.tells_no_request(ticket):
            return content
        target = self._context.target("send_reply", ticket)
        told = Action(tool="send_reply", args={"text": None}, target=target)
        return content.model_copy(update={"actions": (told, *content.actions)})

    async def _end(
        self,
        begun: Versioned[Proposal],
        command: Propose | HandOff,
        cost: Decimal,
        steps: int,
        struck: tuple[str, ...],
    ) -> None:
        """Save the end, unless the ticket has moved on meanwhile."""
        current: Versioned[Proposal] | None = begun
        while current is not None and _is_ours(current.value, begun.value):
            moved = transition(current.value, command)
            if isinstance(moved, Denied):
                return
            total = current.value.cost_usd + cost
            ended = moved.proposal.model_copy(update={"cost_usd": total})
            entry = (
                _proposal_entry(ended, steps, struck)
                if isinstance(command, Propose)
                else _handoff_entry(ended, steps, struck)
            )
            if await self._save(current, ended, entry):
                return
            current = await self._context.store.proposal(begun.value.id)

    async def _save(self, before: Versioned[Proposal], ended: Proposal, entry: Entry) -> bool:
        due = [moment for moment in (ended.remind_at, ended.expires_at) if moment is not None]
        wakes = [Wake("card", ended.id)]
        if due:
            wakes.append(Wake("timer", ended.id, min(due)))
        saved = await self._context.store.commit(
            Commit(
                proposals=(Versioned(ended, before.version),),
                entries=(entry,),
                wakes=tuple(wakes),
                cleared=(Wake("run", ended.id),),
            )
        )
        return not isinstance(saved, Conflict)


class _StatusLine:
    """What the run is doing, shown on the customer's side without the run waiting for it."""

    def __init__(self, publish: Publish, proposal_id: str) -> None:
        self._publish = publish
        self._proposal = proposal_id
        self._words = ""
        self._showing: asyncio.Task[None] | None = None

    async def say(self, words: str) -> None:
        """Show these words soon; only the newest ones count."""
        self._words = words
        if self._showing is None or self._showing.done():
            self._showing = asyncio.create_task(self._show(), name="deskhand-status-line")

    async def _show(self) -> None:
        while self._words:
            words, self._words = self._words, ""
            try:
                await self._publish.progress(self._proposal, words)
            except StoreUnavailable as away:
                log.info("deskhand: no status line for %s: %s", self._proposal, away)

    async def close(self) -> None:
        """Let what is on its way arrive: later it would stand over the run's end."""
        self._words = ""
        if self._showing is not None:
            _, late = await asyncio.wait([self._showing], timeout=_LINE_SECONDS)
            for task in late:
                task.cancel()


def _is_ours(current: Proposal, begun: Proposal) -> bool:
    """Whether the proposal is still being drafted by the very start that ``begun`` counted."""
    return current.state == "drafting" and current.run.starts == begun.run.starts


def _fault(playbook: Playbook, now: datetime, words: str) -> HandOff:
    return HandOff(
        at=now,
        handoff=Handoff(reason="fault", missing=(words,)),
        content=Content(labels=(), route="default"),
        playbook_version="",
        model="",
        remind_at=after(now, playbook.remind_after, playbook.hours),
    )


def _card_notices(ticket: Ticket, playbook: Playbook, drafted: Drafted) -> tuple[Notice, ...]:
    """What the approver should read before deciding, known from the ticket and the file alone."""
    notices = []
    files = [name for message in ticket.messages for name in message.files]
    if files:
        names = ", ".join(name[:80] for name in files[:10])
        notices.append(Notice(kind="unread_files", text=f"Attachments that nobody read: {names}"))
    approvers = playbook.route(drafted.content.route).approvers
    only = approvers.users(ticket.author.surface)
    if only == (ticket.author.id,) and not approvers.groups(ticket.author.surface):
        notices.append(
            Notice(
                kind="nobody_else_may_approve",
                text="Its author is this route's only approver, so nobody may approve it.",
            )
        )
    return tuple(notices)


def _proposal_entry(ended: Proposal, steps: int, struck: tuple[str, ...]) -> Entry:
    content = ended.content
    return Entry(
        kind="proposal",
        ticket=ended.ticket,
        run=ended.run.id,
        proposal=ended.id,
        playbook=ended.playbook,
        data={
            "revision": ended.revision,
            "digest": digest(ended),
            "labels": list(content.labels) if content else [],
            "route": content.route if content else None,
            "priority": content.priority if content else None,
            "confidence": ended.confidence,
            "model": ended.model,
            "playbook_version": ended.playbook_version,
            "steps": steps,
            "usd": str(ended.cost_usd),
            "citations": len(ended.citations),
            "citations_struck": len(struck),
            "took_ms": _took_ms(ended),
        },
        texts={"reply": content.reply} if content and content.reply else {},
    )


def _handoff_entry(ended: Proposal, steps: int, _struck: tuple[str, ...]) -> Entry:
    return Entry(
        kind="handoff",
        ticket=ended.ticket,
        run=ended.run.id,
        proposal=ended.id,
        playbook=ended.playbook,
        data={
            "reason": ended.handoff.reason if ended.handoff else None,
            "revision": ended.revision,
            "model": ended.model,
            "steps": steps,
            "usd": str(ended.cost_usd),
            "took_ms": _took_ms(ended),
        },
    )


def _took_ms(ended: Proposal) -> int | None:
    if ended.proposed_at is None:
        return None
    return max(0, round((ended.proposed_at - ended.created_at).total_seconds() * 1000))
