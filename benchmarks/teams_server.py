"""``deskhand serve --role web`` whose tokens come from a loopback issuer.

``python -m benchmarks.teams_server KEYS_URL --role web --port N``: ``bot.app.running`` on the loop
of ``serve``, with the environment of ``serve``. Where the signing keys are is given in code, for
neither the environment nor the config can say it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from functools import partial

from bot import event_loop
from bot.app import running
from bot.config_file import load
from bot.logs import configure_logging
from bot.settings import from_environment, named_secrets
from bot.teams import Microsoft
from handlers.teams_hosts import service_address
from handlers.web import stop_on_signals


async def serve(keys_url: str, port: int) -> None:
    settings = from_environment(os.environ)
    configure_logging(settings.log_level, settings.log_form)
    file = load(settings.config, environment=os.environ)
    microsoft = Microsoft(keys_url=keys_url, allowed=partial(service_address, emulator=True))
    stop = asyncio.Event()
    with stop_on_signals(stop):
        async with running(
            settings,
            file,
            named_secrets(file.config, os.environ),
            host="127.0.0.1",
            port=port,
            role="web",
            microsoft=microsoft,
        ):
            await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.teams_server")
    parser.add_argument("keys_url")
    parser.add_argument("--role", choices=["web"], required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    event_loop.run(serve(given.keys_url, given.port))


if __name__ == "__main__":
    main()
