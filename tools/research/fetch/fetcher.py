"""A page for a run: every check in its order, and again for each redirect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.ports import Clock
from tools.research.fetch import reading
from tools.research.fetch.exchange import Response
from tools.research.fetch.pace import Pace
from tools.research.fetch.robots import Robots, Rules
from tools.research.fetch.scope import Scope, hosts
from tools.research.fetch.urls import (
    Failed,
    NotFetched,
    Refused,
    Target,
    join,
    parse,
    with_scheme,
)
from tools.research.fetch.web import Web

FETCH_SECONDS = 10.0
"""For a page with all its redirects; waiting for a host's turn is not counted."""
REDIRECTS = 5
PAGES = 5

_MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Page:
    """A page as it was fetched."""

    url: str
    """Where it was in the end, after redirects."""
    title: str
    text: str
    date: str | None
    """YYYY-MM-DD, as the page or its server says."""
    links: tuple[str, ...]
    """Those that the run may fetch."""
    truncated: bool
    seen_at: datetime
    data: str = ""
    """What the page says to machines (``reading.Read``)."""

    @property
    def whole(self) -> str:
        """All of it that was read: what quotes are checked against."""
        return "\n".join(part for part in (self.title, self.text, self.data) if part)


@dataclass(frozen=True)
class Miss:
    """A page that the run did not get, for the card. ``said`` begins with refused or failed."""

    url: str
    said: str


@dataclass
class Visit:
    """What one run may fetch, and what it has fetched."""

    scope: Scope
    left: int = PAGES
    pages: dict[str, Page] = field(default_factory=dict)
    """By their URLs."""
    missed: list[Miss] = field(default_factory=list)
    records: dict[str, str] = field(default_factory=dict)
    """What registers said, by the ids of their records."""


class _Budget:
    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self.left = seconds

    async def spend(self, work: Callable[[], Awaitable[Response]], url: str) -> Response:
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(max(0.0, self.left)):
                return await work()
        except TimeoutError as late:
            raise Refused("time", url) from late
        finally:
            self.left -= self._clock.monotonic() - started


class Fetcher:
    """The guard. One for a process; it keeps robots.txt and each host's pace, nothing else."""

    def __init__(
        self,
        clock: Clock,
        web: Web,
        *,
        pace: Pace | None = None,
        seconds: float = FETCH_SECONDS,
    ) -> None:
        self._clock = clock
        self._web = web
        self._pace = pace or Pace(clock)
        self._robots = Robots(clock)
        self._seconds = seconds

    async def fetch(self, visit: Visit, text: str) -> Page:
        """The page at ``text``, a URL or a bare domain. Raises ``NotFetched``, noted in the visit
        besides. A page counts once a request for it goes out; robots.txt does not count."""
        try:
            return await self._fetch(visit, text)
        except NotFetched as missed:
            visit.missed.append(Miss(text[:500], missed.said))
            raise

    async def security_txt(self, visit: Visit, domain: str) -> str | None:
        """What the domain says under ``/.well-known/security.txt`` (RFC 9116); None: nothing that
        may be read. Not one of the run's pages."""
        target = _allowed(visit.scope, f"https://{domain}/.well-known/security.txt")
        try:
            await self._asked_robots(visit.scope, target)
            _, answer = await self._follow(visit.scope, target, robots=True)
        except NotFetched:
            return None
        header = answer.headers.get("content-type", "")
        if answer.status != 200 or reading.media_type(header) != "text/plain":
            return None
        return reading.decoded(answer.body[:20_000], header, markup=False)

    async def _fetch(self, visit: Visit, text: str) -> Page:
        candidates = with_scheme(text)
        first = _allowed(visit.scope, candidates[0])
        if visit.left <= 0:
            raise Refused("pages", first.url)
        # Taken before anything is awaited; given back where no request for the page went out.
        visit.left -= 1
        asked = False
        try:
            for url in candidates:
                target = _allowed(visit.scope, url)
                try:
                    await self._asked_robots(visit.scope, target)
                    asked = True
                    found, answer = await self._follow(visit.scope, target, robots=True)
                except Failed as fault:
                    if fault.connected or url is candidates[-1]:
                        raise
                else:
                    return await self._page(visit, found, answer)
        finally:
            visit.left += not asked
        raise AssertionError("the last candidate returns or raises")

    async def _page(self, visit: Visit, target: Target, answer: Response) -> Page:
        if answer.status != 200:
            raise Refused("status", target.url)
        if reading.media_type(answer.headers.get("content-type", "")) not in reading.TYPES:
            raise Refused("type", target.url)
        found = await asyncio.to_thread(reading.read, answer.body, answer.headers)
        base = _parsed(join(target, found.base)) if found.base else None
        links = (_parsed(join(base or target, link)) for link in found.links)
        page = Page(
            url=target.url,
            title=found.title,
            text=found.text,
            date=found.date,
            links=visit.scope.learn(link for link in links if link is not None),
            truncated=answer.truncated,
            seen_at=self._clock.now(),
            data=found.data,
        )
        visit.pages[page.url] = page
        return page

    async def _asked_robots(self, scope: Scope, target: Target) -> Rules:
        async def get(place: Target) -> Response:
            return (await self._follow(scope, place, robots=False))[1]

        rules = await self._robots.rules(target, get)
        # A robots.txt of half a megabyte takes half a second to look through.
        if not await asyncio.to_thread(rules.allows, target):
            raise Refused("robots", target.url)
        return rules

    async def _follow(
        self, scope: Scope, target: Target, *, robots: bool
    ) -> tuple[Target, Response]:
        """Ask, and follow redirects; each obeys what the first URL had to."""
        budget = _Budget(self._clock, self._seconds)
        for _ in range(REDIRECTS + 1):
            delay = (await self._asked_robots(scope, target)).delay if robots else 0.0
            await self._pace.turn(target.host, delay)
            answer = await self._ask(budget, target)
            location = answer.headers.get("location")
            if answer.status not in _MOVED or not location:
                return target, answer
            target = _allowed(scope, join(target, location))
        raise Refused("redirects", target.url)

    async def _ask(self, budget: _Budget, target: Target) -> Response:
        return await budget.spend(lambda: self._web.ask(target), target.url)


def _allowed(scope: Scope, url: str) -> Target:
    target = parse(url)
    if not scope.allows(target):
        raise Refused("off_host", target.url)
    return target


def _parsed(url: str) -> Target | None:
    try:
        return parse(url)
    except NotFetched:
        return None


def visit_of(domain: str | None, *, also: tuple[str, ...] = (), pages: int = PAGES) -> Visit:
    """A run's visit. ``domain`` is the given one (``scope.domain_of``); None: it was given none."""
    return Visit(Scope(domain, hosts(also)), pages)
