"""A GitHub pull request, read for a summary: what was proposed, done, and said about it.

Only the operator's repositories are asked for with the token; any other is asked for without, so
that nothing but what the API calls public can come of it. The API's address is the operator's; a
redirect is not followed, and no address that an answer names is ever asked.

Documented at docs.github.com/rest: ``pulls``, ``pulls/reviews``, ``pulls/comments``,
``issues/comments``; *Using pagination*, *Rate limits* and *API versions*.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.ports.conversations import Conversation, NotShown, Said

API_VERSION = "2022-11-28"
LARGEST_BYTES = 4_000_000
"""Of one page."""
PAGES = 3
"""Of each kind of message, a hundred a page."""
READ_SECONDS = 8.0
ALL_SECONDS = 25.0

_PULL = re.compile(r"/([\w.-]{1,100})/([\w.-]{1,100})/pull/(\d{1,9})(?:/.*)?\Z")
_PARTS = ("commits", "reviews", "review comments", "comments")
_NEXT = re.compile(r'<[^<>]*>;[^,]*\brel="next"')

_UNKNOWN = (
    "I cannot show you that pull request: it does not exist, or it is neither public nor in a "
    "repository that I may read."
)


class _Failed(Exception):
    """``words`` are for who asked."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class _Withheld(_Failed):
    """It is not there, or not for us; a token may see a pull request and not all that belongs to
    it."""


@dataclass(frozen=True)
class GithubPulls:
    """``bot.ports.conversations.PullRequests`` of one GitHub."""

    session: aiohttp.ClientSession
    api_url: str
    """Without a last slash."""
    repositories: Sequence[str]
    """As ``org/name``, in any case: GitHub knows none in names."""
    token: str | None = field(default=None, repr=False)

    def recognises(self, url: str) -> bool:
        return self._parsed(url) is not None

    async def read(self, url: str) -> Conversation | NotShown:
        parsed = self._parsed(url)
        if parsed is None:
            return NotShown("That is no address of a pull request.")
        try:
            async with asyncio.timeout(ALL_SECONDS):
                return await self._pull(*parsed)
        except _Failed as failed:
            return NotShown(failed.words)
        except TimeoutError:
            return NotShown("GitHub did not answer in time. Please ask again in a while.")

    @property
    def _host(self) -> str:
        """Where people see what this API serves: ``api.`` in front (github.com, ghe.com) or
        ``/api/v3`` behind (GitHub Enterprise Server); any other address is a gateway's."""
        parts = urlsplit(self.api_url)
        host = parts.hostname or ""
        if host.startswith("api."):
            return host.removeprefix("api.")
        return host if parts.path.rstrip("/") == "/api/v3" else "github.com"

    def _parsed(self, url: str) -> tuple[str, str] | None:
        """``org/name`` and the number."""
        try:
            parts = urlsplit(url.strip())
        except ValueError:  # no address at all, as https://[x is none
            return None
        found = _PULL.fullmatch(parts.path)
        if found is None or parts.scheme != "https" or parts.hostname != self._host:
            return None
        if {found[1], found[2]} & {".", ".."}:
            return None
        return f"{found[1]}/{found[2]}", found[3]

    async def _pull(self, repository: str, number: str) -> Conversation:
        ours = repository.lower() in {one.lower() for one in self.repositories}
        token = self.token if ours else None
        pull = await self._get(f"/repos/{repository}/pulls/{number}", token)
        body = pull.data
        if not isinstance(body, dict):
            raise _Failed("GitHub answered with something else than a pull request.")
        if not ours and _inside(body, "base", "repo").get("private") is not False:
            raise _Failed(_UNKNOWN)
        parts = await asyncio.gather(
            self._list(f"/repos/{repository}/pulls/{number}/commits", token),
            self._list(f"/repos/{repository}/pulls/{number}/reviews", token),
            self._list(f"/repos/{repository}/pulls/{number}/comments", token),
            self._list(f"/repos/{repository}/issues/{number}/comments", token),
            return_exceptions=True,
        )
        lists: list[list[dict[str, Any]]] = []
        notes: list[str] = []
        for what, part in zip(_PARTS, parts, strict=True):
            if isinstance(part, _Withheld):
                notes.append(f"not read: {what} (GitHub does not show them)")
                lists.append([])
                continue
            if isinstance(part, BaseException):
                raise part
            found, more = part
            lists.append(found)
            if more:
                notes.append(f"not read: {what} after the first {len(found)}")
        home = f"https://{self._host}/{repository}/"
        commits, reviews, remarks, comments = lists
        page = f"{home}pull/{number}"
        said = [
            _opened(body, page),
            *(_commit(one, home, page) for one in commits),
            *(_review(one, home, page) for one in reviews),
            *(_remark(one, home, page) for one in remarks),
            *(_comment(one, home, page) for one in comments),
        ]
        kept = [one for one in said if one.text]
        kept[1:] = sorted(kept[1:], key=lambda one: one.at.timestamp() if one.at else 0.0)
        return Conversation(
            f"the pull request {repository}#{number}", tuple(kept), notes=tuple(notes)
        )

    async def _list(self, path: str, token: str | None) -> tuple[list[dict[str, Any]], bool]:
        """The objects of every page, and whether there are more."""
        found: list[dict[str, Any]] = []
        for page in range(1, PAGES + 1):
            answer = await self._get(f"{path}?per_page=100&page={page}", token)
            if not isinstance(answer.data, list):
                raise _Failed("GitHub answered with something else than a list.")
            found += [one for one in answer.data if isinstance(one, dict)]
            if not _NEXT.search(answer.headers.get("link", "")):
                return found, False
        return found, True

    async def _get(self, path: str, token: str | None) -> _Reply:
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": API_VERSION,
            "User-Agent": "Deskhand",  # without one, GitHub refuses
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        try:
            async with self.session.get(
                self.api_url + path,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=READ_SECONDS),
            ) as answer:
                names = {name.lower(): value for name, value in answer.headers.items()}
                if answer.status != 200:
                    words = _refusal(answer.status, names)
                    raise _Withheld(words) if words is _UNKNOWN else _Failed(words)
                return _Reply(_json(await _bounded(answer)), names)
        except TimeoutError as fault:
            raise _Failed("GitHub did not answer in time. Please ask again in a while.") from fault
        except (aiohttp.ClientError, OSError) as fault:
            raise _Failed("GitHub cannot be reached. Please ask again in a while.") from fault


