"""The life of a proposal as one pure function: state and command in, new state or refusal out.

This is the table of docs/ARCHITECTURE.md, "The gate". It decides nothing about *who*: authority is
checked in ``bot.decide`` before a command is made. It decides everything about *whether*: no
command reaches ``executing`` but ``Claim``, and ``Claim`` demands an approval of the digest of
exactly this revision.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import assert_never

from bot.commands import (
    Approve,
    Begin,
    Claim,
    Command,
    Denied,
    Edit,
    Expire,
    HandOff,
    Lapse,
    Moved,
    Overdue,
    Propose,
    Refused,
    Reject,
    Remind,
    Report,
    Resend,
    Retry,
    Revise,
    SettleDone,
    SettleRetry,
    Succeeded,
    Supersede,
    Take,
    Uncertain,
)
from bot.domain import ActionProgress, Content, Handoff, Notice, Proposal, State

CLAIM_SECONDS = 8
"""No byte leaves later than this after a claim."""
UNKNOWN_AFTER_SECONDS = 10
"""A claim without an outcome becomes unknown this long after its deadline: a stalled process must
not be able to overtake the person who sends again."""
APPROVAL_TTL = timedelta(minutes=15)
"""An approval that nobody could act on for so long must be given again."""
MAX_STARTS = 3
"""A run that began so often without an outcome kills its worker: a person gets it."""


def transition(proposal: Proposal, command: Command) -> Moved | Denied:
    """Apply ``command``. Pure: no clock, no I/O; the same arguments give the same answer."""
    match command:
        case Begin():
            return _begin(proposal, command)
        case Propose() | HandOff():
            return _end_run(proposal, command)
        case Take():
            return _take(proposal, command)
        case Edit():
            return _edit(proposal, command)
        case Approve():
            return _approve(proposal, command)
        case Reject():
            return _reject(proposal, command)
        case Revise():
            return _revise(proposal, command)
        case Remind():
            if proposal.state not in ("pending", "handoff"):
                return Denied("wrong_state")
            return _moved(proposal, reminded=proposal.reminded + 1, remind_at=command.next_at)
        case Expire():
            if proposal.state != "pending":
                return Denied("wrong_state")
            if proposal.expires_at is None or command.at < proposal.expires_at:
                return Denied("too_early")
            return _moved(proposal, state="expired", ended_at=command.at, remind_at=None)
        case Supersede():
            return _supersede(proposal, command)
        case Lapse():
            return _lapse(proposal, command)
        case Claim():
            return _claim(proposal, command)
        case Report():
            return _report(proposal, command)
        case Overdue():
            return _overdue(proposal, command)
        case Resend():
            return _resend(proposal, command)
        case Retry() | SettleRetry():
            return _again(proposal, command)
        case SettleDone():
            return _settle_done(proposal, command)
        case _:
            assert_never(command)


def digest(proposal: Proposal) -> str:
    """SHA-256, in hexadecimal, of everything that an approval approves.

    Canonical JSON: keys sorted, no white space, UTF-8, numbers as JSON writes them. Excluded
    actions are not covered, for they are not done; their order among the included ones is.
    """
    content = proposal.content
    if content is None:
        return ""
    covered = {
        "tenant": proposal.tenant,
        "proposal": proposal.id,
        "revision": proposal.revision,
        "playbook_version": proposal.playbook_version,
        "labels": list(content.labels),
        "priority": content.priority,
        "route": content.route,
        "reply": content.reply,
        "actions": [
            {"index": index, "tool": action.tool, "args": action.args, "target": action.target}
            for index, action in enumerate(content.actions)
            if action.included
        ],
    }
    return hashlib.sha256(canonical_json(covered)).hexdigest()


def canonical_json(value: object) -> bytes:
    """The one byte form of a JSON value. NaN and lone surrogates raise ``ValueError``."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8", "strict")


