"""``fetch_page``: one page of the company that a run is about, through the fetch guard."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from tools.research.fetch.fetcher import Fetcher, Page
from tools.research.fetch.urls import LONGEST, NotFetched
from tools.research.visits import Visits
from tools.spec import Findings, Passage, ReadContext, ReadText

SHOWN = 3_600
"""Characters of a page's text that the model sees; its data and its links follow."""
DATA_SHOWN = 900
LINKS_SHOWN = 12
_QUOTE = 400
_SECONDS = 40.0
"""robots.txt, its host's turn (up to ten seconds), and the page's own ten."""


class FetchPageArgs(BaseModel):
    """Which page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(min_length=1, max_length=LONGEST)


class FetchPage:
    """The read tool over the ``Fetcher``. What it gives is untrusted text."""

    def __init__(self, fetcher: Fetcher, visits: Visits) -> None:
        self._fetcher = fetcher
        self._visits = visits

    @property
    def name(self) -> str:
        return "fetch_page"

    @property
    def description(self) -> str:
        return (
            "Read one page of the company's own site: its text, title, date and links. url: the "
            "given domain, or a link that an earlier page showed. Other addresses are refused, and "
            "a run has a few pages only."
        )

    @property
    def doing(self) -> str:
        return "Reading a page"

    @property
    def args_model(self) -> type[BaseModel]:
        return FetchPageArgs

    @property
    def seconds(self) -> float:
        return _SECONDS

    async def read(self, args: FetchPageArgs, context: ReadContext) -> Findings:
        visit = self._visits.of(context.run)
        if visit is None:
            return Findings("", failed="refused: off_host")
        try:
            page = await self._fetcher.fetch(visit, args.url)
        except NotFetched as missed:
            return Findings("", failed=missed.said)
        passage = Passage(page.url, page.title, page.text[:_QUOTE], 1.0, page.url)
        read = ReadText(page.url, page.title, page.text, page.data, page.links, page.date)
        return Findings(_shown(page), (passage,) if page.text else (), read=(read,))


def _shown(page: Page) -> str:
    head = [f"url: {page.url}", f"title: {page.title}"]
    if page.date:
        head.append(f"date: {page.date}")
    if page.truncated or len(page.text) > SHOWN:
        head.append("truncated: this is only its beginning")
    lines = [*head, "", page.text[:SHOWN]]
    if page.data:
        lines += ["", "data:", page.data[:DATA_SHOWN]]
    if page.links:
        lines += ["", "links:", *(link[:120] for link in page.links[:LINKS_SHOWN])]
    return "\n".join(lines)
