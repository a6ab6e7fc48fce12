"""The local model as a ``Model``: what it asks for, and what it makes of what was found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from bot.agent.answer import answer_form
from bot.agent.run import Drafted, Stopped
from bot.budget import Usage
from bot.domain import Ticket
from bot.models.local.model import Guess, LocalDraft, LocalModel, ticket_text
from bot.ports import ModelFailed, ToolCall, ToolDescription, ToolResult, Turn
from tests.agent.make import ARTICLES, PLAYBOOK, SEND_REPLY, Bench, Say, ticket
from tests.models.test_anthropic import SCHEMA, SEARCH, prompt
from tools.spec import Findings, Passage, SimilarTicket

QUOTE = "A yearly plan can be refunded within 14 days of the renewal."


class KnownBrain:
    """A brain that says what a test expects of it, and remembers what it was given."""

    def __init__(self, *, is_request: bool = True, knows: bool = True) -> None:
        self.is_request, self.knows = is_request, knows
        self.passages: Sequence[Passage] = ()
        self.similar: Sequence[SimilarTicket] = ()

    def guess(self, ticket: Ticket, similar: Sequence[SimilarTicket]) -> Guess:
        self.similar = similar
        return Guess(("billing",), "normal", "billing", "medium", "Like refunds.", self.is_request)

    def lookups(self, ticket: Ticket) -> tuple[str, ...]:
        return (ticket_text(ticket),)

    def draft(
        self, ticket: Ticket, guess: Guess, found: Mapping[str, Sequence[Passage]]
    ) -> LocalDraft | None:
        self.passages = [passage for passages in found.values() for passage in passages]
        return LocalDraft(f"Hello,\n\n{QUOTE}", (("refunds.md", QUOTE),)) if self.knows else None


SIMILAR = ToolDescription(
    "similar_tickets", "Earlier tickets.", {"type": "object", "properties": {}}
)
ODD = ToolDescription(
    "fetch_page", "A page.", {"type": "object", "properties": {"url": {"type": "string"}}}
)


async def test_a_research_step_asks_each_tool_that_it_understands() -> None:
    model = LocalModel({"support": KnownBrain()})
    answer = await model.answer(prompt(schema=None, toolbox=(SEARCH, SIMILAR, ODD)))
    assert answer.stop == "tool_use"
    assert [(call.name, call.args) for call in answer.calls] == [
        ("search_kb", {"query": "Renewal\nOur yearly plan renewed. Can I get the money back?"}),
        ("similar_tickets", {}),
    ]


async def test_the_final_answer_is_made_of_what_was_found_best_first() -> None:
    brain = KnownBrain()
    call = ToolCall("a", "search_kb", {})
    worse, better = (Passage("refunds.md", "R", str(score), score) for score in (0.1, 0.9))
    like = SimilarTicket("text", ("billing",), "billing", None, None, 0.5)
    turn = Turn("x", None, (call,), (
        ToolResult(call, "", findings=Findings("", (worse, better))),
        ToolResult(call, "", findings=Findings("", similar=(like,))),
        ToolResult(call, "failed", failed=True),
    ))  # fmt: skip
    answer = await LocalModel({"support": brain}).answer(prompt(turns=(turn,)))
    assert list(brain.passages) == [better, worse]
    assert list(brain.similar) == [like]
    final = answer_form(PLAYBOOK, [SEND_REPLY]).read(answer.text)
    assert (final.outcome, final.labels, final.route) == ("reply", ("billing",), "billing")
    assert [(one.article, one.quote) for one in final.citations] == [("refunds.md", QUOTE)]
    assert (answer.stop, answer.usage) == ("end_turn", Usage())


@pytest.mark.parametrize(
    ("brain", "outcome"),
    [
        (KnownBrain(knows=False), "cannot_answer"),
        (KnownBrain(is_request=False), "not_a_request"),
    ],
)
async def test_without_a_draft_it_says_why(brain: KnownBrain, outcome: str) -> None:
    answer = await LocalModel({"support": brain}).answer(prompt(toolbox=()))
    final = answer_form(PLAYBOOK, [SEND_REPLY]).read(answer.text)
    assert (final.outcome, final.reply) == (outcome, None)


async def test_an_empty_ticket_is_answered_without_a_search() -> None:
    model = LocalModel({"support": KnownBrain(is_request=False)})
    empty = ticket("", subject="")
    research = await model.answer(prompt(ticket=empty, schema=None))
    assert (research.calls, research.stop) == ((), "end_turn")
    final = await model.answer(prompt(ticket=empty, schema=SCHEMA))
    assert json.loads(final.text)["outcome"] == "not_a_request"


async def test_a_playbook_that_it_does_not_know_is_refused() -> None:
    with pytest.raises(ModelFailed) as failed:
        await LocalModel({}).answer(replace(prompt(), toolbox=()))
    assert failed.value.kind == "rejected"


async def test_it_costs_nothing_whatever_it_is_called() -> None:
    model = LocalModel({})
    price = model.price("claude-opus-5-5")
    assert price is not None
    assert price.worst_case(model.worst_case_tokens(prompt()), 10**6) == 0
    assert model.name == "local"


async def test_a_whole_run_on_the_local_model_costs_nothing_and_takes_two_steps() -> None:
    bench = Bench(Say())
    bench.model = LocalModel({"support": KnownBrain()})
    got = await bench.run()
    assert isinstance(got, Drafted)
    assert (got.model, got.steps) == ("local", 2)
    assert not got.cost_usd
    assert got.citations[0].title == ARTICLES["refunds.md"].title
    assert got.marks == ()
    assert bench.till.reserved == []

    bench.model = LocalModel({"support": KnownBrain(knows=False)})
    nothing = await bench.run()
    assert isinstance(nothing, Stopped)
    assert nothing.handoff.reason == "no_source"
    assert nothing.content.labels == ("billing",)
