"""The two read tools: passages of articles, and what approvals have taught."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.ports import StoreUnavailable
from tests.agent.make import ManualClock, ticket
from tools.research.knowledge import KnowledgeIndex
from tools.research.search_kb import SearchKb, SearchKbArgs
from tools.research.similar_tickets import KEPT, SimilarTickets, SimilarTicketsArgs
from tools.spec import ReadContext, SimilarTicket


def context(
    text: str = "Can I get a refund for my plan?", playbook: str = "support"
) -> ReadContext:
    return ReadContext("demo", playbook, ticket(text))


async def test_search_gives_passages_with_their_articles_id(tmp_path: Path) -> None:
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "refunds.md").write_text(
        "# Refunds\n\nA yearly plan can be refunded within 14 days.\n", "utf-8"
    )
    (tmp_path / "kb" / "hub.md").write_text("# Hub\n\nThe hub uses 2.4 GHz.\n", "utf-8")
    index = KnowledgeIndex([tmp_path / "kb"], tmp_path)
    tool = SearchKb(index)
    found = await tool.read(SearchKbArgs(query="refund a yearly plan"), context())
    first = found.passages[0]
    assert first.article in found.text
    assert first.quote in found.text
    source = await tool.source(first.article)
    assert source is not None
    assert first.quote in source.text
    assert await tool.source("nowhere.md") is None
    nothing = await tool.read(SearchKbArgs(query="zzzz"), context())
    assert (nothing.text, nothing.passages) == ("", ())
    index.close()


def example(
    text: str, label: str = "billing", reply: str | None = "We [word] it."
) -> SimilarTicket:
    return SimilarTicket(text, (label,), label, "normal", reply, 0.0)


class Learnt:
    """``Store.examples`` in memory, per playbook."""

    def __init__(self) -> None:
        self.kept: dict[str, list[SimilarTicket]] = {}
        self.asked: list[tuple[str, int]] = []

    def learn(self, playbook: str, *examples: SimilarTicket) -> None:
        self.kept.setdefault(playbook, []).extend(examples)

    async def examples(self, playbook: str, since: int) -> tuple[int, Sequence[SimilarTicket]]:
        self.asked.append((playbook, since))
        kept = self.kept.get(playbook, [])
        return len(kept), kept[since:]


async def test_the_likest_approved_tickets_come_with_their_final_choice() -> None:
    learnt = Learnt()
    learnt.learn(
        "support",
        example("The probe shows no value", "bug"),
        example("Please refund my yearly plan [number]", "billing"),
        example("Where is my parcel", "shipping"),
    )
    tool = SimilarTickets(learnt.examples, ManualClock())
    found = await tool.read(SimilarTicketsArgs(), context())
    assert found.similar[0].labels == ("billing",)
    assert 0 < found.similar[0].score <= 1
    assert "labels: billing; route: billing; priority: normal" in found.text
    assert all(one.labels != ("bug",) for one in found.similar)


async def test_only_the_tickets_own_playbook_teaches_it() -> None:
    learnt = Learnt()
    learnt.learn("sales", example("Please refund my plan"))
    tool = SimilarTickets(learnt.examples, ManualClock())
    assert (await tool.read(SimilarTicketsArgs(), context())).similar == ()
    assert learnt.asked == [("support", 0)]


async def test_each_question_fetches_only_what_is_new_and_now_and_then_begins_anew() -> None:
    learnt, clock = Learnt(), ManualClock()
    tool = SimilarTickets(learnt.examples, clock)
    learnt.learn("support", example("refund plan"))
    await tool.read(SimilarTicketsArgs(), context())
    learnt.learn("support", example("refund plan please"))
    found = await tool.read(SimilarTicketsArgs(), context())
    assert len(found.similar) == 2
    assert learnt.asked == [("support", 0), ("support", 1)]

    learnt.kept["support"].clear()  # erased
    clock.seconds += 301
    assert (await tool.read(SimilarTicketsArgs(), context())).similar == ()
    assert learnt.asked[-1] == ("support", 0)


async def test_memory_is_bounded_and_the_newest_stay() -> None:
    learnt = Learnt()
    tool = SimilarTickets(learnt.examples, ManualClock())
    for batch in range(5):
        learnt.learn(
            "support", *(example(f"refund plan batch{'abcde'[batch]}") for _ in range(900))
        )
        await tool.closest("support", "refund", 1)
    shelf = tool._shelves["support"]
    assert len(shelf.examples) <= 2 * KEPT
    found = await tool.closest("support", "refund plan batche", 3)
    assert all("batche" in one.text for one in found)


async def test_a_store_that_is_away_passes_through() -> None:
    async def away(playbook: str, since: int) -> tuple[int, Sequence[SimilarTicket]]:
        raise StoreUnavailable("away")

    tool = SimilarTickets(away, ManualClock())
    with pytest.raises(StoreUnavailable):
        await tool.read(SimilarTicketsArgs(), context())
