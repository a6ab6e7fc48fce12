"""A lead's fields against what was read in its run: no source, no field. Pure.

A field stays if its source was read in this run, its quote stands there verbatim (white space
folded), and, where its value is a fact of figures or addresses, the quote holds that value. Of
persons only contact data at work stays: mailboxes of the company's own domain, and numbers that
stand on its own pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.agent.at_work import addresses, digits, not_at_work
from bot.agent.draft_check import Source
from bot.agent.lead_answer import FIELDS_MOST, AnsweredField
from bot.domain import Confidence, LeadField
from bot.plain_text import clean
from bot.wording import figures_in, fold
from tools.crm.records import (
    FIELD_LIMIT,
    FIELDS,
    OF_A_PERSON,
    Key,
    is_barred,
    normal_domain,
    normal_email,
)

QUOTE_LIMIT = 400
"""Characters of a quote that is kept."""
QUOTE_LEAST = 3
"""A shorter one stands everywhere."""

JUDGEMENTS = frozenset({"fit", "next_step"})
"""Fields that are the model's own: their quote is what they rest on."""

_FREELY = JUDGEMENTS | {"email", "domain", "phone", "contacts"}
"""Fields whose figures are a judgement's, or are looked at as addresses and numbers."""
_NAMES = frozenset({"name", "person"})
"""Fields whose every word must stand in the quote."""
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d[\d\s()./-]*")


@dataclass(frozen=True)
class Checked:
    """What stays, one field a key; and what was struck, each with the reason."""

    kept: tuple[LeadField, ...]
    struck: tuple[str, ...] = ()


def checked(
    answered: Iterable[AnsweredField],
    *,
    domain: str,
    source: Callable[[str], Source | None],
    seen_at: Callable[[str], datetime | None],
    barred: Sequence[str] = (),
) -> Checked:
    """``domain``: the company's. ``source`` and ``seen_at``: of what this run has read.
    ``barred``: the playbook's ``do_not_enrich``."""
    kept: dict[str, LeadField] = {}
    struck: list[str] = []
    for one in tuple(answered)[:FIELDS_MOST]:
        found = _field(one, domain, source, seen_at)
        if isinstance(found, LeadField) and _names_barred(found.value, barred):
            found = "names somebody who is not to be looked up"
        if isinstance(found, str):
            struck.append(f"{_name(one.field)}: {found}")
        elif found.name in kept:
            struck.append(f"{found.name}: stands there twice")
        else:
            kept[found.name] = found
    return Checked(tuple(kept[name] for name in FIELDS if name in kept), tuple(struck))


def of_a_company(fields: Checked) -> Checked:
    """Without what only a person has: it would be written into the company's own record."""
    kept = tuple(one for one in fields.kept if one.name not in OF_A_PERSON)
    gone = [one.name for one in fields.kept if one.name in OF_A_PERSON]
    return Checked(kept, (*fields.struck, *(f"{one}: is a person's, of a company" for one in gone)))


def _field(
    one: AnsweredField,
    domain: str,
    source: Callable[[str], Source | None],
    seen_at: Callable[[str], datetime | None],
) -> LeadField | str:
    """The field, or why it is struck."""
    value = " ".join(clean(one.value).split())
    if one.field not in FIELDS:
        return "is no field of a lead"
    if not value:
        return "is empty"
    if len(value) > FIELD_LIMIT:
        value = value[: FIELD_LIMIT - 1].rstrip() + "…"
    ident, read = _source(one.source.strip(), source)
    if read is None:
        return "its source was not read in this run"
    quote = fold(one.quote)
    if len(quote) < QUOTE_LEAST or quote not in fold(read.text):
        return "its quote does not stand in its source"
    quote = quote[:QUOTE_LIMIT]
    value = _normal(one.field, value)
    why = _unsupported(one.field, value, quote) or not_at_work(one.field, value, quote, domain)
    if why is not None:
        return why
    return LeadField(
        name=one.field,
        value=value,
        source=ident,
        title=read.title[:200],
        quote=quote,
        seen_at=seen_at(ident),
        confidence=_confidence(one, value, quote),
    )


def _source(ident: str, source: Callable[[str], Source | None]) -> tuple[str, Source | None]:
    """By the very id, or the same page's address with or without its last slash."""
    for form in (ident, f"{ident}/", ident.removesuffix("/")):
        found = source(form)
        if found is not None:
            return form, found
    return ident, None


def _normal(name: str, value: str) -> str:
    if name == "email":
        return normal_email(value) or value
    if name == "domain":
        return normal_domain(value) or value
    return value


def _unsupported(name: str, value: str, quote: str) -> str | None:
    """Why the quote does not say what the field does."""
    held = quote.casefold()
    if name in ("email", "domain") and value.casefold() not in held:
        return "its quote does not hold it"
    if name == "phone" and digits(value)[-7:] not in digits(quote):
        return "its quote does not hold it"
    if name in _NAMES and not _words(value) <= _words(quote):
        return "its quote does not hold it"
    if name == "contacts" and any(
        digits(number) not in digits(quote) for number in _NUMBER.findall(value)
    ):
        return "its figures do not stand in its quote"
    if name not in _FREELY and not figures_in(value) <= figures_in(quote):
        return "its figures do not stand in its quote"
    if name not in JUDGEMENTS and any(
        address.casefold() not in held for address in addresses(value)
    ):
        return "its quote does not hold an address in it"
    return None


def _names_barred(value: str, barred: Sequence[str]) -> bool:
    emails = (normal_email(address) for address in addresses(value))
    return any(is_barred(Key("person", email), barred) for email in emails if email is not None)


def _confidence(one: AnsweredField, value: str, quote: str) -> Confidence:
    """High only where the quote says the value word for word."""
    said = fold(value).casefold() in quote.casefold()
    parts = [part for part in value.split(", ") if part]
    all_said = said or all(fold(part).casefold() in quote.casefold() for part in parts)
    if one.confidence == "high" and not all_said:
        return "medium"
    return one.confidence


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _name(field: str) -> str:
    return " ".join(clean(field).split())[:40] or "a field"
