"""``/console`` as one ASGI application: the wall, the session, then the page."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.authority import NotAllowed
from bot.domain import Actor
from bot.journal import Entry
from bot.ports import StoreUnavailable
from handlers.console import openid
from handlers.console.asking import Form, Visitor, line, read_form, visitor_of
from handlers.console.deciding import VERBS, decide, open_form
from handlers.console.inbox import inbox
from handlers.console.journal import journal, verify_whole
from handlers.console.live import events
from handlers.console.pages import STATIC_TYPES, from_htmx, message, page, static
from handlers.console.parts import ConsoleParts
from handlers.console.session import (
    COOKIE,
    LINK_SECONDS,
    SESSION_SECONDS,
    SIGN_IN_COOKIE,
    SIGN_IN_SECONDS,
    Session,
    Sessions,
)
from handlers.console.status import status
from handlers.console.ticket import ticket
from handlers.console.trace import texts, trace
from handlers.console.wall import Wall
from handlers.guard import Refused

log = logging.getLogger("deskhand.console")

PATH: Final = "/console"
BACK: Final = "/login/slack/back"
"""Where *Sign in with Slack* comes back to; the app's manifest names it."""
PageOf = Callable[[ConsoleParts, Request, Visitor], Awaitable[Response]]


class Console:
    """The web console. It decides through ``Decisions`` alone, as every surface does."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._sessions = Sessions(parts.secret, parts.sign_ins, parts.context.clock)
        self._secure = urlsplit(parts.public_url).scheme == "https"
        self._wall = Wall(self._app(), parts.public_url, parts.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._wall(scope, receive, send)

    async def link(self, actor: Actor, seconds: int = LINK_SECONDS) -> str:
        """An address that signs ``actor`` in, once, within ``seconds``. Raises
        ``StoreUnavailable``."""
        token = await self._sessions.link(actor, seconds)
        return f"{self._parts.public_url}{PATH}/login?token={token}"

    # --- routes -------------------------------------------------------------------------------

    def _app(self) -> ASGIApp:
        pages: dict[str, PageOf] = {
            "": inbox,
            "/events": events,
            "/status": status,
            "/journal": journal,
            "/tickets/{id}": ticket,
            "/trace/{id}": trace,
            "/trace/{id}/texts/{entry}": texts,
        }
        routes = [
            *(Route(PATH + path, self._signed_in(draw)) for path, draw in pages.items()),
            Route(f"{PATH}/proposals/{{id}}/{{verb}}", self._proposal, methods=["GET", "POST"]),
            Route(f"{PATH}/journal/verify", self._verify, methods=["POST"]),
            Route(f"{PATH}/login", self._login, methods=["GET", "POST"]),
            Route(f"{PATH}/login/slack", self._to_slack),
            Route(f"{PATH}{BACK}", self._from_slack),
            Route(f"{PATH}/logout", self._logout, methods=["POST"]),
            Route(f"{PATH}/static/{{name}}", _static),
        ]
        app = Starlette(
            routes=[*routes, Route(f"{PATH}/", _inbox_is_elsewhere)],
            exception_handlers={
                Refused: _refused,
                HTTPException: self._http_error,
                StoreUnavailable: _store_away,
            },
        )
        # Its redirects name the scheme that this process sees, which behind TLS is the wrong one.
        app.router.redirect_slashes = False
        return app

    def _signed_in(self, draw: PageOf) -> Callable[[Request], Awaitable[Response]]:
        async def drawn(request: Request) -> Response:
            visitor = await self._visitor(request)
            if isinstance(visitor, Response):
                return visitor
            return await draw(self._parts, request, visitor)

        return drawn

    async def _visitor(self, request: Request) -> Visitor | Response:
        """Who asks, or what to tell them instead."""
        session = await self._sessions.read(request.cookies.get(COOKIE))
        if session is None:
            return _sign_in_first(request)
        found = await visitor_of(self._parts.context, session, self._sessions.csrf(session))
        if isinstance(found, Visitor):
            return found
        status = 503 if found.kind == "look_up_failed" else 403
        title = "Not just now" if status == 503 else "You may not see this"
        return message(request, None, status, title, line(found.words))

    async def _http_error(self, request: Request, fault: Exception) -> Response:
        assert isinstance(fault, HTTPException)
        visitor: Visitor | Response | None = None
        with suppress(StoreUnavailable):  # then nobody can be looked up, and the page says less
            visitor = await self._visitor(request)
        shown = visitor if isinstance(visitor, Visitor) else None
        if fault.status_code == 404:
            words = "There is nothing at this address."
            return message(request, shown, 404, "Not found", words, link=(PATH, "To the inbox"))
        answer = message(request, shown, fault.status_code, "Not possible", str(fault.detail))
        answer.headers.update(dict(fault.headers or {}))
        return answer

    async def _proposal(self, request: Request) -> Response:
        if request.path_params["verb"] not in VERBS:
            raise HTTPException(404)
        visitor = await self._visitor(request)
        if isinstance(visitor, Response):
            return visitor
        if request.method != "POST":
            if request.path_params["verb"] not in ("edit", "reject"):
                raise HTTPException(405)
            return await open_form(self._parts, request, visitor)
        form = await self._own_form(request, visitor.session)
        return await decide(self._parts, request, visitor, form)

    async def _verify(self, request: Request) -> Response:
        visitor = await self._visitor(request)
        if isinstance(visitor, Response):
            return visitor
        await self._own_form(request, visitor.session)
        return await verify_whole(self._parts, request, visitor)

    async def _own_form(self, request: Request, session: Session) -> Form:
        """The form, if a page of ours sent it in this session. Raises ``Refused(403)``."""
        if not self._wall.own_origin(request.headers):
            raise Refused(403, "That did not come from a page of this console.")
        form = await read_form(request)
        if not self._sessions.csrf_holds(session, form.get("csrf")):
            raise Refused(403, "That form is not of this session. Load the page again.")
        return form

    # --- signing in and out -------------------------------------------------------------------

    async def _login(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._by_link(request)
        token = request.query_params.get("token")
        if token is None:
            return page(request, "login.html", None, openid=self._openid, demo=self._parts.demo)
        if not await self._parts.sign_ins.known(token[:200]):
            return _dead_link(request)
        # Only the button's POST consumes it: what merely looks at links must not use them up.
        return page(request, "login_link.html", None, token=token)

    async def _by_link(self, request: Request) -> Response:
        # A browser names its origin with each POST; what is no browser carries nobody's cookies.
        if not self._wall.own_origin(request.headers, needed=False):
            raise Refused(403, "That did not come from a page of this console.")
        form = await read_form(request)
        actor = await self._parts.sign_ins.consume(form.get("token")[:200])
        if actor is None:
            return _dead_link(request)
        return await self._enter(request, actor, "link")

    @property
    def _openid(self) -> bool:
        return self._parts.openid is not None

    @property
    def _redirect_uri(self) -> str:
        return f"{self._parts.public_url}{PATH}{BACK}"

    async def _to_slack(self, request: Request) -> Response:
        slack = self._parts.openid
        if slack is None:
            raise HTTPException(404)
        try:
            team = await slack.team()
        except OSError:
            team = ""  # asked again before anybody is let in
        address, kept = openid.begin(slack, self._redirect_uri, team)
        answer = RedirectResponse(address, 303)
        self._set_cookie(
            answer, SIGN_IN_COOKIE, self._sessions.sign_in_cookie(kept), SIGN_IN_SECONDS
        )
        return answer

    async def _from_slack(self, request: Request) -> Response:
        slack = self._parts.openid
        if slack is None:
            raise HTTPException(404)
        kept = self._sessions.read_sign_in(request.cookies.get(SIGN_IN_COOKIE))
        try:
            actor = await openid.finish(slack, request.query_params, kept, self._redirect_uri)
        except openid.NotProven as why:
            log.info("deskhand: nobody signed in with Slack: %s", why)
            answer = message(
                request, None, 403, "Not signed in", f"{_sentence(str(why))} Please try again."
            )
        else:
            answer = await self._enter(request, actor, "slack")
        answer.delete_cookie(SIGN_IN_COOKIE, path=PATH, secure=self._secure, httponly=True)
        return answer

    async def _enter(self, request: Request, actor: Actor, by: str) -> Response:
        session, cookie = self._sessions.issue(actor)
        found = await visitor_of(self._parts.context, session, self._sessions.csrf(session))
        if isinstance(found, NotAllowed):
            status = 503 if found.kind == "look_up_failed" else 403
            return message(request, None, status, "Not signed in", line(found.words))
        await self._journal(actor, "signed_in", by)
        answer = RedirectResponse(PATH, 303)
        self._set_cookie(answer, COOKIE, cookie, SESSION_SECONDS)
        return answer

    async def _logout(self, request: Request) -> Response:
        session = await self._sessions.read(request.cookies.get(COOKIE))
        if session is not None:
            await self._own_form(request, session)
            await self._sessions.end(session)
            await self._journal(session.actor, "signed_out", "console")
        answer = RedirectResponse(f"{PATH}/login", 303)
        answer.delete_cookie(COOKIE, path=PATH, secure=self._secure, httponly=True)
        return answer

    def _set_cookie(self, answer: Response, name: str, value: str, seconds: int) -> None:
        answer.set_cookie(
            name,
            value,
            max_age=seconds,
            path=PATH,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    async def _journal(self, actor: Actor, what: str, by: str) -> None:
        entry = Entry(kind="operator", actor=actor.key, data={"what": what, "by": by})
        await self._parts.context.store.record((entry,))


async def _inbox_is_elsewhere(request: Request) -> Response:
    return RedirectResponse(PATH, 303)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC_TYPES:
        raise HTTPException(404)
    body, kind, version = static(name)
    lasting = request.query_params.get("v") == version
    kept = "public, max-age=31536000, immutable" if lasting else "no-cache"
    return Response(body, media_type=kind, headers={"Cache-Control": kept})


def _sign_in_first(request: Request) -> Response:
    """401 for what a script or program asks, the sign-in page for a person's page."""
    wants_page = request.method in ("GET", "HEAD") and not from_htmx(request)
    if wants_page and request.url.path != f"{PATH}/events":
        return RedirectResponse(f"{PATH}/login", 303)
    answer = message(request, None, 401, "Not signed in", "Your session is over. Sign in again.")
    answer.headers["HX-Redirect"] = f"{PATH}/login"
    return answer


def _dead_link(request: Request) -> Response:
    words = (
        "A sign-in link works once and for two minutes. Ask for a new one with /agent console in "
        "Slack."
    )
    return message(request, None, 403, "This link does not work any more", words)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


async def _refused(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Refused)
    titles = {403: "Refused", 413: "Too large", 415: "Not a form"}
    title = titles.get(fault.status, "Not understood")
    return message(request, None, fault.status, title, fault.reason, link=(PATH, "To the inbox"))


async def _store_away(request: Request, fault: Exception) -> Response:
    log.warning("deskhand: %s without the store: %s", quote(request.url.path), fault)
    words = "Deskhand's store does not answer just now. Nothing is lost: try again in a moment."
    return message(request, None, 503, "Not just now", words, link=(request.url.path, "Try again"))
