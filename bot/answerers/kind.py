"""What summaries and screens have in common as kinds: they propose nothing and guess nothing."""

from __future__ import annotations

import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bot.agent.answer import InvalidAnswer, strict_json
from bot.agent.kind import Guess, NoProposal, Search
from bot.agent.run import Job
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


def stands_whole(words: str, text: str) -> bool:
    """Whether ``words`` stand in ``text``, not as a part of longer words."""
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None
