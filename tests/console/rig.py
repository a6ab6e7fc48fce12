"""A browser without a window: cookies, forms and headers as a browser sends them."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp

from tests.live.product import Live

LINK = re.compile(r"<?(https?://\S+/console/login\?token=[\w-]+)>?")


@dataclass(frozen=True)
class Answer:
    """What the console answered."""

    status: int
    text: str
    headers: Mapping[str, str]
    cookies: tuple[str, ...]

    @property
    def words(self) -> str:
        """What a reader reads: without markup, white space folded."""
        bare = re.sub(r"<(script|style|head)\b.*?</\1>", " ", self.text, flags=re.S)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", bare)).split())

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert found is not None, self.text
        return found[1]

    def cards(self) -> dict[str, dict[str, str]]:
        """The cards on the page: proposal to its data attributes."""
        found = {}
        for tag in re.findall(r"<article [^>]*data-proposal=[^>]*>", self.text):
            data = dict(re.findall(r'data-([a-z]+)="([^"]*)"', tag))
            found[data["proposal"]] = data
        return found

    def card_of(self, author: str) -> str:
        """The proposal whose card quotes this author."""
        for article in re.findall(r"<article .*?</article>", self.text, flags=re.S):
            if f'<p class="from">{html.escape(author)}' in article:
                found = re.search(r'data-proposal="([^"]+)"', article)
                assert found is not None
                return found[1]
        raise AssertionError(f"no card quotes {author}: {self.words}")

    def token(self, proposal: str, verb: str) -> str | None:
        """What the form of this button carries; None: there is no such button."""
        form = rf'<form [^>]*action="/console/proposals/{proposal}/{verb}".*?</form>'
        found = re.search(form, self.text, flags=re.S)
        token = re.search(r'name="token" value="([^"]+)"', found[0]) if found else None
        return token[1] if token else None


class Browser:
    """One person's browser at the console."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session
        self.origin = url

    async def get(self, path: str, **headers: str) -> Answer:
        async with self.session.get(
            self.url + path, headers=_named(headers), allow_redirects=False
        ) as answer:
            return await _answer(answer)

    async def post(
        self,
        path: str,
        form: Mapping[str, Any] | Sequence[tuple[str, str]] = (),
        *,
        origin: str | None = "",
        **headers: str,
    ) -> Answer:
        """``origin``: empty for the page's own, None for none at all."""
        sent = _named(headers)
        if origin is not None:
            sent["Origin"] = origin or self.origin
        pairs = list(form.items()) if isinstance(form, Mapping) else list(form)
        sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        async with self.session.post(
            self.url + path, data=urlencode(pairs), headers=sent, allow_redirects=False
        ) as answer:
            return await _answer(answer)

    async def follow(self, link: str) -> Answer:
        """Open a sign-in link and press its button; the answer to that."""
        token = parse_qs(urlsplit(link).query)["token"][0]
        seen = await self.get(f"/console/login?token={token}")
        assert seen.status == 200, seen.words
        assert f'value="{token}"' in seen.text
        return await self.post("/console/login", {"token": token})

    async def decide(self, proposal: str, verb: str, **form: Any) -> Answer:
        """POST a decision on the card as the inbox shows it now; ``form`` goes before that."""
        inbox = await self.get("/console")
        known = inbox.cards().get(proposal, {"revision": "1"})
        fields = {"csrf": inbox.csrf, "revision": known["revision"]}
        if (token := inbox.token(proposal, verb)) is not None:
            fields["token"] = token
        fields |= form
        return await self.post(f"/console/proposals/{proposal}/{verb}", fields)


@asynccontextmanager
async def browser(url: str) -> AsyncIterator[Browser]:
    """A fresh profile: nobody is signed in."""
    jar = aiohttp.CookieJar(unsafe=True)
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=timeout) as session:
        yield Browser(url, session)


async def asked_link(desk: Live, user: str = "U0AGENT") -> str:
    """The link that ``/agent console`` gives this person, at the port the product has."""
    answer = await desk.people.command("console", user=user)
    assert answer.body["response_type"] == "ephemeral"
    found = LINK.search(str(answer.body["text"]))
    assert found is not None, answer.body
    parts = urlsplit(found[1])
    return f"{desk.product.url}{parts.path}?{parts.query}"


@asynccontextmanager
async def signed_in(desk: Live, user: str = "U0AGENT") -> AsyncIterator[Browser]:
    """This person's browser, signed in by a link."""
    async with browser(desk.product.url) as one:
        entered = await one.follow(await asked_link(desk, user))
        assert entered.status == 303, entered.words
        yield one


async def _answer(answer: aiohttp.ClientResponse) -> Answer:
    return Answer(
        answer.status,
        await answer.text(),
        dict(answer.headers),
        tuple(answer.headers.getall("Set-Cookie", ())),
    )


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
