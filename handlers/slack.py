"""Slack, inbound: one door for events, interactions and commands, over HTTP and Socket Mode.

Bolt's ``AsyncApp`` carries interactions and commands, with a single middleware that dispatches by a
table: Bolt scans its listeners one by one, and answers 200 where one of them raises. Its own checks
are off, for the guard has made them on the raw bytes before Bolt parses anything.

2xx, or the envelope's acknowledgement, is given only after ``Store.accept`` has returned.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

import aiohttp
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient
from starlette.types import Receive, Scope, Send

from bot.domain import Actor
from bot.logs import about
from bot.playbook import Kind
from bot.ports import AskButtons, Clock, Decisions, Store, StoreUnavailable
from bot.ports.spans import incoming_link
from handlers.agent_answer import Answering, CommandAnswer
from handlers.guard import (
    Disconnected,
    Refused,
    check_slack_signature,
    header,
    parse_slack,
    read_body,
)
from handlers.pressed import Later
from handlers.slack_clicks import Clicks, Reply, listener_of
from handlers.slack_client import SlackFault, SlackIdentity, Us
from handlers.slack_command import Answers, drawn, shared_words
from handlers.slack_events import (
    Ignored,
    Intake,
    Json,
    Opened,
    Parsed,
    Setting,
    Typed,
    Whisper,
    actor_of,
    parse_event,
    parse_shortcut,
    text_in,
)
from handlers.slack_private import Listener, Whisperer
from handlers.slack_words import whisper_text

log = logging.getLogger("deskhand.slack")

ACCEPT_SECONDS: Final = 1.8
"""Not durable after this is 503, within the two seconds of the contract; Slack sends again."""
COMMAND_SECONDS: Final = 2.5
"""How long a command's answer may take, of Slack's three seconds."""
_BOLT_LOG: Final = "deskhand.slack.bolt"
SHORTCUT: Final = "deskhand.triage"


class SlackInbound:
    """Everything that Slack sends. ``asgi`` is the HTTP door, ``handle`` the one behind it."""

    def __init__(
        self,
        *,
        store: Store,
        decisions: Decisions,
        clock: Clock,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        identity: SlackIdentity,
        api_url: str,
        listens: Mapping[str, str],
        triage_playbook: str | None,
        kinds: frozenset[Kind] = frozenset(),
        ask_buttons: AskButtons | None = None,
        signing_secret: str | None,
        agent_command: Answering | None = None,
        agent_share: Answering | None = None,
        home: Callable[[Actor], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        if signing_secret is not None and not signing_secret:
            raise ValueError("an empty signing secret would let anybody in")
        self._store = store
        self._clock = clock
        self._identity = identity
        self._client = client
        self._listens = listens
        self._triage_playbook = triage_playbook
        self._kinds = kinds
        self._secret = signing_secret.encode() if signing_secret is not None else None
        self._agent_command = agent_command
        self._answers = Answers(client, session, api_url, agent_share)
        self._home = home
        self._later = Later()
        self._whisperer = Whisperer(client, session, api_url)
        self._clicks = Clicks(decisions, client, self._whisperer, self._later, ask_buttons)
        self._setting: Setting | None = None
        self._app = AsyncApp(
            # Bolt sets the level of the logger of this name: it must not be one of our own.
            name=_BOLT_LOG,
            client=client,
            logger=_bolt_log(),
            signing_secret="",
            process_before_response=True,
            before_authorize=_Dispatch(self.dispatch),
            request_verification_enabled=False,
            ignoring_self_events_enabled=False,
            ssl_check_enabled=False,
            url_verification_enabled=False,
            attaching_function_token_enabled=False,
        )
        self._asking: asyncio.Task[None] | None = None
        self._why_unknown = ""

    # --- life -------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin asking Slack who we are, until it says so."""
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_who_we_are())

    async def close(self, seconds: float = 2.0) -> None:
        """End: what follows answers already given may take ``seconds`` yet."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        await self._later.close(seconds)

    @property
    def over_http(self) -> bool:
        """Whether ``/slack/events`` is open; in Socket Mode alone there is no signing secret."""
        return self._secret is not None

    async def not_ready(self) -> str | None:
        """Why Slack cannot be served yet, in one line; None when it can."""
        if self._identity.known:
            return None
        return f"auth.test has not succeeded yet{self._why_unknown}"

    async def _ask_who_we_are(self) -> None:
        wait = 0.5
        while True:
            try:
                us = await self._identity.us()
            except SlackFault as fault:
                self._why_unknown = f": {fault}".splitlines()[0]
                log.warning("deskhand: Slack's auth.test failed (%s); asking again", fault)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 15.0)
            else:
                log.info("deskhand: in Slack as %s of team %s", us.user, us.team)
                return

    # --- HTTP -------------------------------------------------------------------------------

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """``POST /slack/events``: size, signature, body, and only then what it says."""
        if self._secret is None:
            await respond(send, 404, b"not found")
            return
        if scope["method"] != "POST":
            await respond(send, 405, b"POST only", (b"allow", b"POST"))
            return
        headers = scope["headers"]
        try:
            body = await read_body(scope, receive)
            check_slack_signature(self._secret, headers, body, self._clock.now().timestamp())
            payload = parse_slack(body, header(headers, b"content-type"))
        except Refused as refused:
            log.info("deskhand: /slack/events refused: %d, %s", refused.status, refused.reason)
            await respond(send, refused.status, refused.reason.encode())
            return
        except Disconnected:
            return
        status, text = await self.handle(payload)
        kind = b"application/json" if text.startswith("{") else b"text/plain; charset=utf-8"
        await respond(send, status, text.encode(), (b"content-type", kind))

    async def handle(self, payload: dict[str, Any]) -> tuple[int, str]:
        """One parsed payload, by either transport: a status and the body of the answer."""
        if payload.get("type") == "event_callback":
            # An event is saved and answered with nothing: it needs nothing of Bolt's, whose client
            # and context for each request cost as much as the rest of its way through here.
            return (await self.dispatch(payload)).status, ""
        # Bolt's socket mode is the one that takes an object: the parsing is done. The object comes
        # after, for Bolt would guess a context from its fields, and raise at one of another type.
        request = AsyncBoltRequest(body={}, mode="socket_mode")
        request.body = payload
        response = await self._app.async_dispatch(request)
        # Bolt's word for a listener that raised is 500, ours is: send it again.
        return (503 if response.status >= 500 else response.status), response.body

    # --- dispatch ---------------------------------------------------------------------------

    async def dispatch(self, payload: Json) -> Reply:
        """What one payload comes to."""
        kind = payload.get("type")
        if kind == "url_verification":
            return Reply(body={"challenge": text_in(payload, "challenge") or ""})
        if "ssl_check" in payload:
            return Reply()
        us = self._identity.known
        if us is None:
            return Reply(503)
        if kind == "event_callback":
            if not isinstance(payload.get("event"), dict) or text_in(payload, "event_id") is None:
                return Reply(400)
            return await self._take(parse_event(payload, self._now(us), *self._stamp()))
        if kind == "app_rate_limited":
            log.warning("deskhand: Slack holds events back: more than 30,000 an hour came")
            return Reply()
        actor = actor_of(payload, us)
        if actor is None:
            log.info("deskhand: a payload of the type %r by nobody is ignored", kind)
            return Reply()
        if "command" in payload:
            return await self._command(payload, actor)
        match kind:
            case "block_actions":
                if (words := shared_words(payload)) is not None:
                    to = listener_of(payload, actor)
                    self._later.start(self._answers.share(words, to, actor))
                    return Reply()
                return await self._clicks.pressed(payload, actor)
            case "view_submission":
                return await self._clicks.submitted(payload, actor)
            case "message_action" if payload.get("callback_id") == SHORTCUT:
                parsed = parse_shortcut(payload, self._now(us), *self._stamp())
                return await self._asked(parsed, listener_of(payload, actor))
            case other:
                log.info("deskhand: a payload of the type %r is ignored", other)
                return Reply()

    def _now(self, us: Us) -> Setting:
        if self._setting is None:
            self._setting = Setting(us, self._listens, self._triage_playbook, self._kinds)
        return self._setting

    def _stamp(self) -> tuple[Any, str]:
        return self._clock.now(), secrets.token_hex(16)

    async def _take(self, parsed: Parsed) -> Reply:
        match parsed:
            case Ignored(why, odd):
                log.log(
                    logging.INFO if odd else logging.DEBUG, "deskhand: an event is ignored: %s", why
                )
                return Reply()
            case Whisper():
                self._whisper(parsed)
                return Reply()
            case Typed():
                self._later.start(self._converse(parsed))
                return Reply()
            case Opened(actor):
                if self._home is not None:
                    self._later.start(self._home(actor))
                return Reply()
            case Intake(delivery, only_if_followed, otherwise):
                if (link := incoming_link()) is not None:
                    delivery = delivery.model_copy(update={"link": link})
                try:
                    async with asyncio.timeout(ACCEPT_SECONDS):
                        if only_if_followed and not await self._store.ticket_at(delivery.origin):
                            return Reply() if otherwise is None else await self._take(otherwise)
                        await self._store.accept(delivery)
                except (StoreUnavailable, TimeoutError) as away:
                    with about(trace_id=delivery.trace_id):
                        how = away or "too late"
                        log.warning("deskhand: %s is not durable: %s", delivery.id, how)
                    return Reply(503)
                return Reply()

    async def _asked(self, parsed: Parsed, to: Listener) -> Reply:
        """A shortcut: Slack does not send one again, so the asker is told what went wrong."""
        if isinstance(parsed, Whisper):
            self._later.start(self._whisperer.tell(to, whisper_text(parsed)))
            return Reply()
        reply = await self._take(parsed)
        if reply.status == 503:
            text = "Deskhand could not save that. Please try again in a moment."
            self._later.start(self._whisperer.tell(to, text))
        return reply

    def _whisper(self, whisper: Whisper) -> None:
        to = Listener(whisper.user, whisper.channel, whisper.thread)
        self._later.start(self._whisperer.tell(to, whisper_text(whisper)))

    async def _command(self, payload: Json, actor: Actor) -> Reply:
        answer = await self._answer(text_in(payload, "text") or "", actor)
        if answer.chart is not None:
            # A second private message: a workspace that does not know the block would refuse the
            # whole answer with it.
            self._later.start(self._answers.chart(answer, listener_of(payload, actor)))
        return _ephemeral(answer)

    async def _converse(self, typed: Typed) -> None:
        """Answer in the person's own conversation with the app. Sent again by Slack, the question
        is answered again: reading it twice does no harm."""
        answer = await self._answer(typed.text, typed.actor)
        await self._answers.converse(answer, typed.channel)

    async def _answer(self, text: str, actor: Actor) -> CommandAnswer:
        if self._agent_command is None:
            return CommandAnswer("There is no command here yet.")
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                return await self._agent_command(text, actor)
        except (TimeoutError, StoreUnavailable) as away:
            log.warning("deskhand: /agent was not answered: %s", type(away).__name__)
            return CommandAnswer("Deskhand cannot answer just now. Please try again in a moment.")


def _bolt_log() -> logging.Logger:
    """Bolt's own words, errors alone. Its warnings are about what we do not use: it would set up an
    install flow when it finds the console's ``SLACK_CLIENT_ID`` in the environment."""
    logger = logging.getLogger(_BOLT_LOG)
    logger.setLevel(logging.ERROR)
    return logger


class _Dispatch(AsyncMiddleware):
    """Bolt's only middleware: it answers everything, so nothing comes after it."""

    def __init__(self, dispatch: Callable[[Json], Awaitable[Reply]]) -> None:
        self._dispatch = dispatch

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],
    ) -> BoltResponse:
        reply = await self._dispatch(req.body)
        return BoltResponse(status=reply.status, body=reply.body or "")


def _ephemeral(answer: CommandAnswer) -> Reply:
    body: dict[str, Any] = {"response_type": "ephemeral", "text": answer.text}
    if blocks := drawn(answer, button=True):
        body["blocks"] = blocks
    return Reply(body=body)


async def respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Answer a request in one go, as plain text unless a header says otherwise."""
    given = list(headers)
    if not any(name == b"content-type" for name, _ in given):
        given.append((b"content-type", b"text/plain; charset=utf-8"))
    given.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": given})
    await send({"type": "http.response.body", "body": body})
