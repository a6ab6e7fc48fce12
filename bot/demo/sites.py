"""The web of the demo: the few companies whose pages come with the sample desk. No network."""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path

from bot.ports import Clock
from tools.research.fetch.exchange import Response
from tools.research.fetch.fetcher import Fetcher
from tools.research.fetch.pace import Pace
from tools.research.fetch.urls import Failed, Target


class ShippedSites:
    """``tools.research.fetch.web.Web`` of a folder: ``<host>/about.html`` is ``/about`` there."""

    def __init__(self, folder: Path) -> None:
        # Found beforehand: no address, however it is spelled, leads to another file.
        self._files = {
            (file.relative_to(folder).parts[0], _path(file.relative_to(folder))): file
            for file in folder.rglob("*")
            if file.is_file()
        }
        self._hosts = {host for host, _ in self._files}

    async def ask(self, target: Target) -> Response:
        host = target.host.removeprefix("www.")
        if host not in self._hosts:
            raise Failed("no such host", target.host, connected=False)
        file = self._files.get((host, target.path))
        if file is None:
            return Response(404, {}, b"", False)
        body = await asyncio.to_thread(file.read_bytes)
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return Response(200, {"content-type": f"{kind}; charset=utf-8"}, body, False)


def shipped_fetcher(folder: Path, clock: Clock) -> Fetcher:
    """The guard over those pages, all its rules but the pace: nobody's server is asked."""
    return Fetcher(clock, ShippedSites(folder), pace=Pace(clock, interval=0))


def _path(file: Path) -> str:
    """``brackenfold.example/index.html`` is ``/``."""
    path = "/" + "/".join(file.parts[1:])
    return (
        path.removesuffix("index.html")
        if path.endswith("/index.html")
        else path.removesuffix(".html")
    )
