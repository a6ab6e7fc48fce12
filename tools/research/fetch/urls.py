"""A URL taken apart once, strictly, so that what is checked is what is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote, urljoin, urlsplit

import idna
from yarl import URL

from tools.research.fetch.addresses import is_local_name, is_public, spelled_address

Reason = Literal[
    "scheme",
    "port",
    "private_address",
    "off_host",
    "robots",
    "type",
    "size",
    "time",
    "redirects",
    "pages",
    "status",
]
"""
scheme: not a plain http or https URL. port: another than 80 and 443.
private_address: the host is, or its name leads to, an address that is not public.
off_host: the run may not fetch from that host. robots: robots.txt forbids it.
type: not a text type, or packed in a way that was not asked for. size: endless headers.
time: it took too long. redirects: more than five. pages: the run has had its pages.
status: the server answered with another status than 200.
"""

LONGEST = 2_000
"""Characters of a URL."""

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62}[a-z0-9_])?"
                   r"(\.[a-z0-9_]([a-z0-9_-]{0,62}[a-z0-9_])?)*")  # fmt: skip
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\"^`{|}\u2028\u2029\ud800-\udfff]")
_ESCAPED = re.compile(r"%(2[DEde]|3[0-9]|4[1-9A-Fa-f]|5[0-9AFaf]|6[1-9A-Fa-f]|7[0-9AEae])")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class NotFetched(Exception):
    """A page that the run does not get. ``said`` is what the model reads."""

    def __init__(self, said: str, url: str = "") -> None:
        super().__init__(said)
        self.said, self.url = said, url


class Refused(NotFetched):
    """Not allowed, or not what may be read."""

    def __init__(self, reason: Reason, url: str = "") -> None:
        super().__init__(f"refused: {reason}", url)
        self.reason: Reason = reason


class Failed(NotFetched):
    """Allowed, and it could not be had: no such host, no connection, a broken answer."""

    def __init__(self, why: str, url: str = "", *, connected: bool = True) -> None:
        super().__init__(f"failed: {why}", url)
        self.why, self.connected = why, connected


@dataclass(frozen=True)
class Target:
    """One http or https URL, normalised. ``host`` is a name in small ASCII letters."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str
    """Begins with a slash, percent-encoded, with its query."""

    @property
    def origin(self) -> str:
        usual = _PORTS[self.scheme] == self.port
        return f"{self.scheme}://{self.host}{'' if usual else f':{self.port}'}"

    @property
    def url(self) -> str:
        return self.origin + self.path

    @property
    def request(self) -> URL:
        """For the client, which must not normalise it once more."""
        return URL(self.url, encoded=True)

    @property
    def usual_port(self) -> bool:
        return self.port == _PORTS[self.scheme]


def normal_host(text: str) -> str | None:
    """A host name in small ASCII letters without a last dot; None: not one."""
    host = text.strip().lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True, transitional=False).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    host = host.removesuffix(".")
    return host if _HOST.fullmatch(host) else None


def parse(text: str) -> Target:
    """Take ``text`` apart. Raises ``Refused``: scheme, private_address, off_host (a public address
    in place of a name), port."""
    shown = text[:LONGEST]
    if len(text) > LONGEST or _FORBIDDEN.search(text):
        raise Refused("scheme", shown)
    try:
        parts = urlsplit(text)
        netloc, port = parts.netloc, parts.port
    except ValueError as unparsable:
        raise Refused("scheme", shown) from unparsable
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not netloc:
        raise Refused("scheme", shown)
    user, at, _ = netloc.rpartition("@")
    host = _host(parts.hostname or "", shown)
    if at or user:
        raise Refused("scheme", shown)
    if netloc.endswith(":") or port is None:
        port = _PORTS[scheme]
    if port not in _PORTS.values():
        raise Refused("port", shown)
    path = _plain_path(quote(_unreserved(parts.path), safe="/%:@!$&'()*+,;=~-._"))
    if parts.query:
        path += "?" + quote(_unreserved(parts.query), safe="/%:@!$&'()*+,;=~-._?")
    return Target("https" if scheme == "https" else "http", host, port, path)


def join(base: Target, location: str) -> str:
    """What ``location`` in a page or a redirect means there; nothing in it is trusted yet."""
    try:
        return urljoin(base.url, location.strip())
    except ValueError:
        return location


def with_scheme(text: str) -> tuple[str, ...]:
    """The URLs that ``text`` may mean, in order: a bare domain is tried with https, then http."""
    text = text.strip()
    if text.startswith("//"):
        text = text[2:]
    if "://" in text or (_SCHEME.match(text) and not re.match(r"[^/:]+:\d*(/|\Z)", text)):
        return (text,)
    return (f"https://{text}", f"http://{text}")


def _unreserved(text: str) -> str:
    """Letters and digits as they are that need no percent sign (RFC 3986, 6.2.2.2)."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _plain_path(path: str) -> str:
    """Without ``.`` and ``..`` (RFC 3986, 5.2.4): else robots.txt would be asked about another path
    than the one that the server answers with."""
    kept: list[str] = []
    parts = path.split("/")[1:]
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part != ".":
            kept.append(part)
    if parts and parts[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _host(raw: str, shown: str) -> str:
    # Once percent-decoded: a client may do so, and then this would be another host.
    decoded = unquote(raw)
    normal = normal_host(decoded)
    for spelling in (raw, decoded, normal or decoded):
        address = spelled_address(spelling) if spelling else None
        if address is not None:
            raise Refused("off_host" if is_public(address) else "private_address", shown)
    if normal is None or raw != decoded:
        raise Refused("scheme", shown)
    if is_local_name(normal):
        raise Refused("private_address", shown)
    return normal
