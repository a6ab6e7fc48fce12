"""Where a chat service can be spoken to first: kept from what came in, through restarts.

A Teams bot can post only where it was added, at an address that it is told with each activity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from bot.domain import Frozen

ConversationKind = Literal["channel", "group", "personal"]
"""channel: posts with threads, of a team. group: a chat of several. personal: with one person."""


class Conversation(Frozen):
    """A conversation that the bot is, or was, a member of."""

    id: str
    kind: ConversationKind
    service_url: str
    """Where its connector was last seen."""
    bot: str
    """The bot's own id there."""
    team: str = ""
    shared: bool = False
    """Other teams read it, perhaps another organisation's."""
    gone: bool = False
    """The bot was removed: nothing can be posted there."""


class Member(Frozen):
    """A person as the connector knows them, by their directory's object id."""

    oid: str
    id: str
    """Their id in rosters."""
    conversation: str
    """Where they were last seen: whose roster tells of them."""
    service_url: str
    bot: str
    chat: str = ""
    """Their personal conversation with the bot; empty while there is none."""


class References(Protocol):
    """Every method may raise ``StoreUnavailable``."""

    async def keep(self, conversation: Conversation | None, member: Member | None) -> None:
        """Save them, durably, and the conversation's address as its team's and the last one."""
        ...

    async def conversation(self, ident: str) -> Conversation | None: ...

    async def member(self, oid: str) -> Member | None: ...

    async def forget(self, oid: str) -> None:
        """Forget a person and their chat with the bot, until they are heard of again."""
        ...

    async def address(self, team: str = "") -> tuple[str, str] | None:
        """The last known address of this team, else of anything, and the bot's id there."""
        ...

    async def replied(self, conversation: str, message: str, proposal: str) -> None:
        """Which proposal's reply a message is, for as long as people may say what they think of
        it."""
        ...

    async def proposal_of(self, conversation: str, message: str) -> str | None:
        """The proposal whose reply this message is."""
        ...

    async def conversations(self) -> Sequence[Conversation]:
        """All of them, for ``doctor``."""
        ...