def idempotency_key(proposal: Proposal, index: int, attempt: int) -> str:
    """The key of one attempt at one action: SHA-256 in hexadecimal."""
    return hashlib.sha256(
        canonical_json([proposal.id, proposal.revision, index, attempt])
    ).hexdigest()


def next_action(proposal: Proposal) -> int | None:
    """The index of the first included action that has not succeeded; None when all have."""
    if proposal.content is None:
        return None
    for index, action in enumerate(proposal.content.actions):
        if action.included and proposal.progress[index].status != "succeeded":
            return index
    return None


def approved_at(proposal: Proposal) -> datetime | None:
    """When the present approval was given; None when there is none."""
    if proposal.state != "approved" or proposal.decision is None:
        return None
    return proposal.decision.at


def _moved(proposal: Proposal, **update: object) -> Moved:
    return Moved(proposal.model_copy(update=update))


def _begin(proposal: Proposal, command: Begin) -> Moved | Denied:
    if proposal.state != "drafting":
        return Denied("wrong_state")
    run = proposal.run.model_copy(
        update={"starts": proposal.run.starts + 1, "started_at": command.at, "unpaid": None}
    )
    return _moved(proposal, run=run)


def _end_run(proposal: Proposal, command: Propose | HandOff) -> Moved | Denied:
    if proposal.state != "drafting":
        return Denied("wrong_state")
    update: dict[str, object] = {
        "state": "pending" if isinstance(command, Propose) else "handoff",
        "revision": 1,
        "run": proposal.run.model_copy(update={"ended_at": command.at}),
        "content": command.content,
        "progress": _fresh(command.content),
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
            "approvals_needed": command.approvals_needed,
            "expires_at": command.expires_at,
        }
    else:
        update["handoff"] = command.handoff
    return _moved(proposal, **update)


def _take(proposal: Proposal, command: Take) -> Moved | Denied:
    match proposal.state:
        case "handoff":
            if command.decision.revision != proposal.revision:
                return Denied("stale")
            return _moved(
                proposal,
                owner=command.decision,
                revision=proposal.revision + 1,
                remind_at=command.remind_at,
            )
        case "drafting":
            # The slow tail: a person does not wait for the draft. The run finds the state changed
            # and ends without a word.
            run = proposal.run.model_copy(update={"ended_at": command.decision.at})
            return _moved(
                proposal,
                state="handoff",
                revision=1,
                run=run,
                owner=command.decision,
                handoff=Handoff(reason="time", missing=("The draft was not ready in time.",)),
                content=proposal.content or Content(labels=(), route="default"),
                proposed_at=command.decision.at,
                remind_at=command.remind_at,
            )
        case _:
            return Denied("wrong_state")


def _edit(proposal: Proposal, command: Edit) -> Moved | Denied:
    if proposal.state not in ("pending", "handoff", "failed"):
        return Denied("wrong_state")
    if command.decision.revision != proposal.revision:
        return Denied("stale")
    progress = _fresh(command.content)
    before = proposal.content
    for index, done in enumerate(proposal.progress):
        if done.status == "waiting" and not done.keys:
            continue
        if index >= len(command.content.actions) or before is None:
            return Denied("succeeded_action_changed")
        if done.status == "succeeded":
            if command.content.actions[index] != before.actions[index]:
                return Denied("succeeded_action_changed")
            progress = _at(progress, index, done)
        else:
            # The keys stay: a look-up before a later attempt must know every one of them.
            progress = _at(progress, index, ActionProgress(keys=done.keys, attempt=done.attempt))
    edited = proposal.model_copy(
        update={
            "state": "pending",
            "revision": proposal.revision + 1,
            "content": command.content,
            "progress": progress,
            "marks": command.marks,
            "changes": command.changes,
            "edited": True,
            "drafted": proposal.drafted if proposal.edited else (before.reply if before else None),
            "approvals": (),
            "approvals_needed": command.approvals_needed,
            "decision": command.decision,
            "remind_at": command.remind_at,
            "expires_at": command.expires_at,
            "notices": proposal.notices + command.notices,
        }
    )
    if not command.approve or command.approvals_needed > 1:
        return Moved(edited)
    approval = command.decision.model_copy(
        update={"verb": "approve", "revision": edited.revision, "digest": digest(edited)}
    )
    return transition(edited, Approve(approval))


