"""Rows of a CSV or JSON lines file as records, for an import. Bad rows are named, never guessed."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.crm.records import (
    FIELD_LIMIT,
    Key,
    clean,
    is_field,
    normal_domain,
    normal_email,
)

_LARGEST_BYTES = 200_000_000
_NOT_FIELDS = frozenset({"kind", "id", "updated_at", "proposal"})
"""Columns that say something of the row, and are no values of it."""


class NotRows(Exception):
    """The file as a whole cannot be read as rows. Its words say why."""


@dataclass(frozen=True)
class Row:
    """The record's key, and the values that are not empty."""

    key: Key
    values: Mapping[str, str]


@dataclass(frozen=True)
class BadRow:
    """A row that is not taken in. ``line`` counts from 1, a CSV file's header included."""

    line: int
    why: str


def read_rows(path: Path, names: Mapping[str, str]) -> Iterator[Row | BadRow]:
    """The rows of a ``.csv`` or ``.jsonl`` file; ``names`` translates their names into ours.

    Raises ``NotRows``."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise NotRows(f"{path}: larger than {_LARGEST_BYTES} bytes; split it")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as fault:
        raise NotRows(f"{path}: cannot be read: {fault.strerror or fault}") from fault
    except UnicodeDecodeError as fault:
        raise NotRows(f"{path}: is not UTF-8; save it as UTF-8") from fault
    match path.suffix.lower():
        case ".csv":
            found = _csv(text, path)
        case ".jsonl" | ".ndjson":
            found = _json_lines(text)
        case _:
            raise NotRows(f"{path}: is neither .csv nor .jsonl; name it so")
    for line, cells in found:
        if isinstance(cells, str):
            yield BadRow(line, cells)
        else:
            ours = {names.get(name, name): value for name, value in cells.items()}
            row = _row(ours)
            yield BadRow(line, row) if isinstance(row, str) else row


def _csv(text: str, path: Path) -> Iterator[tuple[int, dict[str, str] | str]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
    except csv.Error as fault:
        raise NotRows(f"{path}:1: its header cannot be read: {fault}") from fault
    if not header or "" in header or len(set(header)) != len(header):
        raise NotRows(f"{path}:1: the header must name each column, and no two alike")
    while True:
        line = rows.line_num + 1
        try:
            cells = next(rows, None)
        except csv.Error as fault:
            yield line, f"not CSV: {fault}"
            continue  # with the next line: what is right there is taken in
        if cells is None:
            return
        if not any(cells):
            continue
        if len(cells) > len(header):
            yield line, f"{len(cells)} cells, and the header has {len(header)}"
        else:
            yield line, dict(zip(header, cells, strict=False))


def _json_lines(text: str) -> Iterator[tuple[int, dict[str, str] | str]]:
    for line, raw in enumerate(text.split("\n"), start=1):
        if not raw.strip():
            continue
        try:
            value = json.loads(raw, object_pairs_hook=_once, parse_constant=_no_number)
        except _Named as fault:
            yield line, str(fault)
            continue
        except (ValueError, RecursionError):
            yield line, "not JSON; write one object a line"
            continue
        if not isinstance(value, dict):
            yield line, "not an object; write one object a line"
            continue
        cells = {name.strip().lower(): _cell(one) for name, one in value.items()}
        odd = [name for name, one in cells.items() if one is None]
        if odd:
            yield line, f"{odd[0]}: must be text, a number or a list of them"
        else:
            yield line, {name: one or "" for name, one in cells.items()}


class _Named(ValueError):
    """What is wrong with an object, in words for who wrote it."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name.strip().lower() for name, _ in pairs]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise _Named(f"{name[:60]!r} stands there twice")
        seen.add(name)
    return dict(pairs)


def _no_number(text: str) -> object:
    raise _Named(f"{text} is no number of JSON")


def _cell(value: object) -> str | None:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case float() if not math.isfinite(value):
            return None
        case int() | float():
            return str(value)
        case list() if all(isinstance(one, str | int | float) for one in value):
            return ", ".join(str(one) for one in value)
        case _:
            return None


def _row(cells: Mapping[str, str]) -> Row | str:
    """The row, or why it is none."""
    given = {name: text for name, value in cells.items() if (text := clean(value))}
    kind = given.get("kind", "").lower()
    if kind not in ("", "company", "person"):
        return "kind: must be company or person"
    key = _key(given, kind)
    if isinstance(key, str):
        return key
    values = {name: value for name, value in given.items() if name not in _NOT_FIELDS}
    values.pop(key.column)
    for name, value in values.items():
        if not is_field(name):
            return f"{name[:60]!r} is no field's name: small letters, digits and _"
        if len(value) > FIELD_LIMIT:
            return f"{name}: longer than {FIELD_LIMIT} characters"
    for name, normal in (("domain", normal_domain), ("email", normal_email)):
        if name in values:
            whole = normal(values[name])
            if whole is None:
                return f"{name}: {values[name][:60]!r} is none"
            values[name] = whole
    return Row(key, values)


def _key(given: Mapping[str, str], kind: str) -> Key | str:
    """A row with an e-mail address is a person's unless it says otherwise."""
    if kind == "person" or (not kind and "email" in given):
        email = normal_email(given.get("email", ""))
        return Key("person", email) if email else "email: a person needs an e-mail address"
    if "domain" in given:
        domain = normal_domain(given["domain"])
        return Key("company", domain) if domain else f"domain: {given['domain'][:60]!r} is none"
    return "neither domain nor email, so nothing says which record it is"
