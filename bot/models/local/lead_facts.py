"""Facts of a company in one page's text, found by form and not by understanding.

A fact is a value with the page's own words that say it: its JSON-LD, a label and what stands
beside it, a few set phrases, addresses. What is not said in such a way is not found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain import Confidence
from tools.spec import ReadText

VALUE_LIMIT = 300
_LINE, _LINES = 2_000, 3_000
"""Characters of a line, and lines of a page, that are looked at."""


@dataclass(frozen=True)
class Fact:
    """``quote`` stands in what was read under ``source``."""

    field: str
    value: str
    source: str
    quote: str
    confidence: Confidence


_LABELS: Mapping[str, tuple[str, ...]] = {
    "name": ("company", "company name", "legal name", "firma", "firmenname", "raison sociale"),
    "industry": ("industry", "sector", "branche", "secteur", "line of business"),
    "size": ("employees", "team size", "headcount", "staff", "company size", "mitarbeiter",
             "mitarbeitende", "effectif", "number of employees", "people"),
    "location": ("headquarters", "head office", "location", "address", "registered office", "sitz",
                 "anschrift", "firmensitz", "adresse", "hq", "based in", "siège", "office",
                 "offices"),
}  # fmt: skip
_FIELD_OF = {label: field for field, labels in _LABELS.items() for label in labels}

_SIZE = re.compile(
    r"\b(\d{1,3}(?:[.,' ]\d{3})+|\d{1,6})(\s*(?:-|–|to)\s*\d{1,6})?\+?\s+"
    r"(?:(?:full-time|dedicated|talented|skilled|permanent)\s+)?"
    r"(?:employees|people|staff|team members|colleagues|specialists|mitarbeiter\w*|"
    r"mitarbeitende\w*|salariés|collaborateurs|empleados|engineers|experts)\b",
    re.IGNORECASE,
)
_TEAM_OF = re.compile(r"\bteam of (\d{1,6})\b", re.IGNORECASE)
_BASED = re.compile(
    r"\b(?:based|headquartered|located|sitz|ansässig)\s+in\s+"
    r"((?:St\. )?[A-ZÄÖÜÉ][\w'’-]+(?:[ -][A-ZÄÖÜÉ][\w'’-]+){0,3}"
    r"(?:,\s*[A-ZÄÖÜÉ][\w'’-]+(?: [A-ZÄÖÜÉ][\w'’-]+)?)?)"
)
_INDUSTRY = re.compile(
    r"\b(?:is|are)\s+(?:an?|the)\s+(?:(?:leading|global|independent|family-owned|young|small|"
    r"fast-growing|privately held)\s+)*"
    r"([\w&/-]+(?: [\w&/-]+){0,4}?)\s+(company|manufacturer|provider|agency|consultancy|maker|"
    r"supplier|bank|insurer|retailer|studio|brewery|publisher|developer|distributor|operator|firm|"
    r"carrier|producer|clinic|startup)\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:20\d\d-\d\d-\d\d|\d{1,2}\.\s?\d{1,2}\.\s?20\d\d|\d{1,2}\.? (?:January|February|March|"
    r"April|May|June|July|August|September|October|November|December|Januar|Februar|März|Mai|Juni|Juli|"
    r"Oktober|Dezember) 20\d\d|(?:January|February|March|April|May|June|July|August|September|"
    r"October|November|December) \d{1,2}, 20\d\d)\b"
)
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_SAID = re.compile(rf'"\w+"\s*:\s*"(?:mailto:)?{_EMAIL.pattern}"')
"""An address in the data of a page, with the name that it has there."""
_COPYRIGHT = re.compile(
    r"(?:©|\(c\)|copyright) ?(?:20\d\d ?[-–]? ?){0,2},? ?(?:by )?([^.|,\n]{2,60})", re.IGNORECASE
)
_PARTED = re.compile(r"\s+[|–—·•-]\s+|\s*:\s+")
_POSTAL = re.compile(
    r"\b(?:[A-Z]{1,2}-)?(\d{4,5})\s+([A-ZÄÖÜ][\w'’-]+(?:[ -][A-ZÄÖÜ][\w'’-]+){0,2})"
)
_FORM = re.compile(
    r"\b(?:GmbH(?: & Co\. KG)?|AG|SE|KG|UG|Inc\.?|Ltd\.?|LLC|Corp\.?|S\.?A\.?S?|B\.?V\.?|Oy|AB|"
    r"A/S|ApS|S\.?r\.?l\.?|S\.?p\.?A\.?|PLC|plc|N\.?V\.?)(?![\w])"
)
_TECHNOLOGIES = (
    "AWS|Azure|Kubernetes|Docker|Terraform|PostgreSQL|MySQL|MongoDB|Redis|Kafka|Snowflake|"
    "Databricks|Salesforce|HubSpot|SAP|Oracle|Shopify|Magento|WordPress|Drupal|Python|Java|Kotlin|"
    "Rust|TypeScript|JavaScript|React|Angular|Vue|Django|Rails|Spring|Elixir|Erlang|Scala|PHP|"
    "Laravel|Tableau|Grafana|Prometheus|Elasticsearch|RabbitMQ|GraphQL|Siemens|Beckhoff|"
    "TensorFlow|PyTorch"
)
_TECHNOLOGY = re.compile(rf"(?<![\w.-])(?:{_TECHNOLOGIES})(?![\w-])")
_ORGANISATION = re.compile(r"Organi[sz]ation|Corporation|Business|Company|Store|Restaurant|Brewery")
_GREETINGS = frozenset({"home", "welcome", "start", "startseite", "homepage", "index", "accueil"})


def facts_in(page: ReadText, domain: str) -> Iterator[Fact]:
    """Every fact of the page, surest first in each field."""
    lines = [line[:_LINE] for line in page.text.split("\n", _LINES)[:_LINES]]
    yield from _structured(page)
    yield from _labelled(page, lines)
    yield from _phrased(page, lines)
    yield from _named(page, lines, domain)
    yield from _contacts(page, lines, domain)
    yield from _news(page, lines)


# --- what the page says to machines -----------------------------------------------------------


def _structured(page: ReadText) -> Iterator[Fact]:
    for node in _organisations(page.data):
        yield from _of_node(page, node)


def _organisations(data: str) -> Iterator[Mapping[str, Any]]:
    decoder, at = json.JSONDecoder(), 0
    while (
        start := min((i for i in (data.find("{", at), data.find("[", at)) if i >= 0), default=-1)
    ) >= 0:
        try:
            value, at = decoder.raw_decode(data, start)
        except (ValueError, RecursionError):
            at = start + 1
            continue
        yield from _walk(value, 0)


def _walk(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > 4:
        return
    if isinstance(value, list):
        for one in value[:20]:
            yield from _walk(one, depth + 1)
    elif isinstance(value, dict):
        kind = value.get("@type")
        kinds = kind if isinstance(kind, list) else [kind]
        if any(isinstance(one, str) and _ORGANISATION.search(one) for one in kinds):
            yield value
        else:
            yield from _walk(value.get("@graph"), depth + 1)


def _of_node(page: ReadText, node: Mapping[str, Any]) -> Iterator[Fact]:
    for key, field in (("name", "name"), ("legalName", "name"), ("description", "summary"),
                       ("industry", "industry"), ("knowsAbout", "industry")):  # fmt: skip
        found = _spelled(page.data, key, node.get(key))
        if found is not None:
            yield Fact(field, found[0], page.ident, found[1], "high")
    staff = node.get("numberOfEmployees")
    if isinstance(staff, dict):
        key = "value" if "value" in staff else "minValue"
        found = _spelled(page.data, key, staff.get(key))
        if found is not None and key == "value":
            yield Fact("size", found[0], page.ident, found[1], "high")
    elif (found := _spelled(page.data, "numberOfEmployees", staff)) is not None:
        yield Fact("size", found[0], page.ident, found[1], "high")
    address = node.get("address")
    if isinstance(address, list) and address:
        address = address[0]
    if isinstance(address, dict):
        city = _spelled(page.data, "addressLocality", address.get("addressLocality"))
        if city is not None:
            yield Fact("location", city[0], page.ident, city[1], "high")
    elif (found := _spelled(page.data, "address", address)) is not None:
        yield Fact("location", found[0], page.ident, found[1], "high")


def _spelled(data: str, key: str, value: Any) -> tuple[str, str] | None:
    """A text or number of the JSON with the very words that say it there."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    wanted = str(value)
    shape = rf'"{key}"\s*:\s*("(?:[^"\\]|\\.){{0,2000}}"|-?\d{{1,12}})'
    for found in re.finditer(shape, data):
        try:
            written = json.loads(found[1])
        except ValueError:
            continue
        if str(written) == wanted and wanted.strip():
            return " ".join(wanted.split())[:VALUE_LIMIT], found[0][:390]
    return None


