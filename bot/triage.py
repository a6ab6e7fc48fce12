"""A run: the agent works on one ticket and ends in a proposal, a handoff or the answer to an ask,
never otherwise.

The run is a part of its proposal. Whoever begins it counts a start; the end is saved only if the
proposal is still being drafted by that very start, so a worker that was given up for dead and
comes back changes nothing. A store that is away ends the attempt, not the run.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from bot.agent.kit import AnyKit
from bot.agent.loop import run_agent
from bot.agent.run import AgentPorts, Cancelled, Drafted, Job, Stopped, Unpaid
from bot.answering import Answered, Answerer, AnswerOutcome, Declined
from bot.audience import has_guests
from bot.commands import Begin, Denied, GiveAnswer, HandOff, Propose
from bot.context import Context
from bot.decide import approvals_needed
from bot.domain import Action, Content, Handoff, Notice, Proposal, Ticket
from bot.journal import Entry, about
from bot.lifecycle import MAX_STARTS, digest, transition
from bot.money_watch import put_off
from bot.playbook import Kind, Playbook, after
from bot.ports import (
    Case,
    Commit,
    Conflict,
    NotStarted,
    Start,
    StoreUnavailable,
    Versioned,
    Wake,
)
from bot.publish import Publish
from bot.runs import answer_entry, handoff_entry, late_card, over_limit, took
from bot.screening import screened
from bot.stats.tally import Tally
from bot.status_line import StatusLine

log = logging.getLogger("deskhand.triage")

_PAUSED_RETRY = timedelta(seconds=5)
_LINE_SECONDS = 1.0
"""How long the end of a run waits for its last status line."""
_WORD_SECONDS = 0.3
"""How long a run that is told to stop may take to say so: its process ends soon after."""


class Triage:
    """Runs the agent over tickets. ``kits`` are the playbooks made ready, by name."""

    def __init__(
        self,
        context: Context,
        kits: Mapping[str, AnyKit[Drafted]],
        ports: AgentPorts,
        publish: Publish,
        answerers: Mapping[Kind, Answerer] = MappingProxyType({}),
    ) -> None:
        """``answerers``: of the kinds whose runs end in an answer."""
        self._context = context
        self._kits = kits
        self._answerers = answerers
        self._ports = ports
        self._publish = publish
        self._spared: Counter[str] = Counter()
        """Proposals of which starts ended with a word that is not saved yet, and how many did."""

    async def run(self, proposal_id: str) -> datetime | None:
        """Run what is due; the answer is when to look again. A wake with nothing to do does
        nothing."""
        await self._save_spared()
        starts: int | None = None
        while True:
            case = await self._context.store.case(proposal_id)
            if case is None:
                return None
            proposal, ticket = case.proposal, case.ticket.value
            if proposal.value.state != "drafting" or starts not in (
                None,
                proposal.value.run.starts,
            ):
                return None  # there is nothing to run, or another worker was first
            now = self._context.clock.now()
            if proposal.value.run.not_before > now:
                return proposal.value.run.not_before
            playbook = self._context.playbook(ticket.playbook)
            begun = await self._begin(proposal, ticket, playbook, now)
            if isinstance(begun, NotStarted):
                return now + _PAUSED_RETRY
            if isinstance(begun, Conflict):
                # More words came, or a notice, or another worker was first: nobody else may wake
                # this run again, so look what is to be done.
                starts = proposal.value.run.starts
                continue
            if begun is not None:
                async with self._with_a_word(proposal_id):
                    return await self._run(case._replace(proposal=begun), playbook)
            return None

    async def _begin(
        self, proposal: Versioned[Proposal], ticket: Ticket, playbook: Playbook, now: datetime
    ) -> Versioned[Proposal] | Conflict | NotStarted | None:
        """Count a start. None: there is nothing (more) to run; ``NotStarted``: it is paused."""
        run = proposal.value.run
        if run.starts - run.spared >= MAX_STARTS:
            words = f"The run was begun {MAX_STARTS} times and never came to an end."
            await self._end(proposal, _fault(playbook, now, words), Decimal(0), 0, ())
            return None
        limit = playbook.limits.runs_per_author_hour
        moved = transition(proposal.value, Begin(now))
        if isinstance(moved, Denied):
            return None
        entry = _run_entry(moved.proposal, "begun")
        change = Commit(
            proposals=(Versioned(moved.proposal, proposal.version),),
            entries=(entry,),
            # While it was paused no drafting card was due; a slow draft needs one again.
            wakes=late_card(moved.proposal, now),
            start=Start(
                run=run.id,
                playbook=ticket.playbook,
                author=_charged(ticket),
                limit_per_hour=limit,
                counted=run.starts == 0,
            ),
        )
        async with self._with_a_word(proposal.value.id):
            begun = await self._context.store.commit(change)
        match begun:
            case NotStarted("author_limit"):
                words = f"Its author has had {limit} runs within an hour."
                limited = over_limit(proposal.value, now, playbook, words)
                entry = handoff_entry(limited, steps=0, to_card=self._context.shows_cards)
                saved = await self._save(proposal, limited, entry)
                return None if saved else Conflict()
            case NotStarted() | Conflict():
                return begun
            case _:
                return Versioned(moved.proposal, proposal.version + 1)

    async def _run(self, case: Case, playbook: Playbook) -> datetime | None:
        """``case``: as its beginning left it."""
        kit, answerer = self._kits.get(playbook.name), self._answerers.get(playbook.kind)
        if kit is None and answerer is None:
            gone = _fault(playbook, self._context.clock.now(), "No playbook does this any more.")
            await self._end(case.proposal, gone, Decimal(0), 0, ())
            return None
        begun, proposal, ticket = case.proposal, case.proposal.value, case.ticket.value
        seen = begun.version

        async def cancelled() -> bool:
            nonlocal seen
            if await self._context.store.version(proposal.id) == seen:
                return False
            current = await self._context.store.proposal(proposal.id)
            if current is None or not _is_ours(current.value, proposal):
                return True
            seen = current.version
            return False

        targets = {use.tool: self._context.target(use.tool, ticket) for use in playbook.actions}
        looking_up = {tool.doing for tool in kit.toolbox.values()} if kit is not None else ()
        line = StatusLine(self._publish, self._context.clock, case, looking_up)
        patience = 0.0
        tally = Tally(self._ports.money, self._ports.record)
        try:
            job = Job(ticket, proposal.run, targets)
            ports = replace(self._ports, money=tally, record=tally.record)
            outcome: Drafted | AnswerOutcome
            if answerer is not None:
                outcome = await answerer.answer(
                    job, playbook, ports, cancelled=cancelled, doing=line.say
                )
            else:
                assert kit is not None
                outcome = await run_agent(job, kit, ports, cancelled=cancelled, doing=line.say)
            patience = _LINE_SECONDS
        finally:
            await line.close(patience)
        if isinstance(outcome, Unpaid):
            return await put_off(self._context, begun, outcome)
        cost = outcome.cost_usd
        if proposal.run.starts > 1:
            # Starts that were cut short have made calls too, and the journal knows them all.
            tally = Tally(self._ports.money, self._ports.record)
            tally.add(await self._context.store.calls_of(ticket.id, proposal.run.id))
            cost = max(cost, tally.usd - proposal.cost_usd)
        if isinstance(outcome, Cancelled):
            await self._void(proposal, cost, outcome.steps)
            return None
        command = await self._command(outcome, ticket, playbook, kit)
        struck = _struck(outcome)
        used, left = tally.data(), line.case or case
        if isinstance(outcome, Stopped) and outcome.confidence is not None:
            used["confidence"] = outcome.confidence
        if not await self._end(begun, command, cost, outcome.steps, struck, used, left):
            await self._void(proposal, cost, outcome.steps)
        return None

    async def _command(
        self,
        outcome: Drafted | Stopped | Answered | Declined,
        ticket: Ticket,
        playbook: Playbook,
        kit: AnyKit[Drafted] | None,
    ) -> Propose | HandOff | GiveAnswer:
        now = self._context.clock.now()
        remind_at = after(now, playbook.remind_after, playbook.hours)
        version = kit.playbook_version if kit is not None else playbook.version("")
        prompt_version = kit.prompt_version if kit is not None else ""
        match outcome:
            case Answered(answer=answer):
                # Asked again: whoever came into the channel meanwhile reads it too.
                private = answer.private or await has_guests(self._context, ticket.origin)
                return GiveAnswer(
                    at=now,
                    answer=answer.model_copy(update={"private": private}),
                    playbook_version=version,
                    model=outcome.model,
                    prompt_version=outcome.prompt_version,
                )
            case Declined(words=words):
                return GiveAnswer(now, None, version, model="", declined=words)
            case Drafted():
                content = self._acknowledged(outcome.content, ticket, playbook)
                found = await screened(
                    self._context.screening, content, ticket, outcome.citations, outcome.lead
                )
                return Propose(
                    at=now,
                    content=content,
                    playbook_version=version,
                    confidence=outcome.confidence,
                    why=outcome.why,
                    citations=outcome.citations,
                    marks=outcome.marks,
                    model=outcome.model,
                    prompt_version=prompt_version,
                    approvals_needed=approvals_needed(playbook, content.actions),
                    remind_at=remind_at,
                    expires_at=after(now, playbook.expire_after, playbook.hours),
                    notices=(*outcome.notices, *_card_notices(ticket, playbook, outcome)),
                    hits=found.hits,
                    on_hit=found.on_hit,
                    sieve=found.sieve,
                    lead=outcome.lead,
                )
            case Stopped():
                return HandOff(
                    at=now,
                    handoff=outcome.handoff,
                    content=outcome.content,
                    playbook_version=version,
                    model=outcome.model,
                    prompt_version=prompt_version,
                    remind_at=remind_at,
                    notices=outcome.notices,
                )

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
        command: Propose | HandOff | GiveAnswer,
        cost: Decimal,
        steps: int,
        struck: tuple[str, ...],
        used: Mapping[str, int | str] = MappingProxyType({}),
        read: Case | None = None,
    ) -> bool:
        """Save the end, unless the ticket has moved on meanwhile; whether it is saved."""
        current: Versioned[Proposal] | None = begun
        to_card = self._context.shows_cards
        while current is not None and _is_ours(current.value, begun.value):
            moved = transition(current.value, command)
            if isinstance(moved, Denied):
                return False
            total = current.value.cost_usd + cost
            ended = moved.proposal.model_copy(update={"cost_usd": total})
            match command:
                case Propose():
                    entry = _proposal_entry(ended, steps, struck, used, to_card=to_card)
                case HandOff():
                    entry = handoff_entry(ended, steps, to_card=to_card, **used)
                case GiveAnswer():
                    entry = answer_entry(ended, steps, to_card=to_card, **used)
            if await self._save(current, ended, entry, read):
                return True
            current = await self._context.store.proposal(begun.value.id)
        return False

    async def _void(self, begun: Proposal, cost: Decimal, steps: int) -> None:
        """The ticket has moved on. What the run cost is its proposal's all the same."""
        log.info("deskhand: run %s is void, its ticket has moved on", begun.run.id)
        entry = _run_entry(begun, "cancelled", steps=steps, usd=str(cost))
        while cost:
            current = await self._context.store.proposal(begun.id)
            if current is None:
                break
            total = current.value.model_copy(update={"cost_usd": current.value.cost_usd + cost})
            saved = await self._context.store.commit(
                Commit(
                    proposals=(Versioned(total, current.version),),
                    entries=(entry,),
                    wakes=(Wake("card", begun.id),),
                )
            )
            if not isinstance(saved, Conflict):
                return
        await self._context.store.record((entry,))

    # --- starts that do not count -------------------------------------------------------------

    @asynccontextmanager
    async def _with_a_word(self, proposal_id: str) -> AsyncIterator[None]:
        """A start that the store's absence or the process's end cuts short has not killed its
        worker, so it does not count. It is remembered until the store has it on record."""
        try:
            yield
        except StoreUnavailable:
            self._spared[proposal_id] += 1
            raise
        except asyncio.CancelledError:
            self._spared[proposal_id] += 1
            with suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(_WORD_SECONDS):
                    await self._save_spared()
            raise

    async def _save_spared(self) -> None:
        for proposal_id in tuple(self._spared):
            count = self._spared.pop(proposal_id, 0)
            try:
                await self._spare(proposal_id, count)
            except BaseException:  # away again, or told to stop: not forgotten for that
                self._spared[proposal_id] += count
                raise

    async def _spare(self, proposal_id: str, count: int) -> None:
        while count:
            current = await self._context.store.proposal(proposal_id)
            if current is None or current.value.state != "drafting":
                return
            run = current.value.run
            # A start that was cut short while it was being saved may not be there.
            spared = run.model_copy(update={"spared": min(run.spared + count, run.starts)})
            saved = await self._context.store.commit(
                Commit(
                    proposals=(
                        Versioned(
                            current.value.model_copy(update={"run": spared}), current.version
                        ),
                    )
                )
            )
            if not isinstance(saved, Conflict):
                return

    async def _save(
        self,
        before: Versioned[Proposal],
        ended: Proposal,
        entry: Entry,
        read: Case | None = None,
    ) -> bool:
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
                read=read,
            )
        )
        return not isinstance(saved, Conflict)


