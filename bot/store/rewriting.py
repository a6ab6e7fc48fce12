"""The server's append-only file, written anew: what was erased leaves it too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from redis.exceptions import RedisError, ResponseError

from bot.store.connect import unavailable
from bot.store.wire import Wire

_REWRITE_SECONDS, _LOOK_SECONDS = 60.0, 0.05


async def rewrite_files(wire: Wire) -> None:
    """Have the server write its append-only file anew, without what was erased, and wait for it.

    For the embedded server, whose file is ours alone. Raises ``TimeoutError`` where it takes longer
    than a minute: then it goes on by itself.
    """
    async with asyncio.timeout(_REWRITE_SECONDS):
        async for _ in rewriting(wire):
            await asyncio.sleep(_LOOK_SECONDS)


async def rewriting(wire: Wire) -> AsyncIterator[None]:
    """The same, with a look at how far it is between each two yields."""
    while True:
        # One that is under way may have begun before the last text was erased.
        while await _is_rewriting(wire):
            yield
        try:
            await wire.command("BGREWRITEAOF")
        except ResponseError:
            continue  # another was first
        while await _is_rewriting(wire):
            yield
        return


async def _is_rewriting(wire: Wire) -> bool:
    try:
        told = await wire.redis.info("persistence")
    except RedisError as error:
        raise unavailable(wire.redis, error) from error
    return bool(told["aof_rewrite_in_progress"] or told["aof_rewrite_scheduled"])
