"""What goes over the connection: one command, several, or one script, and how each fails."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import (
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bot.ports import StoreUnavailable
from bot.store.connect import unavailable
from bot.store.scripts import Script
from bot.store.shared_connection import SharedConnection

Argument = str | bytes | int

_NOT_NOW = (
    RedisConnectionError,  # cut, refused, still loading, login refused
    RedisTimeoutError,
    ReadOnlyError,
    OutOfMemoryError,
    ClusterDownError,
    TryAgainError,
    MasterDownError,
    NoPermissionError,
)
_NOT_NOW_CODES = frozenset(
    {"MISCONF", "NOREPLICAS", "BUSY", "UNKILLABLE", "LOADING", "CLUSTERDOWN", "TRYAGAIN"}
)
_SHORT = frozenset({"EVALSHA", "EVAL", "GET", "GETRANGE", "MGET", "HGET", "HMGET"})
"""Commands for the shared connection: soon answered, and redis-py's form of it is RESP's own."""


class TooFewReplicas(StoreUnavailable):
    """It is written on the primary, and too few replicas have confirmed it in time."""


class Wire:
    """A client, and how many replicas must have confirmed what may not be lost.

    Every failure that is the server's or the network's is ``StoreUnavailable``; what is wrong with
    the program (a wrong type, a script's error) passes through as redis-py's error. Nothing is
    ever sent a second time: a lost reply means that nobody knows. Short commands and scripts share
    one connection; a pipeline has one of its own, for WAIT would hold up the others.
    """

    def __init__(self, redis: Redis, *, replicas: int = 0, wait_ms: int = 500) -> None:
        self.redis = redis
        self.replicas = replicas
        self.wait_ms = wait_ms
        self._shared = SharedConnection(redis)

    async def command(self, *command: Argument) -> Any:
        """One command; the answer in redis-py's form for it, with bytes for strings."""
        try:
            return await self._send(*command)
        except RedisError as error:
            raise self._explained(error) from error

    async def commands(self, *commands: Sequence[Argument]) -> list[Any]:
        """Several commands in one round trip, not atomic; their answers."""
        pipeline = self.redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        try:
            return await pipeline.execute()
        except RedisError as error:
            raise self._explained(error) from error

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Run a script by its SHA; with its text where the server does not know it (any more)."""
        try:
            return await self._send("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            # Certain not to have run, so this is no second sending.
            return await self.command("EVAL", script.text, len(keys), *keys, *arguments)
        except RedisError as error:
            raise self._explained(error) from error

    async def run_safely(
        self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]
    ) -> Any:
        """``run``, and wait until the replicas asked for have it. Raises ``TooFewReplicas``.

        WAIT counts what its own connection wrote, so both go down one connection, in one round
        trip. Its time-out is the server's to keep: below the client's read time-out.
        """
        if self.replicas == 0:
            return await self.run(script, keys, arguments)
        wait = ("WAIT", self.replicas, self.wait_ms)
        try:
            answer, confirmed = await self._pair(
                ("EVALSHA", script.sha, len(keys), *keys, *arguments), wait
            )
            if isinstance(answer, NoScriptError):
                answer, confirmed = await self._pair(
                    ("EVAL", script.text, len(keys), *keys, *arguments), wait
                )
        except RedisError as error:
            raise self._explained(error) from error
        for part in (answer, confirmed):
            if isinstance(part, RedisError):
                raise self._explained(part) from part
        if confirmed < self.replicas:
            raise TooFewReplicas(
                f"only {confirmed} of {self.replicas} replicas confirmed a write within"
                f" {self.wait_ms} ms"
            )
        return answer

    async def clock_skew_seconds(self, now: datetime) -> float:
        """How far ``now``, this machine's time, is ahead of the server's."""
        seconds, micros = await self.command("TIME")
        return now.timestamp() - (int(seconds) + int(micros) / 1e6)

    async def load(self, scripts: Sequence[Script]) -> None:
        """Make the scripts known to the server, so that no first use pays for it."""
        await self.commands(*(("SCRIPT", "LOAD", script.text) for script in scripts))

    def _send(self, *command: Argument) -> Awaitable[Any]:
        if command[0] in _SHORT:
            return self._shared.call(command)
        # redis-py leaves this method untyped.
        sent = self.redis.execute_command(*command)  # type: ignore[no-untyped-call]
        return cast("Awaitable[Any]", sent)

    async def _pair(self, first: Sequence[Argument], second: Sequence[Argument]) -> tuple[Any, Any]:
        pipeline = self.redis.pipeline(transaction=False)
        pipeline.execute_command(*first)
        pipeline.execute_command(*second)
        answers = await cast("Awaitable[list[Any]]", pipeline.execute(raise_on_error=False))
        return answers[0], answers[1]

    def _explained(self, error: RedisError) -> Exception:
        if isinstance(error, _NOT_NOW):
            return unavailable(self.redis, error)
        if isinstance(error, ResponseError) and str(error).split(" ", 1)[0] in _NOT_NOW_CODES:
            return unavailable(self.redis, error)
        return error
