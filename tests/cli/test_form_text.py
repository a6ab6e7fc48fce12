"""The edit form as a text, and back."""

from __future__ import annotations

from bot.demo.form_text import as_text, choices_of, from_text, with_boxes
from bot.forms import ActionForm, EditForm, EditInput, FieldErrors, FieldForm, Option
from tests.pictures import leads

FORM = EditForm(
    proposal="p_1",
    revision=1,
    token="t",
    reply="Dear Dana,\n\nit is done.",
    labels=(Option("billing", "billing"), Option("bug", "bug")),
    chosen_labels=("billing",),
    routes=(Option("default", "default"), Option("billing", "billing")),
    route="default",
    priorities=(Option("low", "low"), Option("high", "high")),
    priority="low",
    actions=(ActionForm(0, "send_reply: there", True, False, ()),),
    approve_now=True,
)


def given(text: str, form: EditForm = FORM) -> EditInput:
    found = from_text(form, text)
    assert isinstance(found, EditInput), found
    return found


def test_a_text_that_nobody_touched_says_what_the_form_says() -> None:
    same = given(as_text(FORM))
    assert same.reply == FORM.reply
    assert same.labels == ("billing",)
    assert (same.route, same.priority, same.approve_now) == ("default", "low", True)
    assert same.include == (0,)


def test_every_field_can_be_changed() -> None:
    text = as_text(FORM).replace("labels: billing\n", "labels: bug ,billing,\n")
    text = text.replace("route: default", "route: billing").replace("it is done", "it is not")
    text = text.replace("priority: low", "priority: high").replace("now: yes", "now: No")
    changed = given(text)
    assert changed.labels == ("bug", "billing")
    assert (changed.route, changed.priority, changed.approve_now) == ("billing", "high", False)
    assert changed.reply == "Dear Dana,\n\nit is not."


def test_a_file_that_was_replaced_is_the_reply_alone() -> None:
    replaced = given("A new reply.\n")
    assert replaced == EditInput(reply="A new reply.", include=(0,), approve_now=True)


def test_what_is_appended_belongs_to_the_reply() -> None:
    assert given(as_text(FORM) + "One more line.\n").reply == FORM.reply + "\nOne more line."


def test_a_rule_of_dashes_in_the_reply_stays_there() -> None:
    text = as_text(FORM) + "----\nSupport\n"
    assert given(text).reply == FORM.reply + "\n----\nSupport"


def test_a_broken_head_is_named() -> None:
    found = from_text(FORM, as_text(FORM).replace("route: default", "route default"))
    assert isinstance(found, FieldErrors)
    assert list(found.errors) == ["route default"]
    found = from_text(FORM, as_text(FORM).replace("approve now: yes", "approve now: maybe"))
    assert isinstance(found, FieldErrors)
    assert found.errors == {"approve now": "is yes or no"}
    found = from_text(FORM, as_text(FORM).replace("route:", "rout:"))
    assert isinstance(found, FieldErrors)
    assert found.errors == {"rout": "is not a field here"}


def test_actions_and_their_fields_are_there_where_there_are_several() -> None:
    note = FieldForm("action.1.note", "Note", "two\nlines", True, 100, False)
    actions = (*FORM.actions, ActionForm(1, "add_note: there", True, False, (note,)))
    form = EditForm(**{**FORM.__dict__, "actions": actions})
    text = as_text(form)
    assert "action.1.note: two lines\n" in text
    # Flattened for this one line, and untouched: not sent back.
    assert given(text, form).fields == {}
    changed = text.replace("include 1: yes", "include 1: no").replace("two lines", "one line")
    assert given(changed, form).include == (0,)
    assert given(changed, form).fields == {"action.1.note": "one line"}


LEAD = leads.form()
CHOSEN = leads.CHOSEN


def test_a_leads_fields_have_boxes_and_values() -> None:
    text = as_text(LEAD)
    assert "reply" not in text
    assert "\n# Industry: Industrial robotics (overwrites: Toys)\n[ ] industry: Indus" in text
    assert "\n[x] size: 140\n" in text
    same = given(text, LEAD)
    assert same.chosen == {0: CHOSEN}
    assert (same.fields, same.include, same.reply, same.approve_now) == ({}, (0,), None, True)
    changed = text.replace("[ ] industry", "[X]industry").replace("[x] size: 140", "[] size: 150")
    found = given(changed, LEAD)
    assert found.chosen == {0: ("industry", *(name for name in CHOSEN if name != "size"))}
    assert found.fields == {"action.0.size": "150"}
    without = given(text.replace("[x] size: 140\n", ""), LEAD)
    assert without.chosen == {0: tuple(name for name in CHOSEN if name != "size")}


def test_a_leads_text_that_is_none_is_named() -> None:
    for text, name in (
        (as_text(LEAD).replace("[x] size", "size"), "size"),
        (as_text(LEAD).replace("[x] size", "[x] siz"), "siz"),
        ("In my own words.", "In my own words."),
    ):
        found = from_text(LEAD, text)
        assert isinstance(found, FieldErrors)
        assert list(found.errors) == [name]


def test_a_leads_fields_are_chosen_by_their_numbers() -> None:
    names = [one.name for one in choices_of(LEAD)]
    ticked = with_boxes(LEAD, as_text(LEAD), " 2, 1  4 ")
    assert ticked is not None
    assert given(ticked, LEAD).chosen == {0: (names[0], names[1], names[3])}
    for numbers in ("0", "99", "size", "1 -2", ""):
        assert with_boxes(LEAD, as_text(LEAD), numbers) is None
