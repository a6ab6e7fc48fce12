"""What goes when texts are erased, and what stays."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from bot.buttons import mint
from bot.commands import Denied, Expire, Reject, Remind, Take
from bot.domain import (
    FINAL_STATES,
    Actor,
    Author,
    Decision,
    Handoff,
    Notice,
    Place,
    Proposal,
    State,
    Verb,
)
from bot.lifecycle import transition
from bot.playbook import Playbook
from bot.projection import view
from bot.retention import (
    erased_proposal,
    erased_ticket,
    is_unsettled,
    last_activity,
    person_of,
    voided,
)
from tests.store.make import APPROVER, AT, approved, proposal, ticket

SUPERSEDED: frozenset[State] = frozenset({"drafting", "handoff", "pending"})
LEFT: frozenset[State] = frozenset({"approved", "executing", "unknown"})


def decision(words: str, verb: Verb = "reject") -> Decision:
    return Decision(
        verb=verb,
        actor=APPROVER,
        name="Bo",
        email="bo@acme.example",
        revision=1,
        digest="d",
        at=AT + timedelta(days=3),
        reason="other",
        words=words,
    )


@pytest.mark.parametrize("state", get_args(State))
def test_what_waits_is_superseded_and_what_takes_effect_is_left(state: State) -> None:
    one = proposal(ticket(), state=state)
    assert is_unsettled(one) == (state in LEFT)
    if state not in LEFT:
        over = voided(one, AT)
        assert (over is not None) == (state in SUPERSEDED)
        erased = erased_proposal(over or one)
        assert erased.state == ("superseded" if state in SUPERSEDED else state)


@pytest.mark.parametrize("state", get_args(State))
def test_an_effect_that_nobody_has_found_out_about_is_left_while_somebody_may(state: State) -> None:
    one = proposal(ticket(), state=state)
    tried = one.progress[0].model_copy(update={"unsettled": True})
    in_doubt = one.model_copy(update={"progress": (tried,)})
    assert is_unsettled(in_doubt) == (state not in FINAL_STATES), "rejected, it is closed for good"


def test_no_text_stays_and_figures_do() -> None:
    opened = ticket(subject="xyzzy", url="https://xyzzy.example")
    one = proposal(
        opened,
        state="rejected",
        why="xyzzy",
        drafted="xyzzy",
        decision=decision("xyzzy"),
        owner=decision("xyzzy", "take"),
        approvals=(decision("xyzzy", "approve"),),
        handoff=Handoff(reason="money", tried=("xyzzy",), found=("xyzzy",), missing=("xyzzy",)),
        notices=(Notice(kind="edited", text="xyzzy"),),
    )
    erased, gone = erased_proposal(one), erased_ticket(opened)
    for document in (erased.model_dump_json(), gone.model_dump_json()):
        for word in ("xyzzy", "refunded", "bo@acme", "Where is my", "Ada", "customer.example"):
            assert word not in document
    assert erased.handoff is not None
    assert erased.decision is not None
    assert (erased.handoff.reason, erased.decision.name) == ("money", "Bo")
    assert (erased.id, erased.created_at, erased.progress) == (one.id, one.created_at, one.progress)
    assert Proposal.model_validate_json(erased.model_dump_json()) == erased


def test_nothing_more_is_decided_about_it() -> None:
    gone = erased_proposal(proposal(ticket(), state="failed"))
    for command in (
        Reject(decision("")),
        Take(decision("", "take")),
        Expire(AT + timedelta(days=9)),
        Remind(AT, None),
    ):
        assert transition(gone, command) == Denied("wrong_state")


@pytest.mark.parametrize("state", sorted(set(get_args(State)) - LEFT))
def test_its_card_says_erased_and_has_no_button(state: State) -> None:
    opened = ticket()
    one = proposal(opened, state=state)
    playbook = Playbook.model_validate(
        {"name": "support", "labels": {"billing": "b"}, "routes": {"default": {}, "billing": {}}}
    )
    gone = erased_proposal(voided(one, AT) or one)
    card = view(gone, 3, erased_ticket(opened), playbook)
    assert card.headline == "Erased: billing"
    assert (card.quote, card.draft, card.buttons) == ("erased", "erased", ())
    assert ("The texts of this ticket were erased.",) in card.notices
    assert mint(one.id, one.secret, 1, "approve")


def test_age_counts_from_the_newest_message_or_decision() -> None:
    opened = ticket()
    assert last_activity(opened, ()) == AT
    decided = approved(proposal(opened), AT + timedelta(days=2))
    assert last_activity(opened, (proposal(opened), decided)) == AT + timedelta(days=2)


def test_how_a_person_is_named() -> None:
    assert person_of(" Ada@Customer.Example ") == "ada@customer.example"
    assert person_of("helpdesk:Ada@x.example") == "helpdesk:Ada@x.example"
    assert person_of("U0CUSTOMER") == "U0CUSTOMER"
    slack = Author(surface="slack", team="T1", id="U1", email="A@b.example")
    assert slack.names == {"U1", "a@b.example"}
    hook = Author(surface="webhook", team="helpdesk", id="c-7")
    assert hook.names == {"helpdesk:c-7"}
    assert Author(surface="slack", id="").names == frozenset()
    assert Place(surface="slack", place="C1").key
    assert Actor(surface="slack", team="T1", id="U1").key
