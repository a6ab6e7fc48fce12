"""``research``: the passages of a playbook's files that answer a question. It asks no model."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from bot.agent.run import AgentPorts, Job, Stopped
from bot.answering import Answered, AnswerOutcome, Declined
from bot.domain import Answer, Content, Handoff, HandoffReason, Passage
from bot.playbook import Playbook
from tools.research.corpus import Corpus
from tools.research.readers import NotRead

log = logging.getLogger("deskhand.answers")

_NAMED_FILES: Final = 10


class ResearchAnswers:
    """``bot.answering.Answerer``. ``corpora``: by the playbook's name."""

    def __init__(self, corpora: Mapping[str, Corpus]) -> None:
        self._corpora = corpora

    async def answer(
        self,
        job: Job,
        playbook: Playbook,
        ports: AgentPorts,
        *,
        cancelled: Callable[[], Awaitable[bool]],
        doing: Callable[[str], Awaitable[None]],
    ) -> AnswerOutcome:
        """Of the files as they were seconds ago at most."""
        corpus, ask = self._corpora.get(playbook.name), job.ticket.ask
        if corpus is None or ask is None:
            return Declined("This playbook has no files to look through any more.")
        await doing("Looking through the files")
        try:
            async with asyncio.timeout(playbook.limits.seconds):
                found = await corpus.aask(ask.words, ask.count or playbook.passages)
        except TimeoutError:
            words = "The files are still being read; ask again in a while."
            return _stopped("time", words)
        except OSError as fault:
            log.warning("deskhand: the corpus of %s cannot be read: %s", playbook.name, fault)
            return _stopped("fault", f"The index cannot be written ({fault.strerror}).")
        passages = tuple(
            Passage(file=one.file, page=one.page, quote=one.quote, why=one.why)
            for one in found.passages
        )
        notes = tuple(_unread(found.not_read))
        return Answered(Answer(kind="research", passages=passages, notes=notes), model="local")


def _unread(not_read: Sequence[NotRead]) -> Iterator[str]:
    for each in not_read[:_NAMED_FILES]:
        yield f"not read: {each.path} ({each.why})"
    if len(not_read) > _NAMED_FILES:
        yield f"not read: {len(not_read) - _NAMED_FILES} more files"


def _stopped(reason: HandoffReason, words: str) -> Stopped:
    return Stopped(
        handoff=Handoff(reason=reason, tried=("The files of this playbook.",), missing=(words,)),
        content=Content(labels=(), route="default"),
        confidence=None,
        notices=(),
        model="local",
        cost_usd=Decimal(0),
        steps=0,
    )
