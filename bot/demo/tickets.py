"""The demo's tickets: the sample desk's, or a file of the person's own."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from bot.demo.desk import DemoTicket
from bot.faults import OperatorError
from bot.ticket_body import InvalidBody, read_body
from handlers.guard import Refused, parse_text

DESK = Path(__file__).resolve().parent.parent / "desk"
"""The sample desk that comes with Deskhand."""


def sample_tickets() -> tuple[DemoTicket, ...]:
    return _read(DESK / "tickets.jsonl", "")


def sample_leads() -> tuple[DemoTicket, ...]:
    """Leads about the companies of the sample desk's ``sites``."""
    return tuple(replace(one, kind="lead") for one in _read(DESK / "leads.jsonl", ""))


def tickets_of(path: Path) -> tuple[DemoTicket, ...]:
    """A file of JSON lines. Raises ``OperatorError`` with a line for each mistake."""
    # Two files may both begin at ticket 1: a file's own name keeps them apart in the demo's folder.
    tag = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    found = _read(path, f"{tag}/")
    if not found:
        raise OperatorError(f"{path}: holds no ticket; write one JSON object a line")
    return found


def _read(path: Path, tag: str) -> tuple[DemoTicket, ...]:
    try:
        rows = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as unreadable:
        raise OperatorError(
            f"{path}: cannot be read ({unreadable.strerror}); name a file of JSON lines"
        ) from unreadable
    except UnicodeDecodeError as other:
        raise OperatorError(f"{path}: not UTF-8; save the file as UTF-8") from other
    found: dict[str, DemoTicket] = {}
    faults: list[str] = []
    for number, row in enumerate(rows, start=1):
        if not row.strip():
            continue
        try:
            body = read_body(parse_text(row))
        except Refused as refused:
            wrong = refused.reason.removeprefix("the body ")
            faults.append(f"{path}:{number}: {wrong}; write one JSON object a line")
        except InvalidBody as invalid:
            faults.append(f"{path}:{number}: {invalid}")
        else:
            if body.id in found:
                faults.append(f"{path}:{number}: id: {body.id!r} was given before; change it")
            found[body.id] = DemoTicket(tag + body.id, body)
    if faults:
        raise OperatorError(*faults[:20])
    return tuple(found.values())
