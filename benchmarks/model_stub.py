"""A Messages API that answers at once with a whole answer: ``python -m benchmarks.model_stub``.

The tests' stand-in, with a brain that searches once and then answers from the article, so that what
is drafted is what a good model would draft. The first line on stdout is as the stand-in's own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from tests.standins.anthropic import Reply, Request, anthropic_standin, json_reply, tool_reply

QUOTE = "A refund reaches the card it was paid with within five working days."
ANSWER = {
    "outcome": "reply",
    "labels": ["billing"],
    "priority": "normal",
    "route": "billing",
    "citations": [{"article": "", "quote": QUOTE}],
    "reply": "You find every invoice under Settings, Billing, Invoices. Invoices are made on the"
    " first of the month. A refund reaches the card it was paid with within five working days.",
    "confidence": "high",
    "reason": "The article answers both questions.",
    "missing": [],
}


def brain(request: Request) -> Reply:
    """One search in the ticket's words, then the answer."""
    if request.output_schema is None:
        return tool_reply(("search_kb", {"query": "invoice refund card"}))
    article = "invoices.md" if "invoices.md" in request.raw.decode() else "invoices"
    return json_reply({**ANSWER, "citations": [{"article": article, "quote": QUOTE}]})


async def _run(port: int, log: Path | None) -> None:
    async with anthropic_standin(brain=brain, port=port, log_path=log) as standin:
        print(json.dumps({"ready": True, "url": standin.url}), flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.model_stub")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, default=None)
    arguments = parser.parse_args()
    asyncio.run(_run(arguments.port, arguments.log))


if __name__ == "__main__":
    main()
