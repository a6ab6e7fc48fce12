"""Where a Teams connector may be: the only hosts that ever see our token.

A ``serviceUrl`` comes in an activity, so it is looked at before anything is sent there: by label,
for a suffix of the string would let ``evilbotframework.com`` in, and what goes out is put together
anew from the checked parts, so that no two parsers have to agree about the text.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

ALLOWED: Final = (
    ("smba", "trafficmanager", "net"),
    ("*", "botframework", "com"),
    ("*", "botframework", "us"),
    ("*", "teams", "microsoft", "com"),
    ("*", "infra", "gcc", "teams", "microsoft", "com"),
)
"""Host names by label; ``*`` stands for one label or more."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_PATH = re.compile(r"[A-Za-z0-9._~/-]*\Z")
_LONGEST = 500


def service_address(url: str, *, emulator: bool = False) -> str | None:
    """The connector's address without its last slash; None: nothing may be sent there.

    ``emulator``: http or https on a loopback host, any port, and nothing else."""
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host, path = parts.hostname or "", parts.path.rstrip("/")
    if "@" in parts.netloc or parts.query or parts.fragment or "?" in url or "#" in url:
        return None
    if not _PATH.match(path) or any(step in (".", "..") for step in path.split("/")):
        return None
    if emulator:
        if parts.scheme not in ("http", "https") or not is_loopback(host):
            return None
        at = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{at}{f':{port}' if port is not None else ''}{path}"
    if parts.scheme != "https" or port not in (None, 443) or not _allowed(host):
        return None
    return f"https://{host}{path}"


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback and not (
        isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    )


def _allowed(host: str) -> bool:
    labels = tuple(host.split("."))
    if not all(_LABEL.match(label) for label in labels):
        return False
    for pattern in ALLOWED:
        if pattern[0] != "*":
            if labels == pattern:
                return True
        elif len(labels) >= len(pattern) and labels[-len(pattern) + 1 :] == pattern[1:]:
            return True
    return False
