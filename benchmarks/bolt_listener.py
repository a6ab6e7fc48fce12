"""The reference for intake: a bare Bolt listener that does nothing but acknowledge.

``python -m benchmarks.bolt_listener --port N``: an ``AsyncApp`` with its default middleware (it
verifies signatures), one listener, Bolt's own ASGI adapter, and uvicorn configured as Deskhand
configures it. ``SLACK_API_URL``, ``SLACK_BOT_TOKEN`` and ``SLACK_SIGNING_SECRET`` as for Deskhand.
"""

from __future__ import annotations

import argparse
import logging
import os
from typing import Any

from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from benchmarks.bare_server import serve_bare


def bare_app() -> AsyncSlackRequestHandler:
    """The listener behind Bolt's ASGI adapter."""
    logging.disable(logging.INFO)
    client = AsyncWebClient(
        token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"]
    )
    app = AsyncApp(client=client, signing_secret=os.environ["SLACK_SIGNING_SECRET"])

    @app.event("message")
    async def hear(ack: Any) -> None:
        await ack()

    return AsyncSlackRequestHandler(app, path="/slack/events")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.bolt_listener")
    parser.add_argument("--port", type=int, required=True)
    serve_bare(bare_app(), parser.parse_args().port)


if __name__ == "__main__":
    main()
