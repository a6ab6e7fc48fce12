"""Deskhand's side: everything but a surface. The delivery is accepted, the queue wakes the worker,
the run pays for its calls, the proposal, the journal and the appointments are saved; the press of
the button is authorised and saved, the queue wakes the executor, which claims, acts and saves the
receipt. The embedded store keeps every write on disk before it answers.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from benchmarks.approval import work
from benchmarks.product import plain_config
from bot import buttons
from bot.agent.draft_check import Source
from bot.assembly import Desk
from bot.budget import Price, Usage
from bot.clock import SystemClock
from bot.commands import Outcome, Succeeded
from bot.config_file import load
from bot.domain import Actor, Author, Delivery, Person, Place, Ticket
from bot.forms import Decided
from bot.opening import Brains, build_desk, open_store
from bot.ports import Answer, Prompt, Surfaces, ToolCall
from bot.settings import from_environment
from bot.store.folder import StoreFolder
from bot.store.state import RedisStore
from bot.store.worker import Handler, Worker
from tests.fixtures_redis import short_folder
from tests.live.product import write_config
from tools.spec import Findings, Grant, Passage, ReadContext, Sent

TEAM = "T0TEAM"
AGENT = Actor(surface="slack", team=TEAM, id="U0AGENT")


class AtOnce:
    """``bot.ports.Model``: a search, then the answer. It has a price, so each call is paid for."""

    name = "anthropic"

    def price(self, model: str) -> Price:
        return Price(Decimal("0.1"), Decimal("0.5"), Decimal("0.01"), Decimal("0.125"))

    def worst_case_tokens(self, prompt: Prompt) -> int:
        return 4_000

    async def answer(self, prompt: Prompt) -> Answer:
        usage = Usage(input_tokens=900, output_tokens=200)
        if not prompt.turns:
            call = ToolCall("toolu_1", "search_kb", {"query": work.QUERY})
            raw = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.args}]
            return Answer(prompt.model, "", (call,), "tool_use", usage, raw, "req_1", "0" * 64)
        text = json.dumps(
            {
                "outcome": "reply",
                "labels": [work.LABEL],
                "priority": "normal",
                "route": work.ROUTE,
                "citations": [{"article": work.ARTICLE, "quote": work.QUOTE}],
                "reply": work.REPLY,
                "confidence": "high",
                "reason": "The article answers both questions.",
                "missing": [],
            }
        )
        raw = [{"type": "text", "text": text}]
        return Answer(prompt.model, text, (), "end_turn", usage, raw, "req_2", "0" * 64)


class SearchArgs(BaseModel):
    query: str


class SearchAtOnce:
    """``tools.spec.ReadTool`` under the name of the real search."""

    name = "search_kb"
    description = "Search the knowledge base."
    doing = "Searching the knowledge base"
    args_model = SearchArgs

    async def read(self, args: Any, context: ReadContext) -> Findings:
        passage = Passage(work.ARTICLE, "Invoices", work.QUOTE, 1.0)
        return Findings(work.PASSAGE, (passage,))

    async def source(self, article: str) -> Source | None:
        return Source(work.ARTICLE, "Invoices", work.PASSAGE)


class Everybody:
    """``bot.ports.Directory``: every actor is a full member."""

    async def person(self, actor: Actor) -> Person:
        return Person(actor=actor, name="Ada Agent", email="ada@desk.example", standing="member")

    async def in_groups(self, actor: Actor, groups: Sequence[str]) -> bool:
        return False


class Noted:
    """``tools.spec.Outlet``: the effect is one item in a list."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def target(self, ticket: Ticket) -> str:
        return "the customer's thread"

    def resend_seconds(self, origin: Place) -> float:
        return 0.0

    async def send(self, grant: Grant, text: str) -> Outcome:
        self.sent.append(text)
        return Succeeded(f"receipt {grant.key[:8]}")

    async def look_up(self, sent: Sent) -> Succeeded | None:
        return None


