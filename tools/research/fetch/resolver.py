"""Names to addresses, and the few other records that Deskhand reads."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import dns.asyncresolver
import dns.exception
import dns.resolver

from tools.research.fetch.addresses import Address
from tools.research.fetch.urls import Failed

DNS_SECONDS = 4.0
_OTHER_SECONDS = 0.5
MOST_RECORDS = 20
"""Records of one answer that are read."""


class Dns:
    """``server`` is asked over UDP (``127.0.0.1:5353``); None: whom this machine asks.

    An answer is never kept: whoever connects asks, checks what came, and uses exactly that."""

    def __init__(self, server: str | None = None) -> None:
        self._server = server
        self._made: dns.asyncresolver.Resolver | None = None

    async def addresses(self, host: str) -> tuple[Address, ...]:
        """Every address of ``host``. Raises ``Failed``: there is none, or nobody answered."""
        if self._server is None:
            found = await self._of_this_machine(host)
        else:
            found = await self._of_the_server(host)
        if not found:
            raise Failed("no such host", host, connected=False)
        return tuple(dict.fromkeys(ipaddress.ip_address(text) for text in found))

    async def records(self, host: str, kind: str) -> tuple[str, ...]:
        """The records of one kind as text, none where there are none. Raises ``Failed``."""
        try:
            answer = await self._resolver().resolve(
                f"{host}.", kind, search=False, raise_on_no_answer=False, lifetime=DNS_SECONDS
            )
        except dns.resolver.NXDOMAIN:
            return ()
        except (dns.exception.DNSException, OSError) as fault:
            raise Failed("DNS did not answer", host, connected=False) from fault
        rows = answer.rrset or ()
        return tuple(row.to_text() for row in rows)[:MOST_RECORDS]

    async def _of_the_server(self, host: str) -> list[str]:
        """Both kinds; where one is there, the other is not waited for long: some servers never
        answer for IPv6. What did not come is not connected to."""
        asked = [asyncio.create_task(self.records(host, kind)) for kind in ("A", "AAAA")]
        try:
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            there = any(task.exception() is None and task.result() for task in done)
            done, _ = await asyncio.wait(asked, timeout=_OTHER_SECONDS if there else None)
            found = [
                text
                for task in asked
                if task in done and not task.exception()
                for text in task.result()
            ]
            if not found:
                for task in done:
                    task.result()  # raises what it failed of
            return found
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _of_this_machine(self, host: str) -> list[str]:
        try:
            # With its last dot, so that no search domain is tried.
            rows = await asyncio.get_running_loop().getaddrinfo(
                f"{host}.", None, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as fault:
            raise Failed("no such host", host, connected=False) from fault
        return [str(row[4][0]) for row in rows]

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if self._made is None:
            if self._server is None:
                try:
                    self._made = dns.asyncresolver.Resolver()
                except dns.exception.DNSException as fault:
                    raise Failed("no DNS server is set up", connected=False) from fault
            else:
                host, _, port = self._server.rpartition(":")
                self._made = dns.asyncresolver.Resolver(configure=False)
                self._made.nameservers = [host.removeprefix("[").removesuffix("]")]
                self._made.port = int(port)
            self._made.cache = None
        return self._made
