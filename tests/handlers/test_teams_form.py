"""Forms inside a Teams card: the inputs that are pinned, and what their values come back as."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import RejectReason
from bot.forms import ActionForm, EditInput, FieldErrors, FieldForm, Option, RejectInput
from handlers.teams_form import (
    FormRoom,
    Submission,
    edit_card,
    edit_input,
    errors_text,
    parse_submission,
    reject_card,
    reject_input,
)
from tests.handlers.forms import edit_form, reject_form
from tests.handlers.teams_schema import card_faults

REASONS: list[RejectReason] = ["wrong_label", "wrong_facts", "other"]


def inputs(card: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in card["body"] if one["type"].startswith("Input.")}


def filled(card: dict[str, Any], **changed: str | None) -> dict[str, Any]:
    """What a client sends on *Save*: every input's value as a string; None: not sent."""
    sent = {ident: one.get("value", "") for ident, one in inputs(card).items()}
    sent |= {ident.replace("__", "."): value for ident, value in changed.items()}
    return {"token": card["actions"][0]["data"]["token"],
            **{ident: value for ident, value in sent.items() if value is not None}}  # fmt: skip


def submitted(data: Any) -> Submission:
    found = parse_submission(data)
    assert found is not None
    return found


def test_the_edit_form_has_the_inputs_that_are_pinned() -> None:
    card = edit_card(edit_form(), FormRoom())
    assert card_faults({**card, "version": "1.5"}) == []
    made = inputs(card)
    assert list(made) == [
        "reply", "labels", "route", "priority", "action.0.subject", "action.1.count", "include",
        "approve_now",
    ]  # fmt: skip
    assert (made["reply"]["type"], made["reply"]["isMultiline"]) == ("Input.Text", True)
    assert made["reply"]["maxLength"] == 3000
    assert (made["labels"]["isMultiSelect"], made["labels"]["value"]) == (True, "billing")
    assert made["route"]["value"] == "billing"
    assert [one["value"] for one in made["include"]["choices"]] == ["0", "1"]
    assert made["include"]["value"] == "0,1"
    assert (made["approve_now"]["type"], made["approve_now"]["value"]) == ("Input.Toggle", "true")
    [save] = card["actions"]
    assert (save["verb"], save["data"]) == ("deskhand.edit", {"token": "form token"})
    handoff = inputs(edit_card(edit_form(approve_now=False), FormRoom()))
    assert handoff["approve_now"]["value"] == "false"


def test_the_reject_form_has_the_inputs_that_are_pinned() -> None:
    card = reject_card(reject_form())
    assert card_faults({**card, "version": "1.5"}) == []
    made = inputs(card)
    assert list(made) == ["reason", "words", "draft_again"]
    assert made["reason"]["isRequired"] is True
    assert {one["value"] for one in made["reason"]["choices"]} == {
        "wrong_label", "wrong_route", "wrong_facts", "wrong_tone", "not_a_request", "duplicate",
        "other",
    }  # fmt: skip
    assert made["draft_again"]["value"] == "false"
    assert card["actions"][0]["verb"] == "deskhand.reject"


def test_a_form_saved_as_it_was_says_what_it_said() -> None:
    form = edit_form()
    sent = filled(edit_card(form, FormRoom()))
    assert submitted(sent).token == "form token"
    assert edit_input(submitted(sent)) == EditInput(
        reply=form.reply,
        labels=("billing",),
        route="billing",
        priority="normal",
        fields={"action.0.subject": "Refund", "action.1.count": "3"},
        include=(0, 1),
        approve_now=True,
    )


def test_what_is_missing_is_unchanged_and_not_approved() -> None:
    assert edit_input(submitted({"token": "t"})) == EditInput()
    given = edit_input(submitted({"token": "t", "approve_now": "yes", "include": ""}))
    assert (given.approve_now, given.include) == (False, ())


