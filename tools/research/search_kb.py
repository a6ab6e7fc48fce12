"""``search_kb``: the desk's own articles, as passages with their article's id and exact text."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from bot.agent.draft_check import Source
from tools.research.knowledge import KnowledgeIndex
from tools.spec import Findings, Passage, ReadContext

PASSAGES = 5
"""Articles of one search, a passage of each."""

OF_BEST = 2
"""Passages of the best article: an answer often stands in two places of it."""


class SearchKbArgs(BaseModel):
    """What to look for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: str = Field(min_length=1, max_length=10_000)


class SearchKb:
    """The read tool over a ``KnowledgeIndex``."""

    def __init__(self, index: KnowledgeIndex, passages: int = PASSAGES) -> None:
        self._index = index
        self._passages = passages

    @property
    def name(self) -> str:
        return "search_kb"

    @property
    def description(self) -> str:
        return (
            "Search the desk's articles: policies, prices, how-tos. Gives passages, best first, "
            "each with its article's id to cite. query: one question in a few plain words."
        )

    @property
    def doing(self) -> str:
        return "Searching the knowledge base"

    @property
    def args_model(self) -> type[BaseModel]:
        return SearchKbArgs

    async def read(self, args: SearchKbArgs, context: ReadContext) -> Findings:
        passages = await self._index.asearch(args.query, self._passages, of_best=OF_BEST)
        return Findings("\n\n".join(map(_shown, passages)), passages)

    async def source(self, article: str) -> Source | None:
        """An article as it stands now, for checking quotes."""
        found = await self._index.aarticle(article)
        return Source(found.id, found.title, found.text, found.url) if found else None


def _shown(passage: Passage) -> str:
    return f"article: {passage.article}\ntitle: {passage.title}\n{passage.quote}"
