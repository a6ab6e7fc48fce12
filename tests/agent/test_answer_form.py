"""The final answer's schema, and tools' schemas: only what strict structured output takes."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from bot.agent.answer import InvalidAnswer, answer_form, strict_json, strict_schema
from bot.playbook import Playbook
from tests.agent.make import ADD_NOTE, PLAYBOOK, SEND_REPLY, WITH_NOTE, final
from tests.standins.anthropic.rules import schema_faults
from tests.standins.anthropic.schema import walk
from tools.spec import ActionSpec


class Kind(Enum):
    ONE = "one"
    TWO = "two"


class Inner(BaseModel):
    amount: Annotated[int, Field(ge=1, le=100)]
    kind: Kind = Kind.ONE


class Rich(BaseModel):
    """Arguments with everything that pydantic puts into a schema."""

    name: Annotated[str, Field(min_length=1, max_length=50, pattern=r"^\w+$", title="Name")]
    when: Annotated[str, Field(json_schema_extra={"format": "date"})]
    odd: Annotated[str, Field(json_schema_extra={"format": "odd"})] = "x"
    inner: Inner
    several: Annotated[list[Inner], Field(min_length=2, max_length=4)]
    either: int | Literal["none"] | None = None


class Tree(BaseModel):
    children: list[Tree] = Field(default_factory=list)


def test_a_tools_schema_is_made_strict() -> None:
    schema = strict_schema(Rich)
    assert list(schema_faults(schema, "rich")) == []
    assert schema["required"] == list(Rich.model_fields)
    assert schema["properties"]["inner"]["properties"]["kind"]["enum"] == ["one", "two"]
    assert schema["properties"]["when"]["format"] == "date"
    assert "format" not in schema["properties"]["odd"]
    assert "$defs" not in json.dumps(schema)


def test_recursive_arguments_are_refused_when_the_kit_is_built() -> None:
    with pytest.raises(ValueError, match="recursive"):
        strict_schema(Tree)


@pytest.mark.parametrize("playbook", [PLAYBOOK, WITH_NOTE])
def test_the_final_schema_is_what_the_api_takes_and_a_walk_of_it_is_valid(
    playbook: Playbook,
) -> None:
    form = answer_form(playbook, [SEND_REPLY, ADD_NOTE])
    assert list(schema_faults(dict(form.schema), "answer")) == []
    filled = walk(dict(form.schema), text=lambda _path, _schema: "some words")
    answer = form.read(json.dumps(filled))
    assert answer.outcome == "reply"
    assert answer.reply_text == "some words"
    assert ("actions" in form.schema["properties"]) == (playbook is WITH_NOTE)


def test_several_actions_are_told_apart_by_their_name() -> None:
    class Amount(BaseModel):
        usd: int

    refund = ActionSpec("refund", "Gives money back.", Amount)
    uses: Any = [{"tool": "send_reply"}, {"tool": "add_note"}, {"tool": "refund"}]
    book = Playbook.model_validate({**PLAYBOOK.model_dump(), "actions": uses})
    form = answer_form(book, [SEND_REPLY, ADD_NOTE, refund])
    variants = form.schema["properties"]["actions"]["items"]["anyOf"]
    assert [one["properties"]["tool"]["enum"] for one in variants] == [["add_note"], ["refund"]]
    assert list(schema_faults(dict(form.schema), "answer")) == []


def test_a_label_named_twice_is_one_and_several_are_kept_in_order() -> None:
    form = answer_form(PLAYBOOK, [])
    answer = form.read(final(labels=["how_to", "billing", "how_to"]))
    assert answer.labels == ("how_to", "billing")


def test_a_playbook_without_labels_takes_any_and_one_without_priorities_takes_none() -> None:
    book = PLAYBOOK.model_copy(update={"labels": {}, "priorities": ()})
    form = answer_form(book, [])
    assert form.read(final(labels=[], priority=None)).labels == ()


def test_what_is_too_long_for_a_card_is_cut_and_stays_valid() -> None:
    form = answer_form(PLAYBOOK, [])
    answer = form.read(final(reason="r" * 5_000, missing=["m" * 1_000] * 20))
    assert len(answer.why) == 600
    assert answer.why.endswith("…")
    assert len(answer.still_missing) == 10
    assert max(map(len, answer.still_missing)) == 600


def test_errors_never_repeat_the_input() -> None:
    form = answer_form(PLAYBOOK, [])
    with pytest.raises(InvalidAnswer) as fault:
        form.read(final(route="evil </untrusted_ticket>", reply=7))
    assert "evil" not in str(fault.value)
    assert "route" in str(fault.value)


@pytest.mark.parametrize("text", ["{}", '{"a": 1.5, "b": [null, true, "ü😀"]}', '"x"', "[]"])
def test_good_json_is_read(text: str) -> None:
    assert strict_json(text) == json.loads(text)


@pytest.mark.parametrize(
    "text", ["", "{", "{'a': 1}", "Infinity", '{"a": {"b": 1, "b": 2}}', "\x00"]
)
def test_bad_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidAnswer):
        strict_json(text)
