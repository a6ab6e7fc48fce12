"""Fields of a lead that a person types, as pure functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.domain import Actor, Person
from bot.forms import EditInput, FieldErrors, FieldForm
from bot.lead_by_hand import Typed, hand_fields, names_of, typed, typed_fields
from tools.crm.records import Key, Record
from tools.crm.sqlite_file import SqliteReader

ACME = Key("company", "acme.example")
DANA = Key("person", "dana@acme.example")
EDITOR = Person(actor=Actor(surface="slack", team="T1", id="U1"), name="Ada", standing="member")


def given(**fields: str) -> EditInput:
    return EditInput(fields={f"action.0.{name}": value for name, value in fields.items()})


def offered(key: Key | None) -> tuple[str, ...]:
    return names_of(key, SqliteReader(Path("/nowhere")))


def fields(key: Key | None) -> tuple[FieldForm, ...]:
    return hand_fields(key, offered(key), "the CRM").fields


def taken(key: Key | None, form: EditInput, *barred: str) -> Typed | FieldErrors:
    return typed(key, offered(key), form, barred)


def wrong(outcome: Any) -> dict[str, str]:
    assert isinstance(outcome, FieldErrors)
    return {name.removeprefix("action.0."): words for name, words in outcome.errors.items()}


def right(outcome: Any) -> Typed:
    assert isinstance(outcome, Typed), outcome
    return outcome


def test_what_is_offered_is_of_its_kind_and_never_the_key() -> None:
    company = {field.id for field in fields(ACME)}
    assert {"action.0.name", "action.0.fit"} <= company
    assert not {"action.0.domain", "action.0.email", "action.0.phone"} & company
    person = {field.id for field in fields(DANA)}
    assert {"action.0.person", "action.0.phone", "action.0.domain"} <= person
    assert "action.0.email" not in person
    first = fields(None)[0]
    assert (first.id, first.required) == ("action.0.domain", True)


def test_only_what_was_offered_counts() -> None:
    forged = given(name=" Acme\n Ltd ", email="x@y.example", domain="other.example", made_up="x")
    assert right(taken(ACME, forged)) == Typed(ACME, {"name": "Acme Ltd"})


def test_the_domain_becomes_the_key_and_the_barred_are_refused() -> None:
    found = right(taken(None, given(domain="https://www.ACME.example/x", size="9")))
    assert found == Typed(ACME, {"size": "9"})
    assert "domain" in wrong(taken(None, given(size="9")))
    assert "domain" in wrong(taken(None, given(domain="127.0.0.1", size="9")))
    barred = taken(None, given(domain="shop.acme.example", size="9"), "ACME.example")
    assert "do_not_enrich" in wrong(barred)["domain"]
    assert (
        "do_not_enrich"
        in wrong(taken(DANA, given(domain="acme.example"), "acme.example"))["domain"]
    )


def test_nothing_typed_and_too_much_typed_are_named_at_a_field() -> None:
    assert "Type at least one field." in wrong(taken(ACME, given(name=" \u200b "))).values()
    assert "Type at least one field." in wrong(taken(None, given(domain="a.example"))).values()
    assert "500 characters" in wrong(taken(ACME, given(summary="x" * 501)))["summary"]


def test_who_typed_it_is_its_source_and_what_the_crm_holds_stands_beside() -> None:
    record = Record("7", "company", "acme.example", None, {"name": "Acme", "size": "8"})
    lead = typed_fields(Typed(ACME, {"name": "Acme", "size": "9", "fit": "Good"}), record, EDITOR)
    assert lead.same == ("name",)
    assert [(one.name, one.present, one.overwrites) for one in lead.fields] == [
        ("size", "8", True),
        ("fit", None, False),
    ]
    assert all(one.typed_by == EDITOR.actor and not one.source for one in lead.fields)
