"""The HTTP side of the stand-in: `/api/{method}` and response URLs.

Order as at Slack: method known, token good, scope granted, rate allowed, arguments
parsed, then the method. A fault planned for the method comes before or after that.
"""

import json
from collections import deque
from dataclasses import replace
from typing import assert_never

from aiohttp import web

from tests.standins.slack.methods import READING, Call
from tests.standins.slack.methods import Entry as MethodEntry
from tests.standins.slack.methods_write import WRITING, checked_blocks
from tests.standins.slack.model import Ephemeral, JsonObject, SlackError
from tests.standins.slack.socket_mode import SocketMode
from tests.standins.slack.state import Workspace
from tests.standins.wire import (
    CallLog,
    Delay,
    DropBefore,
    DropReply,
    Fault,
    FaultPlan,
    Hang,
    Hold,
    HttpFailure,
    Pauses,
    RateLimited,
    Refusal,
    answer,
    drop,
)

_JSON_ARGS = ("blocks", "metadata", "view", "attachments", "message", "prompts")
METHODS: dict[str, MethodEntry] = READING | WRITING
ALL_SCOPES = frozenset(
    {"app_mentions:read", "commands"}.union(*(entry.scopes for entry in METHODS.values()))
)
"""Every bot scope the stand-in knows of."""


