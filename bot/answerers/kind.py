"""What summaries and screens have in common as kinds: they propose nothing and guess nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bot.agent.answer import InvalidAnswer, strict_json
from bot.agent.kind import AnswerT, EndT_co, Guess, NoProposal, Search
from bot.agent.kit import Kit
from bot.agent.run import AgentPorts, Job
from bot.answerers.sources import Source
from bot.answering import Declined
from bot.playbook import Limits, Playbook
from bot.ports import Clock
from tools.spec import ActionSpec

FormT = TypeVar("FormT", bound=BaseModel)


class AnswersOnly:
    """The part of ``bot.agent.kind.Kind`` that knows of actions, labels and what is opened for a
    run: here there is none of it."""

    @property
    def offered(self) -> tuple[ActionSpec, ...]:
        return ()

    async def begin(self, job: Job, search: Search) -> NoProposal | None:
        return None

    def end(self, job: Job) -> None:
        return

    def about(self, job: Job) -> str:
        return ""

    def guess(self, answer: BaseModel) -> Guess | None:
        return None

    def missed(self, job: Job) -> tuple[str, ...]:
        return ()


def read_as(model: type[FormT], text: str) -> FormT:
    """The answer in ``text``. Raises ``InvalidAnswer`` with words for the model."""
    try:
        return model.model_validate(strict_json(text))
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidAnswer(f"{place}: {first['msg']}") from fault


@dataclass(frozen=True)
class Span:
    """One ask's run from its beginning on: what is read counts, too, and so does each call of
    several."""

    clock: Clock
    limits: Limits
    since: float

    @classmethod
    def of(cls, playbook: Playbook, ports: AgentPorts) -> Span:
        return cls(ports.clock, playbook.limits, ports.clock.monotonic())

    async def reading(self, reading: Awaitable[Source | Declined]) -> Source | Declined:
        """What is asked about, if it comes within half of the run's seconds."""
        try:
            async with asyncio.timeout(self.limits.seconds / 2):
                return await reading
        except TimeoutError:
            return Declined("It took too long to read that. Please ask again in a while.")

    def rest_of(self, kit: Kit[AnswerT, EndT_co], steps: int = 0) -> Kit[AnswerT, EndT_co]:
        """``kit`` with the seconds and steps that are left, one at least."""
        seconds = self.limits.seconds - int(self.clock.monotonic() - self.since)
        left = {"seconds": max(1, seconds), "steps": max(1, self.limits.steps - steps)}
        limits = self.limits.model_copy(update=left)
        return replace(kit, playbook=kit.playbook.model_copy(update={"limits": limits}))


def stands_whole(words: str, text: str) -> bool:
    """Whether ``words`` stand in ``text``, not as a part of longer words."""
    if words not in text:  # much the quicker of the two, and a text may be long
        return False
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None
