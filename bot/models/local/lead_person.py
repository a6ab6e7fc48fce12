"""A person's contact data at work, as it stands on their company's own pages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.models.local.lead_facts import Fact
from tools.spec import ReadText

_NEAR = 3
"""Lines before and after a person's name or address that are about them."""

_ROLE = re.compile(
    r"\b(?:CEO|CTO|CFO|COO|CMO|CIO|founder|co-founder|owner|president|chair\w*|director|head of|"
    r"manager|lead|engineer|officer|sales|marketing|partner|consultant|assistant|architect|"
    r"developer|designer|geschäftsführer\w*|leiter\w*|vertrieb|inhaber\w*|vorstand|prokurist\w*|"
    r"directeur|directrice|gérant\w*|responsable)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-ZÀ-Ý][\w'’-]+(?: (?:van|von|de|der|la))*(?: [A-ZÀ-Ý][\w'’.-]+){1,3}")
_PHONE = re.compile(r"\+?\d[\d\s()./-]{5,20}\d")
_CUT = re.compile(r"\s*[,;|–—·]\s*|\s+-\s+|\s*\(\s*|\s*\)\s*")
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")


def person_facts(
    pages: Sequence[ReadText], email: str | None, name: str | None, domain: str
) -> Iterator[Fact]:
    """Name, role, address and number of who has this address or this name."""
    for page in pages:
        lines = [*page.text.split("\n"), *page.data.split("\n")]
        for index, line in enumerate(lines):
            folded = line.casefold()
            if (email and email in folded) or (name and name.casefold() in folded):
                near = lines[max(0, index - _NEAR) : index + _NEAR + 1]
                yield from _about(page, line, near, email, name, domain)
                return


def _about(
    page: ReadText,
    line: str,
    near: Sequence[str],
    email: str | None,
    name: str | None,
    domain: str,
) -> Iterator[Fact]:
    known = name or _name_near(near, email or "")
    if known is not None:
        quote = next((one for one in near if known.casefold() in one.casefold()), line)
        yield Fact("person", known, page.ident, quote[:390], "high")
    ordered = [line, *(one for one in near if one != line)]
    role = next((part for one in ordered for part in _roles(one)), None)
    if role is not None:
        yield Fact("role", role[0], page.ident, role[1][:390], "medium")
    for one in ordered:
        for address in _EMAIL.findall(one):
            host = address.rpartition("@")[2].casefold()
            mine = address.casefold() == email if email else _is_theirs(address, known)
            if mine and (host == domain or host.endswith(f".{domain}")):
                yield Fact("email", address.casefold(), page.ident, one[:390], "high")
                break
        number = _PHONE.search(_EMAIL.sub(" ", one))
        if number is not None and not re.search(r"20\d\d", number[0]):
            yield Fact("phone", number[0].strip(), page.ident, one[:390], "medium")
            break


def _roles(line: str) -> Iterator[tuple[str, str]]:
    for part in _CUT.split(_EMAIL.sub("", line)):
        words = part.strip()
        if _ROLE.search(words) and 2 < len(words) <= 60 and len(words.split()) <= 7:
            yield words, line


def _name_near(near: Sequence[str], email: str) -> str | None:
    """The capitalised words that the address is made of."""
    parts = [part for part in re.split(r"[._-]", email.partition("@")[0]) if len(part) > 1]
    for line in near:
        for found in _NAME.findall(line):
            plain = found.casefold()
            if parts and all(part in plain for part in parts[-1:]):
                return str(found)
    return None


def _is_theirs(address: str, name: str | None) -> bool:
    words = [word for word in re.split(r"\W+", (name or "").casefold()) if len(word) > 1]
    return bool(words) and words[-1] in address.casefold()
