"""Regular expressions from lists of phrases, so that rules can be read and added to."""

from __future__ import annotations

import re


def any_of(*phrases: str) -> re.Pattern[str]:
    """Any of these phrases as whole words, in any case. A phrase may be a regular expression."""
    return re.compile(r"\b(?:" + "|".join(phrases) + r")\b", re.IGNORECASE)