# --- labels, phrases, names -------------------------------------------------------------------


def _labelled(page: ReadText, lines: list[str]) -> Iterator[Fact]:
    """``Industry: Robotics``, or a cell *Industry* with *Robotics* in the next."""
    for index, line in enumerate(lines):
        label, _, rest = line.partition(":")
        field = _FIELD_OF.get(label.strip().casefold())
        if field is None:
            continue
        value, quote = rest.strip(), line
        if not value and index + 1 < len(lines):
            value, quote = lines[index + 1].strip(), f"{line}\n{lines[index + 1]}"
        if not value or len(value) > 120 or value.rstrip(":").casefold() in _FIELD_OF:
            continue
        if field == "size":
            number = re.search(r"\d[\d.,' ]*(?:\s*(?:-|–|to)\s*\d+)?\+?", value)
            if number is None:
                continue
            value = number[0].strip()
        elif field in ("name", "location") and not re.search(r"[^\W\d_]{2}", value):
            continue
        yield Fact(field, value, page.ident, quote, "high")


def _phrased(page: ReadText, lines: list[str]) -> Iterator[Fact]:
    for line in lines:
        for field, pattern in (("size", _SIZE), ("size", _TEAM_OF), ("location", _BASED)):
            found = pattern.search(line)
            if found is not None:
                value = found[1].strip().rstrip(".")
                if field == "size" and found.re is _SIZE and found[2]:
                    value += found[2]
                yield Fact(field, value, page.ident, _around(line, found), "medium")
        kind = _INDUSTRY.search(line)
        if kind is not None:
            value = f"{kind[1]} {kind[2]}"
            yield Fact("industry", value, page.ident, _around(line, kind), "medium")
        known = list(dict.fromkeys(_TECHNOLOGY.findall(line)))
        if len(known) > 1 or (
            known and re.search(r"stack|technolog|built|powered|runs? on", line, re.I)
        ):
            yield Fact("technologies", ", ".join(known), page.ident, line[:390], "medium")
    for line in lines:
        if 40 <= len(line) <= 390 and len(line.split()) >= 7 and _reads_as_words(line):
            yield Fact("summary", line[:VALUE_LIMIT], page.ident, line[:390], "medium")
            break
    for line in lines:
        # A year of copyright before a name looks like a postal code before a town.
        found = _POSTAL.search(line) if len(line) < 160 and not _COPYRIGHT.search(line) else None
        if found is not None:
            yield Fact("location", found[2], page.ident, line, "medium")
            break


