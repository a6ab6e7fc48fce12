"""What a manager asks: the figures of a window, and what waits. For every surface and the shell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, get_args

from bot.budget import Spending
from bot.domain import Place, Proposal, State, Ticket
from bot.ports import Case, Clock
from bot.projection import ERASED
from bot.queue import QueueStore, Theirs, look_for_money, look_through, route_of
from bot.stats.dims import Counts, Dimension, OpenNow, Wanted, summed
from bot.stats.shape import Waiting, budget, counted
from bot.stats.windows import Span, Window, steps, window_of, window_span
from bot.tracing import TraceLine, message_of

__all__ = ["Board", "Dimension", "Overview", "Share", "Step", "Waits", "Window", "window_of"]


class RecordBook(Protocol):
    """The part of the journal that the overview reads."""

    async def of_case(self, case: str) -> Sequence[TraceLine]:
        """A ticket's entries, oldest first."""
        ...


class FiguresStore(QueueStore, Protocol):
    """The part of the store that the overview reads."""

    @property
    def record_book(self) -> RecordBook: ...

    async def resolve(self, some_id: str) -> tuple[str | None, str | None]:
        """(ticket id, proposal id) of a ticket, run or proposal id, or (None, None)."""
        ...

    async def resolve_message(self, message: Place) -> tuple[str | None, str | None]:
        """The same of the conversation that a message is the root of, or of the card that it is."""
        ...

    async def unanswered(
        self, playbook: str | None = None, limit: int = 0
    ) -> tuple[int, Sequence[str]]:
        """How many expired that nobody answered, and the first ``limit`` of them."""
        ...

    async def spending(self) -> Spending: ...

    async def paused(self) -> frozenset[str]: ...

    async def counted(self, spans: Sequence[Span]) -> Sequence[Counts]:
        """What was counted in each of these spans, what is not yet sealed included. One round trip,
        whatever happened in them."""
        ...

    async def open_now(self) -> Sequence[OpenNow]:
        """What waits for a person at this moment, cell by cell."""
        ...


@dataclass(frozen=True)
class Waits:
    """One line of the queue. ``subject`` is the customer's words: for those who may see them."""

    proposal: str
    ticket: str
    playbook: str
    route: str
    state: State
    since: datetime
    age_s: float
    reason: str
    owner: str
    subject: str


@dataclass(frozen=True)
class Queue:
    """The oldest of what waits. ``whole``: none of what was asked for was left unlooked at."""

    lines: list[Waits]
    whole: bool


@dataclass(frozen=True)
class Step:
    """One step of a window: aware UTC times, and the figures of what happened between them."""

    start: datetime
    end: datetime
    figures: dict[str, Any]


@dataclass(frozen=True)
class Share:
    """One playbook, route, model or prompt version, and its figures. ``name`` is ``-`` for what
    has none: a ticket that is still being drafted has no route."""

    name: str
    figures: dict[str, Any]
    waiting: Waiting
    previous: dict[str, Any]


@dataclass(frozen=True)
class Board:
    """Everything about one window at one moment, as a page of figures shows it. The figures of a
    step and of a share have the keys of ``figures["previous"]``."""

    figures: dict[str, Any]
    """As ``Overview.figures`` gives them."""
    steps: list[Step]
    """Oldest first: an hour each for 24h, a day (UTC) for 7d and 30d. They begin at whole hours and
    days, so the first and the last are shorter, and together they are exactly the window."""
    shares: dict[Dimension, list[Share]]
    """Of each playbook, route, model or prompt version in the window, the most tickets first."""


