"""Every tool there is, as its own class describes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.spec import ReadTool, SimilarTicket


def catalogue() -> Iterator[tuple[str, str, str]]:
    """Name, ``research`` or ``action``, and what it does; research tools first."""
    from bot.clock import SystemClock
    from bot.config import Fetch
    from bot.lead_tools import lead_tools
    from tools.actions.draft_outreach import DraftOutreach
    from tools.actions.post_answer import PostAnswer
    from tools.actions.send_reply import SendReply
    from tools.actions.update_crm import UpdateCrm
    from tools.crm.sqlite_file import SqliteReader
    from tools.research.knowledge import KnowledgeIndex
    from tools.research.search_kb import SearchKb
    from tools.research.similar_tickets import SimilarTickets

    # Made to be described, never to be asked: an index reads nothing before its first question.
    reads: tuple[ReadTool, ...] = (
        SearchKb(KnowledgeIndex((), Path())),
        SimilarTickets(_nothing_learnt, SystemClock()),
        *lead_tools(Fetch(), SqliteReader(Path("crm.sqlite")), SystemClock()).tools,
    )
    for tool in reads:
        yield tool.name, "research", tool.description
    for spec in (SendReply.spec, PostAnswer.spec, UpdateCrm.spec, DraftOutreach.spec):
        yield spec.name, "action", spec.description


async def _nothing_learnt(_playbook: str, since: int) -> tuple[int, Sequence[SimilarTicket]]:
    return since, ()