def _named(page: ReadText, lines: list[str], domain: str) -> Iterator[Fact]:
    label = re.sub(r"[^a-z0-9]", "", domain.partition(".")[0])
    parts = [part.strip(" :|-") for part in _PARTED.split(page.title) if part.strip(" :|-")]
    for part in parts:
        plain = re.sub(r"[^a-z0-9]", "", part.casefold())
        if label and plain and (label in plain or plain in label) and plain not in _GREETINGS:
            yield Fact("name", part, page.ident, part, "medium")
    for line in lines[-40:]:
        found = _COPYRIGHT.search(line)
        if found is not None and found[1].strip().casefold() not in ("all rights reserved", ""):
            value = re.sub(r"\s*all rights reserved.*", "", found[1], flags=re.IGNORECASE).strip()
            if value:
                yield Fact("name", value, page.ident, found[0].strip()[:390], "medium")
    for line in lines:
        if len(line) <= 60 and _FORM.search(line) and len(line.split()) <= 7:
            yield Fact("name", line.strip(" ,;:"), page.ident, line, "medium")
            break


def _contacts(page: ReadText, lines: list[str], domain: str) -> Iterator[Fact]:
    def ours(address: str) -> bool:
        host = address.rpartition("@")[2].casefold().rstrip(".")
        return host == domain or host.endswith(f".{domain}")

    for line in (*lines, *page.data.split("\n")):
        found = [one.rstrip(".") for one in _EMAIL.findall(line) if ours(one)]
        if found and len(found) == len(_EMAIL.findall(line)):
            first = line.find(found[0])
            said = _SAID.search(line) if len(set(found)) == 1 else None
            whole = line if len(line) <= 390 else line[max(0, first - 100) : first + 200]
            quote = said[0] if said is not None else whole
            unique = list(dict.fromkeys(one.casefold() for one in found if one in quote))[:3]
            yield Fact("contacts", ", ".join(unique), page.ident, quote, "high")