class Overview:
    """Reads; changes nothing. Every answer costs the same however much has happened."""

    def __init__(self, store: FiguresStore, clock: Clock, durability: str) -> None:
        self._store = store
        self._clock = clock
        self._durability = durability

    async def figures(
        self,
        window: Window = "24h",
        playbook: str | None = None,
        route: str | None = None,
        model: str | None = None,
        prompt_version: str | None = None,
    ) -> dict[str, Any]:
        """The pinned object of ``deskhand status --json``, and ``previous`` beside it.

        The window ends now and is right to the minute at its other edge. ``previous`` has the same
        figures (without ``window``, ``waiting``, ``budget``, ``paused`` and ``durability``) of the
        window before it. With a route, a model or a prompt version, a ticket is counted where its
        first card was made; with a route, model calls, tokens and dollars are those of the runs
        that ended there, at their end; with a model or prompt version alone, those calls' own.
        """
        wanted = Wanted(playbook, route, model, prompt_version)
        return (await self._report(window, wanted, ())).figures

    async def report(
        self, window: Window, playbook: str | None = None
    ) -> tuple[dict[str, Any], list[Step]]:
        """A board's figures and steps, without its shares."""
        spans = steps(window, self._clock.now())
        board = await self._report(window, Wanted(playbook), spans)
        return board.figures, board.steps

    async def board(
        self,
        window: Window,
        playbook: str | None = None,
        route: str | None = None,
        model: str | None = None,
        prompt_version: str | None = None,
    ) -> Board:
        """All of one moment, from one look at the store."""
        wanted = Wanted(playbook, route, model, prompt_version)
        spans = steps(window, self._clock.now())
        return await self._report(window, wanted, spans, get_args(Dimension))

    async def _report(
        self,
        window: Window,
        wanted: Wanted,
        parts: Sequence[Span],
        by: Sequence[Dimension] = (),
    ) -> Board:
        now = self._clock.now()
        current, before, *each = await self._store.counted(
            [window_span(window, now), window_span(window, now, before=1), *parts]
        )
        spending = await self._store.spending()
        waiting_for_money, _ = await self._store.for_money(wanted.playbook)
        opened = await self._store.open_now()
        figures = {
            "window": window,
            **_counted(current, wanted),
            "waiting": _waiting(opened, wanted, now).model_dump(),
            "budget": budget(spending, waiting_for_money),
            "paused": sorted(await self._store.paused()),
            "durability": self._durability,
            "previous": _counted(before, wanted),
        }
        shares = {one: _shares(one, current, before, opened, wanted, now) for one in by}
        return Board(figures, _steps(parts, each, wanted, now), shares)

    async def queue(
        self, playbook: str | None = None, limit: int = 50, theirs: Theirs | None = None
    ) -> Queue:
        """What waits for a person, and (``drafting``, ``waits for money``) for money, oldest
        first; with ``theirs``, only what lies in those routes."""
        wanted = theirs or _everybodys
        looked = await look_through(self._store, wanted, limit, playbook)
        money = await look_for_money(self._store, wanted, limit, playbook)
        lines = self._lines([*looked.cases, *money.cases])[:limit]
        return Queue(lines, looked.whole and money.whole)

    async def unanswered(
        self, playbook: str | None = None, limit: int = 10
    ) -> tuple[int, list[Waits]]:
        """How many expired in thirty days with nobody's decision, and the oldest of them."""
        total, ids = await self._store.unanswered(playbook, limit)
        cases = [await self._store.case(one) for one in ids]
        return total, self._lines([case for case in cases if case is not None])

    def _lines(self, cases: Sequence[Case]) -> list[Waits]:
        now, lines = self._clock.now(), []
        for case in cases:
            proposal = case.proposal.value
            playbook, route = route_of(proposal)
            since = proposal.proposed_at or proposal.created_at
            lines.append(
                Waits(
                    proposal=proposal.id,
                    ticket=proposal.ticket,
                    playbook=playbook,
                    route=route,
                    state=proposal.state,
                    since=since,
                    age_s=round((now - since).total_seconds(), 1),
                    reason=why_it_waits(proposal),
                    owner=proposal.owner.name if proposal.owner else "",
                    subject=_subject(case.ticket.value),
                )
            )
        return sorted(lines, key=lambda one: one.since)

    async def named(self, ident: str) -> tuple[str | None, str | None]:
        """(ticket id, proposal id) of a ticket, run or proposal id or the permalink of a message,
        the customer's or a card; None for what is not known."""
        if (message := message_of(ident)) is None:
            return await self._store.resolve(ident)
        return await self._store.resolve_message(message)

    async def trace(self, ident: str) -> tuple[str, Sequence[TraceLine]] | None:
        """A ticket's id and its entries, oldest first; None where nothing has this name."""
        ticket, _ = await self.named(ident)
        if ticket is None:
            return None
        return ticket, await self._store.record_book.of_case(ticket)


async def _everybodys(playbook: str, route: str) -> bool:
    return True


def why_it_waits(proposal: Proposal) -> str:
    """A handoff's reason, or that its run waits for money; empty for what waits for a decision."""
    if proposal.state == "drafting" and proposal.run.unpaid is not None:
        return "waits for money"
    return proposal.handoff.reason if proposal.handoff else ""


def _subject(ticket: Ticket) -> str:
    if ticket.erased:
        return ERASED
    return " ".join((ticket.subject or ticket.body).split())[:80]


def _shares(
    by: Dimension,
    current: Counts,
    before: Counts,
    opened: Sequence[OpenNow],
    wanted: Wanted,
    now: datetime,
) -> list[Share]:
    cells = {*current, *(one.cell for one in opened)}
    names = sorted({getattr(cell, by) for cell in cells if wanted.fits(cell)})
    shares = [
        Share(
            name,
            _counted(current, one),
            _waiting(opened, one, now),
            _counted(before, one),
        )
        for name in names
        for one in (wanted._replace(**{by: name}),)
    ]
    nothing = counted({})
    shares = [one for one in shares if one.waiting.total or one.figures != nothing]
    return sorted(shares, key=lambda share: (-share.figures["tickets"], share.name))


def _counted(counts: Counts, wanted: Wanted) -> dict[str, Any]:
    return counted(
        summed(counts, wanted.fits),
        tickets_by_run=wanted.by_run,
        calls_by_run=wanted.route is not None,
    )


def _steps(
    spans: Sequence[Span], each: Sequence[Counts], wanted: Wanted, now: datetime
) -> list[Step]:
    return [
        Step(span.start, span.end or now, _counted(counts, wanted))
        for span, counts in zip(spans, each, strict=True)
    ]


def _waiting(opened: Sequence[OpenNow], wanted: Wanted, now: datetime) -> Waiting:
    fitting = [one for one in opened if wanted.fits(one.cell)]
    oldest = min((one.oldest for one in fitting), default=None)
    return Waiting(
        total=sum(one.total for one in fitting),
        oldest_s=None if oldest is None else max(0.0, round((now - oldest).total_seconds(), 1)),
        over_reminder=sum(one.over_reminder for one in fitting),
    )
