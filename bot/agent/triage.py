"""Triage: a ticket is labelled, routed and answered from articles. How such a run ends.

An action is a name and arguments in the answer, checked against the playbook's list, and where it
goes is not the model's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.agent.answer import CITATIONS_LIMIT, SEND_REPLY, AnswerForm, FinalAnswer, answer_form
from bot.agent.draft_check import check_citations, check_draft
from bot.agent.kind import Guess, NoProposal, Ran, Search
from bot.agent.run import Drafted, Job
from bot.domain import Action, Content, Notice
from bot.plain_text import clean_args
from bot.playbook import Playbook
from tools.spec import ActionSpec


@dataclass(frozen=True)
class TriageKind:
    """``bot.agent.kind.Kind`` of a triage playbook."""

    playbook: Playbook
    form: AnswerForm

    @property
    def schema(self) -> Mapping[str, Any]:
        return self.form.schema

    @property
    def offered(self) -> tuple[ActionSpec, ...]:
        return tuple(self.form.actions.values())

    def read(self, text: str) -> FinalAnswer:
        return self.form.read(text)

    async def begin(self, job: Job, search: Search) -> None:
        return None

    def end(self, job: Job) -> None:
        return

    def about(self, job: Job) -> str:
        return ""

    async def finish(self, answer: FinalAnswer, ran: Ran) -> Drafted | NoProposal:
        cited = [(one.article, one.quote) for one in answer.citations[:CITATIONS_LIMIT]]
        ids = dict.fromkeys(article for article, _ in cited)
        sources = {article: await ran.ports.source(article) for article in ids}
        citations = check_citations(cited, sources.get)
        if answer.outcome == "cannot_answer":
            guess = (_content(answer, ()), answer.confidence)
            return NoProposal(guess, missing=answer.still_missing)
        actions, notices = self._actions(answer, ran.job)
        content = _content(answer, actions)
        marks = check_draft(content.reply, citations, ran.job.ticket, sources.get)
        doubtful = bool(marks) or not all(one.supported for one in citations)
        return Drafted(
            content=content,
            # High means that somebody may trust it; not while a passage rests on nothing.
            confidence="medium" if doubtful and answer.confidence == "high" else answer.confidence,
            why=answer.why,
            citations=citations if content.reply else (),
            marks=marks,
            notices=(*ran.notices, *notices),
            model=ran.model,
            cost_usd=ran.cost_usd,
            steps=ran.steps,
            missing=answer.still_missing,
            degraded=ran.degraded,
        )

    def guess(self, answer: FinalAnswer) -> Guess:
        content = Content(labels=answer.labels, priority=answer.priority, route=answer.route)
        return content, answer.confidence

    def missed(self, job: Job) -> tuple[str, ...]:
        return ()

    def _actions(
        self, answer: FinalAnswer, job: Job
    ) -> tuple[tuple[Action, ...], tuple[Notice, ...]]:
        """The allowed actions in the playbook's order, and a notice that names the others."""
        actions: list[Action] = []
        for use in self.playbook.actions:
            target = job.targets.get(use.tool, "")
            if use.tool == SEND_REPLY:
                if answer.reply_text:
                    args = {"text": answer.reply_text}
                    actions.append(Action(tool=use.tool, args={**args}, target=target))
                continue
            actions += [
                Action(tool=use.tool, args=clean_args(named.args), target=target)
                for named in answer.actions
                if named.tool == use.tool and named.tool in self.form.actions
            ]
        allowed = {SEND_REPLY, *self.form.actions}
        dropped = dict.fromkeys(a.tool for a in answer.actions if a.tool not in allowed)
        if not dropped:
            return tuple(actions), ()
        names = ", ".join(name[:60] for name in dropped)
        words = f"The model asked for actions that this playbook does not allow: {names}."
        return tuple(actions), (Notice(kind="not_allowed", text=words),)


def triage_kind(playbook: Playbook, actions: Sequence[ActionSpec]) -> TriageKind:
    """``actions`` are the specs of the action tools there are; the playbook's list narrows them."""
    return TriageKind(playbook, answer_form(playbook, actions))


def _content(answer: FinalAnswer, actions: tuple[Action, ...]) -> Content:
    handed_off = answer.outcome == "cannot_answer"
    return Content(
        labels=answer.labels,
        priority=answer.priority,
        route=answer.route,
        reply=None if handed_off else answer.reply_text,
        actions=actions,
    )
