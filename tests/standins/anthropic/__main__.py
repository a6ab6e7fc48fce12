"""`python -m tests.standins.anthropic --port N --log FILE`: the stand-in on its own.

The first line on stdout is `{"ready": true, "url": ...}`; it runs until killed.
"""

import argparse
import asyncio
import json
from pathlib import Path

from tests.standins.anthropic.brains import HostileModel, endless_tools
from tests.standins.anthropic.replies import Brain
from tests.standins.anthropic.server import anthropic_standin

_BRAINS: dict[str, Brain | None] = {
    "default": None,
    "hostile": HostileModel(),
    "endless": endless_tools(),
}


async def _run(arguments: argparse.Namespace) -> None:
    async with anthropic_standin(
        brain=_BRAINS[arguments.model],
        research_steps=arguments.research_steps,
        port=arguments.port,
        log_path=arguments.log,
    ) as standin:
        print(json.dumps({"ready": True, "url": standin.url}), flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.standins.anthropic")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, default=None)
    parser.add_argument("--model", choices=sorted(_BRAINS), default="default")
    parser.add_argument("--research-steps", type=int, default=0)
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
