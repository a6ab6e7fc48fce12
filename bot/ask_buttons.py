"""The buttons of private lines: what was meant by free words, and sharing an answer.

What a button carries is believed only after its proof; who pressed is the surface's verified
person, and must be the very one who asked.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from bot import answer_words, buttons
from bot.authority import NotAllowed, look_up
from bot.card import Words
from bot.commands import Denied, Propose
from bot.context import Context
from bot.decide import approvals_needed
from bot.domain import REPLY_LIMIT, Action, Actor, Content, Proposal, Ticket
from bot.journal import Entry, about
from bot.lifecycle import digest, transition
from bot.playbook import Playbook, after
from bot.ports import AskedBack, Commit, Conflict, Store, Versioned, Wake
from bot.private_answers import SHARE, may_be_shared
from bot.runs import begun_entries, drafting
from bot.screening import screened

log = logging.getLogger("deskhand.intake")

SHARED_WITHIN = timedelta(hours=24)
"""For so long after its answer it may be shared."""
DATA_BYTES = 7_000
"""Of the answer for programs, with room for what its look-up needs beside it."""

_OVER: Words = ("That button's time is over. Please ask again.",)
_NOT_YOURS: Words = ("Only who asked may use that button.",)


class AskButtons:
    """``bot.ports.AskButtons``."""

    def __init__(self, context: Context, asked_back: AskedBack | None) -> None:
        self._context = context
        self._asked_back = asked_back

    async def chosen(self, token: str, actor: Actor) -> Words:
        """That is what was meant. Who may ask it is checked when it is worked in, as for any ask.
        Raises ``StoreUnavailable``."""
        meant = await self._asked_back.find(token) if self._asked_back is not None else None
        if meant is None:
            return _OVER
        if meant.asker != actor:
            return _NOT_YOURS
        now = self._context.clock.now()
        accepted = await self._context.store.accept(meant.model_copy(update={"received_at": now}))
        return ("I am on it.",) if accepted == "accepted" else ("I am on it already.",)

    async def share(self, token: str, actor: Actor) -> Words:
        """A card on the playbook's default route asks whether others may read the answer. Raises
        ``StoreUnavailable``."""
        named = buttons.read_share(token)
        case = await self._context.store.case(named[0]) if named is not None else None
        if named is None or case is None:
            return _OVER
        answered, ticket = case.proposal.value, case.ticket
        if not buttons.verify_share(answered.id, named[1], answered.secret):
            return _OVER
        if ticket.value.asker != actor:
            return _NOT_YOURS
        person = await look_up(self._context, actor)
        if isinstance(person, NotAllowed):
            return ("You may not share this. ", *person.words)
        playbook, now = self._context.playbook(answered.playbook), self._context.clock.now()
        ended = answered.ended_at or answered.created_at
        if answered.answer is None or answered.erased or now > ended + SHARED_WITHIN:
            return _OVER
        if not may_be_shared(self._context, playbook):
            return ("Nobody may approve that this is shared.",)
        if ticket.value.proposal != answered.id:
            return ("It is to be shared already: a card asks for approval.",)
        saved = await _save(
            self._context.store, ticket, await self._proposed(answered, ticket.value, playbook)
        )
        if isinstance(saved, Conflict):
            return ("It is to be shared already: a card asks for approval.",)
        return ("A card asks for approval; then it is posted in the thread.",)

    async def _proposed(self, answered: Proposal, ticket: Ticket, playbook: Playbook) -> Proposal:
        answer = answered.answer
        assert answer is not None
        now = self._context.clock.now()
        text = answer_words.text(answer, REPLY_LIMIT)
        target = self._context.target(SHARE, ticket)
        data = answer_words.data(answered.run.id, answer, DATA_BYTES)
        action = Action(tool=SHARE, args={"text": text, "data": data}, target=target)
        content = Content(labels=(), route="default", reply=text, actions=(action,))
        found = await screened(self._context.screening, content, ticket, ())
        command = Propose(
            at=now,
            content=content,
            playbook_version=answered.playbook_version,
            confidence=None,
            why="Its asker wants it to be read by everybody in the thread.",
            citations=(),
            marks=(),
            model=answered.model,
            prompt_version=answered.prompt_version,
            approvals_needed=approvals_needed(playbook, content.actions),
            remind_at=after(now, playbook.remind_after, playbook.hours),
            expires_at=after(now, playbook.expire_after, playbook.hours),
            hits=found.hits,
            on_hit=found.on_hit,
            sieve=found.sieve,
        )
        moved = transition(drafting(ticket, now, not_before=now), command)
        if isinstance(moved, Denied):
            raise AssertionError(f"a new proposal cannot be proposed: {moved.kind}")
        return moved.proposal


async def _save(store: Store, ticket: Versioned[Ticket], shared: Proposal) -> Conflict | object:
    changed = ticket.value.model_copy(update={"proposal": shared.id})
    due = [moment for moment in (shared.remind_at, shared.expires_at) if moment is not None]
    return await store.commit(
        Commit(
            tickets=(Versioned(changed, ticket.version),),
            proposals=(Versioned(shared, 0),),
            entries=(
                *begun_entries(changed, shared, "shared", to_card=True),
                _entry(shared, changed),
            ),
            wakes=(Wake("card", shared.id), Wake("timer", shared.id, min(due, default=None))),
        )
    )


def _entry(shared: Proposal, ticket: Ticket) -> Entry:
    content = shared.content
    return Entry(
        kind="proposal",
        ticket=shared.ticket,
        run=shared.run.id,
        proposal=shared.id,
        playbook=shared.playbook,
        actor=ticket.asker.key if ticket.asker is not None else None,
        data={
            "revision": shared.revision,
            "digest": digest(shared),
            "labels": [],
            "playbook_version": shared.playbook_version,
            "steps": 0,
            **({"hits": list(shared.hit_names)} if shared.hits else {}),
            **about(shared),
            "first_run": False,
        },
        texts={"reply": content.reply} if content and content.reply else {},
    )
