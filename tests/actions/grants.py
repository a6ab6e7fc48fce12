"""Grants as the store would mint them, and a clock whose span can be moved."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain import Action, Actor, Author, Content, Decision, Message, Place, SurfaceName, Ticket
from tools.spec import Grant

KEY = "ab" * 32
EARLIER = "cd" * 32


@dataclass
class TestClock:
    """The machine's time; ``ahead`` seconds are added to its spans."""

    __test__ = False
    ahead: float = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def place(surface: SurfaceName = "slack") -> Place:
    match surface:
        case "webhook":
            return Place(surface="webhook", place="helpdesk", thread="HD-4711")
        case "terminal":
            return Place(surface="terminal", place="outbox", thread="1")
        case _:
            return Place(surface=surface, place="C0SUPPORT", thread="1700000000.000100")


def ticket(origin: Place, **more: str | None) -> Ticket:
    author = Author(surface=origin.surface, id="c1", **{"name": "Dana", **more})
    now = datetime.now(UTC)
    return Ticket(
        id="t_a2c4e6g7i3k5m2o4",
        tenant="T0TEAM",
        playbook="support",
        origin=origin,
        author=author,
        messages=(Message(id="m1", author=author, text="Help", at=now),),
        created_at=now,
    )


def grant(
    origin: Place,
    reply: str | None = "Hello Dana, it is done.",
    *,
    seconds: float = 8.0,
    name: str = "Alex Agent",
    author: Author | None = None,
    subject: str = "Charged twice",
    playbook: str = "support",
    earlier_keys: tuple[str, ...] = (),
) -> Grant:
    """An approval of ``reply`` with ``seconds`` left to send it."""
    return Grant(
        tenant="T0TEAM",
        proposal="p_k3v5q2xw7m4bz6ha",
        revision=2,
        digest="00" * 32,
        index=0,
        attempt=0,
        key=KEY,
        earlier_keys=earlier_keys,
        tool="send_reply",
        ticket="t_a2c4e6g7i3k5m2o4",
        origin=origin,
        content=Content(
            labels=("billing", "bug"),
            priority="high",
            route="billing",
            reply=reply,
            actions=(Action(tool="send_reply", args={"text": reply}, target="there"),),
        ),
        approved_by=Decision(
            verb="approve",
            actor=Actor(surface="slack", team="T0TEAM", id="U0AGENT"),
            name=name,
            email="alex@deskhand.example",
            revision=2,
            digest="00" * 32,
            at=datetime.now(UTC),
        ),
        deadline=time.monotonic() + seconds,
        playbook=playbook,
        author=author,
        subject=subject,
    )
