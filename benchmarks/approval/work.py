"""The job that every side does, and how a side is driven.

*Propose and pause*: a ticket comes in; the model asks for one search, reads its result and asks to
send a reply, which needs a person's approval; everything needed to go on is on disk. *Resume and
execute*: from the disk, a person approves, the reply is sent, and that it was sent is on disk. The
model and the search answer at once, in the process itself, and the send is one appended list item.

A side runs in a process of its own, which reads lines ``propose N`` and ``resume`` from stdin and
answers each with a line of JSON: what it spent a job, in microseconds of CPU.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from benchmarks.measure import cpu_seconds
from bot import event_loop

SYSTEM = """You are the triage hand of a support desk. You read one ticket, look up what the desk
knows, and propose how to label, route and answer it. A person reads your proposal and decides.
Only facts that stand in the articles or in the ticket: no figure, date, name, address or promise of
your own. Look things up first, in the words of the articles. Answer every question of the ticket,
say which one cannot be answered, and do not sign."""

TICKET = """Hello, I was charged twice for my order last week, once on Monday and then again on
Tuesday, and both charges show on my card. I have looked everywhere in the settings of my account
and cannot find the second invoice, only the first one. Could you please tell me where I find the
invoices of both orders, and how long it takes until the money of the second charge is back on the
card that I paid with? Thank you."""

QUERY = "invoices charged twice refund"
ARTICLE = "invoices"
QUOTE = "A refund reaches the card it was paid with within five working days."
PASSAGE = f"""[{ARTICLE}] Invoices
You find every invoice under Settings, Billing, Invoices, the newest first. Invoices are made on the
first of the month, and for single orders on the day of the order. {QUOTE} A charge that was made
twice is refunded in full once it has been seen; nothing else needs to be done. An invoice that is
missing can be made anew under Settings, Billing, Missing invoices. Invoices of closed accounts are
kept for ten years and are sent by letter on request."""

REPLY = """Thank you for writing to us, and we are sorry about the second charge. You find every
invoice under Settings, Billing, Invoices, the newest first; the invoice of a single order is made
on the day of that order. An invoice that is missing can be made anew under Settings, Billing,
Missing invoices. A charge that was made twice is refunded in full once it has been seen. A refund
reaches the card it was paid with within five working days, so you need not do anything else."""

LABEL, ROUTE = "billing", "billing"


class Side(Protocol):
    """One way to do the job, one after another."""

    @property
    def sent(self) -> list[str]:
        """What has been sent so far: the effect."""
        ...

    @property
    def store_pid(self) -> int | None:
        """A store that runs in a process of its own, whose CPU counts as well."""
        ...

    async def propose(self, count: int) -> None:
        """Take ``count`` tickets to where a person has to decide."""
        ...

    async def show(self) -> None:
        """What a person has before them when they decide, as a card's button; not counted."""
        ...

    async def resume(self) -> None:
        """Approve and execute all that wait."""
        ...


def run(side: AbstractAsyncContextManager[Side]) -> None:
    """``drive``, every side on the same event loop: the one that Deskhand's commands run on."""
    event_loop.run(drive(side))


async def drive(side: AbstractAsyncContextManager[Side]) -> None:
    """Do what stdin orders until it ends."""
    async with side as made:
        print(json.dumps({"ready": True}), flush=True)
        waiting = 0
        # In a thread, so that a side's own loop goes on while nothing is asked of it.
        while line := await asyncio.to_thread(sys.stdin.readline):
            order, _, number = line.strip().partition(" ")
            sent = len(made.sent)
            spent = _meter(made)
            if order == "propose":
                waiting = int(number)
                await made.propose(waiting)
                wrong = len(made.sent) - sent
                process, store = spent(waiting)
                await made.show()
            else:
                await made.resume()
                wrong = len(made.sent) - sent - waiting
                process, store = spent(waiting)
            print(json.dumps({"process": process, "store": store, "wrong": wrong}), flush=True)


def _meter(side: Side) -> Callable[[int], tuple[float, float]]:
    def store_seconds() -> float:
        return cpu_seconds(side.store_pid) if side.store_pid is not None else 0.0

    process, store = time.process_time(), store_seconds()

    def spent(count: int) -> tuple[float, float]:
        """Microseconds a job, of the process and of its store."""
        return (
            (time.process_time() - process) / count * 1e6,
            (store_seconds() - store) / count * 1e6,
        )

    return spent
