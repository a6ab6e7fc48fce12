"""Where one run may fetch: the given domain, what its own pages link to there, and no further."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tools.research.fetch.urls import NotFetched, Target, normal_host, parse


def domain_of(text: str) -> str | None:
    """The domain that a bare domain or a URL gives a run, without ``www.``; None: it gives none."""
    try:
        host = parse(text if "://" in text else f"https://{text}").host
    except NotFetched:
        return None
    return host.removeprefix("www.") or None


@dataclass
class Scope:
    """Grows with the pages that the run fetches."""

    domain: str | None
    """As ``domain_of`` gives it."""
    also: frozenset[str] = frozenset()
    """Hosts of the operator's ``fetch.also``."""
    links: set[str] = field(default_factory=set)
    """URLs that stand as links on this run's pages, on the domain or below it."""

    def allows(self, target: Target) -> bool:
        if target.host in self.also:
            return True
        if self.domain is None:
            return False
        if target.host in (self.domain, f"www.{self.domain}"):
            return True
        return target.host.endswith(f".{self.domain}") and target.url in self.links

    def learn(self, targets: Iterable[Target]) -> tuple[str, ...]:
        """Take in a page's links; the answer is those that the run may fetch from now on."""
        found: dict[str, None] = {}
        for target in targets:
            if self.domain is not None and target.host.endswith(f".{self.domain}"):
                self.links.add(target.url)
            if self.allows(target):
                found[target.url] = None
        return tuple(found)


def hosts(names: Iterable[str]) -> frozenset[str]:
    """The operator's host names, as targets spell them; what is no name is left out."""
    return frozenset(host for name in names if (host := normal_host(name)) is not None)