def _struck(outcome: Drafted | Answered | Declined | Stopped) -> tuple[str, ...]:
    """What of the answer rests on nothing that was read."""
    if not isinstance(outcome, Drafted):
        return ()
    fields = outcome.lead.struck if outcome.lead is not None else ()
    return (*(one.article for one in outcome.citations if not one.supported), *fields)


def _charged(ticket: Ticket) -> str:
    """Whose runs an hour it counts among: its asker's, where somebody has asked, else its
    author's."""
    asked = ticket.ask is not None or not ticket.author.id
    return (ticket.asker if asked and ticket.asker is not None else ticket.author).key


def _is_ours(current: Proposal, begun: Proposal) -> bool:
    """Whether the proposal is still being drafted by the very start that ``begun`` counted."""
    return current.state == "drafting" and current.run.starts == begun.run.starts


def _fault(playbook: Playbook, now: datetime, words: str) -> HandOff:
    return HandOff(
        at=now,
        handoff=Handoff(reason="fault", missing=(words,)),
        content=Content(labels=(), route="default"),
        playbook_version=playbook.version(),
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
    alone = only == (ticket.author.id,) and playbook.kind != "lead"
    if alone and not approvers.groups(ticket.author.surface):
        notices.append(
            Notice(
                kind="nobody_else_may_approve",
                text="Its author is this route's only approver, so nobody may approve it.",
            )
        )
    return tuple(notices)


def _proposal_entry(
    ended: Proposal,
    steps: int,
    struck: tuple[str, ...],
    used: Mapping[str, int | str],
    *,
    to_card: bool,
) -> Entry:
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
            "priority": content.priority if content else None,
            "confidence": ended.confidence,
            "playbook_version": ended.playbook_version,
            "steps": steps,
            "usd": str(ended.cost_usd),
            "citations": len(ended.citations),
            "citations_struck": len(struck),
            **({"hits": list(ended.hit_names)} if ended.hits else {}),
            **took(ended, to_card=to_card),
            **about(ended),
            **used,
        },
        texts={"reply": content.reply} if content and content.reply else {},
    )


def _run_entry(proposal: Proposal, what: str, **data: int | str) -> Entry:
    return Entry(
        kind="run",
        ticket=proposal.ticket,
        run=proposal.run.id,
        proposal=proposal.id,
        playbook=proposal.playbook,
        data={"what": what, "start": proposal.run.starts, **data},
    )
