"""The table of states where an effect is claimed, has an answer, or may have happened."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.commands import (
    Claim,
    Lapse,
    Overdue,
    Refused,
    Reject,
    Report,
    Resend,
    Retry,
    SettleDone,
    SettleRetry,
    Succeeded,
    Supersede,
    Uncertain,
)
from bot.lifecycle import idempotency_key, next_action, transition
from tests.domain.make import (
    START,
    content,
    decision,
    moved,
    reply_action,
)
from tests.domain.states import (
    HOUR,
    SOON,
    TWO,
    approved,
    denied,
    edit,
    executing,
    reported,
)


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
