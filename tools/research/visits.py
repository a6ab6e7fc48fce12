"""What each run has fetched, between the tools that fetch and whoever checks their sources."""

from __future__ import annotations

from collections import OrderedDict

from bot.agent.draft_check import Source
from tools.research.fetch.fetcher import Visit

_KEPT = 200


class Visits:
    """The visits of this process's runs, by run id. A run that was not begun may fetch nothing.

    Whoever starts a run calls ``begin`` with what was given, and ``end`` when its card is made."""

    def __init__(self) -> None:
        self._visits: OrderedDict[str, Visit] = OrderedDict()

    def begin(self, run: str, visit: Visit) -> Visit:
        """The run's visit, from its beginning: a run that is taken up again starts anew."""
        self._visits[run] = visit
        self._visits.move_to_end(run)
        while len(self._visits) > _KEPT:
            self._visits.popitem(last=False)
        return visit

    def of(self, run: str) -> Visit | None:
        return self._visits.get(run)

    def end(self, run: str) -> None:
        self._visits.pop(run, None)

    def source(self, run: str, ident: str) -> Source | None:
        """What the run read under ``ident``, a page's URL or a record's id, for checking quotes."""
        visit = self._visits.get(run)
        if visit is None:
            return None
        page = visit.pages.get(ident)
        if page is not None:
            return Source(page.url, page.title, page.whole, page.url)
        record = visit.records.get(ident)
        return None if record is None else Source(ident, ident, record)
