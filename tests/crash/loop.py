"""One kill -9 loop: people work tickets while the product is killed and started again.

The oracle is the Slack stand-in's own memory, which lives on: what was accepted (2xx), what was
posted into customers' threads, and what the cards say in the end.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bot.cli.attach import attached
from bot.domain import WAITING_STATES
from bot.settings import from_environment
from bot.stats.dims import cell_of
from tests.fixtures_redis import free_port
from tests.live.product import CONFIG, write_config
from tests.standins.slack import Delivery, Message, SlackStandin, slack_standin

QUESTIONS = (
    "Where do I find my invoice?",
    "When does a refund reach my card?",
    "On which day are invoices made?",
)
UNDECIDED = "What became of my order?"
"""A ticket that nobody decides: it is waiting in the end, and counted so."""
ENDED = ("succeeded", "unknown")


@dataclass
class Verdict:
    """What one loop came to."""

    order: str
    accepted: int = 0
    killed: bool = False
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    unknown: int = 0
    in_window: int = 0
    """Claims that were open when the process died: so many may be unknown."""
    unended: list[str] = field(default_factory=list)
    miscounted: str = ""
    """What the figures say is waiting, where the documents say something else."""


@asynccontextmanager
async def victim(
    folder: Path, slack: SlackStandin, port: int, order: str | None
) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        **slack.environment,
        "DESKHAND_CONFIG": str(folder / "deskhand.yaml"),
        "DESKHAND_DATA": str(folder / "data"),
        "CRASH_PORT": str(port),
    }
    if order:
        environment |= {"CRASH_AT": order, "CRASH_NOTE": str(folder / "note")}
    with (folder / "victim.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.crash.victim",
            env=environment,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                await asyncio.wait_for(process.wait(), 15)


async def ready(process: asyncio.subprocess.Process, port: int) -> bool:
    """Wait until it serves; False if it died first."""
    async with aiohttp.ClientSession() as session:
        while process.returncode is None:
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return True
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.02)
    return False


async def one_loop(folder: Path, order: str) -> Verdict:
    """Three tickets; the process is killed where ``order`` says, and started again."""
    config: dict[str, Any] = {key: value for key, value in CONFIG.items() if key != "webhooks"}
    support = dict(config["playbooks"]["support"])
    support["listen"] = [{"slack": "C0SUPPORT"}]
    write_config(folder, {**config, "playbooks": {"support": support}})
    port, verdict = free_port(), Verdict(order)
    async with slack_standin() as slack:
        people = slack.driver(f"http://127.0.0.1:{port}")
        async with victim(folder, slack, port, order) as process:
            if await ready(process, port):
                texts = (*QUESTIONS, UNDECIDED)
                asking = [asyncio.create_task(people.message(text)) for text in texts]
                working = asyncio.create_task(_work(slack, people, process))
                sent = [await task for task in asking]
                await asyncio.wait(
                    {working, asyncio.create_task(process.wait())},
                    timeout=40,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
            else:
                sent = []
            verdict.killed = process.returncode == -9
            if verdict.killed:
                verdict.in_window = int((folder / "note").read_text())
        async with victim(folder, slack, port, None) as process:
            assert await ready(process, port), (folder / "victim.log").read_text()[-2000:]
            if not sent:
                sent = [await people.message(text) for text in (*QUESTIONS, UNDECIDED)]
            # As Slack does: what was not acknowledged is delivered again.
            again = [await people.insist(delivery) for delivery in sent]
            verdict.accepted = sum(delivery.ok for delivery in again)
            await _work(slack, people, process, timeout=60)
            await _judge(slack, again[:-1], verdict)
            verdict.miscounted = await _miscounted(folder)
    return verdict


async def _work(
    slack: SlackStandin, people: Any, process: asyncio.subprocess.Process, timeout: float = 40
) -> None:
    """Approve whatever is pending, until every ticket has ended or the process is dead."""
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout
    while process.returncode is None and loop.time() < until:
        cards = _cards(slack)
        asked = [card for card in cards.values() if UNDECIDED not in card.block_text]
        left = [card for card in cards.values() if UNDECIDED in card.block_text]
        if (
            len(asked) == len(QUESTIONS)
            and all(card.card_state in ENDED for card in asked)
            and len(left) == 1
            and left[0].card_state in WAITING_STATES
        ):
            return
        for card in asked:
            if "deskhand.approve" in card.action_ids:
                await people.click("U0AGENT", card, "deskhand.approve")
        await asyncio.sleep(0.05)


def _cards(slack: SlackStandin) -> dict[str, Message]:
    """The newest copy of each proposal's card, as it is now."""
    return {
        card.payload["proposal"]: card
        for card in map(slack.space.current, slack.space.posted)
        if card.card_state and not card.deleted
    }


async def _miscounted(folder: Path) -> str:
    """Compare what is counted as waiting with the documents themselves."""
    settings = from_environment({"DESKHAND_DATA": str(folder / "data")})
    async with attached(settings) as there:
        store = there.store
        kept = [
            found.value
            async for key in store.wire.redis.scan_iter(match=f"{store.keys.prefix}p_*")
            if (found := await store.proposal(key.decode().removeprefix(store.keys.prefix)))
        ]
        waits = Counter(cell_of(one) for one in kept if one.state in WAITING_STATES)
        counted = {one.cell: one.total for one in await store.open_now()}
        listed = [one.id for one in kept if one.state in WAITING_STATES]
        queue = list(await store.waiting())
    if counted == waits and set(listed) <= set(queue) and sum(waits.values()) == 1:
        return ""
    return f"counted {counted}, are {dict(waits)}; listed {queue}, are {listed}"


async def _judge(slack: SlackStandin, sent: list[Delivery], verdict: Verdict) -> None:
    threads: dict[str, list[Message]] = {}
    for message in slack.space.posted:
        if message.event_type == "deskhand_reply" and message.thread_ts:
            threads.setdefault(message.thread_ts, []).append(message)
    cards = _cards(slack)
    by_text = {
        question: [card for card in cards.values() if question in card.block_text]
        for question in QUESTIONS
    }
    for question, delivery in zip(QUESTIONS, sent, strict=True):
        assert delivery.message is not None
        replies = threads.get(delivery.message.ts, [])
        shown = by_text[question]
        states = [card.card_state for card in shown]
        if not shown:
            verdict.lost.append(question)
        if len(replies) > 1:
            verdict.twice.append(question)
        if len({card.payload["proposal"] for card in shown}) > 1:
            verdict.twice.append(f"two proposals: {question}")
        if states and states[-1] == "unknown":
            verdict.unknown += 1
        elif not replies or states[-1] != "succeeded":
            verdict.unended.append(f"{question}: {states}, {len(replies)} replies")


def faults(verdict: Verdict) -> list[str]:
    """What is wrong with a verdict; nothing, if the claims hold."""
    wrong = [f"lost: {one}" for one in verdict.lost]
    wrong += [f"twice: {one}" for one in verdict.twice]
    wrong += [f"not ended: {one}" for one in verdict.unended]
    if verdict.miscounted:
        wrong.append(f"waiting: {verdict.miscounted}")
    if verdict.unknown > verdict.in_window:
        wrong.append(f"{verdict.unknown} unknown, {verdict.in_window} claims were open")
    return wrong
