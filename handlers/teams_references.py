"""What Deskhand knows of where it can post, kept from every activity that comes in."""

from __future__ import annotations

from botbuilder.schema import ActivityTypes

from bot.ports.references import Conversation, Member, References
from handlers.recent import Monotonic
from handlers.teams_activity import Activity

_AGAIN_SECONDS = 60.0
"""What has not changed is saved again after this: another process may know otherwise."""
_MOST = 10_000


class Rooms:
    """Conversations and members, as they were last seen."""

    def __init__(self, references: References, clock: Monotonic) -> None:
        self.references = references
        self._clock = clock
        self._saved: dict[tuple[Conversation, Member | None], float] = {}

    async def saw(self, activity: Activity, service_url: str) -> bool:
        """Keep where this came from; whether it is a conversation that could not be posted to
        before. Raises ``StoreUnavailable``."""
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
        now, known = self._clock.monotonic(), (conversation, member)
        if now - self._saved.get(known, float("-inf")) < _AGAIN_SECONDS:
            return False
        before = await self.references.conversation(conversation.id)
        if before is not None and before.shared and activity.shared is None:
            conversation = conversation.model_copy(update={"shared": True})
        if member is not None and not member.chat:
            earlier = await self.references.member(member.oid)
            if earlier is not None:
                member = member.model_copy(update={"chat": earlier.chat})
        await self.references.keep(conversation, member)
        if conversation.gone and conversation.team:
            await self._team_gone(conversation.team)
        if len(self._saved) >= _MOST or conversation.gone:
            self._saved.clear()
        self._saved[known] = now
        return not conversation.gone and (before is None or before.gone)

    async def lost(self, place: str) -> None:
        """The connector says that the bot is no member of this conversation (any more)."""
        known = await self.references.conversation(place)
        if known is not None and not known.gone:
            await self.references.keep(known.model_copy(update={"gone": True}), None)
        self._saved.clear()

    async def _team_gone(self, team: str) -> None:
        for one in await self.references.conversations():
            if one.team == team and not one.gone:
                await self.references.keep(one.model_copy(update={"gone": True}), None)

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


def _removes_us(activity: Activity) -> bool:
    match activity.type:
        case ActivityTypes.installation_update:
            return activity.action == "remove"
        case ActivityTypes.conversation_update:
            return any(one.id == activity.bot for one in activity.members_removed or ())
        case _:
            return False
