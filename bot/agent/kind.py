"""What makes one kind of playbook differ from another inside the loop.

The loop knows steps, money, time and tools. What the final answer looks like, and what becomes of
it, is its kind's: a prompt file, an output model, and how a run of it ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from bot.agent.prompting import PromptFile
from bot.agent.run import AgentPorts, Job
from bot.domain import Confidence, Content, HandoffReason, Notice
from bot.ports import WebHit
from tools.spec import ActionSpec

AnswerT = TypeVar("AnswerT")
EndT_co = TypeVar("EndT_co", covariant=True)

Guess = tuple[Content, Confidence | None]
"""Labels and route for a handoff, and how sure of them."""


@dataclass(frozen=True)
class Ran:
    """A run whose model has given a valid final answer."""

    job: Job
    ports: AgentPorts
    model: str
    """Who gave it."""
    cost_usd: Decimal
    steps: int
    notices: tuple[Notice, ...]
    """Which model spoke, where it is not the one that is configured."""
    degraded: bool
    """The local model answered because the other one could not."""


@dataclass(frozen=True)
class Searched:
    """What the provider's web search came to."""

    text: str
    """What the model said of it."""
    hits: tuple[WebHit, ...]


@dataclass(frozen=True)
class NotSearched:
    """Why there was no search, in words."""

    words: str


Search = Callable[[PromptFile, str, str], Awaitable[Searched | NotSearched]]
"""One paid call of the research model that may search the web: the prompt file, its version, and
what its ``said`` is."""


@dataclass(frozen=True)
class NoProposal:
    """Nothing that anybody could approve: the run is handed off."""

    guess: Guess = (Content(labels=(), route="default"), None)
    words: str = ""
    missing: tuple[str, ...] = ()
    reason: HandoffReason = "no_source"


class Kind(Protocol[AnswerT, EndT_co]):
    """One playbook's kind, made ready. Built once, for it never changes."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema of the final answer, as a provider's structured output takes it."""
        ...

    @property
    def offered(self) -> tuple[ActionSpec, ...]:
        """The actions that the prompt names: a model may write these out, and no others."""
        ...

    def read(self, text: str) -> AnswerT:
        """The answer in ``text``. Raises ``InvalidAnswer`` with words for the model."""
        ...

    async def begin(self, job: Job, search: Search) -> NoProposal | None:
        """Before the run's first step: why there is none to be made, or None. ``search``: the web,
        at the run's cost; nothing is searched unless it is called."""
        ...

    def end(self, job: Job) -> None:
        """After the run's end, however it came."""
        ...

    def about(self, job: Job) -> str:
        """What the model is told of a run that has begun, above the ticket: words of our own, or
        none."""
        ...

    async def finish(self, answer: AnswerT, ran: Ran) -> EndT_co | NoProposal:
        """What the run gave. It is checked here against what the run has read."""
        ...

    def guess(self, answer: AnswerT) -> Guess | None:
        """What a handoff may take from an answer; None: nothing."""
        ...

    def missed(self, job: Job) -> tuple[str, ...]:
        """What the run could not get, in words for a handoff's card."""
        ...
