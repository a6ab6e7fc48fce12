"""What Deskhand knows of where it can post, kept from every activity that comes in."""

from __future__ import annotations

import re

from botbuilder.schema import ActivityTypes

from bot.ports.references import Conversation, ConversationKind, Member, References
from handlers.recent import Monotonic
from handlers.teams_activity import Activity
from handlers.teams_connector import Thread

_AGAIN_SECONDS = 60.0
"""What has not changed is saved again after this: another process may know otherwise."""
_MOST = 10_000
_CHANNEL = re.compile(r"@thread\.(tacv2|skype)\Z")


def names_channel(conversation: str) -> bool:
    """Whether an id that nothing has come from is a channel's."""
    return _CHANNEL.search(conversation) is not None


class Rooms:
    """Conversations and members, as they were last seen."""

    def __init__(self, references: References, clock: Monotonic) -> None:
        self.references = references
        self._clock = clock
        self._saved: dict[tuple[Conversation, Member | None], float] = {}

    async def saw(self, activity: Activity, service_url: str) -> tuple[str, ...]:
        """Keep where this came from; the conversations that could not be posted to before, and can
        be now. Raises ``StoreUnavailable``."""
        conversation = Conversation(
            id=activity.place,
            kind=activity.kind,
            service_url=service_url,
            bot=activity.bot,
            team=activity.team,
            shared=activity.shared is True,
            gone=_removes_us(activity),
        )
        member = self._member(activity, service_url)
        now, known, adds = self._clock.monotonic(), (conversation, member), _adds_us(activity)
        if not adds and now - self._saved.get(known, float("-inf")) < _AGAIN_SECONDS:
            return ()
        before = await self.references.conversation(conversation.id)
        if before is not None and before.shared and activity.shared is None:
            conversation = conversation.model_copy(update={"shared": True})
        if member is not None and not member.chat:
            earlier = await self.references.member(member.oid)
            if earlier is not None:
                member = member.model_copy(update={"chat": earlier.chat})
        await self.references.keep(conversation, member)
        moved: list[str] = []
        if conversation.team and (conversation.gone or adds):
            moved = await self._whole_team(conversation)
        if len(self._saved) >= _MOST or conversation.gone:
            self._saved.clear()
        self._saved[known] = now
        if conversation.gone:
            return ()
        return (*((conversation.id,) if before is None or before.gone else ()), *moved)

    async def lost(self, at: Thread) -> None:
        """The connector says that the bot is no member of this conversation (any more), from which
        nothing may have come yet. Raises ``StoreUnavailable``."""
        known = await self.references.conversation(at.conversation)
        if known is None:
            kind: ConversationKind = "channel" if names_channel(at.conversation) else "group"
            known = Conversation(
                id=at.conversation, kind=kind, service_url=at.service_url, bot="", gone=False
            )
        if not known.gone:
            await self.references.keep(known.model_copy(update={"gone": True}), None)
        self._saved.clear()

    async def _whole_team(self, seen: Conversation) -> list[str]:
        """A bot is added to a team and removed from it, and Teams says so in one channel alone:
        what holds there holds for those of the team that are known. Which of them changed."""
        changed = []
        for one in await self.references.conversations():
            # Of a channel that has only ever refused the bot nobody knows the team.
            theirs = one.team == seen.team or (not one.team and one.kind == "channel" and one.gone)
            if theirs and one.id != seen.id and one.gone != seen.gone:
                there = {"gone": seen.gone, "service_url": seen.service_url, "bot": seen.bot}
                await self.references.keep(one.model_copy(update=there), None)
                changed.append(one.id)
        return changed

    def _member(self, activity: Activity, service_url: str) -> Member | None:
        oid, sender = activity.oid, activity.sender
        if oid is None or sender is None:
            return None
        return Member(
            oid=oid,
            id=sender.id,
            conversation=activity.place,
            service_url=service_url,
            bot=activity.bot,
            chat=activity.place if activity.kind == "personal" else "",
        )


def _adds_us(activity: Activity) -> bool:
    match activity.type:
        case ActivityTypes.installation_update:
            return activity.action in ("add", "add-upgrade")
        case ActivityTypes.conversation_update:
            return any(one.id == activity.bot for one in activity.members_added or ())
        case _:
            return False


def _removes_us(activity: Activity) -> bool:
    match activity.type:
        case ActivityTypes.installation_update:
            return activity.action == "remove"
        case ActivityTypes.conversation_update:
            return any(one.id == activity.bot for one in activity.members_removed or ())
        case _:
            return False
