"""The journal by the page: what happened, newest first, and whether its chain holds.

Read by index. What has no index is looked for in so many entries, and the page says how far that
came; the whole chain is followed by ``deskhand journal verify``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, get_args
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot.authority import ticket_route
from bot.journal import Broken, Entry, EntryKind, Verified
from bot.tracing import TraceLine, kind_of, message_of, words_of
from handlers.console.asking import Visitor
from handlers.console.pages import message, page
from handlers.console.parts import ConsoleParts, JournalPage
from handlers.names import Names

ROWS: Final = 50
VERIFY_SECONDS: Final = 20.0
"""How long a page may take to follow the whole chain: some hundred thousand entries."""
_ENTRY: Final = re.compile(r"[1-9][0-9]{12}-[0-9]{1,9}\Z")
_PLACE: Final = re.compile(r"[0-9]{1,9}\Z")
_CASE: Final = re.compile(r"[tpr]_[a-z2-7]{16}\Z")
_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]([0-9]{1,2}:[0-9]{2}))?\Z")
_LONGEST: Final = 200


@dataclass(frozen=True)
class Row:
    """One entry on the page."""

    id: str
    at: datetime
    kind: str
    case: str
    playbook: str
    by: str
    words: str


@dataclass(frozen=True)
class Asked:
    """What is looked for."""

    words: str = ""
    kind: str = ""
    playbook: str = ""
    before: str = ""

    def address(self, before: str) -> str:
        given = {"q": self.words, "kind": self.kind, "playbook": self.playbook, "before": before}
        query = urlencode({name: value for name, value in given.items() if value})
        return f"/console/journal?{query}"


async def journal(parts: ConsoleParts, request: Request, visitor: Visitor) -> Response:
    """``/console/journal``: all of it for managers, a ticket of theirs for approvers."""
    query = request.query_params
    asked = Asked(
        query.get("q", "").strip()[:_LONGEST],
        query.get("kind", "") if query.get("kind") in get_args(EntryKind) else "",
        query.get("playbook", "") if query.get("playbook") in parts.context.playbooks else "",
        query.get("before", ""),
    )
    manager = await visitor.sight.manager()
    found, older, refused = await _look(parts, visitor, asked, manager=manager)
    names = parts.names
    if found is not None:
        await names.learn(line.entry.actor for line in found.lines)
    head = await parts.record.head()
    files = await parts.journal.archived() if older is None and not refused else None
    return page(
        request,
        "journal.html",
        visitor,
        asked=asked,
        kinds=get_args(EntryKind),
        playbooks=sorted(parts.context.playbooks),
        manager=manager,
        rows=[_row(line, names) for line in found.lines] if found else [],
        older=older,
        refused=refused,
        length=await parts.journal.length(),
        head=head,
        head_hex=head.link.hex(),
        chain=found.chain if found else None,
        holds=isinstance(found.chain, Verified) if found else None,
        broken=found.chain if found and isinstance(found.chain, Broken) else None,
        unsealed=found.unsealed if found else 0,
        searched=found.looked_through if found and asked.words and not _is_case(asked) else 0,
        filed=files.entries if files else 0,
        filed_until=datetime.fromtimestamp(files.until_ms / 1000, UTC) if files else None,
        searched_to=found.lines[-1].at if found and found.lines else None,
    )


async def verify_whole(parts: ConsoleParts, request: Request, visitor: Visitor) -> Response:
    """POST ``/console/journal/verify``: every link that is in the store, for managers. It ends
    after ``VERIFY_SECONDS``, and lets others have their turn between any two pages."""
    link = ("/console/journal", "To the journal")
    if not await visitor.sight.manager():
        words = "The whole journal is for the managers."
        return message(request, visitor, 403, "You may not read this", words, link=link)
    if parts.verifying.locked():
        words = "Somebody is having the journal verified just now. Try again in a moment."
        return message(request, visitor, 409, "Under way", words, link=link)
    done = 0

    def reached(entries: int) -> None:
        nonlocal done
        done = entries

    files = await parts.journal.archived()
    beside = f" The {files.entries:,} before them lie in files." if files.entries else ""
    rest = "`deskhand journal verify` follows all of it."
    try:
        async with parts.verifying, asyncio.timeout(VERIFY_SECONDS):
            found = await parts.record.verify(progress=reached)
    except TimeoutError:
        held = max(0, done - files.entries)
        words = f"{held:,} entries hold; the rest takes too long for a page. {rest}"
        return message(request, visitor, 200, "Not done", words, link=link)
    if isinstance(found, Broken):
        words = (
            f"At entry {found.id}, number {found.position + 1} ({found.why}): somebody has changed"
            f" the record. {rest}"
        )
        return message(request, visitor, 200, "The chain is broken", words, link=link)
    words = f"{found.entries - files.entries:,} entries, whole and in order.{beside} {rest}"
    return message(request, visitor, 200, "The chain holds", words, link=link)


async def _look(
    parts: ConsoleParts, visitor: Visitor, asked: Asked, *, manager: bool
) -> tuple[JournalPage | None, str | None, str]:
    """A page, the address of the next one, and why there is none."""
    if _is_case(asked):
        ticket, proposal_id = await parts.overview.named(asked.words)
        if ticket is None:
            return None, None, f"Nothing is known under {asked.words}."
        if not manager and not await _may_read(parts, visitor, proposal_id):
            return None, None, "That ticket is not of your routes."
        place = int(asked.before) if _PLACE.match(asked.before) else None
        found, left = await parts.journal.of_case(ticket, place, ROWS)
        return found, asked.address(str(left)) if left is not None else None, ""
    if not manager:
        return (
            None,
            None,
            "The whole journal is for the managers. Look up a ticket of your routes by its id.",
        )
    before = asked.before if _ENTRY.match(asked.before) else None
    wanted, may_be = _wanted(asked), _may_be(asked)
    if (at := _moment(asked.words)) is not None:
        rest = Asked(kind=asked.kind, playbook=asked.playbook)
        wanted, may_be = _wanted(rest), _may_be(rest)
        # Nothing is older than the first id that there can be.
        before = before or f"{max(1, int(at.timestamp() * 1000))}-0"
    elif _ENTRY.match(asked.words):
        wanted = None
        ms, _, number = asked.words.partition("-")
        before = before or f"{ms}-{int(number) + 1}"
    page_ = await parts.journal.newest(before, ROWS, wanted, may_be)
    return page_, asked.address(page_.older) if page_.older else None, ""


def _is_case(asked: Asked) -> bool:
    return bool(_CASE.match(asked.words)) or message_of(asked.words) is not None


async def _may_read(parts: ConsoleParts, visitor: Visitor, proposal_id: str | None) -> bool:
    case = await parts.context.store.case(proposal_id) if proposal_id else None
    if case is None:
        return False
    return await visitor.sight.route(*await ticket_route(parts.context, case))


def _wanted(asked: Asked) -> Callable[[Entry], bool] | None:
    words = asked.words.casefold()
    if not (words or asked.kind or asked.playbook):
        return None

    def fits(entry: Entry) -> bool:
        if asked.kind and entry.kind != asked.kind:
            return False
        if asked.playbook and entry.playbook != asked.playbook:
            return False
        return not words or words in entry.model_dump_json(exclude={"texts"}).casefold()

    return fits


def _may_be(asked: Asked) -> Callable[[bytes], bool]:
    """The same question of an entry's bytes: no where the answer is certainly no."""
    kind = f'"kind":"{asked.kind}"'.encode() if asked.kind else b""
    playbook = asked.playbook.encode() if asked.playbook.isascii() else b""
    # Other letters may stand in JSON in more than one way.
    words = (
        asked.words.casefold().encode() if asked.words.isalnum() and asked.words.isascii() else b""
    )

    def fits(raw: bytes) -> bool:
        return kind in raw and playbook in raw and (not words or words in raw.lower())

    return fits


def _moment(words: str) -> datetime | None:
    """The end of the day, or of the minute, that ``words`` names (UTC)."""
    found = _DAY.match(words)
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(f"{found[1]}T{(found[2] or '00:00').zfill(5)}+00:00")
        return at + (timedelta(minutes=1) if found[2] else timedelta(days=1))
    except ValueError:
        return None
    except OverflowError:  # the end of the last day that there is
        return datetime.max.replace(tzinfo=UTC)


def _row(line: TraceLine, names: Names) -> Row:
    entry = line.entry
    return Row(
        id=line.id,
        at=line.at,
        kind=kind_of(line),
        case=entry.ticket or entry.proposal or "",
        playbook=entry.playbook or "",
        by=names.of(entry.actor),
        words=words_of(line),
    )
