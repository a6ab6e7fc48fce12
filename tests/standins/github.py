"""GitHub's REST API on loopback, as far as pull requests are read.

Each request is held against docs.github.com/rest: a User-Agent, the media type, a known API
version, pages by ``per_page`` and ``page`` with a ``Link`` header. What does not fit is answered as
GitHub does and kept in ``violations``, which a test finds empty. A private repository is 404 for
whoever may not see it. ``faults`` by name: ``pull``, ``commits``, ``reviews``, ``remarks``,
``comments``.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.standins.wire import (
    CallLog,
    DropBefore,
    DropReply,
    FaultPlan,
    Hang,
    HttpFailure,
    JsonObject,
    Pauses,
    RateLimited,
    Signal,
    drop,
    serving,
)

TOKEN = "github-token-that-reads"
VERSIONS = frozenset({"2022-11-28"})
WEB = "https://github.com"
_ROUTES = (
    ("pull", r"/repos/([^/]+/[^/]+)/pulls/(\d+)"),
    ("commits", r"/repos/([^/]+/[^/]+)/pulls/(\d+)/commits"),
    ("reviews", r"/repos/([^/]+/[^/]+)/pulls/(\d+)/reviews"),
    ("remarks", r"/repos/([^/]+/[^/]+)/pulls/(\d+)/comments"),
    ("comments", r"/repos/([^/]+/[^/]+)/issues/(\d+)/comments"),
)


@dataclass
class Pull:
    """A pull request and what was said about it; each list holds (login, text, time)."""

    title: str
    body: str | None
    user: str | None = "octavia"
    merged: bool = False
    commits: list[tuple[str, str, str]] = field(default_factory=list)
    reviews: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(login, text, time, state)."""
    remarks: list[tuple[str, str, str]] = field(default_factory=list)
    comments: list[tuple[str, str, str]] = field(default_factory=list)


class GithubStandin:
    """``repositories``: by ``org/name``, whether private; ``pulls`` by (repository, number)."""

    def __init__(self) -> None:
        self.signal = Signal()
        self.log = CallLog(self.signal)
        self.faults = FaultPlan()
        self.violations: list[str] = []
        self.repositories: dict[str, bool] = {}
        self.moved: dict[str, str] = {}
        """Repositories that answer with a redirect to this address."""
        self.pulls: dict[tuple[str, int], Pull] = {}
        self.url = ""
        self._pauses = Pauses()

    def add(self, repository: str, number: int, pull: Pull, *, private: bool = False) -> str:
        """Its address on the web."""
        self.repositories[repository] = private
        self.pulls[repository, number] = pull
        return f"{WEB}/{repository}/pull/{number}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        name, repository, number = _route(request.path)
        fault = self.faults.take(name, {"path": request.path})
        await self._pauses.before_effect(fault)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if isinstance(fault, HttpFailure):
            answer = web.Response(status=fault.status, text=fault.body)
        elif isinstance(fault, RateLimited):
            answer = _error(403, "API rate limit exceeded")
            answer.headers["x-ratelimit-remaining"] = "0"
            answer.headers["retry-after"] = str(fault.retry_after_s)
        else:
            answer = self._answer(name, repository, number, token, request)
        args: JsonObject = {"path": request.path_qs, "token": token}
        self.log.record("call", name, args, status=answer.status)
        if isinstance(fault, DropBefore | DropReply | Hang):
            return drop(request)
        return answer

    def _answer(
        self, name: str, repository: str, number: int, token: str, request: web.Request
    ) -> web.Response:
        for words in _faults(request):
            self.violations.append(f"{name}: {words}")
            return _error(403 if "User-Agent" in words else 400, words)
        if token and token != TOKEN:
            return _error(401, "Bad credentials")
        if repository in self.moved:
            answer = _error(301, "Moved Permanently")
            answer.headers["Location"] = self.moved[repository]
            return answer
        hidden = self.repositories.get(repository, True) and token != TOKEN
        pull = self.pulls.get((repository, number))
        if name == "none" or pull is None or hidden:
            return _error(404, "Not Found")
        home = f"{WEB}/{repository}"
        if name == "pull":
            return web.json_response(self._pull(pull, repository, number, home))
        rows = _rows(name, pull, home, number)
        return self._page(rows, request)

    def _pull(self, pull: Pull, repository: str, number: int, home: str) -> JsonObject:
        return {
            "number": number,
            "html_url": f"{home}/pull/{number}",
            "state": "closed" if pull.merged else "open",
            "merged": pull.merged,
            "title": pull.title,
            "body": pull.body,
            "user": {"login": pull.user} if pull.user else None,
            "created_at": "2026-11-02T09:00:00Z",
            "base": {"repo": {"full_name": repository, "private": self.repositories[repository]}},
        }

    def _page(self, rows: list[JsonObject], request: web.Request) -> web.Response:
        size = min(int(request.query.get("per_page", 30)), 100)
        page = int(request.query.get("page", 1))
        answer = web.json_response(rows[(page - 1) * size : page * size])
        if page * size < len(rows):
            path = f"{self.url}{request.path}?per_page={size}"
            last = -(-len(rows) // size)
            answer.headers["Link"] = (
                f'<{path}&page={page + 1}>; rel="next", <{path}&page={last}>; rel="last"'
            )
        return answer

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.serve)
        async with serving(app) as port:
            self.url = f"http://127.0.0.1:{port}"
            try:
                yield
            finally:
                self._pauses.close()


