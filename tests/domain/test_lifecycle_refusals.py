"""Commands that come too late, for another revision, or for what is not there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.commands import (
    Approve,
    Claim,
    Command,
    HandOff,
    Lapse,
    Overdue,
    Refused,
    Reject,
    Report,
    Resend,
    Retry,
    Revise,
    SettleDone,
    SettleRetry,
    Succeeded,
    Take,
    Uncertain,
)
from bot.domain import Content, Handoff, Notice, Proposal
from bot.lifecycle import approved_at, canonical_json, digest, next_action, transition
from tests.domain.make import START, content, decision, moved, new, pending, person
from tests.domain.states import (
    HOUR,
    SOON,
    TWO,
    approved,
    denied,
    edit,
    executing,
    handed_off,
    reported,
)

LATE = START + timedelta(minutes=3)


def unknown() -> Proposal:
    return reported(Uncertain("the answer was lost"))


def older(proposal: Proposal, command: Command) -> str:
    """How a command is refused that was made for the revision before this one."""
    newer = proposal.model_copy(update={"revision": proposal.revision + 1})
    return denied(transition(newer, command))


def test_a_decision_on_an_older_revision_is_stale() -> None:
    proposal, doubtful, failed = (
        pending(),
        unknown(),
        unknown().model_copy(update={"state": "failed"}),
    )
    assert older(proposal, edit(proposal)) == "stale"
    assert older(proposal, Reject(decision(proposal, "reject"))) == "stale"
    assert older(proposal, Approve(decision(proposal))) == "stale"
    assert older(failed, Retry(decision(failed, "retry"))) == "stale"
    assert older(doubtful, SettleDone(decision(doubtful, "settle_done"))) == "stale"
    again = SettleRetry(decision(doubtful, "settle_retry", at=LATE), None)
    assert older(doubtful, again) == "stale"
    assert older(new(), Take(decision(new(), "take"))) == "stale"


def test_a_word_on_another_content_is_refused() -> None:
    doubtful = unknown()
    other = decision(doubtful, "settle_done").model_copy(update={"digest": "0" * 64})
    assert denied(transition(doubtful, SettleDone(other))) == "digest"
    assert denied(transition(doubtful, SettleRetry(other, None))) == "digest"


def test_an_approval_of_other_words_or_of_an_earlier_revision_counts_for_nobody() -> None:
    proposal = pending(approvals_needed=2)
    mine, theirs = decision(proposal), decision(proposal, by=person("U0AGENT2"))
    for foreign in ({"digest": "0" * 64}, {"revision": 0}):
        forged = proposal.model_copy(
            update={
                "state": "approved",
                "approvals": (mine.model_copy(update=foreign), theirs),
                "decision": theirs,
            }
        )
        assert denied(transition(forged, Claim(SOON, 0))) == "not_approved", foreign


def test_an_edit_may_not_drop_what_may_have_been_sent() -> None:
    failed = unknown().model_copy(update={"state": "failed"})
    emptied = edit(failed, new_content=content())
    assert denied(transition(failed, emptied)) == "succeeded_action_changed"


def test_a_second_edit_keeps_the_models_own_draft() -> None:
    proposal = pending()
    once = moved(transition(proposal, edit(proposal)))
    twice = moved(transition(once, edit(once, new_content=content(reply=None))))
    assert (twice.drafted, twice.content and twice.content.reply) == ("Under Billing.", None)


def test_a_run_ends_once() -> None:
    ended = HandOff(
        at=START,
        handoff=Handoff(reason="time"),
        content=Content(labels=(), route="default"),
        playbook_version="v1",
        model="local",
    )
    for proposal in (pending(), handed_off()):
        assert denied(transition(proposal, ended)) == "wrong_state"


def test_what_is_claimed_is_not_taken_edited_or_noticed() -> None:
    running = executing()
    notice = Notice(kind="colleague_replied", text="replied")
    assert denied(transition(running, Take(decision(running, "take")))) == "wrong_state"
    assert denied(transition(running, edit(running))) == "wrong_state"
    assert denied(transition(running, Revise(SOON, notice))) == "wrong_state"
    assert denied(transition(running, Lapse(HOUR))) == "wrong_state"


def test_what_is_not_claimed_is_not_overdue() -> None:
    for proposal in (pending(), approved(), unknown()):
        assert denied(transition(proposal, Overdue(HOUR))) == "wrong_state"
        assert denied(transition(proposal, Resend(SOON, HOUR))) == "wrong_state"


def test_before_there_is_a_draft_there_is_nothing_to_approve() -> None:
    assert next_action(new()) is None
    assert digest(new()) == ""
    assert approved_at(new()) is None
    assert approved_at(approved()) == decision(pending()).at


def test_what_was_approved_for_no_action_cannot_be_claimed() -> None:
    forged = approved(TWO).model_copy(
        update={
            "progress": tuple(
                done.model_copy(update={"status": "succeeded"}) for done in approved(TWO).progress
            )
        }
    )
    assert denied(transition(forged, Claim(SOON, 0))) == "not_next"
    assert moved(transition(forged, Lapse(HOUR))).state == "pending"


def test_the_approval_in_an_edit_lapses_like_any_other() -> None:
    proposal = pending()
    saved = moved(transition(proposal, edit(proposal, approve=True)))
    assert saved.state == "approved"
    lapsed = moved(transition(saved, Lapse(HOUR)))
    assert (lapsed.state, lapsed.approvals) == ("pending", ())


@pytest.mark.parametrize("value", [float("nan"), "\ud800"])
def test_what_has_no_one_byte_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"Out of range|surrogates"):
        canonical_json({"value": value})


def test_a_late_word_that_it_arrived_approves_nothing_that_was_left_out_meanwhile() -> None:
    failed = unknown().model_copy(update={"state": "failed"})
    left_out = failed.content and failed.content.actions[0].model_copy(update={"included": False})
    assert left_out is not None
    edited = moved(transition(failed, edit(failed, new_content=content(left_out))))
    key = edited.progress[0].keys[-1]
    told = moved(transition(edited, Report(LATE, 0, key, Succeeded("found"))))
    assert (told.state, told.revision, told.ended_at) == ("pending", edited.revision + 1, None)
    assert told.progress[0].status == "succeeded"


def test_a_resend_that_was_never_made_leaves_the_first_sender_its_word() -> None:
    running = executing()
    claimed = running.progress[0]
    assert claimed.deadline is not None
    waiting = moved(transition(running, Resend(claimed.deadline + timedelta(seconds=10), HOUR)))
    lapsed = moved(transition(waiting, Lapse(START + timedelta(minutes=20))))
    assert (lapsed.state, lapsed.progress[0].resends) == ("unknown", False)
    nothing_left = Report(LATE, 0, claimed.keys[-1], Refused("too late"), claimed.claimed_at)
    assert moved(transition(lapsed, nothing_left)).state == "failed"
