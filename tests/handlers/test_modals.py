"""Forms as modals, within every limit of Slack's, and what comes back of them."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import RejectReason
from bot.forms import ActionForm, EditInput, FieldErrors, FieldForm, Option, RejectInput
from handlers.slack_modals import Carried, edit_input, edit_view, reject_input, reject_view
from tests.handlers.forms import edit_form, reject_form
from tests.standins.slack.events import state_values
from tests.standins.slack.limits import validate_view

CARRIED = Carried("form token", "C0TRIAGE", "1.2")


def block(view: dict[str, Any], block_id: str) -> dict[str, Any]:
    return next(one for one in view["blocks"] if one.get("block_id") == block_id)


def field(index: int, name: str, value: str = "x", max_length: int = 3000) -> FieldForm:
    return FieldForm(f"action.{index}.{name}", name, value, True, max_length, False)


def test_the_edit_form_is_the_contracts() -> None:
    view = edit_view(edit_form(), CARRIED)
    assert validate_view(view) == []
    assert view["callback_id"] == "deskhand.edit"
    inputs = {one["block_id"]: one for one in view["blocks"] if one["type"] == "input"}
    assert list(inputs) == [
        "reply",
        "labels",
        "route",
        "priority",
        "action.0.subject",
        "action.1.count",
        "include",
        "approve_now",
    ]
    assert {one["element"]["action_id"] for one in inputs.values()} == {"value"}
    reply = inputs["reply"]["element"]
    assert (reply["type"], reply["multiline"], reply["max_length"]) == (
        "plain_text_input",
        True,
        3000,
    )
    assert inputs["labels"]["element"]["type"] == "multi_static_select"
    assert inputs["route"]["element"]["type"] == "static_select"
    assert inputs["priority"]["element"]["type"] == "static_select"
    now = inputs["approve_now"]["element"]
    assert [option["value"] for option in now["options"]] == ["approve_now"]
    assert now["initial_options"] == now["options"]
    assert len(inputs["include"]["element"]["options"]) == 2


def test_on_a_handoff_approve_now_starts_unticked_and_the_form_says_what_it_is() -> None:
    form = edit_form(approve_now=False, reply="", note="Write the reply by hand.")
    view = edit_view(form, CARRIED)
    assert validate_view(view) == []
    assert "initial_options" not in block(view, "approve_now")["element"]
    assert "initial_value" not in block(view, "reply")["element"]
    assert "Write the reply by hand." in json.dumps(view)
    assert edit_input(state_values(view["blocks"])).approve_now is False


def test_what_the_modal_carries_comes_back() -> None:
    view = edit_view(edit_form(), CARRIED)
    assert Carried.load(view["private_metadata"]) == CARRIED
    assert "form token" in view["private_metadata"]


@pytest.mark.parametrize("text", [None, "", "[]", "5", "{", '{"token": 5}', "[" * 5000, {}])
def test_metadata_that_is_not_ours_is_a_token_of_nobody(text: Any) -> None:
    assert Carried.load(text) == Carried("")


def test_everything_at_its_largest_stays_within_slacks_limits() -> None:
    labels = tuple(Option(f"label{n:03}" + "x" * 60, "t" * 200, "d" * 300) for n in range(150))
    actions = tuple(
        ActionForm(
            index=n,
            title="tool: " + "y" * 4000,
            included=n % 2 == 0,
            fixed=n == 3,
            fields=tuple(field(n, f"f{m}", "z" * 3000) for m in range(12)),
        )
        for n in range(25)
    )
    form = edit_form(
        reply="r" * 3000,
        note="n" * 5000,
        labels=labels,
        chosen_labels=(labels[149].value, labels[120].value),
        routes=tuple(Option(f"r{n}", f"r{n}") for n in range(130)),
        route="r129",
        actions=actions,
    )
    view = edit_view(form, CARRIED)
    assert validate_view(view) == []
    got = edit_input(state_values(view["blocks"], submitting=True))
    assert got.route == "r129"
    assert set(got.labels or ()) == {labels[149].value, labels[120].value}
    assert got.include == tuple(n for n in range(25) if n % 2 == 0)
    assert got.approve_now
    assert [one["block_id"] for one in view["blocks"] if "block_id" in one][-4:] == [
        "include",
        "include.2",
        "include.3",
        "approve_now",
    ]


def test_a_field_too_long_to_edit_is_left_out_and_so_unchanged() -> None:
    long = field(0, "body", "b" * 3001)
    short = field(0, "title", "t")
    action = ActionForm(index=0, title="x", included=True, fixed=False, fields=(long, short))
    view = edit_view(edit_form(actions=(action,)), CARRIED)
    assert validate_view(view) == []
    got = edit_input(state_values(view["blocks"]))
    assert got.fields == {"action.0.title": "t"}
    assert "too long to edit here" in json.dumps(view)


def test_an_action_that_is_done_is_shown_and_not_offered() -> None:
    done = ActionForm(0, "send_reply: thread", True, True, (field(0, "a"),))
    open_one = ActionForm(1, "update_crm: Acme", True, False, ())
    view = edit_view(edit_form(actions=(done, open_one)), CARRIED)
    assert validate_view(view) == []
    options = block(view, "include")["element"]["options"]
    assert [option["value"] for option in options] == ["1"]
    assert not any(one.get("block_id") == "action.0.a" for one in view["blocks"])
    only_done = edit_view(edit_form(actions=(done,)), CARRIED)
    assert edit_input(state_values(only_done["blocks"])).include is None


def test_a_playbook_without_labels_has_no_field_for_them() -> None:
    view = edit_view(edit_form(labels=(), chosen_labels=(), priorities=(), priority=None), CARRIED)
    assert validate_view(view) == []
    got = edit_input(state_values(view["blocks"]))
    assert (got.labels, got.priority) == (None, None)


def test_hostile_titles_and_values_are_drawn_as_text() -> None:
    hostile = "<!channel> \u202e:bomb: <https://evil.example|click>\n\x00*"
    action = ActionForm(0, hostile, True, False, (field(0, "a", hostile),))
    view = edit_view(edit_form(actions=(action,), reply=hostile), CARRIED)
    assert validate_view(view) == []
    assert '"mrkdwn"' not in json.dumps(view)
    assert edit_input(state_values(view["blocks"])).reply == hostile


def test_the_reject_form_is_the_contracts() -> None:
    view = reject_view(reject_form(), CARRIED)
    assert validate_view(view) == []
    assert view["callback_id"] == "deskhand.reject"
    reasons = [option["value"] for option in block(view, "reason")["element"]["options"]]
    assert reasons == list(get_args(RejectReason))
    assert block(view, "words")["optional"]
    assert block(view, "draft_again")["element"]["type"] == "checkboxes"


def test_a_rejection_without_words() -> None:
    view = reject_view(reject_form(), CARRIED)
    values = state_values(view["blocks"], {"reason": "duplicate"}, submitting=True)
    assert reject_input(values) == RejectInput("duplicate", "", False)


def test_a_reason_that_is_none_is_an_error_at_its_field() -> None:
    for values in ({}, {"reason": {"value": {"selected_option": {"value": "because"}}}}, None, []):
        assert reject_input(values) == FieldErrors({"reason": "Choose a reason."})


def test_what_is_emptied_is_a_change_and_what_is_missing_is_none() -> None:
    view = edit_view(edit_form(), CARRIED)
    emptied = state_values(
        view["blocks"], {"reply": "", "labels": [], "include": [], "approve_now": []}
    )
    got = edit_input(emptied)
    assert (got.reply, got.labels, got.include, got.approve_now) == ("", (), (), False)
    assert edit_input({}) == EditInput()


def test_a_box_that_is_no_index_is_none() -> None:
    ticked = [{"value": value} for value in ("9" * 5000, "-1", "１", "x", "", "1")]
    assert edit_input({"include": {"value": {"selected_options": ticked}}}).include == (1,)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ("reply", "labels", "include", "include.2", "action.0.x", "value", "reason")
                )
                | st.sampled_from(("selected_option", "selected_options", "approve_now"))
                | st.text(),
                inner,
            )
        ),
        max_leaves=20,
    )
)
def test_no_shape_of_values_raises(values: Any) -> None:
    assert isinstance(edit_input(values), EditInput)
    assert isinstance(reject_input(values), RejectInput | FieldErrors)
