"""One step's model call: paid before it leaves, bounded in time, tried again at most twice.

Money is reserved at the worst case before each attempt and settled after it. An attempt whose
answer was lost may have been billed, so its reservation counts in full; one that the provider
certainly refused costs nothing. What does not fit the money left is made smaller before it is
given up: first fewer words to write, then less of what was found.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, Protocol

from bot.budget import Cap, CapReached, Price, Reservation, Usage
from bot.journal import Entry
from bot.ports import Answer, Clock, Model, ModelFailed, Prompt, StoreUnavailable, Turn
from bot.ports.spans import NO_SPANS, Spans

log = logging.getLogger("deskhand.agent")

ATTEMPTS = 3
"""A step's first attempt and two retries."""

BACKOFF_SECONDS = 0.5
LEAST_TOKENS = 700
"""No draft fits into fewer; rather none than one cut short."""

_RETRIED = frozenset({"overloaded", "server", "connection", "malformed"})
_LAST_WORD_SECONDS = 0.3
"""How long a call that is told to stop may take to say so: its process ends soon after."""
_SHARE = 2 / 3
"""Of the time left, what one attempt may wait: a hung connection leaves room for another."""

_TRIMS: tuple[tuple[int | None, int], ...] = (
    (None, 1_200),
    (4_000, 1_200),
    (2_500, 900),
    (1_500, LEAST_TOKENS),
    (800, LEAST_TOKENS),
)
"""(bytes of all findings, tokens to write) in the order in which a dear call is made cheaper."""


class Money(Protocol):
    """The calls of ``Store`` that pay for a model call."""

    async def reserve(
        self, run: str, playbook: str, usd: Decimal, run_cap: Decimal, lost: Entry | None = None
    ) -> Reservation | CapReached:
        """``lost``: the call's line should its process die and nobody ever settle this."""
        ...

    async def settle(
        self, reservation: Reservation | None, usd: Decimal, entries: Sequence[Entry] = ()
    ) -> None:
        """What a call cost, and its lines. What ``StoreUnavailable`` leaves unwritten is written
        when the store answers again."""
        ...

    async def release(self, reservation: Reservation) -> None:
        """Give back what nothing was called for; a store that is away is told when it is back."""
        ...


@dataclass(frozen=True)
class Answered:
    """A call with an answer, whatever its stop reason."""

    answer: Answer


@dataclass(frozen=True)
class NoMoney:
    """Not called: this cap stands against it, or nobody knows the model's price."""

    cap: Cap | Literal["price"]
    words: str
    usd: Decimal = Decimal(0)
    """What the call would have needed of that cap."""


@dataclass(frozen=True)
class Down:
    """No answer to be had: refused for good, retries used up, or no time for another."""

    words: str


@dataclass(frozen=True)
class Late:
    """Not called: the run's seconds are used up, though nothing has failed."""


@dataclass(frozen=True)
class Void:
    """Not called: the run is not wanted any more."""


CallOutcome = Answered | NoMoney | Down | Late | Void


@dataclass
class Purse:
    """What one run has spent, and who it is. Grows with each call."""

    money: Money
    run: str
    playbook: str
    cap: Decimal
    spent: Decimal = Decimal(0)

    @property
    def left(self) -> Decimal:
        return max(Decimal(0), self.cap - self.spent)


@dataclass(frozen=True)
class Deadline:
    """When the run must be over, on the injected monotonic clock."""

    clock: Clock
    at: float
    margin: float
    """Seconds kept back for the local model, should the provider stay down."""

    @property
    def left(self) -> float:
        """Seconds until the end."""
        return self.at - self.clock.monotonic()

    @property
    def usable(self) -> float:
        """Seconds that waiting for a provider may take."""
        return self.left - self.margin


