"""The due index: what is to be looked at, when, and who is at it.

One sorted set, ``kind:id`` by a time in milliseconds. It is the truth about wakes; the queue only
carries them. The fraction of a score says what it is:

- none, an appointment: not before then;
- a half: due, and *hidden* until then because somebody was told (five seconds, for the message to
  get there);
- a quarter: due, and hidden because somebody is at it (the lease, renewed while they live).

So nothing is lost and nothing runs twice at once: a message that never arrives, a worker that
dies, a wake that comes while its job runs. The last leaves a score that is not the lease's, which
is how ``finish`` knows that there is more to do; a told score and a lease never are equal.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from bot.ports import Wake, WakeKind
from bot.store.keys import Keys
from bot.store.scripts import BEGIN, DUE, FINISH, RENEW
from bot.store.wire import Wire

log = logging.getLogger("deskhand.store")

HIDDEN_MS = 5_000
"""How long a wake that was handed on is not handed on again."""
LEASE_MS = 6_000
"""How long a job's holder may say nothing before another takes it up."""

KINDS: frozenset[WakeKind] = frozenset(get_args(WakeKind))


def milliseconds(at: datetime) -> int:
    """Whole milliseconds since 1970."""
    return int(at.timestamp() * 1000)


def told(now_ms: int) -> str:
    """The score of what somebody was told of just now."""
    return f"{now_ms + HIDDEN_MS}.5"


def leased(now_ms: int) -> str:
    """The score of what somebody is at."""
    return f"{now_ms + LEASE_MS}.25"


def is_due(wake: Wake, now_ms: int) -> bool:
    """Whether its time is here, so that somebody is to be told at once."""
    return wake.at is None or milliseconds(wake.at) <= now_ms


def score(wake: Wake, now_ms: int) -> str:
    """The score of a wake: an appointment, or, when its time is here, hidden until told again."""
    if wake.at is None or is_due(wake, now_ms):
        return told(now_ms)
    return str(milliseconds(wake.at))


def member(wake: Wake) -> str:
    return f"{wake.kind}:{wake.id}"


def read_members(named: Iterable[str]) -> list[Wake]:
    """The wakes that ``member`` named. One of a kind that we do not know is another version's, and
    left to it."""
    found = []
    for one in named:
        kind, _, wake_id = one.partition(":")
        if kind in KINDS:
            found.append(Wake(kind, wake_id))
        else:
            log.warning("left to a newer version: a wake of the unknown kind %r", kind)
    return found


@dataclass(frozen=True)
class Due:
    """What is due now, and when the next appointment or hidden wake comes up, if any."""

    wakes: tuple[Wake, ...]
    next_ms: float | None


async def due(wire: Wire, keys: Keys, now_ms: int, limit: int) -> Due:
    """Up to ``limit`` wakes whose time has come, oldest first, each hidden from now on for
    ``HIDDEN_MS``, so that of several who ask only one is told."""
    found, following = await wire.run(DUE, (keys.due,), (now_ms, told(now_ms), limit))
    return Due(
        tuple(read_members(raw.decode() for raw in found)), float(following) if following else None
    )


async def begin(wire: Wire, keys: Keys, wake: Wake, token: str, now_ms: int) -> bool:
    """Take a wake's job up under ``token``. False: nothing is due, or somebody is at it."""
    arguments = (member(wake), token, now_ms, leased(now_ms))
    return bool(await wire.run(BEGIN, (keys.due, keys.held), arguments))


async def renew(
    wire: Wire, keys: Keys, held: Sequence[tuple[Wake, str]], now_ms: int
) -> frozenset[Wake]:
    """Say of all these jobs, each with its token, that they live. The answer: those that are ours
    no longer, because we said nothing for too long or the wake was cleared."""
    arguments: list[str | int] = [leased(now_ms)]
    for wake, token in held:
        arguments += (member(wake), token)
    lost = await wire.run(RENEW, (keys.due, keys.held), arguments)
    return frozenset(read_members(raw.decode() for raw in lost))


async def finish(
    wire: Wire, keys: Keys, wake: Wake, token: str, now_ms: int, again_at: datetime | None
) -> bool:
    """Let a job go. True: it was woken meanwhile, and there is more to do now.

    ``again_at`` makes an appointment, unless a newer wake has made another.
    """
    appointment = "" if again_at is None else milliseconds(again_at)
    arguments = (member(wake), token, now_ms, appointment)
    return bool(await wire.run(FINISH, (keys.due, keys.held), arguments))