def _news(page: ReadText, lines: list[str]) -> Iterator[Fact]:
    dated: list[tuple[str, str, str]] = []
    for index, line in enumerate(lines):
        found = _DATE.search(line)
        if (
            found is None
            or len(line) > 300
            or re.search(r"©|copyright|last (?:updated|modified)", line, re.I)
        ):
            continue
        quote = line
        if len(line) <= len(found[0]) + 12 and index + 1 < len(lines):
            quote = f"{line}\n{lines[index + 1][:250]}"
        if len(quote) > len(found[0]) + 12:
            dated.append((_sortable(found[0]), " ".join(quote.split())[:VALUE_LIMIT], quote))
    for _, value, quote in sorted(dated, reverse=True)[:1]:
        yield Fact("news", value, page.ident, quote, "medium")


_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
)} | {"mär": 3, "mai": 5, "okt": 10, "dez": 12}  # fmt: skip


def _sortable(date: str) -> str:
    if re.match(r"20\d\d-", date):
        return date
    year = re.search(r"20\d\d", date)
    numbers = re.findall(r"\d{1,2}(?!\d)", re.sub(r"20\d\d", "", date))
    word = re.search(r"[^\W\d_]{3,}", date)
    month = (
        _MONTHS.get(word[0][:3].casefold(), 0) if word else int(numbers[1]) if numbers[1:] else 0
    )
    day = int(numbers[0]) if numbers else 0
    return f"{year[0] if year else '0000'}-{month:02}-{day:02}"


def _around(line: str, found: re.Match[str]) -> str:
    """The line, or as much of it around what was found as a quote may hold."""
    if len(line) <= 390:
        return line
    start = max(0, found.start() - 120)
    return line[start : start + 390] if found.end() - start <= 390 else found[0][:390]


_IMPERATIVE = re.compile(
    r"\b(?:ignore|disregard|instruction|system prompt|assistant|cookie|javascript|browser)\b", re.I
)


def _reads_as_words(line: str) -> bool:
    """Whether a line is a sentence about something, and no menu, no notice and no instruction."""
    letters = sum(sign.isalpha() or sign.isspace() for sign in line)
    return letters / len(line) > 0.85 and not _IMPERATIVE.search(line)
