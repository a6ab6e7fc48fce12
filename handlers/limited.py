"""Too many requests: what every chat service means by 429, and how a single reply waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from bot.commands import Refused

Answer = TypeVar("Answer")

_MARGIN_SECONDS: Final = 0.5
"""A request needs this long after the wait."""


class TooMany(Exception):
    """Certainly not done; it may be tried again after so many seconds."""

    def __init__(self, service: str, retry_after_seconds: float) -> None:
        super().__init__(f"{service} asks to wait {retry_after_seconds:g} s")
        self.retry_after_seconds = retry_after_seconds


async def sent_in_time(
    send: Callable[[float], Awaitable[Answer]], left: Callable[[], float]
) -> Answer | Refused:
    """What ``send`` answers, given the seconds that are ``left``. Whoever asks to wait was not sent
    it, so that it is sent again, if there is time for it; whatever else is raised is final."""
    while True:
        seconds = left()
        if seconds <= 0:
            return Refused("the time to send it was over before anything was sent")
        try:
            return await send(seconds)
        except TooMany as limited:
            if limited.retry_after_seconds + _MARGIN_SECONDS >= left():
                return Refused(f"not sent: {limited}")
            await asyncio.sleep(limited.retry_after_seconds)
