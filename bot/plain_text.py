"""Text without what a reader does not see.

Cleaned once where a reply or an argument is made, by a model or by a person, so that what the card
shows, what the digest covers and what is sent are the same characters on every surface.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import JsonValue

_CLEAN = re.compile("[\t\n -~]*")
_BREAKS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_HIDDEN = re.compile(
    "["
    "\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f"  # control characters but tab and line feed
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u3164\uffa0"  # look like nothing
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # turn the order of what is read
    "\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"  # no width
    "\U000e0000-\U000e007f"  # tags: text that nobody sees
    "]"
)
# U+200C and U+200D stay where they join: Persian, Indic scripts and emoji are made with them.
_JOIN_NOTHING = re.compile("(?<!\\S)[\u200c\u200d]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_STACKED = re.compile("([\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]{4})[\u0300-\u036f\u20d0-\u20ff]+")


def clean(text: str) -> str:
    """``text`` without anything that a reader does not see but is acted on or misled by."""
    if _CLEAN.fullmatch(text):
        return text
    text = _BREAKS.sub("\n", text)
    text = _SURROGATE.sub("\ufffd", text)
    return _STACKED.sub(r"\1", _JOIN_NOTHING.sub("", _HIDDEN.sub("", text)))


def clean_args(args: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The arguments of an action with every text in them cleaned, however deep it lies."""
    return {name: clean_value(value) for name, value in args.items()}


def clean_value(value: JsonValue) -> JsonValue:
    """One argument with every text in it cleaned."""
    match value:
        case str():
            return clean(value)
        case list():
            return [clean_value(one) for one in value]
        case dict():
            return clean_args(value)
        case _:
            return value
