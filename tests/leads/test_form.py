"""A lead's form: chosen, typed, ten boxes an element; and its card within every limit."""

from __future__ import annotations

from bot.domain import Actor, Lead, Person
from bot.forms import EditInput
from bot.lead_card import chosen_in
from bot.lead_edit import edit_lead, edit_update, update_action
from handlers.slack_blocks import MESSAGE_CHARACTERS, card_message, characters, show_view
from handlers.slack_modals import Carried, edit_input, edit_view
from handlers.teams_card import Forms, approver, everybody
from tests.handlers.teams_schema import activity_faults
from tests.pictures import leads
from tests.standins.slack.events import state_values
from tests.standins.slack.limits import validate_blocks, validate_view

DANA = Person(
    actor=Actor(surface="slack", team="T0TEAM", id="U0AGENT"), name="Dana", standing="member"
)


def test_fields_are_chosen_ten_an_element() -> None:
    lead = leads.long_lead("word " * 120)
    chosen = tuple(one.name for one in lead.fields)[:12]
    action = update_action(lead, chosen, "the CRM")
    content = leads.CONTENT.model_copy(update={"actions": (action, leads.CONTENT.actions[1])})
    view = edit_view(leads.form(lead, content), Carried("token"))
    assert validate_view(view) == []
    blocks = {one["block_id"]: one for one in view["blocks"] if "block_id" in one}
    assert "reply" not in blocks
    boxes = [blocks["action.0.fields"]["element"], blocks["action.0.fields.2"]["element"]]
    assert [len(one["options"]) for one in boxes] == [10, 4]
    assert [len(one["initial_options"]) for one in boxes] == [10, 2]
    assert blocks["action.0.name"]["element"]["type"] == "plain_text_input"
    changed = {"action.0.fields": ["size"], "action.0.fields.2": ["phone"], "action.0.size": "7"}
    given = edit_input(state_values(view["blocks"], changed, submitting=True))
    assert given.chosen == {0: ("size", "phone")}
    assert given.fields["action.0.size"] == "7"
    assert "action.0.fields" not in given.fields


def test_a_typed_value_has_its_writer_as_source_and_only_ticked_fields_go() -> None:
    given = EditInput(chosen={0: ("industry", "size")}, fields={"action.0.size": " 7 "})
    errors: dict[str, str] = {}
    edited = edit_lead(leads.LEAD, 0, given, DANA, errors)
    assert not errors
    size = edited.field("size")
    assert size is not None
    assert (size.value, size.typed_by, size.quote) == ("7", DANA.actor, "")
    action = edit_update(edited, 0, leads.CONTENT.actions[0], given)
    assert action.args["changes"] == [
        {"field": "industry", "shown": "Toys", "value": "Industrial robotics"},
        {"field": "size", "shown": None, "value": "7"},
    ]
    none = edit_update(edited, 0, action, EditInput(chosen={0: ()}))
    assert not none.included
    assert not chosen_in(none)
    left_out = edit_update(edited, 0, action, EditInput(include=(1,)))
    assert not left_out.included
    edit_lead(leads.LEAD, 0, EditInput(fields={"action.0.size": "x" * 501}), DANA, errors)
    assert "500 characters" in errors["action.0.size"]


def test_a_form_that_nobody_was_given_chooses_and_types_nothing_else() -> None:
    before = leads.CONTENT.actions[0]
    forged = EditInput(
        chosen={0: ("industry", "domain", "made_up", "email", "industry")},
        fields={f"action.0.{name}": "evil" for name in ("made_up", "domain", "changes", "key")},
    )
    errors: dict[str, str] = {}
    edited = edit_lead(leads.LEAD, 0, forged, DANA, errors)
    assert (edited, errors) == (leads.LEAD, {})
    action = edit_update(edited, 0, before, forged)
    assert action.args == {
        "kind": "company",
        "key": leads.LEAD.key,
        "changes": [{"field": "industry", "shown": "Toys", "value": "Industrial robotics"}],
    }
    # What is typed as a key is stored as keys are.
    person = Lead(kind="person", key="d@acme.example", fields=(leads.field("domain", "a.example"),))
    for typed, stored in (("https://www.B.example/x", "b.example"), ("no domain", "a.example")):
        again = edit_lead(person, 0, EditInput(fields={"action.0.domain": typed}), DANA, errors)
        assert again.fields[0].value == stored
    assert errors == {"action.0.domain": "This is no domain."}


def test_a_long_hostile_lead_is_drawn_within_the_limits_and_inert() -> None:
    for card in (leads.CARD, leads.NOTHING, leads.BY_HAND, leads.long_card()):
        message = card_message(card)
        assert characters(message.blocks) <= MESSAGE_CHARACTERS
        assert validate_blocks(message.blocks) == []
        assert validate_view(show_view(card)) == []
        assert "mrkdwn" not in str([one for one in message.blocks if one["type"] == "rich_text"])
        assert activity_faults(everybody(card)) == []
        assert activity_faults(approver(card, Forms(edit=leads.form()))) == []
    urls = str(card_message(leads.long_card()).blocks)
    assert "'url': 'https://evil.example" not in urls


def test_the_form_to_type_in_is_one_that_both_chats_take() -> None:
    form = leads.hand_form()
    assert form.title == "Type the fields"
    assert validate_view(edit_view(form, Carried("token"))) == []
    assert activity_faults(approver(leads.BY_HAND, Forms(edit=form))) == []
