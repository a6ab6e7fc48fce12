"""Text without what a reader does not see.

Cleaned once where a reply is made, by a model or by a person, so that what the card shows, what the
digest covers and what is sent are the same characters on every surface.
"""

from __future__ import annotations

import re

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
# U+200C and U+200D stay: Persian, Indic scripts and emoji are made with them.
_SURROGATE = re.compile("[\ud800-\udfff]")
_STACKED = re.compile("([\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]{4})[\u0300-\u036f\u20d0-\u20ff]+")


def clean(text: str) -> str:
    """``text`` without anything that a reader does not see but is acted on or misled by."""
    text = _BREAKS.sub("\n", text)
    text = _SURROGATE.sub("\ufffd", text)
    return _STACKED.sub(r"\1", _HIDDEN.sub("", text))
