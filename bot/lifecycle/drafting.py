"""A run and its end: begun, then a proposal, a handoff or the answer to an ask."""

from __future__ import annotations

from bot.commands import Begin, Denied, GiveAnswer, HandOff, Moved, Propose
from bot.domain import Proposal
from bot.lifecycle.progress import approvals_with, fresh, moved

MAX_STARTS = 3
"""A run that began so often without an outcome kills its worker: a person gets it."""


def begin(proposal: Proposal, command: Begin) -> Moved | Denied:
    if proposal.state != "drafting":
        return Denied("wrong_state")
    run = proposal.run.model_copy(
        update={"starts": proposal.run.starts + 1, "started_at": command.at, "unpaid": None}
    )
    return moved(proposal, run=run)


def end_run(proposal: Proposal, command: Propose | HandOff) -> Moved | Denied:
    if proposal.state != "drafting":
        return Denied("wrong_state")
    update: dict[str, object] = {
        "state": "pending" if isinstance(command, Propose) else "handoff",
        "revision": 1,
        "run": proposal.run.model_copy(update={"ended_at": command.at}),
        "content": command.content,
        "progress": fresh(command.content),
        "playbook_version": command.playbook_version,
        "model": command.model,
        "prompt_version": command.prompt_version,
        "proposed_at": command.at,
        "remind_at": command.remind_at,
        "notices": proposal.notices + command.notices,
    }
    if isinstance(command, Propose):
        update |= {
            "confidence": command.confidence,
            "why": command.why,
            "citations": command.citations,
            "marks": command.marks,
            "lead": command.lead,
            "hits": command.hits,
            "on_hit": command.on_hit,
            "sieve": command.sieve,
            "approvals_needed": approvals_with(
                command.hits, command.on_hit, command.approvals_needed
            ),
            "expires_at": command.expires_at,
        }
    else:
        update["handoff"] = command.handoff
    return moved(proposal, **update)


def answer(proposal: Proposal, command: GiveAnswer) -> Moved | Denied:
    """Final at once: an answer has no effect, so there is nothing to approve."""
    if proposal.state != "drafting":
        return Denied("wrong_state")
    return moved(
        proposal,
        state="answered",
        revision=1,
        run=proposal.run.model_copy(update={"ended_at": command.at}),
        answer=command.answer,
        declined=command.declined,
        playbook_version=command.playbook_version,
        model=command.model,
        prompt_version=command.prompt_version,
        proposed_at=command.at,
        ended_at=command.at,
    )