class WebApi:
    """Serves the Web API of one workspace."""

    def __init__(
        self,
        space: Workspace,
        *,
        log: CallLog,
        faults: FaultPlan,
        pauses: Pauses,
        sockets: SocketMode,
        bot_token: str,
        app_token: str,
    ) -> None:
        self.space = space
        self.base_url = ""
        self.enforce_rate_limits = False
        """1 chat.postMessage a second and channel, and each method's tier a minute."""
        self.granted_scopes: frozenset[str] | None = None
        """Bot scopes the app was installed with; None: all."""
        self.refused_blocks: frozenset[str] = frozenset()
        """Block types this workspace does not know."""
        self._log = log
        self._faults = faults
        self._pauses = pauses
        self._sockets = sockets
        self._bot_token = bot_token
        self._app_token = app_token
        self._recent: dict[tuple[str, str], deque[float]] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/{method}", self._serve),
            web.get("/api/{method}", self._serve),
            web.post("/actions/{team}/{number}/{secret}", self._response_url),
        ]

    # ---- the Web API -----------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        try:
            args = await _arguments(request)
        except SlackError as error:
            return await self._finish(request, "call", method, {}, None, error)
        fault = self._faults.take(method, args)
        await self._pauses.before_effect(fault)
        match fault:
            case DropBefore():
                self._log.record("call", method, args, fault="DropBefore")
                return drop(request)
            case HttpFailure() | RateLimited() | Refusal():
                return await self._fail(request, method, args, fault)
            case DropReply() | Delay() | Hang() | Hold() | None:
                pass
            case _:
                assert_never(fault)
        outcome: JsonObject | SlackError
        try:
            outcome = self._run(request, method, args)
        except SlackError as error:
            outcome = error
        return await self._finish(request, "call", method, args, fault, outcome)

    def _run(self, request: web.Request, method: str, args: JsonObject) -> JsonObject:
        token = _token(request, args)
        if method == "apps.connections.open":
            self._check_token(token, self._app_token)
            return {"url": self._sockets.new_url(self.base_url)}
        entry = METHODS.get(method)
        if entry is None:
            raise SlackError("unknown_method", req_method=method)
        self._check_token(token, self._bot_token)
        granted = self.granted_scopes
        if granted is not None and entry.scopes and granted.isdisjoint(entry.scopes):
            raise SlackError(
                "missing_scope", needed=entry.scopes[0], provided=",".join(sorted(granted))
            )
        self._check_rate(method, entry, args)
        clean = {name: value for name, value in args.items() if name != "token"}
        call = Call(self.space, method, clean, self.base_url, self.refused_blocks)
        return entry.run(call)

    def _check_token(self, token: str | None, wanted: str) -> None:
        if not token:
            raise SlackError("not_authed")
        if token == wanted:
            return
        known = token in (self._bot_token, self._app_token)
        raise SlackError("not_allowed_token_type" if known else "invalid_auth")

    def _check_rate(self, method: str, entry: MethodEntry, args: JsonObject) -> None:
        """apis/web-api/rate-limits: chat.postMessage "1 per second per channel", others by
        tier. The short bursts Slack tolerates are not: the product must not need them."""
        if not self.enforce_rate_limits:
            return
        now = self.space.clock.now()
        posting = method == "chat.postMessage"
        key = (method, str(args.get("channel")) if posting else "")
        period, most = (1.0, 1) if posting else (60.0, entry.per_minute)
        recent = self._recent.setdefault(key, deque())
        while recent and recent[0] <= now - period:
            recent.popleft()
        if len(recent) >= most:
            wait_s = max(1, round(recent[0] + period - now + 0.499))
            raise SlackError("ratelimited", retry_after_s=wait_s)
        recent.append(now)

    async def _fail(
        self,
        request: web.Request,
        method: str,
        args: JsonObject,
        fault: HttpFailure | RateLimited | Refusal,
    ) -> web.StreamResponse:
        match fault:
            case HttpFailure(status=status, body=body, content_type=content_type):
                entry = self._log.record("call", method, args, status=status, fault="HttpFailure")
                response = web.Response(status=status, text=body, content_type=content_type)
                self._log.mark_delivered(entry, await answer(request, response))
                return response
            case RateLimited(retry_after_s=seconds):
                error = SlackError("ratelimited", retry_after_s=seconds)
                return await self._finish(request, "call", method, args, fault, error)
            case Refusal(error=code):
                return await self._finish(request, "call", method, args, fault, SlackError(code))
            case _:
                assert_never(fault)

    async def _finish(
        self,
        request: web.Request,
        kind: str,
        name: str,
        args: JsonObject,
        fault: Fault | None,
        outcome: JsonObject | SlackError,
    ) -> web.StreamResponse:
        """Log what happened, then answer, unless the fault takes the answer away."""
        # Every answer names the token's scopes (authentication/tokens, x-oauth-scopes).
        scopes = ALL_SCOPES if self.granted_scopes is None else self.granted_scopes
        status, headers = 200, {"X-OAuth-Scopes": ",".join(sorted(scopes))}
        if isinstance(outcome, SlackError):
            extra = dict(outcome.extra)
            if "retry_after_s" in extra:
                status = 429
                headers["Retry-After"] = str(extra.pop("retry_after_s"))
            body: JsonObject = {"ok": False, "error": outcome.code, **extra}
        else:
            body = {"ok": True, **outcome}
        shown = {key: value for key, value in args.items() if key != "token"}
        entry = self._log.record(
            kind,
            name,
            shown,
            answer=body,
            status=status,
            fault=type(fault).__name__ if fault else None,
        )
        await self._pauses.after_effect(fault)
        if isinstance(fault, DropReply | Hang):
            self._log.mark_delivered(entry, False)
            return drop(request)
        response = web.Response(
            status=status,
            headers=headers,
            body=json.dumps(body).encode(),
            content_type="application/json",
        )
        self._log.mark_delivered(entry, await answer(request, response))
        return response

    # ---- response URLs ---------------------------------------------------------------

    async def _response_url(self, request: web.Request) -> web.StreamResponse:
        key = f"{request.match_info['number']}/{request.match_info['secret']}"
        args = await _arguments(request)
        fault = self._faults.take("response_url", args)
        await self._pauses.before_effect(fault)
        if isinstance(fault, DropBefore):
            self._log.record("response_url", key, args, fault="DropBefore")
            return drop(request)
        if isinstance(fault, HttpFailure):
            self._log.record("response_url", key, args, status=fault.status, fault="HttpFailure")
            return web.Response(status=fault.status, text=fault.body)
        outcome: JsonObject | SlackError
        try:
            outcome = self._respond(key, args)
        except SlackError as error:
            outcome = error
        return await self._finish(request, "response_url", key, args, fault, outcome)

    def _respond(self, key: str, args: JsonObject) -> JsonObject:
        """interactivity/handling-user-interaction: message responses by response_url."""
        target = self.space.use_response_url(key)
        replaces = args.get("replace_original")
        deletes = args.get("delete_original") in (True, "true")
        blocks = checked_blocks(args.get("blocks"), self.refused_blocks)
        text = str(args.get("text") or "")
        if not text and not blocks and not deletes:
            raise SlackError("no_text")
        held = self.space.messages.get(target.channel, {}).get(target.message_ts or "")
        shown = Ephemeral(
            channel=target.channel,
            user=target.user,
            ts=self.space.new_ts(),
            text=text,
            via="response_url",
            blocks=self.space.with_block_ids(blocks),
            thread_ts=args.get("thread_ts") or (held.thread_ts if held else None),
            replace_original=None if replaces is None else replaces in (True, "true"),
            delete_original=deletes,
            response_type=str(args.get("response_type") or "ephemeral"),
        )
        if shown.replace_original and held is not None:
            self.space.update(replace(held, text=text or held.text, blocks=shown.blocks))
        elif deletes and held is not None:
            self.space.delete(held)
        else:
            self.space.ephemerals.push(shown)
        return {}


def _token(request: web.Request, args: JsonObject) -> str | None:
    header = request.headers.get("Authorization", "")
    if header.startswith("Bearer "):
        return header.removeprefix("Bearer ").strip()
    token = args.get("token")
    return token if isinstance(token, str) else None


async def _arguments(request: web.Request) -> JsonObject:
    """Query, then a JSON or form body; JSON strings in either are decoded."""
    args: JsonObject = dict(request.query)
    if request.method == "POST":
        if request.content_type == "application/json":
            try:
                body = json.loads(await request.read() or b"{}")
            except ValueError:
                raise SlackError("invalid_json") from None
            if not isinstance(body, dict):
                raise SlackError("json_not_object")
            args |= body
        else:
            args |= dict(await request.post())
    for name in _JSON_ARGS:
        value = args.get(name)
        if isinstance(value, str) and value[:1] in ("[", "{"):
            try:
                args[name] = json.loads(value)
            except ValueError:
                # Left as it is: the method itself refuses what is not an object or array.
                continue
    return args
