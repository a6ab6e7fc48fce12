"""What all stand-ins share: waiting, the append-only log, faults and serving.

A stand-in's log is the oracle of the crash tests, so an entry is written with one
`write(2)` to a file opened `O_APPEND` before the answer leaves: whatever the product
or the harness does afterwards, the line is there.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from aiohttp import web

JsonObject = dict[str, Any]
T = TypeVar("T")

DEFAULT_WAIT_S = 30.0


class NotSeenError(AssertionError):
    """What a test waited for did not come in time."""


class Clock:
    """Wall clock that a test may move forward, for limits that are periods of time."""

    def __init__(self) -> None:
        self._offset_s = 0.0

    def now(self) -> float:
        """Seconds since the epoch, as the stand-in sees them."""
        return time.time() + self._offset_s

    def advance(self, seconds: float) -> None:
        self._offset_s += seconds


class Signal:
    """Wakes all waiters on every change; each looks again at its own condition."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(
        self,
        look: Callable[[], T | None],
        *,
        timeout: float = DEFAULT_WAIT_S,
        what: Callable[[], str] = lambda: "the condition",
    ) -> T:
        """The first value of `look()` that is neither None nor False.

        Raises NotSeenError after `timeout` seconds, naming `what()`.
        """
        deadline = time.monotonic() + timeout
        while True:
            seen = look()
            if seen is not None and seen is not False:
                return seen
            left = deadline - time.monotonic()
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                # Not wait_for: in Python 3.11 it swallows a cancellation that comes in the
                # same turn as the wake, and the task would wait on for ever.
                async with asyncio.timeout(max(left, 0.001)):
                    await waiter
            except TimeoutError:
                if time.monotonic() >= deadline:
                    raise NotSeenError(f"not within {timeout} s: {what()}") from None
            finally:
                self._waiters.discard(waiter)


class Feed(Sequence[T], Generic[T]):
    """Everything of one kind so far, in order, and a way to wait for the next."""

    def __init__(self, name: str, signal: Signal) -> None:
        self.name = name
        self._signal = signal
        self._items: list[T] = []
        self._cursor = 0

    def push(self, item: T) -> None:
        self._items.append(item)
        self._signal.notify()

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._items))

    async def wait_for(
        self,
        predicate: Callable[[T], bool] = lambda _item: True,
        *,
        timeout: float = DEFAULT_WAIT_S,
        since: int = 0,
    ) -> T:
        """The first item at or after position `since` for which `predicate` holds."""
        position = since

        def look() -> tuple[T] | None:
            nonlocal position
            while position < len(self._items):
                item = self._items[position]
                position += 1
                if predicate(item):
                    return (item,)
            return None

        (found,) = await self._signal.until(look, timeout=timeout, what=self._describe)
        return found

    async def next(self, *, timeout: float = DEFAULT_WAIT_S) -> T:
        """The next item not yet taken by `next`, as from a queue."""

        def look() -> tuple[T] | None:
            return (self._items[self._cursor],) if self._cursor < len(self._items) else None

        (found,) = await self._signal.until(look, timeout=timeout, what=self._describe)
        self._cursor += 1
        return found

    async def wait_count(self, count: int, *, timeout: float = DEFAULT_WAIT_S) -> None:
        """Return when at least `count` items have come."""
        await self._signal.until(
            lambda: len(self._items) >= count or None, timeout=timeout, what=self._describe
        )

    def _describe(self) -> str:
        last = "; ".join(repr(item)[:300] for item in self._items[-3:])
        return f"{self.name} ({len(self._items)} so far, last: {last or 'none'})"


