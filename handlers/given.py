"""What comes back from an edit or reject form, whatever surface drew it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Protocol, get_args

from bot.domain import RejectReason
from bot.forms import ApproveInput, EditInput, FieldErrors, RejectInput

WORDS_LIMIT: Final = 3000
"""Characters of a rejecter's own words."""

_INCLUDE = re.compile(r"include(\.\d+)?\Z")
_INDEX = re.compile(r"[0-9]{1,4}\Z")
_FIELD = re.compile(r"action\.\d+\..+\Z", re.DOTALL)
_CHOSEN = re.compile(r"action\.(\d{1,4})\.fields(\.\d+)?\Z")


class Given(Protocol):
    """A submitted form: fields by the ids of ``bot.forms``. Nothing in it is trusted."""

    def __iter__(self) -> Iterator[str]: ...

    def __contains__(self, key: object) -> bool: ...

    def text(self, key: str) -> str | None:
        """What is written there; None where the field is missing."""
        ...

    def chosen(self, key: str) -> list[str]:
        """The values chosen or ticked there."""
        ...


def edit_input(given: Given) -> EditInput:
    """What a submitted edit says. A field that is not there is unchanged."""
    include = [key for key in given if _INCLUDE.match(key)]
    ticked = {value for key in include for value in given.chosen(key)}
    priority = given.chosen("priority")
    route = given.chosen("route")
    chosen: dict[int, tuple[str, ...]] = {}
    for key in given:
        if found := _CHOSEN.match(key):
            index = int(found[1])
            chosen[index] = (*chosen.get(index, ()), *given.chosen(key))
    return EditInput(
        reply=given.text("reply"),
        labels=tuple(given.chosen("labels")) if "labels" in given else None,
        route=route[0] if route else None,
        priority=priority[0] if priority else None,
        fields={
            key: given.text(key) or ""
            for key in given
            if _FIELD.match(key) and not _CHOSEN.match(key)
        },
        chosen=chosen,
        include=tuple(sorted(int(value) for value in ticked if _INDEX.match(value)))
        if include
        else None,
        approve_now="approve_now" in given.chosen("approve_now"),
    )


def approve_input(given: Given) -> ApproveInput:
    """What a submitted approval with its reason says; its length is the gate's to judge."""
    return ApproveInput(given.text("reason") or "")


def reject_input(given: Given) -> RejectInput | FieldErrors:
    """What a submitted rejection says."""
    chosen = given.chosen("reason")
    reason: RejectReason | None = next(
        (known for known in get_args(RejectReason) if chosen and known == chosen[0]), None
    )
    if reason is None:
        return FieldErrors({"reason": "Choose a reason."})
    return RejectInput(
        reason=reason,
        words=(given.text("words") or "")[:WORDS_LIMIT],
        draft_again="draft_again" in given.chosen("draft_again"),
    )
