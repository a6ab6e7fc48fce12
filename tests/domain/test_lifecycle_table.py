"""The table of states, line by line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.commands import (
    Approve,
    Begin,
    Claim,
    Command,
    Edit,
    Expire,
    GiveAnswer,
    Lapse,
    Overdue,
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
)
from bot.domain import Answer, Notice, Proposal
from bot.lifecycle import digest, transition
from tests.domain.make import (
    START,
    decision,
    moved,
    new,
    pending,
    person,
)
from tests.domain.states import (
    HOUR,
    SOON,
    approved,
    denied,
    edit,
    executing,
    handed_off,
    reported,
)


def test_a_run_counts_its_starts_and_only_while_drafting() -> None:
    begun = moved(transition(new(), Begin(START)))
    assert begun.run.starts == 1
    assert moved(transition(begun, Begin(SOON))).run.starts == 2
    assert denied(transition(pending(), Begin(SOON))) == "wrong_state"


def test_approve_then_claim_then_receipt_ends_in_succeeded() -> None:
    done = reported(Succeeded("ts 1.2"))
    assert done.state == "succeeded"
    assert done.progress[0].receipt == "ts 1.2"
    assert done.ended_at == SOON


def test_approving_what_needs_no_action_ends_at_once() -> None:
    proposal = pending(())
    assert moved(transition(proposal, Approve(decision(proposal)))).state == "succeeded"


def test_an_approval_of_another_revision_or_digest_is_refused() -> None:
    proposal = pending()
    older = decision(proposal, revision=proposal.revision - 1)
    assert denied(transition(proposal, Approve(older))) == "stale"
    other = decision(proposal).model_copy(update={"digest": "0" * 64})
    assert denied(transition(proposal, Approve(other))) == "digest"


def test_an_edit_makes_a_new_revision_and_voids_what_was_before() -> None:
    proposal = pending()
    edited = moved(transition(proposal, edit(proposal)))
    assert (edited.state, edited.revision) == ("pending", proposal.revision + 1)
    assert edited.drafted == "Under Billing."
    assert digest(edited) != digest(proposal)
    assert denied(transition(edited, Approve(decision(proposal)))) == "stale"


def test_an_edit_may_approve_in_the_same_step() -> None:
    proposal = pending()
    done = moved(transition(proposal, edit(proposal, approve=True)))
    assert done.state == "approved"
    assert done.decision is not None
    assert done.decision.digest == digest(done)


def test_an_edit_that_needs_two_people_waits_for_both() -> None:
    proposal = pending(approvals_needed=2)
    change = edit(proposal, approve=True)
    waiting = moved(transition(proposal, Edit(**{**change.__dict__, "approvals_needed": 2})))
    assert (waiting.state, waiting.approvals) == ("pending", ())


def test_two_approvals_need_two_proven_people_on_one_revision() -> None:
    proposal = pending(approvals_needed=2)
    first = moved(transition(proposal, Approve(decision(proposal))))
    assert (first.state, len(first.approvals)) == ("pending", 1)
    second = decision(first, by=person("U0AGENT2"))
    assert denied(transition(first, Approve(second, "same"))) == "already_approved_by_them"
    assert denied(transition(first, Approve(second, "cannot_tell"))) == "cannot_tell_persons_apart"
    assert denied(transition(first, Approve(second, "first"))) == "cannot_tell_persons_apart"
    both = moved(transition(first, Approve(second, "different")))
    assert both.state == "approved"
    assert moved(transition(both, Claim(SOON, 0))).state == "executing"


def test_any_new_revision_voids_a_first_approval() -> None:
    proposal = pending(approvals_needed=2)
    first = moved(transition(proposal, Approve(decision(proposal))))
    notice = Notice(kind="colleague_replied", text="replied", actor=person("U0OTHER"))
    revised = moved(transition(first, Revise(SOON, notice)))
    assert (revised.revision, revised.approvals) == (first.revision + 1, ())


def test_a_notice_before_the_draft_comes_with_it_and_voids_nothing() -> None:
    notice = Notice(kind="colleague_replied", text="replied", actor=person("U0OTHER"))
    noticed = moved(transition(new(), Revise(SOON, notice)))
    assert (noticed.state, noticed.revision, noticed.notices) == ("drafting", 0, (notice,))


def test_handoff_is_taken_written_by_hand_or_closed() -> None:
    handoff = handed_off()
    taken = moved(transition(handoff, Take(decision(handoff, "take"))))
    assert (taken.state, taken.revision) == ("handoff", 2)
    assert taken.owner is not None
    assert denied(transition(taken, Take(decision(handoff, "take")))) == "stale"
    assert moved(transition(taken, edit(taken))).state == "pending"
    assert moved(transition(taken, Reject(decision(taken, "reject")))).state == "rejected"
    assert denied(transition(handoff, Approve(decision(handoff)))) == "wrong_state"
    assert denied(transition(handoff, Expire(SOON + timedelta(days=9)))) == "wrong_state"


def test_taking_a_draft_in_the_making_stops_its_run() -> None:
    taken = moved(transition(new(), Take(decision(new(), "take"))))
    assert taken.state == "handoff"
    assert taken.owner is not None


def test_expiry_waits_for_its_time() -> None:
    proposal = pending()
    assert proposal.expires_at is not None
    early = Expire(proposal.expires_at - timedelta(seconds=1))
    assert denied(transition(proposal, early)) == "too_early"
    assert moved(transition(proposal, Expire(proposal.expires_at))).state == "expired"


def test_a_reminder_is_counted_and_only_while_somebody_is_waited_for() -> None:
    reminded = moved(transition(pending(), Remind(SOON, None)))
    assert (reminded.reminded, reminded.remind_at) == (1, None)
    assert denied(transition(approved(), Remind(SOON, None))) == "wrong_state"


@pytest.mark.parametrize("proposal", [new(), handed_off(), pending(), approved()])
def test_a_newer_message_supersedes_what_is_not_claimed(proposal: Proposal) -> None:
    superseded = moved(transition(proposal, Supersede(SOON, "p_b")))
    assert (superseded.state, superseded.successor) == ("superseded", "p_b")


@pytest.mark.parametrize("proposal", [executing(), reported(Succeeded("x"))])
def test_a_newer_message_does_not_touch_what_is_claimed_or_done(proposal: Proposal) -> None:
    assert denied(transition(proposal, Supersede(SOON, None))) == "wrong_state"


def test_an_unclaimed_approval_lapses_after_fifteen_minutes() -> None:
    proposal = approved()
    assert proposal.decision is not None
    at = proposal.decision.at + timedelta(minutes=15)
    assert denied(transition(proposal, Lapse(at - timedelta(seconds=1)))) == "too_early"
    assert denied(transition(proposal, Claim(at, 0))) == "lapsed"
    lapsed = moved(transition(proposal, Lapse(at, None, at + timedelta(days=1))))
    assert (lapsed.state, lapsed.revision) == ("pending", proposal.revision + 1)
    assert lapsed.expires_at == at + timedelta(days=1)


def test_a_failed_proposal_may_be_edited_or_rejected() -> None:
    failed = reported(Refused("gone"))
    edited = moved(transition(failed, edit(failed)))
    assert (edited.state, edited.progress[0].status) == ("pending", "waiting")
    assert moved(transition(failed, Reject(decision(failed, "reject")))).state == "rejected"


FINAL = [
    moved(transition(pending(), Supersede(SOON, None))),
    moved(transition(pending(), Expire(START + timedelta(days=2)))),
    moved(transition(pending(), Reject(decision(pending(), "reject", revision=1)))),
    reported(Succeeded("x")),
]


@pytest.mark.parametrize("proposal", FINAL, ids=lambda proposal: str(proposal.state))
def test_final_states_are_final(proposal: Proposal) -> None:
    late = START + timedelta(days=3)
    commands: list[Command] = [
        Begin(late),
        Take(decision(proposal, "take")),
        edit(proposal),
        Approve(decision(proposal)),
        Reject(decision(proposal, "reject")),
        Revise(late, Notice(kind="retry", text="x")),
        Remind(late, None),
        Expire(late),
        Supersede(late, None),
        Lapse(late),
        Claim(late, 0),
        Report(late, 0, "0" * 64, Succeeded("x")),
        Overdue(late),
        Resend(late, HOUR),
        Retry(decision(proposal, "retry")),
        SettleDone(decision(proposal, "settle_done")),
        SettleRetry(decision(proposal, "settle_retry"), None),
    ]
    assert {denied(transition(proposal, command)) for command in commands} == {"wrong_state"}


def test_more_approvals_may_be_asked_for_than_when_the_card_was_made() -> None:
    proposal = pending()
    first = moved(transition(proposal, Approve(decision(proposal), needed=2)))
    assert (first.state, first.approvals_needed) == ("pending", 2)


def test_a_taken_handoff_and_a_taken_draft_are_reminded_of() -> None:
    for proposal in (handed_off(), new()):
        taken = moved(transition(proposal, Take(decision(proposal, "take"), HOUR)))
        assert taken.remind_at == HOUR


def test_an_ask_ends_in_its_answer_and_nothing_moves_it_any_more() -> None:
    give = GiveAnswer(SOON, Answer(kind="research"), "v1", model="local")
    answered = moved(transition(moved(transition(new(), Begin(START))), give))
    assert (answered.state, answered.revision, answered.ended_at) == ("answered", 1, SOON)
    assert answered.content is None
    assert digest(answered) == ""
    for command in (
        give,
        Begin(SOON),
        Supersede(SOON),
        Expire(HOUR),
        Remind(SOON, None),
        Revise(SOON, Notice(kind="colleague_replied", text="x")),
        Claim(SOON, 0),
        Take(decision(answered, "take")),
        Approve(decision(answered)),
        Reject(decision(answered, "reject")),
    ):
        assert denied(transition(answered, command)) in ("wrong_state", "stale"), command
    assert denied(transition(pending(), give)) == "wrong_state"


def test_an_ask_may_be_declined_in_a_word() -> None:
    declined = GiveAnswer(SOON, None, "v1", model="", declined="Not this one.")
    ended = moved(transition(new(), declined))
    assert (ended.state, ended.answer, ended.declined) == ("answered", None, "Not this one.")
