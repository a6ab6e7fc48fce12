"""What every request for the console passes: the host it names, and the headers of each answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    # Not `no-referrer`: with it Chromium sends `Origin: null` with the page's own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>\d{1,5}))?\Z")


class Wall:
    """Hosts by exact name; the port is the proxy's affair and not looked at.

    ``hosts`` are bare names and addresses, as ``::1``.
    """

    def __init__(self, app: ASGIApp, public_url: str, hosts: Sequence[str]) -> None:
        self._app = app
        public = urlsplit(public_url)
        self._scheme = public.scheme
        self._public = _name(public.hostname or "")
        self._public_origin = _origin(public_url)
        self._hosts = {self._public, *map(_name, hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if self._host_of(headers) is None:
            # A page of somebody else's name that leads here (DNS rebinding), or a wrong address.
            refused = PlainTextResponse("The console does not answer to this host.", 400)
            await refused(scope, receive, self._sealed(send))
            return
        await self._app(scope, receive, self._sealed(send))

    def own_origin(self, headers: Headers, *, needed: bool = True) -> bool:
        """Whether the request was made by a page of ours. ``needed``: one without an ``Origin`` was
        not, else it may have been."""
        given = headers.getlist("origin")
        if not given:
            return not needed
        host = self._host_of(headers)
        origin = _origin(given[0]) if len(given) == 1 else None
        if origin is None or host is None:
            return False
        if origin == self._public_origin:
            return True
        scheme, name, port = origin
        schemes = {self._scheme} if name == self._public else {"http", "https"}
        return scheme in schemes and (name, port) == (host[0], host[1] or _PORTS[scheme])

    def _host_of(self, headers: Headers) -> tuple[str, int | None] | None:
        given = headers.getlist("host")
        found = _HOST.match(given[0].lower()) if len(given) == 1 else None
        if found is None or _name(found["name"]) not in self._hosts:
            return None
        return _name(found["name"]), int(found["port"]) if found["port"] else None

    def _sealed(self, send: Send) -> Send:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return sealed


_PORTS: Final = {"http": 80, "https": 443}


def _origin(text: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for ``null`` and whatever else is no origin."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
        return None
    return parts.scheme, _name(parts.hostname), port or _PORTS[parts.scheme]


def _name(host: str) -> str:
    return host.lower().strip("[]").rstrip(".")