def _approve(proposal: Proposal, command: Approve) -> Moved | Denied:
    if proposal.state != "pending":
        return Denied("wrong_state")
    decision = command.decision
    if decision.revision != proposal.revision:
        return Denied("stale")
    if decision.digest != digest(proposal):
        return Denied("digest")
    if proposal.approvals:
        match command.persons:
            case "same":
                return Denied("already_approved_by_them")
            case "first" | "cannot_tell":
                return Denied("cannot_tell_persons_apart")
            case "different":
                pass
    approvals = (*proposal.approvals, decision)
    # The operator may ask for more than when the card was made, never for less.
    needed = max(proposal.approvals_needed, command.needed)
    if len(approvals) < needed:
        return _moved(proposal, approvals=approvals, approvals_needed=needed)
    update: dict[str, object] = {
        "approvals": approvals,
        "approvals_needed": needed,
        "decision": decision,
        "remind_at": None,
        "expires_at": None,
    }
    if next_action(proposal) is None:
        return _moved(proposal, state="succeeded", ended_at=decision.at, **update)
    return _moved(proposal, state="approved", **update)


def _reject(proposal: Proposal, command: Reject) -> Moved | Denied:
    if proposal.state not in ("pending", "handoff", "failed"):
        return Denied("wrong_state")
    if command.decision.revision != proposal.revision:
        return Denied("stale")
    return _moved(
        proposal,
        state="rejected",
        decision=command.decision,
        ended_at=command.decision.at,
        remind_at=None,
        expires_at=None,
    )


def _revise(proposal: Proposal, command: Revise) -> Moved | Denied:
    notices = (*proposal.notices, command.notice)
    if proposal.state == "drafting":
        # Nothing is shown yet, so there is no revision to void: the draft comes with the notice.
        return _moved(proposal, notices=notices)
    if proposal.state not in ("pending", "handoff"):
        return Denied("wrong_state")
    return _moved(
        proposal,
        revision=proposal.revision + 1,
        approvals=(),
        notices=notices,
    )


def _supersede(proposal: Proposal, command: Supersede) -> Moved | Denied:
    if proposal.state not in ("drafting", "handoff", "pending", "approved"):
        return Denied("wrong_state")
    if any(done.unsettled for done in proposal.progress):
        return Denied("wrong_state")  # an effect may be out there: superseded says there is none
    notices = proposal.notices + ((command.notice,) if command.notice else ())
    return _moved(
        proposal,
        state="superseded",
        successor=command.successor,
        ended_at=command.at,
        remind_at=None,
        expires_at=None,
        notices=notices,
    )


def _lapse(proposal: Proposal, command: Lapse) -> Moved | Denied:
    since = approved_at(proposal)
    if since is None:
        return Denied("wrong_state")
    if command.at < since + APPROVAL_TTL:
        return Denied("too_early")
    notice = Notice(
        kind="approval_lapsed",
        text="The approval was not acted on within 15 minutes. Please decide again.",
    )
    index = next_action(proposal)
    if index is not None and proposal.progress[index].unsettled:
        # It was to be sent again and was not: whether the first sending arrived is still open.
        waiting = proposal.progress[index].model_copy(update={"status": "unknown"})
        return _moved(
            proposal,
            state="unknown",
            revision=proposal.revision + 1,
            approvals=(),
            progress=_at(proposal.progress, index, waiting),
            notices=(*proposal.notices, notice),
        )
    return _moved(
        proposal,
        state="pending",
        revision=proposal.revision + 1,
        approvals=(),
        remind_at=command.remind_at,
        expires_at=command.expires_at,
        notices=(*proposal.notices, notice),
    )