class Ours:
    """``work.Side``."""

    def __init__(self, desk: Desk, store: RedisStore, noted: Noted, store_pid: int) -> None:
        self._desk = desk
        self._store = store
        self._noted = noted
        self._store_pid = store_pid
        self._done: dict[str, asyncio.Event] = {"run": asyncio.Event(), "execute": asyncio.Event()}
        self._last = ""
        self._waiting: list[str] = []
        self._buttons: list[str] = []
        self._number = 0
        self.ended: Counter[str] = Counter()
        """How many jobs of each kind have ended."""
        self.worker: Worker | None = None

    @property
    def sent(self) -> list[str]:
        return self._noted.sent

    @property
    def store_pid(self) -> int | None:
        return self._store_pid

    def watched(self, kind: str, handler: Handler) -> Handler:
        """The same handler; its end is what the driver waits for."""

        async def watched(ident: str) -> datetime | None:
            again_at = await handler(ident)
            self.ended[kind] += 1
            if kind == "run":
                self._last = ident
            if kind in self._done:
                self._done[kind].set()
            return again_at

        return watched

    async def propose(self, count: int) -> None:
        for _ in range(count):
            self._done["run"].clear()
            await self._store.accept(self._delivery())
            await self._done["run"].wait()
            self._waiting.append(self._last)
        await self._quiet()

    async def propose_at_once(self, count: int, in_flight: int) -> None:
        """The same as ``propose`` with so many at a time, none of which is resumed afterwards."""
        before = self.ended["run"]
        for sent in range(count):
            while sent - (self.ended["run"] - before) >= in_flight:
                self._done["run"].clear()
                await self._done["run"].wait()
            await self._store.accept(self._delivery())
        while self.ended["run"] - before < count:
            self._done["run"].clear()
            await self._done["run"].wait()
        await self._quiet()

    async def show(self) -> None:
        for ident in self._waiting:
            found = await self._store.proposal(ident)
            assert found is not None
            assert found.value.state == "pending", found.value.state
            token = buttons.mint(ident, found.value.secret, found.value.revision, "approve")
            self._buttons.append(token)
        self._waiting.clear()

    async def resume(self) -> None:
        for token in self._buttons:
            self._done["execute"].clear()
            outcome = await self._desk.decide.press(token, "approve", AGENT)
            assert isinstance(outcome, Decided), outcome
            await self._done["execute"].wait()
        self._buttons.clear()
        await self._quiet()

    async def _quiet(self) -> None:
        """What follows the last one (its card, its lease) belongs to it."""
        assert self.worker is not None
        while self.worker.jobs:  # noqa: ASYNC110 - a worker tells nobody when it is idle
            await asyncio.sleep(0.001)

    def _delivery(self) -> Delivery:
        self._number += 1
        ts = f"1795000000.{self._number:06}"
        author = Author(
            surface="slack", id="U0CUSTOMER", team=TEAM, name="Cleo Customer", email="c@c.example"
        )
        return Delivery(
            id=f"slack:{TEAM}:Ev{self._number:09}",
            aliases=(f"slack:{TEAM}:C0SUPPORT:{ts}",),
            kind="message",
            playbook="support",
            origin=Place(surface="slack", place="C0SUPPORT", thread=ts, message=ts),
            author=author,
            text=work.TICKET,
            received_at=datetime.now(UTC),
            trace_id=secrets.token_hex(16),
        )


@asynccontextmanager
async def ours() -> AsyncIterator[Ours]:
    """Deskhand on its embedded store, with a worker in this process."""
    with short_folder() as folder:
        async with AsyncExitStack() as stack:
            yield await _assemble(stack, folder)


async def _assemble(stack: AsyncExitStack, folder: Path) -> Ours:
    path = write_config(folder, plain_config(research=["search_kb"]))
    settings = from_environment(
        {"DESKHAND_DATA": str(folder / "data"), "DESKHAND_CONFIG": str(path)}
    )
    file = load(path, environment={})
    opened = await open_store(stack, settings, file)
    store_pid = StoreFolder(folder / "data").pid()
    assert store_pid is not None
    noted, search = Noted(), SearchAtOnce()
    # The composition root names the real ones; only these attributes of theirs are used.
    vocabulary = frozenset({"invoice"})
    brains = Brains(AtOnce(), None, None, None, search, vocabulary)  # type: ignore[arg-type]  # see above
    surfaces = Surfaces({}, {"slack": Everybody()})
    desk = build_desk(file, opened, brains, {"slack": noted}, surfaces)
    side = Ours(desk, opened.store, noted, store_pid)
    handlers = {kind: side.watched(kind, job) for kind, job in desk.jobs.items()}
    side.worker = Worker(opened.queue, opened.store, handlers, SystemClock(), secret="s" * 32)
    working = asyncio.create_task(side.worker.run())

    async def ended() -> None:
        assert side.worker is not None
        await side.worker.stop()
        await working

    stack.push_async_callback(ended)
    await asyncio.sleep(0)
    return side


if __name__ == "__main__":
    work.run(ours())
