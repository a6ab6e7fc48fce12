"""What the console is handed by the composition root."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.agent.draft_check import Source
from bot.context import Context
from bot.domain import Actor
from bot.journal import Broken, Entry, Verified
from bot.overview import Overview
from bot.ports import Decisions
from bot.tracing import TraceLine
from handlers.names import Names


class SignIns(Protocol):
    """Single-use links and sessions that were ended. Raises ``StoreUnavailable``."""

    async def keep(self, token: str, actor: Actor, seconds: int) -> None: ...

    async def known(self, token: str) -> bool: ...

    async def consume(self, token: str) -> Actor | None: ...

    async def end(self, session: str, seconds: int) -> None: ...

    async def ended(self, session: str) -> bool: ...


class Ear(Protocol):
    """One listener to what happens."""

    async def next(self, seconds: float | None = None) -> frozenset[str] | None:
        """Ids of tickets and proposals that something happened to; empty: nothing did in
        ``seconds``; None: there will be no more."""
        ...


class News(Protocol):
    """What happens, in whichever process it happens."""

    def listen(self) -> AbstractAsyncContextManager[Ear]: ...


class JournalPage(Protocol):
    """Some entries, newest first, and how the chain fits them."""

    @property
    def lines(self) -> Sequence[TraceLine]: ...

    @property
    def older(self) -> str | None: ...

    @property
    def chain(self) -> Verified | Broken | None: ...

    @property
    def unsealed(self) -> int: ...

    @property
    def looked_through(self) -> int: ...


class Head(Protocol):
    """The chain as far as it is sealed."""

    @property
    def entries(self) -> int: ...

    @property
    def id(self) -> str: ...

    @property
    def link(self) -> bytes: ...


class Archived(Protocol):
    """The oldest entries, which lie in signed files and no longer in the store."""

    @property
    def entries(self) -> int: ...

    @property
    def until_ms(self) -> int:
        """When the last of them was taken in."""
        ...


class JournalBook(Protocol):
    """The journal as the console reads it: by the page, by a ticket, by an entry."""

    async def length(self) -> int: ...

    async def archived(self) -> Archived: ...

    async def newest(
        self,
        before: str | None,
        count: int,
        wanted: Callable[[Entry], bool] | None = None,
        may_be: Callable[[bytes], bool] = ...,
    ) -> JournalPage:
        """``may_be`` may tell from an entry's bytes that it is not ``wanted``."""
        ...

    async def of_case(
        self, case: str, before: int | None, count: int
    ) -> tuple[JournalPage, int | None]: ...


class Record(Protocol):
    """The rest of the journal: a ticket's whole story, its texts, the head of the chain."""

    async def of_case(self, case: str) -> Sequence[TraceLine]: ...

    async def texts(self, ids: Iterable[str]) -> Mapping[str, Mapping[str, str]]: ...

    async def head(self) -> Head: ...

    async def verify(
        self, vouched: None = None, progress: Callable[[int], None] = ...
    ) -> Verified | Broken:
        """Follow the whole chain that is in the store, a page at a time."""
        ...


@dataclass(frozen=True)
class SlackOpenId:
    """Sign in with Slack: what the app's settings say, and where Slack is."""

    client_id: str
    client_secret: str = field(repr=False)
    api_url: str
    """What a method's name is appended to."""
    authorize_url: str
    issuers: tuple[str, ...]
    """Who may have issued an id token."""
    team: Callable[[], Awaitable[str]]
    """Our workspace's id; raises where Slack does not say."""
    post: Callable[[str, Mapping[str, str]], Awaitable[Mapping[str, Any]]]
    """POST of a form to an address; the answer's object. Raises ``OSError`` or ``ValueError``."""
    get: Callable[[str], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True)
class ConsoleParts:
    """Everything that the console works with. Nothing in it can act on a customer."""

    context: Context
    decisions: Decisions
    overview: Overview
    journal: JournalBook
    record: Record
    sign_ins: SignIns
    news: News
    secret: str = field(repr=False)
    public_url: str
    hosts: tuple[str, ...] = ()
    """Besides that of ``public_url``; bare names and addresses, as ``::1``, without a port."""
    source: Callable[[str], Awaitable[Source | None]] | None = None
    """The article of an id, as it stands now."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """The system text of each prompt version in use."""
    openid: SlackOpenId | None = None
    demo: bool = False
    verifying: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    """The whole chain is followed once at a time: it is work."""
    names: Names = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "names", Names(self.context.surfaces.directories, self.context.clock)
        )