def _claim(proposal: Proposal, command: Claim) -> Moved | Denied:
    if proposal.state != "approved" or proposal.decision is None:
        return Denied("wrong_state")
    decision = proposal.decision
    if command.at >= decision.at + APPROVAL_TTL:
        return Denied("lapsed")
    if decision.revision != proposal.revision:
        return Denied("stale")
    shown = digest(proposal)
    if decision.digest != shown:
        return Denied("digest")
    if decision.verb == "approve" and not _enough_approvals(proposal, shown):
        return Denied("not_approved")
    if command.index != next_action(proposal):
        return Denied("not_next")
    done = proposal.progress[command.index]
    keys, attempt = done.keys, done.attempt
    resent = bool(keys) and done.keep_until is not None and command.at < done.keep_until
    key = keys[-1] if resent else idempotency_key(proposal, command.index, attempt)
    if key in keys and not resent:
        attempt += 1
        key = idempotency_key(proposal, command.index, attempt)
    claimed = done.model_copy(
        update={
            "status": "executing",
            "attempt": attempt,
            "keys": keys if resent else (*keys, key),
            "claimed_at": command.at,
            "first_sent_at": done.first_sent_at if resent else command.at,
            "keep_until": done.keep_until if resent else None,
            "deadline": command.at + timedelta(seconds=CLAIM_SECONDS),
            "receipt": None,
            "error": None,
        }
    )
    progress = _at(proposal.progress, command.index, claimed)
    return _moved(proposal, state="executing", progress=progress)


def _report(proposal: Proposal, command: Report) -> Moved | Denied:
    # An answer may come after the claim was declared unknown: it is still knowledge, as long as
    # nobody has sent again since (the attempt's key tells).
    if proposal.state not in ("executing", "unknown", "approved"):
        return Denied("wrong_state")
    if command.index >= len(proposal.progress):
        return Denied("not_next")
    done = proposal.progress[command.index]
    if done.status not in ("executing", "unknown", "waiting") or command.key not in done.keys:
        return Denied("wrong_attempt")
    # Before another attempt the earlier keys are looked up; only *found* ends the waiting.
    if done.status == "waiting" and not isinstance(command.outcome, Succeeded):
        return Denied("wrong_attempt")
    # Any earlier attempt that did arrive settles the action; only the newest may say it did not.
    if command.key != done.keys[-1] and not isinstance(command.outcome, Succeeded):
        return Denied("wrong_attempt")
    match command.outcome:
        case Succeeded(receipt):
            update = {
                "status": "succeeded",
                "receipt": receipt,
                "error": None,
                "unsettled": False,
            }
        case Refused(error):
            update = {"status": "failed", "error": error, "unsettled": False}
        case Uncertain(error):
            update = {"status": "unknown", "error": error, "unsettled": True}
        case _:
            assert_never(command.outcome)
    progress = _at(proposal.progress, command.index, done.model_copy(update=update))
    return _after_progress(proposal, progress, command.at)


def _overdue(proposal: Proposal, command: Overdue) -> Moved | Denied:
    if proposal.state != "executing":
        return Denied("wrong_state")
    progress = proposal.progress
    for index, done in enumerate(proposal.progress):
        if done.status != "executing":
            continue
        if not _stalled_process_is_past(done, command.at):
            return Denied("too_early")
        lost = done.model_copy(
            update={
                "status": "unknown",
                "error": "no answer came before the deadline",
                "unsettled": True,
            }
        )
        progress = _at(progress, index, lost)
    return _after_progress(proposal, progress, command.at)


