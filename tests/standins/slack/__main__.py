"""`python -m tests.standins.slack --port N --log FILE`: the stand-in on its own.

The first line on stdout is `{"ready": true, "url": ...}`; it runs until killed. With
`--product URL` it delivers events there, on orders that `tests.standins.slack.remote`
sends to its `/_control` endpoints.
"""

import argparse
import asyncio
import json
from pathlib import Path

from tests.standins.slack.server import SIGNING_SECRET, slack_standin


async def _run(arguments: argparse.Namespace) -> None:
    async with slack_standin(
        port=arguments.port,
        log_path=arguments.log,
        signing_secret=arguments.signing_secret,
        product_url=arguments.product,
    ) as standin:
        standin.web_api.enforce_rate_limits = arguments.rate_limits
        print(json.dumps({"ready": True, "url": standin.url}), flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.standins.slack")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, default=None)
    parser.add_argument("--product", default=None, help="base URL; none: Socket Mode")
    parser.add_argument("--signing-secret", default=SIGNING_SECRET)
    parser.add_argument("--rate-limits", action="store_true")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
