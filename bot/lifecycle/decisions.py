"""What a person's decision does. Who may make it is asked before, in ``bot.decide``."""

from __future__ import annotations

from bot.commands import (
    Approve,
    Denied,
    Edit,
    Moved,
    Reject,
    Renew,
    Retry,
    SettleDone,
    SettleRetry,
    Take,
)
from bot.domain import ActionProgress, Content, Decision, Handoff, Notice, Proposal, State
from bot.lifecycle.canonical import digest
from bot.lifecycle.effects import stalled_process_is_past
from bot.lifecycle.progress import (
    after_progress,
    approvals_with,
    enough_approvals,
    fresh,
    moved,
    next_action,
    replaced,
    says_why,
)


def take(proposal: Proposal, command: Take) -> Moved | Denied:
    if command.decision.revision != proposal.revision:
        return Denied("stale")
    match proposal.state:
        case "handoff":
            return moved(
                proposal,
                owner=command.decision,
                revision=proposal.revision + 1,
                remind_at=command.remind_at,
            )
        case "drafting":
            # The slow tail: a person does not wait for the draft. The run finds the state changed
            # and ends without a word.
            run = proposal.run.model_copy(update={"ended_at": command.decision.at})
            return moved(
                proposal,
                state="handoff",
                revision=1,
                run=run,
                playbook_version=command.playbook_version,
                owner=command.decision,
                handoff=Handoff(reason="time", missing=("The draft was not ready in time.",)),
                content=Content(labels=(), route="default"),
                proposed_at=command.decision.at,
                remind_at=command.remind_at,
            )
        case _:
            return Denied("wrong_state")


def edit(proposal: Proposal, command: Edit) -> Moved | Denied:
    before = proposal.content
    if proposal.state not in ("pending", "handoff", "failed") or before is None:
        return Denied("wrong_state")
    if command.decision.revision != proposal.revision:
        return Denied("stale")
    progress = _progress_of(proposal, before, command.content)
    if progress is None:
        return Denied("succeeded_action_changed")
    needed = approvals_with(command.hits, command.on_hit, command.approvals_needed)
    edited = proposal.model_copy(
        update={
            "state": "pending",
            "revision": proposal.revision + 1,
            "content": command.content,
            "progress": progress,
            "marks": command.marks,
            "lead": command.lead,
            "hits": command.hits,
            "on_hit": command.on_hit,
            "sieve": command.sieve,
            "changes": command.changes,
            "edited": True,
            "drafted": proposal.drafted if proposal.edited else before.reply,
            "approvals": (),
            "approvals_needed": needed,
            "decision": command.decision,
            "remind_at": command.remind_at,
            "expires_at": command.expires_at,
            "notices": proposal.notices + command.notices,
        }
    )
    if not command.approve or needed > 1 or command.hits:
        return Moved(edited)
    approval = command.decision.model_copy(
        update={"verb": "approve", "revision": edited.revision, "digest": digest(edited)}
    )
    return approve(edited, Approve(approval))


def renew(proposal: Proposal, command: Renew) -> Moved | Denied:
    """What is compared with has moved, or more is looked for: the card shows it as it is now and
    waits for a decision on that."""
    before, decision = proposal.content, command.decision
    if proposal.state not in ("pending", "failed") or before is None:
        return Denied("wrong_state")
    if (fault := _fits(proposal, decision)) is not None:
        return fault
    progress = _progress_of(proposal, before, command.content)
    if progress is None:
        return Denied("succeeded_action_changed")
    return moved(
        proposal,
        state="pending",
        revision=proposal.revision + 1,
        content=command.content,
        progress=progress,
        lead=command.lead,
        hits=command.hits,
        on_hit=command.on_hit,
        sieve=command.sieve,
        changes=() if command.content != before else proposal.changes,
        approvals=(),
        approvals_needed=approvals_with(command.hits, command.on_hit, command.approvals_needed),
        decision=decision,
        remind_at=command.remind_at,
        expires_at=command.expires_at,
        notices=(*proposal.notices, command.notice),
    )


def _progress_of(
    proposal: Proposal, before: Content, after: Content
) -> tuple[ActionProgress, ...] | None:
    """How far the actions of a new content have come; None: it changes what has been done."""
    progress = fresh(after)
    for index, done in enumerate(proposal.progress):
        if done.status == "waiting" and not done.keys:
            continue
        if index >= len(after.actions):
            return None
        if done.status == "succeeded":
            if after.actions[index] != before.actions[index]:
                return None
            progress = replaced(progress, index, done)
        else:
            # The keys stay: a look-up before a later attempt must know every one of them. So does
            # the doubt whether one of them has arrived.
            kept = ActionProgress(keys=done.keys, attempt=done.attempt, unsettled=done.unsettled)
            progress = replaced(progress, index, kept)
    return progress


