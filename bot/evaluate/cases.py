"""A labelled file: JSON lines of ``{"ticket", "labels", "route", "articles"}``.

``ticket`` is the body that a webhook is sent. The rest is what a good run gives; what is not there
is not scored. The whole file is checked before anything runs, so that no money goes into a file
whose last line is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, BinaryIO

from bot.faults import OperatorError
from bot.ticket_body import InvalidBody, TicketBody, read_body
from handlers.guard import Refused, parse_object

LONGEST_BYTES = 1024 * 1024
"""Of one line."""
_TOLD = 20
"""Mistakes that are named; a file that is wrong throughout needs no more."""
_KEYS = ("ticket", "labels", "route", "articles")


@dataclass(frozen=True)
class LabelledTicket:
    """One line. None: not said, so not scored."""

    line: int
    body: TicketBody
    labels: frozenset[str] | None
    route: str | None
    articles: frozenset[str] | None


class _Wrong(Exception):
    """What is wrong with a line, and what to do."""


def read_cases(source: BinaryIO, name: str) -> tuple[LabelledTicket, ...]:
    """Every line that is not blank. Raises ``OperatorError`` with a line for each mistake."""
    found: list[LabelledTicket] = []
    faults: list[str] = []
    number = 0
    while raw := source.readline(LONGEST_BYTES + 2):
        number += 1
        rest = raw
        while rest and not rest.endswith(b"\n"):
            rest = source.readline(LONGEST_BYTES)
        text = raw.strip(b" \t\r\n")
        if number == 1:
            text = text.removeprefix(b"\xef\xbb\xbf")
        if not text:
            continue
        try:
            if len(text) > LONGEST_BYTES:
                raise _Wrong("longer than 1 MiB; shorten the ticket")
            found.append(_case(number, text))
        except _Wrong as wrong:
            faults.append(f"{name}:{number}: {wrong}")
            if len(faults) == _TOLD:
                break
    if faults:
        raise OperatorError(*faults)
    if not found:
        raise OperatorError(
            f'{name}: holds no ticket; write {{"ticket": {{"id", "body"}}, "labels": []}} a line'
        )
    return tuple(found)


def _case(number: int, text: bytes) -> LabelledTicket:
    try:
        value = parse_object(text)
    except Refused as refused:
        wrong = refused.reason.removeprefix("the body ")
        raise _Wrong(f"{wrong}; write one JSON object a line") from refused
    for key in value:
        # Other keys are the writer's own; one that is nearly ours is a slip that scores nothing.
        if key not in _KEYS and (near := get_close_matches(key, _KEYS, n=1, cutoff=0.8)):
            raise _Wrong(f"{key}: there is no such key; did you mean {near[0]!r}?")
    if "ticket" not in value:
        raise _Wrong('ticket: is missing; add {"id": "…", "body": "…"}')
    try:
        body = read_body(value["ticket"])
    except InvalidBody as invalid:
        raise _Wrong(f"ticket.{invalid}; write the body that a webhook is sent") from invalid
    route = value.get("route")
    if route is not None and not isinstance(route, str):
        raise _Wrong("route: must be a text; leave it out where it is not to be scored")
    return LabelledTicket(number, body, _texts(value, "labels"), route, _texts(value, "articles"))


def _texts(value: Mapping[str, Any], key: str) -> frozenset[str] | None:
    given = value.get(key)
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise _Wrong(f"{key}: must be a list of texts; leave it out where it is not to be scored")
    return frozenset(given)
