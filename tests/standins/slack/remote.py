"""A stand-in in a process of its own, driven from a test or a benchmark.

Crash tests and CPU measurements need the stand-in outside both the product's and the
harness's process. `slack_process` starts one; `RemoteSlack` gives it orders and reads its
feeds, with waiting and predicates on this side.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from tests.standins.process import standin_process
from tests.standins.slack.model import Ephemeral, JsonObject, Message, View
from tests.standins.slack.server import BOT_TOKEN, SIGNING_SECRET
from tests.standins.wire import DEFAULT_WAIT_S, Entry, Fault, NotSeenError

T = TypeVar("T")


@dataclass(frozen=True)
class RemoteDelivery:
    """What came back for one payload; as `Delivery`, with `number` for redelivery."""

    number: int
    status: int
    error: str | None
    seconds: float
    body: JsonObject
    text: str
    refusals: dict[str, str]
    faults: list[str]
    event_id: str
    trigger_id: str
    message: Message | None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class RemoteSlack:
    """Orders to a stand-in at `url`."""

    def __init__(self, session: aiohttp.ClientSession, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid
        self._session = session

    @property
    def environment(self) -> dict[str, str]:
        """What the product needs to talk to it over HTTP events."""
        return {
            "SLACK_API_URL": f"{self.url}/api/",
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        }

    async def order(self, order: str, /, **args: object) -> Any:
        async with self._session.post(f"{self.url}/_control/{order}", json=args) as response:
            body = await response.json()
        if "error" in body:
            raise AssertionError(body["error"])
        return body["result"]

    async def _delivery(self, name: str, **args: object) -> RemoteDelivery:
        return _delivery(await self.order(name, **args))

    # ---- people ----------------------------------------------------------------------

    async def product(self, url: str | None) -> None:
        """Where events go from now on; None: over Socket Mode."""
        await self.order("product", url=url)

    async def message(self, text: str, **args: object) -> RemoteDelivery:
        return await self._delivery("message", text=text, **args)

    async def mention(self, text: str, **args: object) -> list[RemoteDelivery]:
        return [_delivery(one) for one in await self.order("mention", text=text, **args)]

    async def edit(self, message: Message, text: str) -> RemoteDelivery:
        return await self._delivery("edit", channel=message.channel, ts=message.ts, text=text)

    async def delete(self, message: Message) -> RemoteDelivery:
        return await self._delivery("delete", channel=message.channel, ts=message.ts)

    async def click(
        self, user: str, message: Message, action_id: str, *, as_shown: bool = False
    ) -> RemoteDelivery:
        """Press a button; `as_shown`: as it was in this snapshot, else as it is now."""
        return await self._delivery(
            "click",
            user=user,
            channel=message.channel,
            ts=message.ts,
            action_id=action_id,
            revision=message.revision if as_shown else None,
        )

    async def submit(self, view: View, inputs: JsonObject | None = None) -> RemoteDelivery:
        return await self._delivery("submit", view_id=view.id, inputs=inputs)

    async def command(self, text: str, **args: object) -> RemoteDelivery:
        return await self._delivery("command", text=text, **args)

    async def shortcut(self, user: str, message: Message) -> RemoteDelivery:
        return await self._delivery("shortcut", user=user, channel=message.channel, ts=message.ts)

    async def redeliver(self, delivery: RemoteDelivery, *, retry: int = 1) -> RemoteDelivery:
        return await self._delivery("redeliver", number=delivery.number, retry=retry)

    async def insist(self, delivery: RemoteDelivery, *, timeout: float = 30.0) -> RemoteDelivery:
        """Deliver again until it is accepted; see `Driver.insist`."""
        return await self._delivery("insist", number=delivery.number, timeout=timeout)

    # ---- the world -------------------------------------------------------------------

    async def settings(self, **settings: object) -> None:
        """`rate_limits` (bool), `scopes` (list or None), `refused_blocks` (list)."""
        await self.order("settings", **settings)

    async def change_user(self, user: str, **fields: object) -> None:
        """Change a person's flags: `deleted=True`, `is_restricted=True` and so on."""
        await self.order("user", user=user, fields=fields)

    async def set_members(self, channel: str, members: list[str]) -> None:
        await self.order("members", channel=channel, members=members)

    async def wait_connected(self, *, timeout: float = 30.0) -> None:
        """Return when the product's Socket Mode connection is open."""
        await self.order("connected", timeout=timeout)

    async def redeliver_envelopes(self) -> int:
        """Send every unacknowledged envelope again; how many there were."""
        return int(await self.order("redeliver_envelopes"))

    # ---- faults and time -------------------------------------------------------------

    async def fault(
        self, method: str, fault: Fault, *, times: int | None = 1, skip: int = 0
    ) -> None:
        """Plan a fault; one that waits for a test (Hold) cannot cross the process."""
        await self.order(
            "fault",
            method=method,
            kind=type(fault).__name__,
            times=times,
            skip=skip,
            **{"with": vars(fault)},
        )

    async def clear_faults(self) -> None:
        await self.order("clear_faults")

    async def advance(self, seconds: float) -> None:
        await self.order("advance", seconds=seconds)

    # ---- looking ---------------------------------------------------------------------

    async def messages(self, channel: str | None = None) -> list[Message]:
        """All messages now there, oldest first."""
        return [Message(**one) for one in await self.order("messages", channel=channel)]

    async def log(self) -> list[Entry]:
        return [Entry(**one) for one in await self.order("feed", name="log")]

    async def wait_posted(
        self, predicate: Callable[[Message], bool] = lambda _m: True, **args: float
    ) -> Message:
        return await self._wait("posted", lambda one: Message(**one), predicate, **args)

    async def wait_updated(
        self, predicate: Callable[[Message], bool] = lambda _m: True, **args: float
    ) -> Message:
        return await self._wait("updated", lambda one: Message(**one), predicate, **args)

    async def wait_ephemeral(
        self, predicate: Callable[[Ephemeral], bool] = lambda _m: True, **args: float
    ) -> Ephemeral:
        return await self._wait("ephemerals", lambda one: Ephemeral(**one), predicate, **args)

    async def wait_view(
        self, predicate: Callable[[View], bool] = lambda _m: True, **args: float
    ) -> View:
        return await self._wait("view_changes", lambda one: View(**one), predicate, **args)

    async def _wait(
        self,
        feed: str,
        build: Callable[[JsonObject], T],
        predicate: Callable[[T], bool],
        *,
        timeout: float = DEFAULT_WAIT_S,
        since: float = 0,
    ) -> T:
        deadline = time.monotonic() + timeout
        position = int(since)
        while (left := deadline - time.monotonic()) > 0:
            for raw in await self.order("feed", name=feed, since=position, wait=left):
                position += 1
                item = build(raw)
                if predicate(item):
                    return item
        raise NotSeenError(f"not within {timeout} s: {feed} ({position} so far)")


def _delivery(raw: JsonObject) -> RemoteDelivery:
    message = Message(**raw["message"]) if raw["message"] else None
    return RemoteDelivery(**{**raw, "message": message})


@asynccontextmanager
async def slack_process(
    *, log: Path | None = None, product_url: str | None = None, port: int = 0
) -> AsyncIterator[RemoteSlack]:
    """A Slack stand-in in a process of its own."""
    arguments = ["--port", str(port)]
    arguments += ["--log", str(log)] if log else []
    arguments += ["--product", product_url] if product_url else []
    async with (
        standin_process("tests.standins.slack", *arguments) as (url, pid),
        aiohttp.ClientSession() as session,
    ):
        yield RemoteSlack(session, url, pid)