@dataclass(frozen=True)
class Caller:
    """Makes the calls of one run. ``entries`` is the run's lines that are not in the journal yet:
    they are written before the next attempt, and an attempt's own with what it cost."""

    purse: Purse
    deadline: Deadline
    sleep: Callable[[float], Awaitable[None]]
    entries: list[Entry]
    record: Callable[[Sequence[Entry]], Awaitable[None]]
    cancelled: Callable[[], Awaitable[bool]]
    """Whether the ticket has moved on; asked before each attempt."""
    jitter: Callable[[], float] = random.random
    """From 0 to 1: so that many runs do not come back at the same moment."""
    spans: Spans = NO_SPANS

    async def call(self, model: Model, prompt: Prompt, step: int) -> CallOutcome:
        """Up to three attempts at one answer. Raises ``StoreUnavailable`` only."""
        price = model.price(prompt.model)
        if price is None:
            return NoMoney(
                "price", f"No price is known for the model {prompt.model}, so it is not called."
            )
        failed: ModelFailed | None = None
        for attempt in range(1, ATTEMPTS + 1):
            if failed is not None and not await self._wait(attempt - 1, failed):
                break
            if self.deadline.usable <= 0:
                break
            paid = await self._begin(model, prompt, price)
            if isinstance(paid, Void):
                return paid
            if isinstance(paid, NoMoney):
                # A retry that the run cannot pay for any more is the provider's fault.
                return paid if failed is None or paid.cap != "run" else Down(failed.words)
            reservation, fitted = paid
            outcome = await self._attempt(model, fitted, price, reservation, step, attempt)
            if not isinstance(outcome, ModelFailed):
                return Answered(outcome)
            failed = outcome
            if failed.kind not in _RETRIED:
                break
        return Down(failed.words) if failed else Late()

    async def _begin(
        self, model: Model, prompt: Prompt, price: Price
    ) -> tuple[Reservation | None, Prompt] | NoMoney | Void:
        """What has to be before an attempt: what was looked up since the last one is on record, the
        ticket has not moved on, the money is there. All leave together: one way to the store."""
        written, void, paid = await asyncio.gather(
            self._write(), self.cancelled(), self._reserve(model, prompt, price),
            return_exceptions=True,
        )  # fmt: skip
        if isinstance(paid, BaseException):
            raise paid
        lost = next((one for one in (written, void) if isinstance(one, BaseException)), None)
        if lost is None and not void:
            return paid
        if not isinstance(paid, NoMoney) and paid[0] is not None:
            # No call is made under it. A store that is away may end a run again and again, and
            # that must not use its money up.
            await self.purse.money.release(paid[0])
        if lost is not None:
            raise lost
        return Void()

    async def _write(self) -> None:
        if self.entries:
            entries = tuple(self.entries)
            self.entries.clear()
            await self.record(entries)

    async def _reserve(
        self, model: Model, prompt: Prompt, price: Price
    ) -> tuple[Reservation | None, Prompt] | NoMoney:
        """The reservation and the prompt as it was made to fit; no reservation for what is free."""
        if not (price.input or price.output or price.cache_read or price.cache_write):
            return None, prompt
        left = self.purse.left
        for _ in range(2):
            fitted = fit(model, prompt, price, left)
            if fitted is None:
                return NoMoney(
                    "run", f"The {self.purse.cap} USD that a run may cost do not cover the call."
                )
            usd = _worst_case(model, fitted, price)
            given = await self.purse.money.reserve(
                self.purse.run,
                self.purse.playbook,
                usd,
                self.purse.cap,
                _lost_line(self.purse, model, fitted, usd),
            )
            if isinstance(given, Reservation):
                return given, fitted
            if given.cap != "run":
                what = "day's money" if given.cap == "day" else "playbook's money for the day"
                words = f"The {what} is used up ({given.left} USD left)."
                return NoMoney(given.cap, words, usd)
            # Less is left than we know of: an earlier start of this run has spent some.
            left = given.left
        return NoMoney("run", f"The {self.purse.cap} USD that a run may cost are used up.")

    async def _attempt(
        self,
        model: Model,
        prompt: Prompt,
        price: Price,
        reservation: Reservation | None,
        step: int,
        attempt: int,
    ) -> Answer | ModelFailed:
        """One request. Its money is settled and its line written whatever comes of it."""
        clock = self.deadline.clock
        seconds = max(0.05, self.deadline.usable * _SHARE)
        started = clock.monotonic()
        result: Answer | ModelFailed
        with self.spans.chat(prompt, model.name, step, attempt) as chat:
            try:
                async with asyncio.timeout(seconds + 0.25):
                    result = await model.answer(replace(prompt, timeout_seconds=seconds))
            except ModelFailed as failure:
                result = failure
            except TimeoutError:
                words = f"{prompt.model} did not answer in {seconds:.0f} s."
                result = ModelFailed("connection", words)
            except asyncio.CancelledError:
                # The process ends. The request has left and may be billed like one that is lost.
                words = f"We were told to stop before {prompt.model} answered."
                lost = ModelFailed("connection", words)
                latency = clock.monotonic() - started
                cost = reservation.usd if reservation else Decimal(0)
                # What cannot be written now is called spent in time, like a killed process's.
                with suppress(StoreUnavailable, TimeoutError):
                    async with asyncio.timeout(_LAST_WORD_SECONDS):
                        await self._pay(
                            reservation, model, prompt, lost, cost, latency, step, attempt
                        )
                raise
            latency = clock.monotonic() - started
            if result.usage is not None:
                cost = price.cost(result.usage)
            else:
                cost = reservation.usd if reservation else Decimal(0)
            chat.ended(result, cost)
        if reservation is not None and cost > reservation.usd:
            log.warning(
                "model %s cost %s USD, more than its worst case of %s USD",
                prompt.model, cost, reservation.usd,
            )  # fmt: skip
        await self._pay(reservation, model, prompt, result, cost, latency, step, attempt)
        return result

    async def _pay(
        self,
        reservation: Reservation | None,
        model: Model,
        prompt: Prompt,
        result: Answer | ModelFailed,
        cost: Decimal,
        latency: float,
        step: int,
        attempt: int,
    ) -> None:
        self.purse.spent += cost
        line = _line(self.purse, model, prompt, result, cost, latency, step, attempt)
        entries = (*self.entries, line)
        self.entries.clear()
        await self.purse.money.settle(reservation, cost, entries)

    async def _wait(self, failures: int, failed: ModelFailed) -> bool:
        """Back off before the next attempt; False when there is no time for it."""
        backoff = BACKOFF_SECONDS * 2 ** (failures - 1) * (1 + self.jitter() / 4)
        seconds = max(backoff, failed.retry_after_seconds or 0.0)
        if seconds >= self.deadline.usable:
            return False
        await self.sleep(seconds)
        return True


