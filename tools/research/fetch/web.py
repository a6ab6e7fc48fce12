"""Where pages come from. What may be fetched at all is the ``Fetcher``'s to say."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from tools.research.fetch.addresses import is_public
from tools.research.fetch.exchange import Pinned, Response, exchange
from tools.research.fetch.resolver import Dns
from tools.research.fetch.urls import Refused, Target, normal_host


class Web(Protocol):
    """Asks for one page and follows nothing."""

    async def ask(self, target: Target) -> Response:
        """The answer, a redirect included. Raises ``NotFetched``; a caller bounds its time."""
        ...


class PublicWeb:
    """The web: a connection to addresses that were looked up for this request, and all checked."""

    def __init__(
        self,
        dns: Dns,
        *,
        fixed: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``fixed``: the operator's ``fetch.hosts``. ``tls``: None verifies as the system does."""
        self._dns = dns
        self._fixed = {
            host: address
            for name, address in (fixed or {}).items()
            if (host := normal_host(name)) is not None
        }
        self._tls = tls

    async def ask(self, target: Target) -> Response:
        return await exchange(target, await self._pinned(target), self._tls)

    async def _pinned(self, target: Target) -> Pinned:
        """The addresses of the target's host, looked up now and all of them checked."""
        fixed = self._fixed.get(target.host)
        if fixed is not None:
            if not target.usual_port:
                raise Refused("port", target.url)
            return await self._at(fixed)
        addresses = await self._dns.addresses(target.host)
        if not all(map(is_public, addresses)):
            raise Refused("private_address", target.url)
        return Pinned(addresses, target.port)

    async def _at(self, address: str) -> Pinned:
        """The operator's own address for a host, which may be private."""
        place = urlsplit(address)
        host, port = place.hostname or "", place.port or 80
        try:
            return Pinned((ipaddress.ip_address(host),), port, plain=True)
        except ValueError:
            return Pinned(await Dns().addresses(host), port, plain=True)
