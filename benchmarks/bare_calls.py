"""The reference for a ticket: its SDK calls and nothing else.

Reads one line of JSON after another from stdin: the tickets' calls as the stand-ins logged them.
Each ticket's are made again with the same arguments by the same SDKs, one client each for the
process, one call after another, and the answer is a line with the CPU spent. Message ids of the
first time are replaced by those of this time.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

import aiohttp
from anthropic import AsyncAnthropic
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient


async def one_ticket(ticket: dict[str, Any], slack: AsyncWebClient, model: AsyncAnthropic) -> None:
    """``ids``: old ts to new. ``calls``: Slack's, in order. ``requests``: the model's."""
    ids: dict[str, str] = dict(ticket["ids"])
    for request in ticket["requests"]:
        await model.messages.create(**request)
    for name, args, posted in ticket["calls"]:
        given = {key: ids.get(value, value) if isinstance(value, str) else value
                 for key, value in args.items()}  # fmt: skip
        method = getattr(slack, name.replace(".", "_"))
        try:
            answer = await method(**given)
        except SlackApiError:
            continue  # refused the first time, too
        if posted:
            ids[posted] = str(answer["ts"])


async def main() -> None:
    async with aiohttp.ClientSession() as session:
        slack = AsyncWebClient(
            token=os.environ["SLACK_BOT_TOKEN"],
            base_url=os.environ["SLACK_API_URL"],
            session=session,
        )
        model = AsyncAnthropic(max_retries=0)
        print(json.dumps({"ready": True}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            tickets = json.loads(line)
            spent = time.process_time()
            for ticket in tickets:
                await one_ticket(ticket, slack, model)
            spent = time.process_time() - spent
            print(json.dumps({"cpu": spent / len(tickets) * 1e6}), flush=True)
        await model.close()


if __name__ == "__main__":
    asyncio.run(main())
