"""Processes of their own that use the embedded store, for tests that kill them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_USER = """
import asyncio, sys, pathlib
from bot.store.connect import open_redis
from bot.store.embedded import EmbeddedServer

async def main():
    async with EmbeddedServer(pathlib.Path(sys.argv[1])) as server:
        client = open_redis(server.url)
        await client.set("written-by-user", "yes")
        info = await client.info("server")
        await client.aclose()
        print(info["process_id"], server.url, flush=True)
        await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""

_CROWD = """
import asyncio, os, sys, pathlib
from bot.store.connect import open_redis
from bot.store.embedded import EmbeddedServer

async def use(folder, done):
    async with EmbeddedServer(folder) as server:
        client = open_redis(server.url, read_timeout_s=10)
        info = await client.info("server")
        await client.incr("users")
        os.write(1, b"%d\\n" % info["process_id"])
        # Everybody stays until everybody has come.
        while int(await client.get("users")) < done:
            await asyncio.sleep(0.01)
        await client.aclose()

count = int(sys.argv[2])
gate_read, gate_write = os.pipe()
children = []
for _ in range(count):
    child = os.fork()
    if child == 0:
        os.close(gate_write)
        os.read(gate_read, 1)
        asyncio.run(use(pathlib.Path(sys.argv[1]), count))
        os._exit(0)
    children.append(child)
os.close(gate_write)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


@contextlib.contextmanager
def user_process(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that uses the store until a line comes on its stdin, and its server's id."""
    process = subprocess.Popen(
        [sys.executable, "-c", _USER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline().split()[0])
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def crowd(data_dir: Path, count: int) -> list[int]:
    """``count`` processes start at one moment; the ids of the server that each of them saw."""
    done = subprocess.run(
        [sys.executable, "-c", _CROWD, str(data_dir), str(count)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [int(line) for line in done.stdout.split()]
