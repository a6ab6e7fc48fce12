"""Runs that wait for money, and the word to the managers before it is used up.

A run that no cap lets pay its next call is put off to the next day, and costs nothing until then.
The watch looks every few seconds whether there is money again (calls that were reserved cost less,
a cap was raised, a day began) and wakes no more runs than it can certainly pay for: so nothing
spins, however many wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.agent.run import Unpaid
from bot.budget import Spending, Sum
from bot.context import Context
from bot.domain import Actor, Proposal
from bot.journal import Entry
from bot.ports import (
    Commit,
    Conflict,
    LookUpFailed,
    StoreUnavailable,
    SurfaceError,
    Versioned,
    Wake,
)

log = logging.getLogger("deskhand.money")

LOOK_SECONDS = 2.0
AT_ONCE = 40
"""Runs woken by one look: as many as a worker has hands for."""
_TELLING_SECONDS = 60
_TOLD_SECONDS = 2 * 24 * 3600


class MoneyStore(Protocol):
    """The part of the store that the watch needs."""

    async def spending(self) -> Spending: ...

    async def for_money(
        self, playbook: str | None = None, limit: int = 0
    ) -> tuple[int, Sequence[str]]: ...

    async def wake(self, wakes_: Sequence[Wake]) -> None: ...

    async def once(self, what: str, seconds: int) -> bool: ...

    async def said(self, what: str, seconds: int, entry: Entry) -> None: ...


def next_day(now: datetime, timezone: str) -> datetime:
    """When the next day of money begins."""
    local = now.astimezone(ZoneInfo(timezone))
    tomorrow = local.date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), ZoneInfo(timezone))


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
        members: Callable[[Collection[str]], Awaitable[Collection[str]]] | None = None,
    ) -> None:
        """``members`` are the people of Slack user groups."""
        self._context = context
        self._store = store
        self._members = members

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
            total, first = await self._store.for_money(playbook, 1)
            if total:
                await self._wake(playbook, spending.left_for(playbook), first[0])

    async def _wake(self, playbook: str, left: Decimal | None, first: str) -> None:
        """Wake as many runs as can pay what the oldest of them lacked for its next call."""
        oldest = await self._context.store.proposal(first)
        if oldest is None:
            return
        needed = oldest.value.run.unpaid_usd
        able = AT_ONCE if left is None or not needed else min(AT_ONCE, int(left / needed))
        if able:
            _, waiting = await self._store.for_money(playbook, able)
            await self._store.wake([Wake("run", one) for one in waiting])

    async def _warn(self, spending: Spending, playbook: str, money: Sum) -> None:
        what = f"budget:{spending.day}:{playbook}"
        if not await self._store.once(what, _TELLING_SECONDS):
            return
        words, told = _words(spending, playbook, money), 0
        for actor in await self._managers():
            surface = self._context.surfaces.shown.get(actor.surface)
            if surface is None:
                continue
            try:
                await surface.tell(actor, words)
                told += 1
            except SurfaceError as lost:
                log.warning("deskhand: %s was not told of the budget: %s", actor.key, lost)
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
            },
        )
        await self._store.said(what, _TOLD_SECONDS, entry)

    async def _managers(self) -> list[Actor]:
        managers = self._context.managers
        people = dict.fromkeys(managers.slack_users)
        if managers.slack_groups and self._members is not None:
            try:
                people |= dict.fromkeys(sorted(await self._members(managers.slack_groups)))
            except LookUpFailed as failed:
                log.warning("deskhand: managers in groups are not told of the budget: %s", failed)
        return [Actor(surface="slack", team="", id=one) for one in people]


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
