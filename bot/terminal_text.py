"""Untrusted text made inert for a terminal: no escape sequence, no reordering, nothing invisible.

A ticket could otherwise move the cursor over the card, colour a draft away, set the window's title
or, with bidirectional controls, show an address that is not the one that is there.
"""

from __future__ import annotations

import re
import unicodedata

_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, erasing
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"  # OSC and kin
    r"|\x9b[0-?]*[ -/]*[@-~]"  # CSI in one character
    r"|\x1b[ -/]*[0-~]"  # the two-character ones
)
_JOINERS = frozenset("\u200c\u200d")
"""Zero-width (non-)joiner: Persian and Indic words and joined emoji need them."""
_GONE = "\ufffd"
"""Stands where a control character stood, so that a person sees that one did."""
_TAB = "    "


def inert(text: str) -> str:
    """``text`` as a terminal may show it, lines kept."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(_shown(char) for char in _SEQUENCES.sub("", text))


def inert_line(text: str) -> str:
    """``text`` on one line."""
    return " ".join(inert(text).split())


def _shown(char: str) -> str:
    if char == "\n" or (" " <= char <= "~"):
        return char
    if char == "\t":
        return _TAB
    if char in "\u2028\u2029\x85\x0b\x0c":
        return "\n"
    category = unicodedata.category(char)
    if category in ("Cc", "Cs"):
        return _GONE
    # Format characters: bidirectional controls, zero-width spaces, tags. They show as nothing and
    # change how the rest is read.
    return "" if category == "Cf" and char not in _JOINERS else char