def approve(proposal: Proposal, command: Approve) -> Moved | Denied:
    if proposal.state != "pending":
        return Denied("wrong_state")
    decision = command.decision
    if (fault := _fits(proposal, decision)) is not None:
        return fault
    if proposal.approvals:
        match command.persons:
            case "same":
                return Denied("already_approved_by_them")
            case "first" | "cannot_tell":
                return Denied("cannot_tell_persons_apart")
            case "different":
                pass
    if not says_why(proposal, decision):
        return Denied("no_reason")
    proposal = _needing(proposal, command.needed)
    approvals = (*proposal.approvals, decision)
    if len(approvals) < proposal.approvals_needed:
        return moved(proposal, approvals=approvals)
    update: dict[str, object] = {
        "approvals": approvals,
        "decision": decision,
        "remind_at": None,
        "expires_at": None,
    }
    if next_action(proposal) is None:
        return moved(proposal, state="succeeded", ended_at=decision.at, **update)
    return moved(proposal, state="approved", **update)


def reject(proposal: Proposal, command: Reject) -> Moved | Denied:
    if proposal.state not in ("pending", "handoff", "failed"):
        return Denied("wrong_state")
    if command.decision.revision != proposal.revision:
        return Denied("stale")
    return moved(
        proposal,
        state="rejected",
        decision=command.decision,
        ended_at=command.decision.at,
        remind_at=None,
        expires_at=None,
    )


def send_again(proposal: Proposal, command: Retry | SettleRetry) -> Moved | Denied:
    """A new approval of what failed, or of what may not have arrived."""
    wanted: State = "failed" if isinstance(command, Retry) else "unknown"
    decision = command.decision
    index = next_action(proposal)
    if proposal.state != wanted or index is None:
        return Denied("wrong_state")
    if (fault := _fits(proposal, decision)) is not None:
        return fault
    done = proposal.progress[index]
    keep_until, overtaken = None, False
    words = "wants it tried again. It must be approved anew."
    if isinstance(command, SettleRetry):
        overtaken = command.overtaken
        words = "says that it did not arrive. To send it again, it must be approved anew."
        if overtaken:
            words = "says that it did not arrive. A newer card is there: decide it, reject this."
        if not stalled_process_is_past(done, decision.at):
            return Denied("too_early")
        keep_until = command.keep_until
    waiting = done.model_copy(
        update={
            "status": "waiting",
            "attempt": done.attempt if keep_until else done.attempt + 1,
            "keep_until": keep_until,
            # A person says that it did not arrive: what comes of the next sending is the answer.
            "resends": False,
            "deadline": None,
            "claimed_at": None,
        }
    )
    progress = replaced(proposal.progress, index, waiting)
    asked = _needing(proposal, command.needed)
    if overtaken or not enough_approvals(asked, decision):
        return _asked_anew(asked, progress, command, words)
    return moved(asked, state="approved", decision=decision, progress=progress)


def settle_done(proposal: Proposal, command: SettleDone) -> Moved | Denied:
    decision = command.decision
    index = next_action(proposal)
    if proposal.state != "unknown" or index is None:
        return Denied("wrong_state")
    if (fault := _fits(proposal, decision)) is not None:
        return fault
    settled = proposal.progress[index].model_copy(
        update={
            "status": "succeeded",
            "receipt": f"{decision.name} says that it arrived",
            "unsettled": False,
        }
    )
    progress = replaced(proposal.progress, index, settled)
    # It is an approver's word on this digest, so what remains goes on under it.
    after = after_progress(
        proposal.model_copy(update={"decision": decision}), progress, decision.at
    )
    asked = _needing(proposal, command.needed)
    if after.state == "approved" and not enough_approvals(asked, decision):
        words = "says that it arrived. What remains must be approved anew."
        return _asked_anew(asked, progress, command, words)
    return Moved(after)


def _fits(proposal: Proposal, decision: Decision) -> Denied | None:
    """What stands against a decision that names another revision or content than this."""
    if decision.revision != proposal.revision:
        return Denied("stale")
    if decision.digest != digest(proposal):
        return Denied("digest")
    return None


def _needing(proposal: Proposal, needed: int) -> Proposal:
    """The operator may ask for more approvals than when the card was made, never for fewer."""
    most = max(proposal.approvals_needed, needed)
    return proposal.model_copy(update={"approvals_needed": most})


def _asked_anew(
    proposal: Proposal,
    progress: tuple[ActionProgress, ...],
    command: Retry | SettleDone | SettleRetry,
    words: str,
) -> Moved:
    """The card asks for approval again: a new revision has voided the others', or more are needed
    than there are, and one person's word is too little."""
    return moved(
        proposal,
        state="pending",
        revision=proposal.revision + 1,
        approvals=(),
        progress=progress,
        remind_at=command.remind_at,
        expires_at=command.expires_at,
        notices=(
            *proposal.notices,
            Notice(kind="settled", text=words, actor=command.decision.actor),
        ),
    )
