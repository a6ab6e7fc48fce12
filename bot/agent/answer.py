"""The final answer: its JSON Schema for a model, and its strict reading afterwards.

A provider's structured output keeps types and enums and nothing else: bounds, lengths and rules
between fields are checked here, and so is the JSON itself, for ``json.loads`` accepts duplicate
keys, NaN and lone surrogates. What a playbook does not list does not exist in its schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StrictStr,
    ValidationError,
    create_model,
    model_validator,
)

from bot.domain import REPLY_LIMIT, Confidence
from bot.plain_text import clean
from bot.playbook import Playbook
from tools.spec import ActionSpec

SEND_REPLY = "send_reply"
"""The action that code derives from ``reply``; a model never words or addresses it."""

CITATIONS_LIMIT = 20
MISSING_LIMIT = 10
REASON_LIMIT = 600
"""What is for a person to read is cut to these, in characters or entries; it is no fault."""

ANSWER_LIMIT = 64_000
"""Characters of an answer that are read at all."""

AnswerOutcome = Literal["reply", "not_a_request", "cannot_answer"]
"""
reply: there is a reply. not_a_request: the ticket asks for nothing, so there is none.
cannot_answer: nothing that was found answers it; a person must.
"""

_UNSUPPORTED = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength"}
    | {"maxLength", "pattern", "maxItems", "uniqueItems", "default", "title", "examples"}
)
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "uri", "uuid"})


class InvalidAnswer(Exception):
    """An answer that is not one; the words tell the model what to correct."""


class Cited(BaseModel):
    """A citation as the model wrote it: nobody has looked at the article yet."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    article: StrictStr
    quote: StrictStr


