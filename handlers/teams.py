"""Teams, inbound: ``POST /api/messages``.

The order is the contract's: token 401, whose it is and where it is from 403, size 413, form 400,
and 503 where it could not be made durable. botbuilder's adapter is not behind this door: it opens
to everybody where no app id is set, and raises on what it cannot read (see ``docs/teams.md``).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from botbuilder.schema import ActivityTypes
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.boards import reopen
from bot.domain import Actor, Place
from bot.logs import about
from bot.mentions import USAGE
from bot.playbook import Kind
from bot.ports import AskButtons, Clock, Decisions, Store, StoreUnavailable, SurfaceError
from bot.ports.spans import incoming_link
from handlers.guard import Refused, header, parse_object, read_body
from handlers.names import Names
from handlers.pressed import Later
from handlers.teams_activity import Activity, SubmitValue, read_activity
from handlers.teams_card import message_activity
from handlers.teams_commands import TeamsCommands
from handlers.teams_connector import Allowed, Connector, TeamsFault, Thread
from handlers.teams_events import (
    Asked,
    Ignored,
    Intake,
    Parsed,
    Setting,
    Told,
    action_delivery,
    actor_of,
    parse,
)
from handlers.teams_feedback import keep_feedback
from handlers.teams_figures import draws_charts
from handlers.teams_inert import Json
from handlers.teams_invokes import Invokes, bad_request, not_implemented
from handlers.teams_people import Speaker, Tenancy, speaking
from handlers.teams_references import Rooms
from handlers.teams_surface import TeamsSurface
from handlers.teams_text import words_of_html
from handlers.teams_token import CHANNEL, TokenCheck, Verified, same_service

log = logging.getLogger("deskhand.teams")

PATH: Final = "/api/messages"
"""As ``bot.app`` routes it."""
MAX_BODY: Final = 256 * 1024
ACCEPT_SECONDS: Final = 1.8
"""Not durable after this is 503, within the two seconds of the contract; Teams sends again."""
NOTED_SECONDS: Final = 0.5
"""For keeping where a press came from, before its own five seconds' work."""
HEARD_SECONDS: Final = 3600
"""How long what was answered is known for that: Teams sends again after 15 s."""
EXTENSION: Final = "deskhand.triage"

_TOLD: Final = {
    "not_configured": "No playbook here does that.",
    "usage": "Usage: {usage}. A bot reads no thread in Teams: say what is meant.",
    "use_the_action": "Use the action “Triage this message” in the message's own menu: a bot "
    "cannot read the messages of a thread in Teams.",
}


