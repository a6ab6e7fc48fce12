"""Money: counted on the server, against every cap at once.

A reservation counts as spent from the moment it is made. Settling it corrects the sums by the
difference; one that is never settled, because its process died, simply stays counted. Once it is so
old that nobody can settle it any more, it is called spent, and its call's line is written: the
figures count lines. Sums are integers of a billionth of a dollar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_UP, Decimal
from types import MappingProxyType

from bot.budget import NANO, Cap, CapReached, Reservation, Spending, Sum
from bot.domain import new_id
from bot.journal import Entry
from bot.store.entries import KeyList, entry_arguments
from bot.store.keys import Keys
from bot.store.owed import REMEMBERED_SECONDS
from bot.store.scripts import RESERVE, SETTLE
from bot.store.wire import Wire

KEEP_DAY_SECONDS = 40 * 24 * 3600
"""A day's sums stay for the figures of the last 30 days."""
KEEP_RUN_SECONDS = 7 * 24 * 3600
"""A run's own sum outlives the run, however often it is taken up again."""
ABANDONED_MS = 2 * 3600 * 1000
"""An unsettled reservation this old is no longer *reserved*, but spent. A run lasts an hour at most
(``limits.seconds``), and what a process owes the store it tells within another, or never
(``bot.store.owed``): from then on nothing can be counted twice."""

_FIELD = "p:"
"""Before a playbook's name in a day's hash: its sum. ``open:p:``: of it, what is reserved.
``full:p:``: a call did not fit under its cap."""


def nano(usd: Decimal) -> int:
    """Billionths of a dollar, rounded up."""
    return int((usd / NANO).to_integral_value(ROUND_UP))


def dollars(billionths: int) -> Decimal:
    return Decimal(billionths) * NANO


async def reserve(
    wire: Wire,
    keys: Keys,
    reservation: Reservation,
    run_cap: Decimal,
    playbook_cap: Decimal | None,
    day_cap: Decimal | None,
    now_ms: int,
    lost: Entry | None = None,
) -> Reservation | CapReached:
    """Set money aside unless that would pass the run's, the playbook's or the day's cap. ``lost``:
    see ``give_up_abandoned``."""
    amount = nano(reservation.usd)
    if amount < 0:
        raise ValueError(f"a reservation of {reservation.usd} dollars")
    answer = await wire.run(
        RESERVE,
        (keys.money(reservation.day), keys.run_money(reservation.run), keys.reservations),
        (
            reservation.id,
            f"{now_ms} {amount} {reservation.day} {reservation.run} {reservation.playbook}"
            + (f"\n{lost.model_dump_json(exclude_defaults=True)}" if lost else ""),
            amount,
            nano(run_cap),
            _field(reservation.playbook),
            "" if playbook_cap is None else nano(playbook_cap),
            "" if day_cap is None else nano(day_cap),
            KEEP_DAY_SECONDS,
            KEEP_RUN_SECONDS,
        ),
    )
    if answer[0] == b"reserved":
        return reservation
    cap: Cap = "run" if answer[0] == b"run" else "playbook" if answer[0] == b"playbook" else "day"
    return CapReached(cap, max(Decimal(0), dollars(int(answer[1]))))


def new_reservation(run: str, playbook: str, usd: Decimal, day: str) -> Reservation:
    return Reservation(id=new_id("m"), run=run, playbook=playbook, usd=usd, day=day)


async def settle(
    wire: Wire,
    keys: Keys,
    reservation: Reservation,
    usd: Decimal,
    entries: Sequence[Entry] = (),
    *,
    only_if_open: bool = False,
) -> bool:
    """Correct what was reserved to what it cost, and write ``entries`` to the journal. False, and
    no correction, the second time, and after the reservation was given up as abandoned; the entries
    are written once, the first time that there are any (``only_if_open``: not then either)."""
    money, run_money = keys.money(reservation.day), keys.run_money(reservation.run)
    told = keys.told(reservation.id)
    listed = KeyList([keys.journal, keys.texts, keys.reservations, money, run_money, told])
    arguments = (
        reservation.id,
        nano(reservation.usd),
        nano(usd),
        _field(reservation.playbook),
        "open" if only_if_open else "always",
        REMEMBERED_SECONDS,
        *entry_arguments(entries, keys, listed),
    )
    return bool(await wire.run(SETTLE, listed.keys, arguments))


async def give_up_abandoned(wire: Wire, keys: Keys, now_ms: int) -> tuple[int, list[Entry]]:
    """Call spent what was reserved by processes that died, and write the lines of the calls it was
    for; the answer is how many there were, and those lines."""
    given_up, written = 0, list[Entry]()
    kept = await wire.command("HGETALL", keys.reservations)
    for reservation_id, held in kept.items():
        what, _, line = held.decode().partition("\n")
        since, amount, day, run, playbook = what.split(" ", 4)
        if now_ms - int(since) < ABANDONED_MS:
            continue
        usd = dollars(int(amount))
        stale = Reservation(
            id=reservation_id.decode(), run=run, playbook=playbook, usd=usd, day=day
        )
        lost = (Entry.model_validate_json(line),) if line else ()
        if await settle(wire, keys, stale, usd, lost, only_if_open=True):
            given_up += 1
            written += lost
    return given_up, written


async def spending(
    wire: Wire,
    keys: Keys,
    day: str,
    cap: Decimal | None,
    playbook_caps: Mapping[str, Decimal] = MappingProxyType({}),
) -> Spending:
    """The day's money, and each playbook's of those that have a cap or have used some."""
    found = await wire.command("HGETALL", keys.money(day))
    held = {name.decode(): int(number) for name, number in found.items()}

    def summed(all_: str, open_: str, full: str, limit: Decimal | None) -> Sum:
        reserved = held.get(open_, 0)
        spent = held.get(all_, 0) - reserved
        return Sum(dollars(spent), dollars(reserved), limit, full in held)

    used = {name.removeprefix(_FIELD) for name in held if name.startswith(_FIELD)}
    whole = summed("total", "open", "full", cap)
    return Spending(
        **vars(whole),
        day=day,
        playbooks={
            name: summed(
                _field(name),
                f"open:{_field(name)}",
                f"full:{_field(name)}",
                playbook_caps.get(name),
            )
            for name in sorted(used | playbook_caps.keys())
        },
    )


def _field(playbook: str) -> str:
    return f"{_FIELD}{playbook}"
