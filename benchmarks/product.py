"""``deskhand serve`` as a process of its own, between stand-ins in processes of theirs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiohttp

from bot.store.connect import open_redis
from bot.store.folder import StoreFolder
from tests.fixtures_redis import free_port
from tests.live.product import CONFIG, write_config

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 30.0


@dataclass
class Serving:
    """A ``deskhand serve`` that is ready, and the store beneath it."""

    url: str
    process: asyncio.subprocess.Process
    store_url: str
    store_pid: int
    ready_after: float
    """Seconds from its start to its first 200 on ``/readyz``."""

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """-9 to the server and the store at once."""
        for pid in (self.pid, self.store_pid):
            os.kill(pid, signal.SIGKILL)


def plain_config(**playbook: Any) -> dict[str, Any]:
    """The live tests' config without webhooks; ``playbook`` changes its one playbook."""
    config = {key: value for key, value in CONFIG.items() if key != "webhooks"}
    book = dict(config["playbooks"]["support"])
    book["listen"] = [{"slack": "C0SUPPORT"}]
    # One customer writes all the tickets here.
    limits = {"runs_per_author_hour": 100_000}
    config["playbooks"] = {"support": {**book, "limits": limits, **playbook}}
    return config


@asynccontextmanager
async def serving(
    folder: Path,
    environment: Mapping[str, str],
    *,
    role: Literal["all", "web", "worker"] = "all",
    config: Mapping[str, Any] | None = None,
    redis_url: str | None = None,
    program: Sequence[str] = ("bot", "serve"),
) -> AsyncIterator[Serving]:
    """Start it in ``folder`` (keep its path short), wait until it is ready, end it in order.

    ``program``: the module that serves, and its first arguments."""
    write_config(folder, config or plain_config())
    port = free_port()
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        **environment,
        "DESKHAND_CONFIG": str(folder / "deskhand.yaml"),
        "DESKHAND_DATA": str(folder / "data"),
        "DESKHAND_SECRET": "a-secret-of-thirty-two-characters",
        **({"REDIS_URL": redis_url} if redis_url else {}),
    }
    url = f"http://127.0.0.1:{port}"
    with (folder / f"{role}.log").open("ab") as log:
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *program, "--role", role, "--port", str(port),
            env=variables, stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
        try:
            await _ready(process, url, folder / f"{role}.log")
            after = time.monotonic() - began
            store = redis_url or _embedded_url(folder / "data")
            yield Serving(url, process, store, await _server_pid(store), after)
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.wait(), 15)


async def _ready(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(START_SECONDS):
        while True:
            if process.returncode is not None:
                words = await asyncio.to_thread(log.read_text)
                raise RuntimeError(f"deskhand serve ended:\n{words[-2000:]}")
            try:
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.005)


def _embedded_url(data: Path) -> str:
    return f"unix://{StoreFolder(data).socket}"


async def _server_pid(url: str) -> int:
    redis = open_redis(url, decode_responses=True)
    try:
        return int((await redis.info("server"))["process_id"])
    finally:
        await redis.aclose()
