"""The companies' sites on one loopback port, told apart by ``Host`` as behind any CDN."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.standins.companies import DEAD, OPEN_ROBOTS, SITES, Page, Site
from tests.standins.wire import serving


@dataclass
class Companies:
    """``asked`` are host and path of every request, robots.txt too."""

    sites: dict[str, dict[str, Page]]
    port: int = 0
    dead: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def fetch(self) -> dict[str, object]:
        """The section ``fetch`` of a config file that reaches them."""
        here = f"http://127.0.0.1:{self.port}"
        names = [name for host in self.sites for name in (host, f"www.{host}")]
        hosts = dict.fromkeys(names, here)
        return {"hosts": {**hosts, DEAD: self.dead, f"www.{DEAD}": self.dead}}

    async def answer(self, request: web.Request) -> web.Response:
        host = request.host.partition(":")[0].removeprefix("www.")
        self.asked.append((host, request.path_qs))
        page = self.sites.get(host, {}).get(request.path_qs)
        if page is None and request.path_qs == "/robots.txt":
            page = OPEN_ROBOTS
        if page is None:
            return web.Response(status=404, text="<h1>Not found</h1>", content_type="text/html")
        headers = {"Content-Type": page.kind, **page.headers}
        return web.Response(status=page.status, body=page.body, headers=headers)


@asynccontextmanager
async def company_sites(sites: Mapping[str, Site] = SITES) -> AsyncIterator[Companies]:
    """Serve them for as long as the block lasts."""
    made = Companies({host: dict(pages) for host, pages in sites.items()})
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    with socket.socket() as taken:
        # Bound and never listening: a connection to it is refused, by whoever asks.
        taken.bind(("127.0.0.1", 0))
        made.dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with serving(app) as port:
            made.port = port
            yield made
            await asyncio.sleep(0)
