"""Orders to a stand-in that runs in a process of its own: `POST /_control/{order}`.

JSON in, JSON out. `remote.py` is the other end; a test never builds these by hand.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.standins.slack.driver import Delivery, Driver
from tests.standins.slack.model import JsonObject, SlackError
from tests.standins.wire import (
    Delay,
    DropBefore,
    DropReply,
    Fault,
    Hang,
    HttpFailure,
    NotSeenError,
    RateLimited,
    Refusal,
)

if TYPE_CHECKING:
    from tests.standins.slack.server import SlackStandin

FAULTS: dict[str, Callable[..., Fault]] = {
    kind.__name__: kind
    for kind in (Delay, DropBefore, DropReply, Hang, HttpFailure, RateLimited, Refusal)
}
FEEDS = ("posted", "updated", "deleted", "ephemerals", "reactions", "view_changes", "log")


class Control:
    """Carries out orders on one stand-in."""

    def __init__(self, standin: "SlackStandin") -> None:
        self._standin = standin
        self._orders: dict[str, Callable[[JsonObject], Awaitable[object]]] = {
            "feed": self._feed,
            "fault": self._fault,
            "clear_faults": self._clear_faults,
            "advance": self._advance,
            "product": self._product,
            "settings": self._settings,
            "user": self._user,
            "members": self._members,
            "connected": self._connected,
            "messages": self._messages,
            "message": self._message,
            "mention": self._mention,
            "edit": self._edit,
            "delete": self._delete,
            "click": self._click,
            "submit": self._submit,
            "command": self._command,
            "shortcut": self._shortcut,
            "redeliver": self._redeliver,
            "insist": self._insist,
            "redeliver_envelopes": self._redeliver_envelopes,
            "disconnect": self._disconnect,
        }
        self._deliveries: list[Delivery] = []

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/_control/{order}", self._serve)]

    async def _serve(self, request: web.Request) -> web.Response:
        order = self._orders.get(request.match_info["order"])
        if order is None:
            return web.json_response({"error": "unknown order"}, status=404)
        try:
            result = await order(await request.json())
        except (SlackError, LookupError, AssertionError, RuntimeError) as error:
            # What a test did wrong goes back to the test, not into the server's log.
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=409)
        return web.json_response({"result": result})

    @property
    def _driver(self) -> Driver:
        return self._standin.default_driver()

    def _told(self, delivery: Delivery) -> JsonObject:
        self._deliveries.append(delivery)
        return {
            "number": len(self._deliveries) - 1,
            "status": delivery.status,
            "error": delivery.sent.error,
            "seconds": delivery.seconds,
            "body": delivery.body,
            "text": delivery.sent.text,
            "refusals": delivery.refusals,
            "faults": list(delivery.faults),
            "event_id": delivery.event_id,
            "trigger_id": delivery.trigger_id,
            "message": asdict(delivery.message) if delivery.message else None,
        }

    async def _feed(self, args: JsonObject) -> object:
        """Items of a feed from `since`; waits up to `wait` seconds for the first."""
        name = str(args["name"])
        if name not in FEEDS:
            raise LookupError(name)
        held: Any = self._standin.log if name == "log" else getattr(self._standin.space, name)
        since = int(args.get("since", 0))
        if len(held) <= since:
            try:
                await held.wait_count(since + 1, timeout=float(args.get("wait", 0)))
            except NotSeenError:
                return []
        return [asdict(item) for item in held[since:]]

    async def _fault(self, args: JsonObject) -> object:
        fault = FAULTS[str(args["kind"])](**args.get("with", {}))
        self._standin.faults.add(
            str(args["method"]), fault, times=args.get("times", 1), skip=int(args.get("skip", 0))
        )
        return True

    async def _clear_faults(self, args: JsonObject) -> object:
        del args
        self._standin.faults.clear()
        return True

    async def _advance(self, args: JsonObject) -> object:
        self._standin.clock.advance(float(args["seconds"]))
        return True

    async def _product(self, args: JsonObject) -> object:
        self._standin.product_url = args["url"]
        return True

    async def _settings(self, args: JsonObject) -> object:
        """rate_limits (bool), scopes (list or null), refused_blocks (list)."""
        api = self._standin.web_api
        if "rate_limits" in args:
            api.enforce_rate_limits = bool(args["rate_limits"])
        if "scopes" in args:
            api.granted_scopes = None if args["scopes"] is None else frozenset(args["scopes"])
        if "refused_blocks" in args:
            api.refused_blocks = frozenset(args["refused_blocks"])
        return True

    async def _user(self, args: JsonObject) -> object:
        """Change a person's fields, such as deleted or is_restricted."""
        person = self._standin.space.users[args["user"]]
        for name, value in args["fields"].items():
            if name not in vars(person):
                raise LookupError(name)
            setattr(person, name, value)
        return True

    async def _members(self, args: JsonObject) -> object:
        """Who is in a channel."""
        self._standin.space.channels[args["channel"]].members = set(args["members"])
        return True

    async def _connected(self, args: JsonObject) -> object:
        await self._standin.sockets.wait_connected(timeout=float(args.get("timeout", 10)))
        return True

    async def _insist(self, args: JsonObject) -> object:
        delivery = self._deliveries[int(args["number"])]
        return self._told(await self._driver.insist(delivery, timeout=float(args["timeout"])))

    async def _messages(self, args: JsonObject) -> object:
        """All messages now in a channel (or everywhere), oldest first."""
        channel = args.get("channel")
        return [asdict(m) for m in self._standin.space.find(lambda m: channel in (None, m.channel))]

    async def _message(self, args: JsonObject) -> object:
        return self._told(await self._driver.message(**args))

    async def _mention(self, args: JsonObject) -> object:
        return [self._told(one) for one in await self._driver.mention(**args)]

    async def _edit(self, args: JsonObject) -> object:
        message = self._standin.space.message(args["channel"], args["ts"])
        return self._told(await self._driver.edit(message, args["text"]))

    async def _delete(self, args: JsonObject) -> object:
        message = self._standin.space.message(args["channel"], args["ts"])
        return self._told(await self._driver.delete(message))

    async def _click(self, args: JsonObject) -> object:
        """On the message as it is now, or as it was in `revision`."""
        space = self._standin.space
        message = space.message(args["channel"], args["ts"])
        if args.get("revision") is not None:
            message = next(
                one
                for one in (*space.posted, *space.updated)
                if (one.channel, one.ts, one.revision)
                == (args["channel"], args["ts"], args["revision"])
            )
        return self._told(await self._driver.click(args["user"], message, args["action_id"]))

    async def _submit(self, args: JsonObject) -> object:
        view = self._standin.space.find_view(args["view_id"], None)
        return self._told(await self._driver.submit(view, args.get("inputs")))

    async def _command(self, args: JsonObject) -> object:
        return self._told(await self._driver.command(**args))

    async def _shortcut(self, args: JsonObject) -> object:
        message = self._standin.space.message(args["channel"], args["ts"])
        return self._told(await self._driver.shortcut(args["user"], message))

    async def _redeliver(self, args: JsonObject) -> object:
        delivery = self._deliveries[int(args["number"])]
        return self._told(await self._driver.redeliver(delivery, retry=int(args.get("retry", 1))))

    async def _redeliver_envelopes(self, args: JsonObject) -> object:
        del args
        return len(await self._standin.sockets.redeliver_unacknowledged())

    async def _disconnect(self, args: JsonObject) -> object:
        if args.get("cut"):
            self._standin.sockets.cut()
        else:
            await self._standin.sockets.disconnect()
        return True
