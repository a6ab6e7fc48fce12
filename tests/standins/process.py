"""Running a stand-in as a process of its own, outside the product's and the test's."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_S = 20.0


@asynccontextmanager
async def standin_process(module: str, *arguments: str) -> AsyncIterator[tuple[str, int]]:
    """Run `python -m {module}` until the end of the block; yields its URL and process id.

    `module` is tests.standins.slack, tests.standins.anthropic or tests.standins.sink.
    """
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        cwd=_ROOT,
    )
    try:
        if process.stdout is None:
            raise RuntimeError("no pipe to the stand-in")
        line = await asyncio.wait_for(process.stdout.readline(), START_LIMIT_S)
        yield str(json.loads(line)["url"]), process.pid
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
