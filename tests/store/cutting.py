"""A wire that can be cut at the worst moment: after the server has acted, before its answer."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path


class CuttingProxy:
    """Stands between a client and the server on unix sockets.

    ``swallow(word)``: the next request that contains ``word`` reaches the server, and the
    connection ends without its answer. ``held``: it reaches the server only once ``let_go`` is
    called. ``then_away``: nobody gets through any more after it, until ``back`` is called.
    """

    def __init__(self, server_socket: Path, own_socket: Path) -> None:
        self._server_socket = server_socket
        self._own_socket = own_socket
        self._word: bytes | None = None
        self.swallowed = 0
        self._held = False
        self._gate = asyncio.Event()
        self._late: set[asyncio.Task[None]] = set()
        self._then_away = False
        self._away = False
        self._listener: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"unix://{self._own_socket}"

    def swallow(self, word: str, *, held: bool = False, then_away: bool = False) -> None:
        self._word = word.encode()
        self._held, self._then_away = held, then_away

    async def let_go(self) -> None:
        """What was held reaches the server now, and is carried out."""
        self._gate.set()
        await asyncio.gather(*self._late)

    def back(self) -> None:
        self._away = False

    async def __aenter__(self) -> CuttingProxy:
        self._listener = await asyncio.start_unix_server(self._serve, self._own_socket)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listener is not None
        self._listener.close()
        for late in self._late:
            late.cancel()
        for writer in tuple(self._open):
            writer.close()
        await self._listener.wait_closed()

    async def _serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        if self._away:
            answer.close()
            return
        server, request = await asyncio.open_unix_connection(self._server_socket)
        self._open |= {answer, request}
        cut = asyncio.Event()
        forward = asyncio.create_task(self._requests(client, request, cut))
        back = asyncio.create_task(_answers(server, answer, cut))
        with contextlib.suppress(ConnectionError):
            await asyncio.wait((forward, back), return_when=asyncio.FIRST_COMPLETED)
        for task in (forward, back):
            task.cancel()
        await asyncio.wait((forward, back))
        for writer in (answer, request):
            self._open.discard(writer)
            writer.close()

    async def _requests(
        self, client: asyncio.StreamReader, request: asyncio.StreamWriter, cut: asyncio.Event
    ) -> None:
        while data := await client.read(1 << 16):
            if self._word is not None and self._word in data:
                self._word = None
                self.swallowed += 1
                self._away = self._then_away
                if self._held:
                    late = asyncio.create_task(self._deliver(data))
                    self._late.add(late)
                    return
                cut.set()
            request.write(data)
            await request.drain()

    async def _deliver(self, data: bytes) -> None:
        """A request that was long under way; nobody waits for its answer any more."""
        await self._gate.wait()
        answer, request = await asyncio.open_unix_connection(self._server_socket)
        request.write(data)
        await request.drain()
        await answer.read(1)
        request.close()


async def _answers(
    server: asyncio.StreamReader, answer: asyncio.StreamWriter, cut: asyncio.Event
) -> None:
    while data := await server.read(1 << 16):
        if cut.is_set():
            return
        answer.write(data)
        await answer.drain()