def _faults(request: web.Request) -> list[str]:
    found = []
    if not request.headers.get("User-Agent"):
        found.append("Request forbidden: please make sure your request has a User-Agent header")
    if request.headers.get("Accept") != "application/vnd.github+json":
        found.append("the media type application/vnd.github+json is recommended")
    if request.headers.get("X-GitHub-Api-Version") not in VERSIONS:
        found.append("unknown X-GitHub-Api-Version")
    if request.method != "GET":
        found.append("nothing here is written")
    if not 1 <= int(request.query.get("per_page", 30)) <= 100:
        found.append("per_page is at most 100")
    return found


def _route(path: str) -> tuple[str, str, int]:
    for name, pattern in _ROUTES:
        if found := re.fullmatch(pattern, path):
            return name, found[1], int(found[2])
    return "none", "", 0


def _rows(name: str, pull: Pull, home: str, number: int) -> list[JsonObject]:
    page = f"{home}/pull/{number}"
    match name:
        case "commits":
            return [
                {
                    "sha": f"{at:040x}",
                    "html_url": f"{home}/commit/{at:040x}",
                    "commit": {"message": text, "author": {"name": login, "date": when}},
                    "author": {"login": login},
                }
                for at, (login, text, when) in enumerate(pull.commits, 1)
            ]
        case "reviews":
            return [
                {
                    "html_url": f"{page}#pullrequestreview-{at}",
                    "user": {"login": login},
                    "body": text,
                    "state": state,
                    "submitted_at": when,
                }
                for at, (login, text, when, state) in enumerate(pull.reviews, 1)
            ]
        case "remarks":
            return [
                {
                    "html_url": f"{page}#discussion_r{at}",
                    "user": {"login": login},
                    "body": text,
                    "path": "pump.py",
                    "created_at": when,
                }
                for at, (login, text, when) in enumerate(pull.remarks, 1)
            ]
        case _:
            return [
                {
                    "html_url": f"{page}#issuecomment-{at}",
                    "user": {"login": login},
                    "body": text,
                    "created_at": when,
                }
                for at, (login, text, when) in enumerate(pull.comments, 1)
            ]


def _error(status: int, message: str) -> web.Response:
    body: dict[str, Any] = {"message": message, "documentation_url": "https://docs.github.com/rest"}
    return web.json_response(body, status=status)


@asynccontextmanager
async def github_standin() -> AsyncIterator[GithubStandin]:
    """GitHub on 127.0.0.1."""
    standin = GithubStandin()
    async with standin.running():
        yield standin