def _worst_case(model: Model, prompt: Prompt, price: Price) -> Decimal:
    return price.worst_case(model.worst_case_tokens(prompt), prompt.max_tokens, prompt.searches)


def fit(model: Model, prompt: Prompt, price: Price, left: Decimal) -> Prompt | None:
    """``prompt``, made smaller until its worst case costs at most ``left``; None: it cannot be."""
    if _worst_case(model, prompt, price) <= left:
        return prompt
    for room, tokens in _TRIMS:
        smaller = replace(
            prompt,
            max_tokens=min(prompt.max_tokens, tokens),
            turns=prompt.turns if room is None else trimmed(prompt.turns, room),
        )
        if _worst_case(model, smaller, price) <= left:
            return smaller
    return None


def trimmed(turns: tuple[Turn, ...], room: int) -> tuple[Turn, ...]:
    """The turns with their results cut to ``room`` bytes in all, each to an even share.

    Whole lines are kept, the best first as the tools order them.
    """
    count = sum(len(turn.results) for turn in turns)
    if not count:
        return turns
    share = room // count
    return tuple(
        replace(
            turn,
            results=tuple(
                replace(result, text=_first_lines(result.text, share)) for result in turn.results
            ),
        )
        for turn in turns
    )


def _first_lines(text: str, room: int) -> str:
    kept: list[str] = []
    for line in text.split("\n"):
        size = len(line.encode("utf-8", "replace")) + 1
        if size > room:
            break
        kept.append(line)
        room -= size
    return "\n".join(kept) or "(left out: there is no money to read it)"


def _lost_line(purse: Purse, model: Model, prompt: Prompt, usd: Decimal) -> Entry:
    """A call of which nobody will know whether it was made: it stands apart from its run, which has
    long gone on, and counts like the money that was set aside for it."""
    return Entry(
        kind="model_call",
        ticket=prompt.ticket.id,
        playbook=purse.playbook,
        data={
            "of_run": purse.run,
            "provider": model.name,
            "model": prompt.model,
            "prompt": prompt.prompt_name,
            "prompt_version": prompt.prompt_version,
            "cost_usd": str(usd),
            "billed": "worst_case",
            "failed": "lost",
        },
    )


def _line(
    purse: Purse,
    model: Model,
    prompt: Prompt,
    result: Answer | ModelFailed,
    cost: Decimal,
    latency: float,
    step: int,
    attempt: int,
) -> Entry:
    answered = isinstance(result, Answer)
    usage = result.usage or Usage()
    # What every call of a run is told of its ticket: kept with the first. Its stable part is known
    # by the prompt's version, and what was looked up since stands with the tools' calls.
    asked = {"prompt": prompt.ticket_text} if (step, attempt) == (1, 1) else {}
    return Entry(
        kind="model_call",
        ticket=prompt.ticket.id,
        run=purse.run,
        playbook=purse.playbook,
        data={
            "step": step,
            "attempt": attempt,
            "provider": model.name,
            "model": result.model if isinstance(result, Answer) else prompt.model,
            "prompt": prompt.prompt_name,
            "prompt_version": prompt.prompt_version,
            "max_tokens": prompt.max_tokens,
            "tokens_in": usage.input_tokens,
            "tokens_out": usage.output_tokens,
            "cache_read": usage.cache_read_tokens,
            "cache_write": usage.cache_write_tokens,
            **({"searches": usage.searches} if prompt.searches else {}),
            "cost_usd": str(cost),
            "billed": "known" if result.usage is not None else "worst_case",
            "stop": result.stop if isinstance(result, Answer) else None,
            "failed": None if answered else getattr(result, "kind", None),
            "latency_ms": round(latency * 1000, 1),
            "request_id": result.request_id if isinstance(result, Answer) else None,
        },
        # The request is made of the ticket, so even its bare hash could be matched to a text.
        texts=(
            {**asked, "request_hash": result.request_hash, "answer": result.text}
            if isinstance(result, Answer)
            else {**asked, "failure": result.words}
        ),
    )