class TeamsInbound:
    """Everything that Teams sends. ``check`` is None in emulator mode alone."""

    def __init__(
        self,
        *,
        store: Store,
        decisions: Decisions,
        ask_buttons: AskButtons | None,
        names: Names,
        clock: Clock,
        check: TokenCheck | None,
        tenancy: Tenancy,
        rooms: Rooms,
        allowed: Allowed,
        connector: Connector,
        surface: TeamsSurface,
        commands: TeamsCommands,
        listens: Mapping[str, str],
        triage_playbook: str | None,
        kinds: frozenset[Kind] = frozenset(),
    ) -> None:
        self._store = store
        self._decisions = decisions
        self._clock = clock
        self._check = check
        self._tenancy = tenancy
        self._rooms = rooms
        self._allowed = allowed
        self._connector = connector
        self._surface = surface
        self._commands = commands
        self._listens = dict(listens)
        self._triage_playbook = triage_playbook
        self._kinds = kinds
        self._later = Later()
        self._invokes = Invokes(decisions, ask_buttons, names, self._later, self._whole_card)

    async def close(self, seconds: float = 2.0) -> None:
        """End: what follows answers already given may take ``seconds`` yet."""
        await self._later.close(seconds)

    async def endpoint(self, request: Request) -> Response:
        """``POST /api/messages``."""
        try:
            activity, service_url = await self._read(request)
        except Refused as refused:
            log.info("deskhand: %s refused: %d, %s", PATH, refused.status, refused.reason)
            return PlainTextResponse(refused.reason, refused.status)
        with speaking(_speaker(activity, service_url)):
            if activity.type == ActivityTypes.invoke:
                await self._noted(activity, service_url)
                return await self._invoked(activity)
            try:
                await self._take(activity, service_url)
            except Refused as refused:
                return PlainTextResponse(refused.reason, refused.status)
        return Response(status_code=200)

    # --- the way in ---------------------------------------------------------------------------

    async def _read(self, request: Request) -> tuple[Activity, str]:
        """The activity and where its connector is. Raises ``Refused``."""
        verified: Verified | None = None
        if self._check is not None:
            verified = await self._check.check(header(request.headers.raw, b"authorization"))
        body = parse_object(await read_body(request.scope, request.receive, MAX_BODY))
        # The issuer signs for other channels too, and in those of the web whoever writes makes up
        # who they are; only Teams says whose ``from`` it is.
        if verified is not None and body.get("channelId", CHANNEL) != CHANNEL:
            raise Refused(403, "the activity is not from Teams")
        # Whose it is comes before how it is formed.
        service_url = body.get("serviceUrl")
        address = ""
        if isinstance(service_url, str):
            address = self._address(service_url, verified)
        self._admit(_tenant(body), required=False)
        activity = read_activity(body)
        if not address:
            raise Refused(403, "the activity does not say where it is from")
        self._admit(activity.tenant, required=self._check is not None)
        return activity, address

    def _address(self, service_url: str, verified: Verified | None) -> str:
        if verified is not None and not same_service(verified.service_url, service_url):
            raise Refused(403, "the token is for another connector")
        address = self._allowed(service_url)
        if address is None:
            raise Refused(403, "the connector's address is not allowed")
        return address

    def _admit(self, tenant: str, *, required: bool) -> None:
        if (tenant or required) and not self._tenancy.admits(tenant):
            raise Refused(403, "another organisation's")

    def _setting(self) -> Setting:
        return Setting(self._tenancy.known, self._listens, self._triage_playbook, self._kinds)

    # --- what is no invoke --------------------------------------------------------------------

    async def _take(self, activity: Activity, service_url: str) -> None:
        """Save what must be saved. Raises ``Refused(503)``."""
        trace_id = secrets.token_hex(16)
        parsed = parse(activity, self._setting(), self._clock.now(), trace_id)
        try:
            async with asyncio.timeout(ACCEPT_SECONDS):
                opened = await self._rooms.saw(activity, service_url)
                if isinstance(parsed, Intake):
                    parsed = await self._accept(parsed)
                if isinstance(parsed, Asked | Told) and not await self._is_new(activity):
                    parsed = Ignored("delivered again")
        except (StoreUnavailable, TimeoutError) as away:
            with about(trace_id=trace_id):
                how = away or "too late"
                log.warning("deskhand: activity %s is not durable: %s", activity.id, how)
            raise Refused(503, "not durable yet; send it again") from away
        if opened:
            self._later.start(self._reopen(opened))
        match parsed:
            case Asked(text, actor):
                self._later.start(self._answer(text, actor, activity, service_url))
            case Told(about=what, verb=verb):
                reply = message_activity(_TOLD[what].format(usage="".join(USAGE[verb])))
                self._later.start(self._say(reply, activity, service_url))
            case Ignored(why):
                log.debug("deskhand: an activity is ignored: %s", why)
            case Intake():
                pass

    async def _is_new(self, activity: Activity) -> bool:
        """Whether it comes for the first time: for what makes no delivery, which by itself counts
        once."""
        return await self._store.once(f"teams:{activity.place}:{activity.id}", HEARD_SECONDS)

    async def _accept(self, intake: Intake) -> Parsed:
        """Save it; what is left to do."""
        delivery = intake.delivery
        if intake.reply is not None and (
            await self._store.arrived(delivery.aliases) != "unseen"
            # A ticket's thread, or what is said under a card of ours.
            or await self._store.resolve_message(delivery.origin) != (None, None)
        ):
            delivery = intake.reply
        if intake.only_if_followed and not await self._store.ticket_at(delivery.origin):
            match intake.otherwise:
                case None:
                    return Ignored("in a thread that is nobody's ticket")
                case Asked() as asked:
                    return asked
                case meant:
                    delivery = meant
        if (link := incoming_link()) is not None:
            delivery = delivery.model_copy(update={"link": link})
        taken = await self._store.accept(delivery)
        late = intake.late if taken == "duplicate" else None
        if late is not None and await self._store.alias_of(delivery.id) is not None:
            # Sent again after a 503, it came after its own reply: no word may be lost by that.
            await self._store.accept(late)
        return intake

    async def _noted(self, activity: Activity, service_url: str) -> None:
        """Keep where a press came from, first: who presses as their first word to the bot is
        looked up, and written to, by what this keeps. A press is answered without it too."""
        try:
            async with asyncio.timeout(NOTED_SECONDS):
                await self._rooms.saw(activity, service_url)
        except (StoreUnavailable, TimeoutError) as away:
            how = away or "too late"
            log.info("deskhand: where %s came from is not kept: %s", activity.id, how)

    async def _reopen(self, places: Sequence[str]) -> None:
        """Cards that these conversations could not take before may come to them now."""
        for place in places:
            try:
                await reopen(self._store, Place(surface="teams", place=place))
            except StoreUnavailable as away:
                log.warning("deskhand: cards for %s stay where they are: %s", place, away)

    # --- commands -----------------------------------------------------------------------------

    async def _answer(self, text: str, actor: Actor, activity: Activity, service_url: str) -> None:
        told = [{"type": one.type, "platform": one.platform} for one in activity.entities or ()]
        answer = await self._commands.answer(
            text,
            actor,
            private=activity.kind == "personal",
            charts=draws_charts({"entities": told}),
        )
        if answer.here is not None:
            await self._say(answer.here, activity, service_url)
        if answer.privately is not None:
            try:
                await self._surface.send_privately(actor.id, [answer.privately])
            except (SurfaceError, StoreUnavailable) as failed:
                log.warning("deskhand: %s could not be answered in private: %s", actor.key, failed)

    async def _say(self, said: Json, activity: Activity, service_url: str) -> None:
        at = Thread(service_url, activity.place, activity.root)
        try:
            await self._connector.post(at, said, reply_to=activity.id)
        except TeamsFault as fault:
            log.warning("deskhand: %s could not be answered: %s", activity.id, fault)

    async def _whole_card(self, oid: str, proposal: str) -> None:
        """The whole text of a card, to one who may see it."""
        actor = Actor(surface="teams", team=self._tenancy.known, id=oid)
        await self._surface.show_privately(actor, await self._decisions.show(proposal, actor))

    # --- invokes ------------------------------------------------------------------------------

    async def _invoked(self, activity: Activity) -> Response:
        actor = actor_of(activity, self._setting())
        match activity.name:
            case "adaptiveCard/action" if actor is not None:
                return JSONResponse(await self._invokes.action(activity, actor))
            case "adaptiveCard/action":
                return JSONResponse(bad_request("nobody pressed it"))
            case "composeExtension/submitAction":
                return await self._acted(activity)
            case "message/submitAction":
                if actor is not None:
                    self._later.start(self._feedback(activity, actor))
                return JSONResponse({})
            case other:
                return JSONResponse(not_implemented(other or "an invoke without a name"))

    async def _feedback(self, activity: Activity, actor: Actor) -> None:
        try:
            if await self._is_new(activity):
                await keep_feedback(self._store, self._rooms.references, activity, actor)
        except StoreUnavailable as away:
            log.warning("deskhand: feedback is not kept: %s", away)

    async def _acted(self, activity: Activity) -> Response:
        """The message action: durable before it is answered."""
        try:
            given = SubmitValue.model_validate(activity.value)
        except ValidationError:
            return JSONResponse(bad_request("the action's value cannot be read"))
        payload = given.message_payload
        if given.command_id != EXTENSION or payload is None:
            return JSONResponse(not_implemented(f"the command {given.command_id}"))
        text = words_of_html(payload)
        trace_id = secrets.token_hex(16)
        setting, now = self._setting(), self._clock.now()
        delivery = action_delivery(activity, payload, text, setting, now, trace_id)
        if delivery is None:
            return JSONResponse(_extension_says("No playbook triages messages here."))
        if not text:
            return JSONResponse(_extension_says("There are no words in that message."))
        try:
            async with asyncio.timeout(ACCEPT_SECONDS):
                await self._store.accept(delivery)
        except (StoreUnavailable, TimeoutError) as away:
            log.warning("deskhand: %s is not durable: %s", delivery.id, away or "too late")
            return PlainTextResponse("not durable yet; send it again", 503)
        return JSONResponse({})


def _extension_says(words: str) -> Json:
    return {"composeExtension": {"type": "message", "text": words}}


def _speaker(activity: Activity, service_url: str) -> Speaker | None:
    oid, sender = activity.oid, activity.sender
    if oid is None or sender is None:
        return None
    return Speaker(oid, sender.id, Thread(service_url, activity.conversation.id))


def _tenant(body: Mapping[str, Any]) -> str:
    """The organisation that an unread body names; empty where it does not, or not in its form."""
    data, conversation = body.get("channelData"), body.get("conversation")
    tenant = data.get("tenant") if isinstance(data, dict) else None
    named = tenant.get("id") if isinstance(tenant, dict) else None
    if not named and isinstance(conversation, dict):
        named = conversation.get("tenantId")
    return named.lower() if isinstance(named, str) else ""
