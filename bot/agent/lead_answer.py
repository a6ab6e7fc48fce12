"""A lead's final answer: its JSON Schema for a model, and its strict reading afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from bot.agent.answer import InvalidAnswer, strict_json, words_of
from bot.domain import REPLY_LIMIT, Confidence
from tools.crm.records import FIELDS

FIELDS_MOST = 60
"""Fields of one answer that are looked at."""
SUBJECT_LIMIT = 200


class AnsweredField(BaseModel):
    """One field as the model wrote it: nobody has looked at its source yet."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    field: StrictStr
    value: StrictStr
    source: StrictStr
    quote: StrictStr
    confidence: Confidence


class Outreach(BaseModel):
    """A first e-mail as the model wrote it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    to: StrictStr
    subject: StrictStr = Field(max_length=SUBJECT_LIMIT)
    text: StrictStr = Field(max_length=REPLY_LIMIT)


class LeadAnswer(BaseModel):
    """What a run says of a lead."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    fields: tuple[AnsweredField, ...] = Field(max_length=FIELDS_MOST)
    outreach: Outreach | None = None
    reason: StrictStr = ""
    missing: tuple[StrictStr, ...] = ()


@dataclass(frozen=True)
class LeadForm:
    """What a lead playbook's final answer must look like."""

    schema: Mapping[str, Any]

    def read(self, text: str) -> LeadAnswer:
        """The answer in ``text``. Raises ``InvalidAnswer`` with words for the model."""
        try:
            return LeadAnswer.model_validate(strict_json(text))
        except ValidationError as fault:
            raise InvalidAnswer(words_of(fault)) from fault


def lead_form(*, outreach: bool) -> LeadForm:
    """``outreach``: the playbook may propose a first e-mail."""
    text = {"type": "string"}
    field = _object(
        {
            "field": {"type": "string", "enum": list(FIELDS)},
            "value": text,
            "source": text,
            "quote": text,
            "confidence": {"type": "string", "enum": ["low", "medium", "high"]},
        }
    )
    mail = _object({"to": text, "subject": text, "text": text})
    properties: dict[str, Any] = {
        "fields": {"type": "array", "items": field},
        "reason": text,
        "missing": {"type": "array", "items": text},
    }
    if outreach:
        properties["outreach"] = {"anyOf": [mail, {"type": "null"}]}
    return LeadForm(_object(properties))


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
