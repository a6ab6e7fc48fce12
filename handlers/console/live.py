"""``/console/events``: a browser hears when something happens, and asks for what it shows anew.

An event names tickets and proposals by their ids and carries no word of them: what a person may
read is decided when their browser asks. Idle, a stream costs a comment line now and then.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bot.authority import NotAllowed, look_up
from handlers.console.asking import Visitor
from handlers.console.parts import ConsoleParts

PULSE_SECONDS: Final = 25.0
"""So often a quiet stream says that it lives: proxies close what says nothing for a minute."""
AGAIN_MS: Final = 2_000


async def events(parts: ConsoleParts, request: Request, visitor: Visitor) -> Response:
    """The stream, until the browser goes, the session ends, or this process stops."""
    return StreamingResponse(
        _stream(parts, visitor),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(parts: ConsoleParts, visitor: Visitor) -> AsyncIterator[str]:
    async with parts.news.listen() as ear:
        yield f"retry: {AGAIN_MS}\n\n"
        while True:
            left = visitor.session.ends_at - parts.context.clock.now().timestamp()
            if left <= 0:
                break
            news = await ear.next(min(PULSE_SECONDS, left))
            if news is None:
                return
            if not news:
                yield ": still here\n\n"
                continue
            person = await look_up(parts.context, visitor.actor)
            if isinstance(person, NotAllowed) and person.kind != "look_up_failed":
                break
            if await parts.sign_ins.ended(visitor.session.id):
                break
            yield _event("change", {"ids": sorted(news)})
        yield _event("over", {})


def _event(name: str, data: dict[str, object]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
