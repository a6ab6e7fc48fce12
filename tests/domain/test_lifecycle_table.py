"""The table of states, line by line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.commands import (
    Approve,
    Begin,
    Claim,
    Command,
    Denied,
    Edit,
    Expire,
    GiveAnswer,
    HandOff,
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
    Uncertain,
)
from bot.domain import Answer, Content, Handoff, Notice, Proposal
from bot.lifecycle import digest, idempotency_key, next_action, transition
from tests.domain.make import (
    START,
    content,
    decision,
    moved,
    new,
    pending,
    person,
    reply_action,
)

SOON = START + timedelta(minutes=2)
HOUR = START + timedelta(hours=1)
TWO = (reply_action("first"), reply_action("second", tool="update_crm"))


def denied(result: object) -> str:
    assert isinstance(result, Denied), result
    return result.kind


def approved(actions: tuple = (reply_action(),)) -> Proposal:
    proposal = pending(actions)
    return moved(transition(proposal, Approve(decision(proposal))))


def executing(actions: tuple = (reply_action(),)) -> Proposal:
    return moved(transition(approved(actions), Claim(SOON, 0)))


def reported(outcome: object, actions: tuple = (reply_action(),)) -> Proposal:
    running = executing(actions)
    key = running.progress[0].keys[-1]
    return moved(transition(running, Report(SOON, 0, key, outcome)))  # type: ignore[arg-type]


def handed_off() -> Proposal:
    return moved(
        transition(
            new(),
            HandOff(
                at=START,
                handoff=Handoff(reason="no_source"),
                content=Content(labels=(), route="default"),
                playbook_version="v1",
                model="local",
            ),
        )
    )


def edit(proposal: Proposal, *, approve: bool = False, new_content: Content | None = None) -> Edit:
    return Edit(
        decision=decision(proposal, "edit"),
        content=new_content or content(reply_action("Better."), reply="Better."),
        marks=(),
        changes=(),
        approve=approve,
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


def test_a_claim_names_its_deadline_and_key() -> None:
    running = executing()
    progress = running.progress[0]
    assert progress.deadline == SOON + timedelta(seconds=8)
    assert progress.keys == (idempotency_key(running, 0, 0),)
    assert denied(transition(running, Claim(SOON, 0))) == "wrong_state"


def test_a_changed_content_under_an_old_approval_is_not_claimable() -> None:
    proposal = approved()
    tampered = proposal.model_copy(update={"content": content(reply_action("Send money."))})
    assert denied(transition(tampered, Claim(SOON, 0))) == "digest"
    forged = proposal.model_copy(update={"approvals": ()})
    assert denied(transition(forged, Claim(SOON, 0))) == "not_approved"
    moved_on = proposal.model_copy(update={"revision": proposal.revision + 1})
    assert denied(transition(moved_on, Claim(SOON, 0))) == "stale"


def test_actions_run_in_their_order_and_the_first_failure_stops_the_rest() -> None:
    running = executing(TWO)
    assert denied(transition(approved(TWO), Claim(SOON, 1))) == "not_next"
    key = running.progress[0].keys[-1]
    between = moved(transition(running, Report(SOON, 0, key, Succeeded("one"))))
    assert (between.state, next_action(between)) == ("approved", 1)
    assert denied(transition(between, Report(SOON, 0, key, Succeeded("?")))) == "wrong_attempt"
    failed = reported(Refused("no such customer"), TWO)
    assert (failed.state, next_action(failed)) == ("failed", 0)
    assert failed.progress[1].status == "waiting"
    assert (between.ended_at, failed.ended_at) == (None, None), "it goes on, or is decided again"


def test_an_excluded_action_is_never_claimed() -> None:
    left_out = (reply_action("first").model_copy(update={"included": False}), TWO[1])
    assert denied(transition(approved(left_out), Claim(SOON, 0))) == "not_next"
    running = moved(transition(approved(left_out), Claim(SOON, 1)))
    key = running.progress[1].keys[-1]
    assert moved(transition(running, Report(SOON, 1, key, Succeeded("x")))).state == "succeeded"


def test_a_failed_action_is_tried_again_under_a_new_key() -> None:
    failed = reported(Refused("429"))
    again = moved(transition(failed, Retry(decision(failed, "retry", at=SOON))))
    assert (again.state, again.progress[0].attempt) == ("approved", 1)
    running = moved(transition(again, Claim(SOON, 0)))
    assert running.progress[0].keys == (
        idempotency_key(running, 0, 0),
        idempotency_key(running, 0, 1),
    )


def test_a_failed_proposal_may_be_edited_or_rejected() -> None:
    failed = reported(Refused("gone"))
    edited = moved(transition(failed, edit(failed)))
    assert (edited.state, edited.progress[0].status) == ("pending", "waiting")
    assert moved(transition(failed, Reject(decision(failed, "reject")))).state == "rejected"


def test_an_edit_may_not_touch_what_has_succeeded() -> None:
    running = executing(TWO)
    key = running.progress[0].keys[-1]
    half = moved(transition(running, Report(SOON, 0, key, Succeeded("one"))))
    second = moved(transition(half, Claim(SOON, 1)))
    failed = moved(transition(second, Report(SOON, 1, second.progress[1].keys[-1], Refused("no"))))
    changed = edit(failed, new_content=content(reply_action("other"), TWO[1]))
    assert denied(transition(failed, changed)) == "succeeded_action_changed"
    kept = edit(failed, new_content=content(TWO[0], reply_action("again", tool="update_crm")))
    edited = moved(transition(failed, kept))
    assert [done.status for done in edited.progress] == ["succeeded", "waiting"]
    assert next_action(edited) == 1


def test_a_claim_without_an_answer_becomes_unknown_after_the_margin() -> None:
    running = executing()
    deadline = running.progress[0].deadline
    assert deadline is not None
    early = Overdue(deadline + timedelta(seconds=9))
    assert denied(transition(running, early)) == "too_early"
    lost = moved(transition(running, Overdue(deadline + timedelta(seconds=10))))
    assert lost.state == "unknown"


def test_an_unknown_effect_is_settled_by_look_up_or_by_a_person() -> None:
    unknown = reported(Uncertain("the answer was lost"))
    key = unknown.progress[0].keys[-1]
    assert moved(transition(unknown, Report(SOON, 0, key, Succeeded("found")))).state == "succeeded"
    settled = moved(transition(unknown, SettleDone(decision(unknown, "settle_done", at=SOON))))
    assert settled.state == "succeeded"
    wrong = Report(SOON, 0, "0" * 64, Succeeded("other"))
    assert denied(transition(unknown, wrong)) == "wrong_attempt"


def test_sending_again_waits_until_a_stalled_process_is_past() -> None:
    unknown = reported(Uncertain("the answer was lost"))
    deadline = unknown.progress[0].deadline
    assert deadline is not None
    early = decision(unknown, "settle_retry", at=deadline + timedelta(seconds=9))
    assert denied(transition(unknown, SettleRetry(early, None))) == "too_early"


@pytest.mark.parametrize(("keep_key", "keys"), [(True, 1), (False, 2)])
def test_sending_again_keeps_the_key_only_where_it_is_honoured(keep_key: bool, keys: int) -> None:
    unknown = reported(Uncertain("the answer was lost"))
    deadline = unknown.progress[0].deadline
    assert deadline is not None
    late = deadline + timedelta(seconds=10)
    again = moved(
        transition(
            unknown,
            SettleRetry(decision(unknown, "settle_retry", at=late), HOUR if keep_key else None),
        )
    )
    running = moved(transition(again, Claim(late, 0)))
    assert len(running.progress[0].keys) == keys


def test_a_late_answer_to_an_earlier_attempt_counts_only_if_it_arrived() -> None:
    unknown = reported(Uncertain("lost"))
    first = unknown.progress[0].keys[-1]
    late = START + timedelta(minutes=3)
    again = moved(
        transition(unknown, SettleRetry(decision(unknown, "settle_retry", at=late), None))
    )
    running = moved(transition(again, Claim(late, 0)))
    refused = Report(late, 0, first, Refused("no"))
    assert denied(transition(running, refused)) == "wrong_attempt"
    assert moved(transition(running, Report(late, 0, first, Succeeded("it did")))).state == (
        "succeeded"
    )


def test_a_remote_that_honours_the_key_is_sent_again_under_it() -> None:
    running = executing()
    deadline = running.progress[0].deadline
    assert deadline is not None
    assert denied(transition(running, Resend(deadline, HOUR))) == "too_early"
    late = deadline + timedelta(seconds=10)
    again = moved(transition(running, Resend(late, HOUR)))
    assert again.state == "approved"
    resent = moved(transition(again, Claim(late, 0)))
    assert resent.progress[0].keys == running.progress[0].keys
    assert resent.progress[0].first_sent_at == SOON, "its retention counts from the first sending"
    assert denied(transition(running, Resend(START + timedelta(minutes=20), HOUR))) == "lapsed"
    # The last byte of a claim may leave 8 s after it.
    assert denied(transition(running, Resend(late, late + timedelta(seconds=7)))) == "lapsed"


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


def test_an_effect_that_may_be_out_there_is_never_called_superseded_or_just_pending() -> None:
    unknown = reported(Uncertain("the answer was lost"))
    late = START + timedelta(minutes=3)
    again = moved(
        transition(unknown, SettleRetry(decision(unknown, "settle_retry", at=late), None))
    )
    for ended in (
        moved(transition(again, Supersede(late, "p_b"))),
        moved(transition(again, Lapse(late + timedelta(minutes=15)))),
    ):
        assert (ended.state, ended.progress[0].status) == ("unknown", "unknown")
        assert ended.revision == again.revision + 1
        assert ended.successor is None


def test_newer_words_do_not_keep_a_remote_from_finishing_under_the_same_key() -> None:
    running = executing()
    deadline = running.progress[0].deadline
    assert deadline is not None
    again = moved(transition(running, Resend(deadline + timedelta(seconds=10), HOUR)))
    assert denied(transition(again, Supersede(HOUR, "p_b"))) == "wrong_state"


def test_what_may_not_have_arrived_is_not_sent_again_beside_a_newer_card() -> None:
    unknown = reported(Uncertain("the answer was lost"))
    late = START + timedelta(minutes=3)
    said = SettleRetry(decision(unknown, "settle_retry", at=late), None, overtaken=True)
    asked = moved(transition(unknown, said))
    assert (asked.state, asked.revision) == ("pending", unknown.revision + 1)
    assert denied(transition(asked, Claim(late, 0))) == "wrong_state"
    rejected = moved(transition(asked, Reject(decision(asked, "reject", revision=2))))
    assert rejected.state == "rejected"


def test_a_key_is_not_kept_beyond_the_remotes_retention() -> None:
    unknown = reported(Uncertain("the answer was lost"))
    late = START + timedelta(minutes=3)
    soon_over = late + timedelta(seconds=9)
    again = moved(
        transition(unknown, SettleRetry(decision(unknown, "settle_retry", at=late), soon_over))
    )
    kept = moved(transition(again, Claim(late + timedelta(seconds=1), 0)))
    assert kept.progress[0].keys == unknown.progress[0].keys
    for at in (late + timedelta(seconds=2), soon_over):
        # The claim's last byte may leave 8 s later.
        anew = moved(transition(again, Claim(at, 0)))
        assert len(set(anew.progress[0].keys)) == 2
        assert anew.progress[0].keep_until is None, "nobody promised anything of the new key"


def test_an_earlier_key_found_before_another_attempt_settles_it() -> None:
    unknown = reported(Uncertain("the answer was lost"))
    late = START + timedelta(minutes=3)
    again = moved(
        transition(unknown, SettleRetry(decision(unknown, "settle_retry", at=late), None))
    )
    key = again.progress[0].keys[-1]
    assert denied(transition(again, Report(late, 0, key, Uncertain("?")))) == "wrong_attempt"
    assert moved(transition(again, Report(late, 0, key, Succeeded("found")))).state == "succeeded"


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
