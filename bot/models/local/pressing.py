"""How pressing a ticket is. Loss, danger, deadlines and numbers of people count; anger does not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.models.local.patterns import any_of

Level = Literal["low", "normal", "high", "urgent"]
"""low: can wait. normal. high: loss, a deadline, a repeated failure. urgent: safety, security, many
people, or all work stopped."""


@dataclass(frozen=True)
class Pressing:
    level: Level
    why: str


_DOWN = r".{0,40}\b(?:down|offline|cannot|can['’]t|unable|broken|stopped|affected|locked out)"
_RULES: tuple[tuple[Level, str, re.Pattern[str]], ...] = (
    (
        "urgent",
        "it speaks of danger to people",
        any_of(
            *("on fire", "caught fire", "smoke", "burn(?:t|ing|ed)", "electric shock", r"injur\w+"),
            *("gas leak", "flooding", "dangerous", "medical emergency"),
        ),
    ),
    (
        "urgent",
        "it speaks of fraud or a break-in",
        any_of(
            *("hacked", "stolen", r"fraud\w*", "unauthori[sz]ed", "data breach", "breached"),
            *("compromised", "leaked", "identity theft", "logged into my", "has accessed my"),
            "someone (?:else )?(?:is using|used) my",
        ),
    ),
    (
        "urgent",
        "many people are affected",
        any_of(
            "outage",
            rf"(?:everything|nobody|no one|production)\b{_DOWN}",
            rf"(?:entire|whole) (?:site|system|company|team)\b{_DOWN}",
            rf"all (?:of )?(?:our|my|the) (?:users|customers|sites|staff|shops|offices)\b{_DOWN}",
        ),
    ),
    (
        "high",
        "it announces legal steps",
        any_of(
            *("solicitor", "lawyer", "attorney", "legal action", "small claims", "ombudsman"),
            *("in court", "to court", "consumer (?:authority|protection)", "anwalt", "gericht"),
        ),
    ),
    (
        "high",
        "it says that it is urgent",
        any_of(
            *("urgent(?:ly)?", "asap", "as soon as possible", "immediately", "emergency"),
            *("dringend", "urgente?", "very time[- ]sensitive"),
            r"by (?:tonight|tomorrow|today|the end of (?:the )?day)",
        ),
    ),
    (
        "high",
        "it speaks of a loss or of a fault that came back",
        any_of(
            *("charged (?:me )?(?:twice|double|again)", "double charge", "two charges"),
            *("data (?:loss|is gone)", r"lost (?:all|everything)", "ruined", "thrown out"),
            *("(?:second|third|fourth|2nd|3rd|4th) time", "over and over", "yet again"),
        ),
    ),
    (
        "low",
        "it can wait",
        any_of(
            *("no (?:rush|hurry)", "not urgent", "whenever you (?:can|have)", "when you have time"),
            *("just (?:curious|wondering)", "feature request", "suggestion", "it would be nice"),
        ),
    ),
)
_TROUBLE = any_of(
    *(
        "damaged",
        "broken",
        "broke",
        "cracked",
        "crushed",
        "crash(?:es|ed|ing)?",
        "offline",
        "blank",
    ),
    *(
        "blank",
        "not work(?:ing)?",
        "stopped",
        "doesn['’]t work",
        "won['’]t",
        "wrong item",
        "missing",
    ),
    *("charged (?:me )?twice", "two charges", "hasn['’]t (?:arrived|come|moved|had)", "failed"),
    *("never (?:comes?|came|arrived)", "locked out", "useless", "unacceptable", "not been"),
    *("still (?:not|no|blinks?|says)", "third time", "disappeared", "grey dot", "gone"),
)
_NEGATED = re.compile(r"(?:\bnot|n['’]t|\bnicht|\bnever)(?: \w+){0,2} $", re.IGNORECASE)


def pressing(text: str) -> Pressing:
    """The first rule that fires, from the most pressing down."""
    for level, why, pattern in _RULES:
        for found in pattern.finditer(text):
            before = text[max(0, found.start() - 25) : found.start()]
            if level == "low" or not _NEGATED.search(before):
                return Pressing(level, why)
    return Pressing("normal", "nothing in it is pressing")


def troubled(text: str) -> bool:
    """Whether something went wrong for the customer, so that a word of regret is due."""
    return bool(_TROUBLE.search(text))


def priority_of(level: Level, priorities: Sequence[str]) -> str | None:
    """The playbook's own name for a level. ``priorities`` stand from the least to the most."""
    if not priorities:
        return None
    if level in priorities:
        return level
    last = len(priorities) - 1
    place = {"low": 0, "normal": last // 2, "high": max(last // 2, last - 1), "urgent": last}
    return priorities[place[level]]