def _resend(proposal: Proposal, command: Resend) -> Moved | Denied:
    if proposal.state != "executing" or proposal.decision is None:
        return Denied("wrong_state")
    if command.at >= proposal.decision.at + APPROVAL_TTL:
        return Denied("lapsed")
    progress = proposal.progress
    for index, done in enumerate(proposal.progress):
        if done.status != "executing":
            continue
        if not _stalled_process_is_past(done, command.at):
            return Denied("too_early")
        waiting = {"status": "waiting", "unsettled": True, "keep_until": command.keep_until}
        progress = _at(progress, index, done.model_copy(update=waiting))
    return _moved(proposal, state="approved", progress=progress)


def _again(proposal: Proposal, command: Retry | SettleRetry) -> Moved | Denied:
    wanted: State = "failed" if isinstance(command, Retry) else "unknown"
    decision = command.decision
    if proposal.state != wanted:
        return Denied("wrong_state")
    if decision.revision != proposal.revision:
        return Denied("stale")
    if decision.digest != digest(proposal):
        return Denied("digest")
    index = next_action(proposal)
    if index is None:
        return Denied("wrong_state")
    done = proposal.progress[index]
    if isinstance(command, SettleRetry) and not _stalled_process_is_past(done, decision.at):
        return Denied("too_early")
    keep_until = command.keep_until if isinstance(command, SettleRetry) else None
    waiting = done.model_copy(
        update={
            "status": "waiting",
            "attempt": done.attempt if keep_until else done.attempt + 1,
            "keep_until": keep_until,
            "deadline": None,
            "claimed_at": None,
        }
    )
    return _moved(
        proposal,
        state="approved",
        decision=decision,
        progress=_at(proposal.progress, index, waiting),
    )


def _settle_done(proposal: Proposal, command: SettleDone) -> Moved | Denied:
    if proposal.state != "unknown":
        return Denied("wrong_state")
    decision = command.decision
    if decision.revision != proposal.revision:
        return Denied("stale")
    if decision.digest != digest(proposal):
        return Denied("digest")
    index = next_action(proposal)
    if index is None:
        return Denied("wrong_state")
    settled = proposal.progress[index].model_copy(
        update={
            "status": "succeeded",
            "receipt": f"{decision.name} says that it arrived",
            "unsettled": False,
        }
    )
    progress = _at(proposal.progress, index, settled)
    # It is an approver's word on this digest, so what remains goes on under it.
    return _after_progress(
        proposal.model_copy(update={"decision": decision}), progress, decision.at
    )


def _after_progress(
    proposal: Proposal, progress: tuple[ActionProgress, ...], at: datetime
) -> Moved:
    """The proposal's state is that of its worst action; what still waits keeps it approved."""
    actions = proposal.content.actions if proposal.content else ()
    included = [done for done, act in zip(progress, actions, strict=True) if act.included]
    statuses = {done.status for done in included}
    state: State
    if "unknown" in statuses:
        state = "unknown"
    elif "failed" in statuses:
        state = "failed"
    elif "executing" in statuses:
        state = "executing"
    elif "waiting" in statuses:
        state = "approved"
    else:
        state = "succeeded"
    ended = at if state == "succeeded" else None
    return _moved(proposal, state=state, progress=progress, ended_at=ended)


def _enough_approvals(proposal: Proposal, shown: str) -> bool:
    fitting = [
        approval
        for approval in proposal.approvals
        if approval.revision == proposal.revision and approval.digest == shown
    ]
    return len(fitting) >= proposal.approvals_needed


def _stalled_process_is_past(done: ActionProgress, at: datetime) -> bool:
    """Whether a process that stalled after its claim can no longer overtake a person at ``at``."""
    margin = timedelta(seconds=UNKNOWN_AFTER_SECONDS)
    return done.deadline is None or at >= done.deadline + margin


def _fresh(content: Content) -> tuple[ActionProgress, ...]:
    return tuple(ActionProgress() for _ in content.actions)


def _at(
    progress: tuple[ActionProgress, ...], index: int, value: ActionProgress
) -> tuple[ActionProgress, ...]:
    return (*progress[:index], value, *progress[index + 1 :])