class ProposedAction(BaseModel):
    """An action as the model named it: perhaps one that this playbook does not allow."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    tool: StrictStr
    args: dict[str, JsonValue] = Field(default_factory=dict)


class FinalAnswer(BaseModel):
    """The answer, valid for its playbook."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    outcome: AnswerOutcome
    labels: tuple[StrictStr, ...]
    priority: StrictStr | None = None
    route: StrictStr
    citations: tuple[Cited, ...] = ()
    reply: Annotated[StrictStr, Field(max_length=REPLY_LIMIT)] | None = None
    confidence: Confidence
    reason: StrictStr = ""
    missing: tuple[StrictStr, ...] = ()
    actions: tuple[ProposedAction, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _reply_fits_outcome(self) -> Self:
        if self.outcome == "reply" and self.reply is not None and not self.reply.strip():
            raise ValueError("reply is empty: write it, or let outcome say why there is none")
        return self

    @property
    def why(self) -> str:
        """The reason, short enough for a card."""
        return cut(self.reason.strip(), REASON_LIMIT)

    @property
    def still_missing(self) -> tuple[str, ...]:
        """What a person would have to find out, short enough for a card."""
        lines = (cut(line.strip(), REASON_LIMIT) for line in self.missing[:MISSING_LIMIT])
        return tuple(line for line in lines if line)

    @property
    def reply_text(self) -> str | None:
        """The reply, or None where the ticket asks for nothing or nothing answers it."""
        reply = clean(self.reply).strip() if self.reply else ""
        return reply if self.outcome == "reply" and reply else None


@dataclass(frozen=True)
class AnswerForm:
    """What one playbook's final answer must look like. Built once, for it never changes."""

    schema: Mapping[str, Any]
    model: type[FinalAnswer]
    actions: Mapping[str, ActionSpec]
    """The allowed actions that a model may name, without ``send_reply``."""

    def read(self, text: str) -> FinalAnswer:
        """The answer in ``text``. Raises ``InvalidAnswer`` with words for the model."""
        try:
            answer = self.model.model_validate(strict_json(text))
        except ValidationError as fault:
            raise InvalidAnswer(words_of(fault)) from fault
        for action in answer.actions:
            spec = self.actions.get(action.tool)
            if spec is None:
                continue
            try:
                spec.args_model.model_validate(action.args)
            except ValidationError as fault:
                raise InvalidAnswer(f"action {action.tool}: {words_of(fault)}") from fault
        return answer


def answer_form(playbook: Playbook, actions: Sequence[ActionSpec]) -> AnswerForm:
    """The form for ``playbook``; ``actions`` are the specs of the action tools it allows."""
    offered = {
        spec.name: spec
        for spec in actions
        if spec.name != SEND_REPLY and playbook.action(spec.name) is not None
    }
    narrowed = create_model(
        "Answer",
        __base__=FinalAnswer,
        labels=(_labels(tuple(playbook.labels)), ...),
        priority=(_one_of(playbook.priorities), ...),
        route=(_one_of(tuple(playbook.routes)), ...),
    )
    return AnswerForm(_schema(playbook, tuple(offered.values())), narrowed, offered)


def cut(text: str, limit: int) -> str:
    """``text``, or its beginning and an ellipsis, in at most ``limit`` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def strict_json(text: str) -> Any:
    """JSON as RFC 8259 means it: one value, no duplicate keys, no NaN, text that can be encoded.

    Raises ``InvalidAnswer``.
    """
    if len(text) > ANSWER_LIMIT:
        raise InvalidAnswer("the answer is too long")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        # Lone surrogates parse, and fail later wherever the text is encoded.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise InvalidAnswer("the answer is nested too deep") from None
    except UnicodeEncodeError:
        raise InvalidAnswer("the answer holds characters that are not Unicode text") from None
    except ValueError as fault:
        raise InvalidAnswer(f"the answer is not JSON: {fault}") from None
    return value


def strict_schema(args_model: type[BaseModel]) -> dict[str, Any]:
    """An args model's JSON Schema in the subset that strict tools accept, with no references."""
    schema = args_model.model_json_schema()
    return _strict(schema, schema.get("$defs", {}), 0)


def _strict(node: Mapping[str, Any], defs: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if depth > 12:
        raise ValueError("a tool's arguments must not be recursive")
    if "$ref" in node:
        return _strict(defs[str(node["$ref"]).rsplit("/", 1)[-1]], defs, depth + 1)
    strict: dict[str, Any] = {}
    for key, value in node.items():
        match key:
            case "$defs":
                continue
            case "properties":
                strict[key] = {name: _strict(part, defs, depth + 1) for name, part in value.items()}
            case "items" if isinstance(value, Mapping):
                strict[key] = _strict(value, defs, depth + 1)
            case "anyOf" | "oneOf":
                strict["anyOf"] = [_strict(part, defs, depth + 1) for part in value]
            case "format" if value not in _FORMATS:
                continue
            case "minItems" if value not in (0, 1):
                continue
            case _ if key in _UNSUPPORTED:
                continue
            case _:
                strict[key] = value
    if strict.get("type") == "object":
        strict["additionalProperties"] = False
        # Strict tools know no default: a field that may be left out is asked for nonetheless.
        strict["required"] = list(strict.get("properties", {}))
    return strict


def _schema(playbook: Playbook, actions: Sequence[ActionSpec]) -> dict[str, Any]:
    text = {"type": "string"}
    quote = {
        "type": "object",
        "properties": {"article": text, "quote": text},
        "required": ["article", "quote"],
        "additionalProperties": False,
    }
    properties: dict[str, Any] = {
        "outcome": {"type": "string", "enum": ["reply", "not_a_request", "cannot_answer"]},
        "labels": _enum_array(tuple(playbook.labels)),
        "priority": {"type": "string", "enum": list(playbook.priorities)},
        "route": {"type": "string", "enum": list(playbook.routes)},
        "citations": {"type": "array", "items": quote},
        "reply": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "confidence": {"type": "string", "enum": ["low", "medium", "high"]},
        "reason": text,
        "missing": {"type": "array", "items": text},
    }
    if not playbook.labels:
        properties["labels"] = {"type": "array", "items": text}
    if not playbook.priorities:
        properties["priority"] = {"type": "null"}
    if actions:
        properties["actions"] = {"type": "array", "items": _any_action(actions)}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _any_action(actions: Sequence[ActionSpec]) -> dict[str, Any]:
    variants = [
        {
            "type": "object",
            "properties": {
                "tool": {"type": "string", "enum": [spec.name]},
                "args": strict_schema(spec.args_model),
            },
            "required": ["tool", "args"],
            "additionalProperties": False,
        }
        for spec in actions
    ]
    return variants[0] if len(variants) == 1 else {"anyOf": variants}


def _enum_array(values: Sequence[str]) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "enum": list(values)}, "minItems": 1}


def _one_of(values: Sequence[str]) -> Any:
    return Literal[tuple(values)] if values else (StrictStr | None)


def _labels(values: Sequence[str]) -> Any:
    if not values:
        return tuple[StrictStr, ...]
    one: Any = _one_of(values)
    return Annotated[tuple[one, ...], BeforeValidator(_once_each), Field(min_length=1)]


def _once_each(value: Any) -> Any:
    """A label named twice is one label."""
    return list(dict.fromkeys(value)) if _strings(value) else value


def _strings(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def words_of(fault: ValidationError) -> str:
    """What is wrong, in a line a model understands; it never repeats the input."""
    lines = [
        f"{'.'.join(str(part) for part in error['loc']) or 'answer'}: {error['msg']}"
        for error in fault.errors(include_url=False, include_input=False)[:5]
    ]
    return "; ".join(lines)
