"""Runs that wait for money, and the word to the managers before it is used up.

A run that no cap lets pay its next call is put off to the next day, and costs nothing until then.
The watch looks every few seconds whether there is money again (calls that were reserved cost less,
a cap was raised, a day began) and wakes no more runs than it can certainly pay for: so nothing
spins, however many wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal, Protocol
from zoneinfo import ZoneInfo

from bot.agent.run import Unpaid
from bot.budget import Spending, Sum
from bot.context import Context
from bot.domain import Actor, Proposal, SurfaceName
from bot.journal import Entry
from bot.ports import (
    Commit,
    Conflict,
    LookUpFailed,
    NotPosted,
    StoreUnavailable,
    SurfaceError,
    Versioned,
    Wake,
)

log = logging.getLogger("deskhand.money")

LOOK_SECONDS = 2.0
AT_ONCE = 40
"""Runs woken by one look: as many as a worker has hands for."""
_LOOKED_AT = 200
"""Of the runs that wait, the oldest so many are compared with what is left."""
_TELLING_SECONDS, _LONGEST_WAIT_SECONDS = 60, 3600
"""Whom the warning did not reach is told again after a minute, then after twice as long each time,
while the day lasts."""
_TOLD_SECONDS = 2 * 24 * 3600


_CHATS: Final[tuple[SurfaceName, ...]] = ("slack", "teams")

Members = Callable[[Collection[str]], Awaitable[Collection[str]]]
"""The people of these groups now. Raises ``LookUpFailed``."""


class MoneyStore(Protocol):
    """The part of the store that the watch needs."""

    async def spending(self) -> Spending: ...

    async def for_money(
        self, playbook: str | None = None, limit: int = 0
    ) -> tuple[int, Sequence[str]]: ...

    async def wake(self, wakes_: Sequence[Wake]) -> None: ...

    async def once(self, what: str, seconds: int) -> bool: ...

    async def was_said(self, what: str) -> bool: ...

    async def record(self, entries: Sequence[Entry]) -> None: ...

    async def said(self, what: str, seconds: int) -> None: ...


def next_day(now: datetime, timezone: str) -> datetime:
    """When the next day of money begins, in UTC: where the clock jumps over midnight, a time in
    its own zone would compare unequal to itself."""
    local = now.astimezone(ZoneInfo(timezone))
    tomorrow = local.date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), ZoneInfo(timezone)).astimezone(UTC)


async def put_off(context: Context, begun: Versioned[Proposal], unpaid: Unpaid) -> datetime | None:
    """Save that a run waits for money; the answer is when it is looked at again at the latest. The
    start that came to nothing does not count, what it cost does. None: its ticket has moved on."""
    now = context.clock.now()
    again_at = next_day(now, (await context.store.spending()).timezone)
    current: Versioned[Proposal] | None = begun
    while current is not None and (
        current.value.state == "drafting" and current.value.run.starts == begun.value.run.starts
    ):
        before = current.value
        run = before.run.model_copy(
            update={
                "unpaid": unpaid.cap,
                "unpaid_usd": unpaid.usd,
                "spared": before.run.spared + 1,
            }
        )
        waits = before.model_copy(
            update={"run": run, "cost_usd": before.cost_usd + unpaid.cost_usd}
        )
        entry = Entry(
            kind="run",
            ticket=waits.ticket,
            run=run.id,
            proposal=waits.id,
            playbook=waits.playbook,
            data={
                "what": "waits for money",
                "cap": unpaid.cap,
                "steps": unpaid.steps,
                "usd": str(unpaid.cost_usd),
            },
        )
        saved = await context.store.commit(
            Commit(proposals=(Versioned(waits, current.version),), entries=(entry,))
        )
        if not isinstance(saved, Conflict):
            log.info("deskhand: run %s waits for money: %s", run.id, unpaid.words)
            return again_at
        current = await context.store.proposal(before.id)
    return None


class MoneyWatch:
    """Looks after the day's money while a worker runs. Any number of processes may."""

    def __init__(
        self,
        context: Context,
        store: MoneyStore,
        members: Mapping[SurfaceName, Members] = MappingProxyType({}),
    ) -> None:
        """``members``: the people of groups, by the surface whose groups they are."""
        self._context = context
        self._store = store
        self._members = members
        self._tries: dict[str, int] = {}
        """How often this process has tried each warning of the day."""
        self._too_dear: dict[str, tuple[Decimal | None, Sequence[str]]] = {}
        """By playbook: what was left when none of these runs could be paid."""

    async def run(self) -> None:
        """Look until cancelled, through any outage."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as away:
                log.debug("deskhand: the day's money could not be looked at: %s", away)
            except Exception:
                # The next look may do better; a watch that ended would leave runs waiting.
                log.exception("the day's money could not be looked after; again soon")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Warn of caps that are near, and wake what can be paid. Raises ``StoreUnavailable``."""
        spending = await self._store.spending()
        caps: dict[str, Sum] = {"": spending, **spending.playbooks}
        for playbook, money in caps.items():
            if money.reaches(spending.warn_at):
                await self._warn(spending, playbook, money)
        for playbook in self._context.playbooks:
            total, waiting = await self._store.for_money(playbook, _LOOKED_AT)
            if total:
                await self._wake(playbook, spending.left_for(playbook), waiting)

    async def _wake(self, playbook: str, left: Decimal | None, waiting: Sequence[str]) -> None:
        """Wake, oldest first, the runs that can all pay what each lacked for its next call. One
        that cannot holds up no cheaper one behind it."""
        if self._too_dear.get(playbook) == (left, waiting):
            return  # nothing has changed: they need not be read again
        able, rest = list[str](), left
        for one in waiting:
            if len(able) == AT_ONCE:
                break
            found = await self._context.store.proposal(one) if rest is not None else None
            needed = found.value.run.unpaid_usd if found else Decimal(0)
            if rest is None or needed <= rest:
                able.append(one)
                rest = None if rest is None else rest - needed
        if able:
            self._too_dear.pop(playbook, None)
            await self._store.wake([Wake("run", one) for one in able])
        else:
            self._too_dear[playbook] = (left, waiting)

    async def _warn(self, spending: Spending, playbook: str, money: Sum) -> None:
        what = f"budget:{spending.day}:{playbook}"
        tries = self._tries.get(what, 0)
        wait = min(_TELLING_SECONDS * 2**tries, _LONGEST_WAIT_SECONDS)
        if not await self._store.once(what, wait):
            return
        today = f"budget:{spending.day}:"
        self._tries = {name: n for name, n in self._tries.items() if name.startswith(today)}
        self._tries[what] = tries + 1
        words = _words(spending, playbook, money)
        managers, everybody = await self._managers()
        told = left = 0
        for actor in managers:
            match await self._tell(actor, words, f"{what}:{actor.key}"):
                case "told":
                    told += 1
                case "again":
                    left += 1
                case "done":
                    pass
        first = await self._store.once(f"{what}:first", _TOLD_SECONDS)
        if first:
            log.warning("deskhand: %s", words)
        entry = Entry(
            kind="operator",
            playbook=playbook or None,
            data={
                "what": "budget_warning",
                "cap": "playbook" if playbook else "day",
                "day": spending.day,
                "spent_usd": str(money.spent),
                "reserved_usd": str(money.reserved),
                "cap_usd": str(money.cap),
                "managers_told": told,
                "managers_left": left,
            },
        )
        if first or told:
            await self._store.record((entry,))
        if not left and everybody:
            await self._store.said(what, _TOLD_SECONDS)

    async def _tell(self, actor: Actor, words: str, mark: str) -> Literal["told", "done", "again"]:
        """done: they know, or cannot be told. again: they could not be told just now."""
        surface = self._context.surfaces.shown.get(actor.surface)
        if surface is None or await self._store.was_said(mark):
            return "done"
        try:
            await surface.tell(actor, words)
        except SurfaceError as lost:
            log.warning("deskhand: %s was not told of the budget: %s", actor.key, lost)
            if not (isinstance(lost, NotPosted) and lost.final):
                return "again"  # also where it may have arrived: twice is better than never
            await self._store.said(mark, _TOLD_SECONDS)
            return "done"
        await self._store.said(mark, _TOLD_SECONDS)
        return "told"

    async def _managers(self) -> tuple[list[Actor], bool]:
        """The managers, and whether these are all of them: a group may not be known just now."""
        everybody = True
        managers = self._context.managers
        told: list[Actor] = []
        for surface in _CHATS:
            people = dict.fromkeys(managers.users(surface))
            groups, members = managers.groups(surface), self._members.get(surface)
            if groups and members is not None:
                try:
                    people |= dict.fromkeys(sorted(await members(groups)))
                except LookUpFailed as failed:
                    everybody = False
                    log.warning("deskhand: managers in groups are not told of money: %s", failed)
            told += [Actor(surface=surface, team="", id=one) for one in people]
        return told, everybody


def _words(spending: Spending, playbook: str, money: Sum) -> str:
    cap = money.cap or Decimal(0)
    share = f" ({money.spent / cap:.0%})" if cap else ""
    whose = f"of the playbook {playbook}" if playbook else "of today's money"
    what = {
        "local": "the local model drafts, and cards say so",
        "wait": f"runs wait until tomorrow (00:00 {spending.timezone}) or a raised cap",
    }[spending.at_cap]
    state = "is used up" if money.refused else "is nearly used up"
    return (
        f"The budget {whose} {state}: ${money.spent:.2f} of ${cap:.2f} spent{share}, "
        f"${money.reserved:.2f} reserved. At the cap {what}. /agent budget has the figures of now."
    )
