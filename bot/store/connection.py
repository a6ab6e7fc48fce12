"""redis-py's connections with one method replaced, so that a cancelled task is cancelled.

redis-py sends through ``asyncio.wait_for``. Before Python 3.12 that swallows a cancellation which
arrives while the send is just ending (github.com/python/cpython/issues/86296), and a send almost
always is: a task that was cancelled in a call went on as if nothing had been, at 4 of the first 6
turns of the loop. A time limit around the call, a drain or a shutdown then waits for ever.
``wait_for`` also makes a task of every send: without it a call costs a sixth less CPU.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError


class _PlainSend(AbstractConnection):
    """The contract of the method it replaces: all is sent, or the connection is closed."""

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()  # type: ignore[no-untyped-call]  # redis-py gives no types
        if isinstance(command, str):
            command = command.encode()
        # Not ``writelines``: in Python 3.12 and 3.13.0 it neither pauses for a server that takes no
        # more nor knows that the connection is lost, and then leaves its socket behind.
        whole = command if isinstance(command, bytes) else b"".join(command)
        writer = self._writer
        assert writer is not None, "connected above"
        try:
            writer.write(whole)
            if writer.transport.get_write_buffer_size() == 0:
                # The kernel took it all: this does not wait, it only reports a lost connection.
                await writer.drain()
                return
            async with asyncio.timeout(self.socket_timeout):
                await writer.drain()
        except TimeoutError:
            await self._drop(writer)
            raise RedisTimeoutError("Timeout writing to socket") from None
        except OSError as error:
            await self._drop(writer)
            raise RedisConnectionError(f"Error while writing to socket: {error}") from error
        except BaseException:
            # Cancelled half-way, perhaps: what follows on this connection would be mistaken.
            await self._drop(writer)
            raise

    async def _drop(self, writer: asyncio.StreamWriter) -> None:
        # Not only closed: asyncio would go on sending what it still holds, and a command that was
        # reported as failed would be carried out later. Cut short, it never is.
        writer.transport.abort()
        await self.disconnect(nowait=True)


class TcpConnection(_PlainSend, Connection):
    """``redis://``"""


class TlsConnection(_PlainSend, SSLConnection):
    """``rediss://``"""


class UnixConnection(_PlainSend, UnixDomainSocketConnection):
    """``unix://``"""


def connection_options(url: str) -> dict[str, Any]:
    """What redis-py reads from ``url``, with the class of connection that it asks for.

    Raises ``ValueError``, whose words may quote pieces of the URL.
    """
    options: dict[str, Any] = dict(parse_url(url))
    match options.get("connection_class"):
        case kind if kind is UnixDomainSocketConnection:
            options["connection_class"] = UnixConnection
        case kind if kind is SSLConnection:
            options["connection_class"] = TlsConnection
        case _:
            options["connection_class"] = TcpConnection
    return options