def test_several_labels_come_back_joined() -> None:
    sent = filled(edit_card(edit_form(), FormRoom()), labels="bug,how_to", include="1", reply="Hi")
    given = edit_input(submitted(sent))
    assert (given.labels, given.include, given.reply) == (("bug", "how_to"), (1,), "Hi")


def test_a_key_with_a_comma_is_one_route_and_no_label() -> None:
    odd = Option("a,b", "a,b")
    form = edit_form(labels=(odd, Option("bug", "bug")), chosen_labels=("bug",),
                     routes=(odd,), route="a,b")  # fmt: skip
    made = inputs(edit_card(form, FormRoom()))
    assert [one["value"] for one in made["labels"]["choices"]] == ["bug"]
    assert edit_input(submitted({"token": "t", "route": "a,b"})).route == "a,b"


def test_nobody_can_untick_everything_unawares() -> None:
    # A client sends nothing for a choice of none, and nothing means unchanged.
    made = inputs(edit_card(edit_form(), FormRoom()))
    assert made["include"]["isRequired"] is True
    assert "reject" in made["include"]["errorMessage"]
    none = tuple(ActionForm(n, "send_reply", False, False, ()) for n in range(2))
    assert "isRequired" not in inputs(edit_card(edit_form(actions=none), FormRoom()))["include"]


def test_what_does_not_fit_is_left_out_and_so_unchanged() -> None:
    long = FieldForm("action.0.text", "Text", "x" * 500, True, 400, True)
    form = edit_form(actions=(ActionForm(0, "tool: there", True, False, (long,)),))
    assert "action.0.text" not in inputs(edit_card(form, FormRoom()))
    small = inputs(edit_card(edit_form(), FormRoom(reply=False, field=2, choices=1)))
    assert "reply" not in small
    assert "action.0.subject" not in small
    assert [one["value"] for one in small["labels"]["choices"]] == ["billing"]
    two = edit_form(chosen_labels=("billing", "bug"))
    assert "labels" not in inputs(edit_card(two, FormRoom(choices=1)))


def test_what_has_succeeded_is_not_offered() -> None:
    done = ActionForm(0, "send_reply: there", True, True, ())
    assert "include" not in inputs(edit_card(edit_form(actions=(done,)), FormRoom()))


@pytest.mark.parametrize("reason", REASONS)
def test_a_rejection_comes_back(reason: RejectReason) -> None:
    sent = filled(reject_card(reject_form()), reason=reason, words="No.", draft_again="true")
    assert reject_input(submitted(sent)) == RejectInput(reason, "No.", draft_again=True)


@pytest.mark.parametrize("reason", ["", "spite", None])
def test_a_rejection_without_a_known_reason_is_told_so(reason: str | None) -> None:
    sent = filled(reject_card(reject_form()), reason=reason)
    found = reject_input(submitted(sent))
    assert isinstance(found, FieldErrors)
    assert errors_text(found) == "Not saved.\nReason: Choose a reason."


@pytest.mark.parametrize(
    "data",
    [None, [], "token", {}, {"token": ""}, {"token": 1}, {"token": "t", "reply": 1},
     {"token": "t", "labels": ["a"]}, {"token": "t", **{str(n): "" for n in range(300)}}],
)  # fmt: skip
def test_broken_data_is_no_submission(data: Any) -> None:
    assert parse_submission(data) is None


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=12), st.text(max_size=30), max_size=8))
def test_no_values_raise(values: dict[str, str]) -> None:
    found = submitted({**values, "token": "t"})
    edit_input(found)
    reject_input(found)


def test_faults_are_said_in_words() -> None:
    said = errors_text(FieldErrors({"reply": "Too long.", "action.1.job_title": "Bad.",
                                    "include": "Untick it."}))  # fmt: skip
    assert said.split("\n") == [
        "Not saved.", "Reply: Too long.", "Action 2, job title: Bad.", "Do: Untick it.",
    ]  # fmt: skip