# ---- the log -------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One line of a stand-in's log.

    `n` counts from 1 without gaps. `delivered` is None until known, then whether the
    whole answer was handed to a connection that was still open (not whether it was read).
    """

    n: int
    at: float
    kind: str
    name: str
    args: JsonObject
    answer: JsonObject = field(default_factory=dict)
    status: int = 0
    fault: str | None = None
    delivered: bool | None = None


class CallLog(Feed[Entry]):
    """Append-only log in memory and, with `path`, in a JSON lines file.

    Whether an answer was delivered is known only after the line is written, so the file
    gets a second line `{"delivered_n": n, "delivered": bool}`; `read_log` joins them.
    """

    def __init__(self, signal: Signal, path: Path | None = None) -> None:
        super().__init__("log", signal)
        self._path = path
        self._fd: int | None = None
        self._count = 0
        if path is not None:
            if path.exists():
                self._count = max((entry.n for entry in read_log(path)), default=0)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def record(
        self,
        kind: str,
        name: str,
        args: JsonObject,
        *,
        answer: JsonObject | None = None,
        status: int = 0,
        fault: str | None = None,
    ) -> Entry:
        self._count += 1
        entry = Entry(
            n=self._count,
            at=time.time(),
            kind=kind,
            name=name,
            args=args,
            answer=answer or {},
            status=status,
            fault=fault,
        )
        self._write({key: value for key, value in vars(entry).items() if key != "delivered"})
        self.push(entry)
        return entry

    def mark_delivered(self, entry: Entry, delivered: bool) -> None:
        # Entries since this process started lie in order, so the position is the difference.
        position = entry.n - self._items[0].n
        self._items[position] = replace(self._items[position], delivered=delivered)
        self._write({"delivered_n": entry.n, "delivered": delivered})
        self._signal.notify()

    def calls(self, name: str, *, kind: str = "call") -> list[Entry]:
        """All entries of one method or path."""
        return [entry for entry in self._items if entry.name == name and entry.kind == kind]

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _write(self, line: JsonObject) -> None:
        if self._fd is not None:
            data = json.dumps(line, ensure_ascii=False, default=str) + "\n"
            os.write(self._fd, data.encode("utf-8", "surrogatepass"))


def read_log(path: Path) -> list[Entry]:
    """The entries of a log file; a last line cut by a crash of the stand-in is left out."""
    entries: dict[int, Entry] = {}
    text = path.read_text("utf-8", errors="replace")
    for line in text.split("\n")[:-1]:
        data: JsonObject = json.loads(line)
        if "delivered_n" in data:
            n = int(data["delivered_n"])
            entries[n] = replace(entries[n], delivered=bool(data["delivered"]))
        else:
            entries[int(data["n"])] = Entry(**data)
    return [entries[n] for n in sorted(entries)]


# ---- faults --------------------------------------------------------------------------


@dataclass(frozen=True)
class HttpFailure:
    """Answer with this status and body; nothing happens."""

    status: int = 500
    body: str = "<html><body>Server Error</body></html>"
    content_type: str = "text/html"


@dataclass(frozen=True)
class RateLimited:
    """429 with Retry-After in whole seconds; nothing happens."""

    retry_after_s: int = 1


@dataclass(frozen=True)
class Delay:
    """Wait, then go on as usual; `after_effect`: do it first, answer late."""

    seconds: float
    after_effect: bool = False


@dataclass(frozen=True)
class DropReply:
    """The thing is done, but the connection is closed without an answer."""


@dataclass(frozen=True)
class DropBefore:
    """The connection is closed at once; nothing is done."""


@dataclass(frozen=True)
class Refusal:
    """The service's own refusal (`ok: false` and this error code at Slack)."""

    error: str


@dataclass(frozen=True)
class Hang:
    """Never answer while the stand-in lives; `after_effect`: having done the thing."""

    after_effect: bool = False


@dataclass(frozen=True)
class Hold:
    """Stop until a test sets `gate`; `reached` is set when a request arrives there."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    after_effect: bool = False


Fault = HttpFailure | RateLimited | Delay | DropReply | DropBefore | Refusal | Hang | Hold


@dataclass
class FaultRule:
    """A fault for one method name (`*`: every one), `times` times (None: always)."""

    name: str
    fault: Fault
    times: int | None = 1
    skip: int = 0
    when: Callable[[JsonObject], bool] | None = None
    used: int = 0


class FaultPlan:
    """Which requests fail, and how. Rules are tried in the order they were added."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []

    def add(
        self,
        name: str,
        fault: Fault,
        *,
        times: int | None = 1,
        skip: int = 0,
        when: Callable[[JsonObject], bool] | None = None,
    ) -> FaultRule:
        """Let `name` fail: after `skip` matching requests, `times` times (None: always)."""
        rule = FaultRule(name=name, fault=fault, times=times, skip=skip, when=when)
        self._rules.append(rule)
        return rule

    def take(self, name: str, args: JsonObject) -> Fault | None:
        for rule in self._rules:
            if rule.name not in (name, "*") or (rule.when is not None and not rule.when(args)):
                continue
            if rule.times is not None and rule.used >= rule.times:
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            rule.used += 1
            return rule.fault
        return None

    def clear(self) -> None:
        self._rules.clear()


class Pauses:
    """Carries out the faults that only wait; ends all of them when the stand-in closes."""

    def __init__(self) -> None:
        self._closing = asyncio.Event()

    def close(self) -> None:
        self._closing.set()

    async def before_effect(self, fault: Fault | None) -> None:
        match fault:
            case Delay(seconds=seconds, after_effect=False):
                await self._sleep(seconds)
            case Hang(after_effect=False):
                await self._closing.wait()
            case Hold(after_effect=False):
                await self._hold(fault)
            case _:
                pass

    async def after_effect(self, fault: Fault | None) -> None:
        match fault:
            case Delay(seconds=seconds, after_effect=True):
                await self._sleep(seconds)
            case Hang(after_effect=True):
                await self._closing.wait()
            case Hold(after_effect=True):
                await self._hold(fault)
            case _:
                pass

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return

    async def _hold(self, hold: Hold) -> None:
        hold.reached.set()
        opened = asyncio.ensure_future(hold.gate.wait())
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({opened, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            opened.cancel()
            closing.cancel()


# ---- serving -------------------------------------------------------------------------


@asynccontextmanager
async def serving(app: web.Application, port: int = 0) -> AsyncIterator[int]:
    """Serve `app` on 127.0.0.1 and yield its port (`port` 0: any free one)."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
        await site.start()
        address = runner.addresses[0]
        yield int(address[1])
    finally:
        await runner.cleanup()


def drop(request: web.Request) -> web.Response:
    """Close the connection without an answer. The return value is never seen."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)


async def answer(request: web.Request, response: web.Response) -> bool:
    """Send the whole response now; whether the connection was still open for it."""
    transport = request.transport
    if transport is None or transport.is_closing():
        return False
    try:
        await response.prepare(request)
        await response.write_eof()
    except ConnectionError:
        return False
    return True
