"""An answer as its readers see it: a heading, parts, notes; as text; and as data. Pure.

Words are raw and may be hostile: each surface makes them inert in its own markup.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from pydantic import JsonValue

from bot.domain import Answer

NOTHING_FOUND = "nothing found"
_KINDS = {"changed": "Changed", "decided": "Decided", "open": "Open", "owes": "Owes"}
_VERDICTS = {"pass": "pass", "fails": "fails", "cannot_tell": "cannot tell"}
_MARKS = {"pass": "✓", "fails": "✗", "cannot_tell": "?"}
_COUNTED = 24
"""Characters that are kept free to count what has no room."""
_SHORTEST = 40
"""Characters to which a quote is shortened at most, before passages are left out of the data."""


@dataclass(frozen=True)
class Part:
    """One passage, rule or item."""

    head: str
    quote: str = ""
    """Verbatim."""
    words: str = ""
    link: str | None = None


def headline(answer: Answer) -> str:
    """One line: what kind of answer, and how much of it."""
    match answer.kind:
        case "research":
            count = len(answer.passages)
            return NOTHING_FOUND if not count else f"{count} passage{'s' if count > 1 else ''}"
        case "screen":
            if not answer.verdicts:
                return "no rules to check"
            names = ("fails", "cannot_tell", "pass")
            counts = {name: sum(one.verdict == name for one in answer.verdicts) for name in names}
            return ", ".join(f"{_VERDICTS[name]}: {count}" for name, count in counts.items())
        case "summary":
            return "Summary" if answer.items else "nothing to summarize"
        case _:
            assert_never(answer.kind)


def parts(answer: Answer) -> Iterator[Part]:
    """What the answer is made of, in its order."""
    for passage in answer.passages:
        page = f", page {passage.page}" if passage.page is not None else ""
        yield Part(f"{passage.file}{page}", passage.quote, passage.why)
    for verdict in answer.verdicts:
        said = f"{_MARKS[verdict.verdict]} {_VERDICTS[verdict.verdict]}"
        head = f"{said} · {verdict.id}: {verdict.rule}"
        yield Part(head, verdict.quote or "", verdict.why)
    for item in answer.items:
        who = f" ({item.who})" if item.who else ""
        yield Part(f"{_KINDS[item.kind]}{who}", "", item.words, item.link)


def text(answer: Answer, limit: int) -> str:
    """The whole as plain text of at most ``limit`` characters; what has no room is counted. What
    its reader must know besides has room before the parts have."""
    written = [headline(answer)]
    made = [_text_of(number, part) for number, part in enumerate(parts(answer), start=1)]
    notes = "\n".join(_noted(answer.notes, limit // 3))
    room = limit - len(written[0]) - 40 - len(notes)
    for count, one in enumerate(made):
        if len(one) + 2 > room:
            written.append(f"and {len(made) - count} more")
            break
        written.append(one)
        room -= len(one) + 2
    if notes:
        written.append(notes)
    return "\n\n".join(written)[:limit]


def _noted(notes: Sequence[str], room: int) -> Iterator[str]:
    """As many notes as have room, each on a line, and how many have none."""
    for count, note in enumerate(notes):
        room -= len(note) + 1
        if room < _COUNTED:
            yield f"and {len(notes) - count} more notes"
            return
        yield note


def data(run: str, answer: Answer, most_bytes: int) -> dict[str, JsonValue]:
    """The answer for programs, of at most so many bytes of JSON: first every quote is shortened,
    which leaves it verbatim, then the last passages are left out."""
    made: dict[str, Any] = {"run": run, "kind": answer.kind}
    match answer.kind:
        case "research":
            passages = [
                {"file": one.file, "page": one.page, "quote": folded(one.quote)}
                for one in answer.passages
            ]
            return _fitted(made, "passages", passages, most_bytes)
        case "screen":
            rules = [{"id": one.id, "verdict": one.verdict} for one in answer.verdicts]
            return _fitted(made, "rules", rules, most_bytes)
        case "summary":
            items = [{"kind": one.kind, "who": one.who, "link": one.link} for one in answer.items]
            return _fitted(made, "items", items, most_bytes)
        case _:
            assert_never(answer.kind)


def still_said(made: Mapping[str, Any], words: str) -> dict[str, Any]:
    """Of an answer as data what ``words`` still say: an edit may have taken out a file's name and
    left its quote, or changed what is said of a rule."""
    text = folded(words)
    kept = {key: value for key, value in made.items() if key in ("run", "kind")}
    for name in ("passages", "rules", "items"):
        rows = made.get(name)
        if isinstance(rows, list):
            kept[name] = [row for row in rows if isinstance(row, dict) and _stands(row, text)]
    return kept


def _stands(row: Mapping[str, Any], text: str) -> bool:
    said = [row.get(name) for name in ("file", "quote", "who", "link", "id")]
    if isinstance(verdict := row.get("verdict"), str):
        said.append(f"{verdict.replace('_', ' ')}: {row.get('id')}")
    return all(folded(words) in text for words in said if isinstance(words, str))


def folded(words: str) -> str:
    """With its white space run together."""
    return " ".join(words.split())


def _fitted(
    made: dict[str, Any], name: str, rows: list[dict[str, Any]], most: int
) -> dict[str, JsonValue]:
    longest = max((len(row.get("quote", "")) for row in rows), default=0)
    while rows and _size({**made, name: rows}) > most:
        if longest > _SHORTEST:
            longest = max(_SHORTEST, longest * 3 // 4)
            rows = [_shortened(row, longest) for row in rows]
        else:
            rows = rows[:-1]
    return {**made, name: rows}


def _shortened(row: Mapping[str, Any], longest: int) -> dict[str, Any]:
    quote = row.get("quote")
    return dict(row) if quote is None else {**row, "quote": quote[:longest].rstrip()}


def _size(payload: Mapping[str, Any]) -> int:
    # Whichever way the other side counts: escaped, or in bytes.
    escaped = len(json.dumps(payload))
    return max(escaped, len(json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")))


def _text_of(number: int, part: Part) -> str:
    lines = [f"{number}. {part.head}"]
    if part.quote:
        lines.append(f"“{folded(part.quote)}”")
    if part.words:
        lines.append(part.words)
    if part.link:
        lines.append(part.link)
    return "\n".join(lines)
