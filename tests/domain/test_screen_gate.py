"""What the screen has found goes out with a reason or by two people, never by a click alone."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.commands import (
    Approve,
    Claim,
    Denied,
    Edit,
    Lapse,
    Overdue,
    Report,
    Retry,
    Revise,
    SettleDone,
    SettleRetry,
)
from bot.commands import Refused as NotDone
from bot.domain import REASON_LIMIT, Decision, Hit, Notice, OnHit, Proposal
from bot.lifecycle import digest, transition
from bot.retention import erased_proposal
from tests.domain.make import START, content, decision, moved, pending, person, reply_action

CARD = Hit(name="payment_card", start=0, end=5)
LATER = START + timedelta(minutes=2)


def found(on_hit: OnHit = "reason", hits: tuple[Hit, ...] = (CARD,)) -> Proposal:
    return pending(hits=hits, on_hit=on_hit)


def reasoned(proposal: Proposal, words: str | None = "Their own card.", **of: object) -> Decision:
    return decision(proposal, **of).model_copy(update={"words": words})  # type: ignore[arg-type]  # of a decision


@pytest.mark.parametrize("words", [None, "", "no", "  a  ", "x" * (REASON_LIMIT + 1)])
def test_a_click_alone_approves_nothing_that_was_found(words: str | None) -> None:
    proposal = found()
    assert transition(proposal, Approve(reasoned(proposal, words))) == Denied("no_reason")


@pytest.mark.parametrize("words", ["yes", "x" * REASON_LIMIT])
def test_with_a_reason_it_is_approved_and_may_be_claimed(words: str) -> None:
    proposal = found()
    approved = moved(transition(proposal, Approve(reasoned(proposal, words))))
    assert approved.state == "approved"
    assert approved.approvals[0].words == words
    assert moved(transition(approved, Claim(LATER, 0))).state == "executing"


def test_what_the_screen_did_not_find_needs_no_reason() -> None:
    proposal = found(hits=())
    assert moved(transition(proposal, Approve(decision(proposal)))).state == "approved"


def test_an_approval_without_a_reason_is_not_claimed_however_it_came_there() -> None:
    proposal = found()
    bare = decision(proposal)
    forged = proposal.model_copy(
        update={"state": "approved", "approvals": (bare,), "decision": bare}
    )
    assert transition(forged, Claim(LATER, 0)) == Denied("not_approved")
    retried = forged.model_copy(update={"decision": bare.model_copy(update={"verb": "retry"})})
    assert transition(retried, Claim(LATER, 0)) == Denied("not_approved")
    unasked = retried.model_copy(update={"approvals": ()})
    assert transition(unasked, Claim(LATER, 0)) == Denied("not_approved")


def test_the_reason_is_for_what_was_shown() -> None:
    proposal = found()
    other = found(hits=(Hit(name="iban", start=0, end=5),)).model_copy(
        update={"id": proposal.id, "run": proposal.run, "secret": proposal.secret}
    )
    assert digest(proposal) != digest(other)
    assert transition(other, Approve(reasoned(proposal))) == Denied("digest")
    approved = moved(transition(proposal, Approve(reasoned(proposal))))
    hidden = approved.model_copy(update={"hits": ()})
    assert transition(hidden, Claim(LATER, 0)) == Denied("digest")


def test_the_digest_of_what_has_no_hit_is_what_it_was_before_there_was_a_screen() -> None:
    plain = pending().model_copy(update={"id": "p_" + "a" * 16, "tenant": "main"})
    assert digest(plain) == "de482cbcb4ec7672e47832911a64c4440c8f82d13e15d8cff712a1333793c49a"
    old = json.loads(plain.model_dump_json())
    del old["hits"], old["on_hit"]
    assert Proposal.model_validate(old) == plain


def test_a_second_approver_and_no_reason() -> None:
    proposal = found("second")
    assert proposal.approvals_needed == 2
    once = moved(transition(proposal, Approve(decision(proposal))))
    assert (once.state, len(once.approvals)) == ("pending", 1)
    same = transition(once, Approve(decision(once), "same"))
    assert same == Denied("already_approved_by_them")
    other = decision(once, by=person("U0AGENT2"))
    assert moved(transition(once, Approve(other, "different"))).state == "approved"


def edit(proposal: Proposal, hits: tuple[Hit, ...], on_hit: OnHit = "reason") -> Proposal:
    command = Edit(
        decision=decision(proposal, "edit"),
        content=content(reply_action("Else."), reply="Else."),
        marks=(),
        changes=(),
        approve=True,
        hits=hits,
        on_hit=on_hit,
    )
    return moved(transition(proposal, command))


@pytest.mark.parametrize("on_hit", ["reason", "second"])
def test_an_edit_is_not_approved_in_the_same_step_where_something_is_found(on_hit: OnHit) -> None:
    edited = edit(pending(), (CARD,), on_hit)
    assert (edited.state, edited.revision, edited.hits) == ("pending", 2, (CARD,))
    assert edited.approvals_needed == (2 if on_hit == "second" else 1)


def test_an_edit_that_takes_it_out_needs_neither() -> None:
    cleared = edit(found("second"), ())
    assert (cleared.state, cleared.hits, cleared.approvals_needed) == ("approved", (), 1)


def test_a_new_revision_asks_for_the_reason_again() -> None:
    proposal = found()
    approved = moved(transition(proposal, Approve(reasoned(proposal))))
    lapsed = moved(transition(approved, Lapse(START + timedelta(hours=1))))
    assert transition(lapsed, Approve(decision(lapsed))) == Denied("no_reason")
    revised = moved(transition(proposal, Revise(START, Notice(kind="retry", text="x"))))
    assert transition(revised, Approve(reasoned(proposal))) == Denied("stale")


def test_a_retry_carries_on_what_was_approved_with_a_reason() -> None:
    proposal = found()
    approved = moved(transition(proposal, Approve(reasoned(proposal))))
    executing = moved(transition(approved, Claim(LATER, 0)))
    key = executing.progress[0].keys[-1]
    failed = moved(transition(executing, Report(LATER, 0, key, NotDone("no"))))
    again = moved(transition(failed, Retry(decision(failed, "retry", at=LATER))))
    assert moved(transition(again, Claim(LATER, 0))).state == "executing"
    unknown = moved(transition(executing, Overdue(LATER + timedelta(seconds=19))))
    late = LATER + timedelta(minutes=1)
    resent = SettleRetry(decision(unknown, "settle_retry", at=late), None)
    assert moved(transition(unknown, resent)).state == "approved"
    arrived = SettleDone(decision(unknown, "settle_done", at=late))
    assert moved(transition(unknown, arrived)).state == "succeeded"


def test_erasing_leaves_no_reason_and_no_place() -> None:
    proposal = found()
    approved = moved(transition(proposal, Approve(reasoned(proposal, "Her own number 4111."))))
    erased = erased_proposal(approved)
    assert erased.hits == ()
    assert "4111" not in erased.model_dump_json()
