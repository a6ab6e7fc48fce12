"""The connector, the login and Graph on loopback, which refuse what the real ones refuse.

Faults are named ``post``, ``update``, ``member``, ``roster``, ``chat``, ``token``, ``groups`` and
``in_group``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.standins.teams.issuer import APP_ID, Issuer, issuer_standin
from tests.standins.teams.world import TENANT, Shown, World
from tests.standins.wire import (
    CallLog,
    DropBefore,
    DropReply,
    FaultPlan,
    HttpFailure,
    Pauses,
    RateLimited,
    Signal,
    drop,
    serving,
)

PASSWORD = "a-client-secret"
BOT_TOKEN = "token-for-the-connector"
GRAPH_TOKEN = "token-for-graph"
_UTF16_LIMIT = 40_000
_ROSTER_PAGE = 4
"""Fewer than are asked for, as the real one may give."""


@dataclass
class TeamsStandin:
    """A Teams with its world, its log and its faults."""

    issuer: Issuer
    world: World
    log: CallLog
    signal: Signal
    faults: FaultPlan = field(default_factory=FaultPlan)
    pauses: Pauses = field(default_factory=Pauses)
    emulator: bool = False
    """The Playground's way: no ``Authorization`` is asked for, and one that comes is an error."""
    url: str = ""
    strays: list[str] = field(default_factory=list)
    """Requests that should not have come."""

    @property
    def service_url(self) -> str:
        return f"{self.url}/connector/"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "MICROSOFT_APP_ID": APP_ID,
            "MICROSOFT_APP_PASSWORD": PASSWORD,
            "MICROSOFT_APP_TENANT_ID": TENANT,
        }

    # --- the connector ----------------------------------------------------------------------

    async def post(self, request: web.Request) -> web.StreamResponse:
        conversation, root, reply_to = *_conversation(request), request.match_info.get("activity")
        raw, activity = await request.text(), await request.json()

        def act() -> web.Response:
            if (refused := self._refuses(conversation, activity, raw)) is not None:
                return refused
            ident = self.world.new_id()
            is_channel = self.world.conversations[conversation] == "channel"
            thread = (root or ident) if is_channel else None
            said = Shown(conversation, thread, ident, activity, reply_to and unquote(reply_to))
            self.world.post(said)
            return web.json_response({"id": ident}, status=201)

        return await self._answer("post", request, activity, act)

    async def update(self, request: web.Request) -> web.StreamResponse:
        conversation, root = _conversation(request)
        ident, raw = unquote(request.match_info["activity"]), await request.text()
        activity = await request.json()

        def act() -> web.Response:
            if (refused := self._refuses(conversation, activity, raw)) is not None:
                return refused
            known = self.world.current(ident)
            if known is None or ident in self.world.deleted:
                return _error(404, "ActivityNotFoundInConversation")
            if (known.conversation, known.thread) != (conversation, root):
                return _error(404, "ConversationNotFound")
            self.world.update(Shown(conversation, root, ident, activity, known.reply_to))
            return web.json_response({"id": ident})

        return await self._answer("update", request, activity, act)

    async def member(self, request: web.Request) -> web.StreamResponse:
        conversation, _ = _conversation(request)

        def act() -> web.Response:
            person = self.world.by_id(unquote(request.match_info["member"]))
            if person is None or person.gone or conversation not in self.world.conversations:
                return _error(404, "MemberNotFoundInConversation")
            return web.json_response(person.roster)

        return await self._answer("member", request, {}, act)

    async def roster(self, request: web.Request) -> web.StreamResponse:
        conversation, _ = _conversation(request)
        begin = int(request.query.get("continuationToken") or 0)

        def act() -> web.Response:
            if not 50 <= int(request.query["pageSize"]) <= 500:
                return _error(400, "BadArgument")
            if conversation not in self.world.conversations:
                return _error(404, "ConversationNotFound")
            if conversation in self.world.removed_from:
                return _error(403, "BotNotInConversationRoster")
            there = [one for one in self.world.members(conversation) if not one.gone]
            page: dict[str, Any] = {
                "members": [one.listed for one in there[begin : begin + _ROSTER_PAGE]]
            }
            if len(there) > begin + _ROSTER_PAGE:
                page["continuationToken"] = str(begin + _ROSTER_PAGE)
            return web.json_response(page)

        return await self._answer("roster", request, {}, act)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()

        def act() -> web.Response:
            members = asked.get("members") or []
            person = self.world.by_id(members[0]["id"]) if members else None
            if person is None or not (asked.get("bot") or {}).get("id"):
                return _error(400, "BadArgument")
            return web.json_response({"id": self.world.chat_with(person)}, status=201)

        return await self._answer("chat", request, asked, act)

    def _refuses(
        self, conversation: str, activity: dict[str, Any], raw: str
    ) -> web.Response | None:
        if conversation not in self.world.conversations:
            return _error(404, "ConversationNotFound")
        if conversation in self.world.removed_from:
            return _error(403, "BotNotInConversationRoster")
        if activity.get("type") != "message":
            return _error(400, "BadSyntax")
        too_big = len(raw.encode("utf-16-le")) > _UTF16_LIMIT
        return _error(413, "MessageSizeTooBig") if too_big else None

    # --- login and Graph --------------------------------------------------------------------

    async def token(self, request: web.Request) -> web.StreamResponse:
        form = dict(await request.post())

        def act() -> web.Response:
            if request.match_info["tenant"] != TENANT or form.get("client_secret") != PASSWORD:
                return web.json_response({"error": "invalid_client"}, status=401)
            graph = str(form.get("scope", "")).startswith("https://graph.microsoft.com/")
            token = GRAPH_TOKEN if graph else BOT_TOKEN
            return web.json_response(
                {"token_type": "Bearer", "expires_in": 3599, "access_token": token}
            )

        return await self._answer("token", request, {"scope": form.get("scope")}, act, bearer=None)

    async def groups(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()

        def act() -> web.Response:
            wanted = asked.get("groupIds")
            if not isinstance(wanted, list) or len(wanted) > 20:
                return _error(400, "Request_BadRequest")
            person = self.world.by_oid(request.match_info["oid"])
            if person is None:
                return _error(404, "Request_ResourceNotFound")
            return web.json_response({"value": [one for one in wanted if one in person.groups]})

        return await self._answer("groups", request, asked, act, bearer=GRAPH_TOKEN)

    async def in_group(self, request: web.Request) -> web.StreamResponse:
        begin = int(request.query.get("$skiptoken") or 0)

        def act() -> web.Response:
            if not 1 <= int(request.query.get("$top", "100")) <= 999:
                return _error(400, "Request_BadRequest")
            people = self.world.in_group(request.match_info["group"])
            found = [{"@odata.type": "#microsoft.graph.user", "id": one.oid} for one in people]
            found.append({"@odata.type": "#microsoft.graph.device", "id": "a-device"})
            page: dict[str, Any] = {"value": found[begin : begin + 1]}
            if len(found) > begin + 1:
                page["@odata.nextLink"] = f"{self.url}{request.path}?$skiptoken={begin + 1}"
            return web.json_response(page)

        return await self._answer("in_group", request, {}, act, bearer=GRAPH_TOKEN)

    # --- one request ------------------------------------------------------------------------

    async def _answer(
        self,
        name: str,
        request: web.Request,
        args: dict[str, Any],
        act: Callable[[], web.Response],
        bearer: str | None = BOT_TOKEN,
    ) -> web.StreamResponse:
        given = request.headers.get("Authorization")
        wanted = None if self.emulator or bearer is None else f"Bearer {bearer}"
        if given != wanted:
            if self.emulator:
                self.strays.append(f"{request.method} {request.path}: {given}")
            return _error(401, "Unauthorized")
        fault = self.faults.take(name, args)
        entry = self.log.record("call", name, {"path": request.raw_path, **args})
        await self.pauses.before_effect(fault)
        match fault:
            case HttpFailure(status, body, content_type):
                return web.Response(status=status, text=body, content_type=content_type)
            case RateLimited(seconds):
                return web.Response(status=429, headers={"Retry-After": str(seconds)})
            case DropBefore():
                return drop(request)
        answer = act()
        await self.pauses.after_effect(fault)
        if isinstance(fault, DropReply):
            return drop(request)
        self.log.mark_delivered(entry, True)
        return answer


def _conversation(request: web.Request) -> tuple[str, str | None]:
    ident, _, root = unquote(request.match_info["conversation"]).partition(";messageid=")
    return ident, root or None


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": code}}, status=status)


@asynccontextmanager
async def teams_standin(*, emulator: bool = False) -> AsyncIterator[TeamsStandin]:
    """Everything of Microsoft's on loopback."""
    signal = Signal()
    async with issuer_standin() as issuer:
        teams = TeamsStandin(issuer, World(signal), CallLog(signal), signal, emulator=emulator)
        handlers: list[tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]] = [
            ("POST", "/connector/v3/conversations", teams.chat),
            ("POST", "/connector/v3/conversations/{conversation}/activities", teams.post),
            ("POST", "/connector/v3/conversations/{conversation}/activities/{activity}",
             teams.post),
            ("PUT", "/connector/v3/conversations/{conversation}/activities/{activity}",
             teams.update),
            ("GET", "/connector/v3/conversations/{conversation}/members/{member}", teams.member),
            ("GET", "/connector/v3/conversations/{conversation}/pagedmembers", teams.roster),
            ("POST", "/login/{tenant}/oauth2/v2.0/token", teams.token),
            ("POST", "/graph/v1.0/users/{oid}/checkMemberGroups", teams.groups),
            ("GET", "/graph/v1.0/groups/{group}/transitiveMembers", teams.in_group),
        ]  # fmt: skip
        app = web.Application()
        for method, path, handler in handlers:
            app.router.add_route(method, path, handler)
        async with serving(app) as port:
            teams.url = f"http://127.0.0.1:{port}"
            try:
                yield teams
            finally:
                teams.pauses.close()