@dataclass(frozen=True)
class _Reply:
    data: Any
    headers: Mapping[str, str]


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    raw = b""
    while more := await answer.content.read(65_536):
        raw += more
        if len(raw) > LARGEST_BYTES:
            raise _Failed("That pull request is too large to be read.")
    return raw


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise _Failed("GitHub answered with something else than JSON.") from None


def _refusal(status: int, headers: Mapping[str, str]) -> str:
    if status == 429 or (
        status == 403 and (headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers)
    ):
        wait = headers.get("retry-after", "")
        later = f"in {wait} s" if wait.isdecimal() else "in a while"
        return f"GitHub takes no more requests now. Please ask again {later}."
    if status == 401:
        return "GitHub does not take my token. Whoever runs Deskhand can give it another."
    if status in (403, 404, 410, 451):
        return _UNKNOWN
    if status in (301, 302, 307, 308):
        return "That repository has moved. Ask with its new address."
    if status >= 500:
        return f"GitHub has a fault ({status}). Please ask again in a while."
    return f"GitHub refused the question ({status})."


# --- what it says, as messages ------------------------------------------------------------------


def _opened(body: Mapping[str, Any], page: str) -> Said:
    title, text = _text(body, "title"), _text(body, "body")
    state = "merged" if body.get("merged") is True else _text(body, "state")
    words = (
        f"Opened: {title}" + (f" (now {state})" if state else "") + (f"\n{text}" if text else "")
    )
    return Said(page, _login(body), words, _at(body.get("created_at")))


def _commit(one: Mapping[str, Any], home: str, page: str) -> Said:
    commit = _inside(one, "commit")
    author = _inside(commit, "author")
    who = _text(_inside(one, "author"), "login") or _text(author, "name") or "somebody"
    words = _text(commit, "message")
    said = f"Commit: {words}" if words else ""
    return Said(_link(one, home, page), who, said, _at(author.get("date")))


_REVIEWS = {
    "APPROVED": "Approved",
    "CHANGES_REQUESTED": "Requested changes",
    "DISMISSED": "Review, dismissed since",
}


def _review(one: Mapping[str, Any], home: str, page: str) -> Said:
    verdict, text = _REVIEWS.get(_text(one, "state"), ""), _text(one, "body")
    words = ": ".join(part for part in (verdict, text) if part)
    return Said(_link(one, home, page), _login(one), words, _at(one.get("submitted_at")))


def _remark(one: Mapping[str, Any], home: str, page: str) -> Said:
    text = _text(one, "body")
    where = _text(one, "path")
    words = f"On {where}: {text}" if text and where else text
    return Said(_link(one, home, page), _login(one), words, _at(one.get("created_at")))


def _comment(one: Mapping[str, Any], home: str, page: str) -> Said:
    return Said(_link(one, home, page), _login(one), _text(one, "body"), _at(one.get("created_at")))


def _link(one: Mapping[str, Any], home: str, page: str) -> str:
    """What GitHub calls its page, if it lies within the repository; else the pull request's."""
    url = _text(one, "html_url")
    plain = re.fullmatch(r"[\w:/.#?=&-]+", url)
    return url if plain and url.lower().startswith(home.lower()) else page


def _login(one: Mapping[str, Any]) -> str:
    # A deleted account is null; GitHub shows it as the user ``ghost``.
    return _text(_inside(one, "user"), "login") or "ghost"


def _inside(one: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        found = one.get(name)
        one = found if isinstance(found, dict) else {}
    return one


def _text(one: Mapping[str, Any], name: str) -> str:
    found = one.get(name)
    return found.strip() if isinstance(found, str) else ""


def _at(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
