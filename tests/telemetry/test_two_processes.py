"""Web and worker as two processes: one trace, what is left is sent at their end, and log lines."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from tests.fixtures_redis import free_port
from tests.live.product import CONFIG, SECRET, write_config
from tests.live.steps import Helpdesk, ticket
from tests.standins.anthropic import anthropic_standin, choosing
from tests.standins.otlp import otlp_standin
from tests.standins.slack import slack_standin
from tests.telemetry.way import ROOT, WAY, only, traceparent, variables, whole_way

_REPOSITORY = Path(__file__).parents[2]


@asynccontextmanager
async def serving(
    folder: Path, role: str, environment: Mapping[str, str]
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """``deskhand serve --role role``, ready; its log is ``<role>.log`` in ``folder``."""
    port = free_port()
    with (folder / f"{role}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "serve", "--role", role, "--port", str(port)),
            env=dict(environment), stdout=log, stderr=log, cwd=_REPOSITORY,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        await _ready(url, process, folder / f"{role}.log")
        yield url, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _ready(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        while True:
            assert process.returncode is None, _words(log)
            try:
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass  # not listening yet
            await asyncio.sleep(0.05)


async def test_web_and_worker_add_to_one_trace_and_send_what_is_left_at_their_end(
    tmp_path: Path, redis_url: str
) -> None:
    header, trace, span = traceparent()
    path = write_config(tmp_path, CONFIG)
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(slack_standin())
        fill = choosing(route="billing", labels=["billing"])
        model = await stack.enter_async_context(anthropic_standin([], fill=fill, research_steps=1))
        collector = await stack.enter_async_context(otlp_standin())
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            **slack.environment,
            **model.environment,
            # Nothing is sent by itself within this test.
            **variables(collector, OTEL_BSP_SCHEDULE_DELAY="600000"),
            "REDIS_URL": redis_url,
            "DESKHAND_SECRET": "a-secret-of-thirty-two-characters",
            "DESKHAND_DATA": str(tmp_path / "data"),
            "DESKHAND_CONFIG": str(path),
            "DESKHAND_LOG": "info,json",
            "HELPDESK_SECRET": SECRET,
        }
        web, doors = await stack.enter_async_context(serving(tmp_path, "web", environment))
        _, hands = await stack.enter_async_context(serving(tmp_path, "worker", environment))
        people = slack.driver(web)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(headers={"traceparent": header})
        )
        assert await Helpdesk(web, session).send(ticket("t-1")) == 200
        card = await slack.space.posted.wait_for(lambda m: m.card_state == "pending", timeout=20)
        assert (await people.click("U0AGENT", card, "deskhand.approve")).ok
        await slack.signal.until(
            # Where its reply would go is not configured.
            lambda: slack.space.current(card).card_state == "failed",
            timeout=20,
        )
        # The message as it stood when it was pressed first: too late, and answered by the doors.
        assert (await people.click("U0AGENT", card, "deskhand.approve")).ok
        assert not collector.requests
        began = time.monotonic()
        for process in (doors, hands):
            process.send_signal(signal.SIGTERM)
        codes = [await process.wait() for process in (doors, hands)]
        assert codes == [0, 0]
        assert time.monotonic() - began < 30
        spans = await whole_way(collector)
    assert {one.name for one in spans} == set(WAY)
    assert {one.trace for one in collector.spans} == {spans[0].trace}
    assert only(spans, ROOT).links == ((trace, span),)
    presses = [one for one in spans if one.name == "deskhand.decision"]
    assert [one.attributes["deskhand.outcome"] for one in presses] == ["approved", "decided"]
    processes = {one.name: one.resource["service.instance.id"] for one in spans}
    web_names = {"POST /slack/events", "deskhand.decision"}
    assert {processes[name] for name in web_names}.isdisjoint(
        processes[name] for name in WAY if name not in web_names
    )
    assert len(set(processes.values())) == 2
    for role in ("web", "worker"):
        lines = [json.loads(one) for one in _json_lines(tmp_path / f"{role}.log")]
        about = [one for one in lines if one.get("trace_id") == spans[0].trace]
        assert about, role
        for one in about:
            assert one["ticket"] == spans[0].attributes["deskhand.ticket"]
            assert one["run"] == spans[0].attributes["deskhand.run"]
            assert one["proposal"] == spans[0].attributes["deskhand.proposal"]


def _json_lines(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if line.startswith("{")]


def _words(log: Path) -> str:
    return log.read_text()
