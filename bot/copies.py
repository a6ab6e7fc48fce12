"""What is to be done next for each copy of a card, as one pure function of the board and the time.

Each copy is judged by itself, so that one that cannot be posted, found or redrawn holds up no
other. What went wrong with it stands on the board: how often, why, and until when it rests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.card import Words
from bot.domain import Board, Copy, Place, SurfaceName
from bot.ports import NotPosted, NotRead, SurfaceError

START_SECONDS = 3.0
"""A post that has not begun so long after its announcement is not made any more."""
POST_SECONDS = 10.0
"""A post has ended so long after its announcement, by an answer or by a time-out."""
LOST_AFTER = timedelta(seconds=12)
"""An announcement this old without an end has lost its poster: above ``POST_SECONDS``, with room
for clocks that differ and for a request that is still on its way."""
TRIES = 100
"""So often is tried what a surface refuses for a passing reason: for more than seven hours."""
_LATE_LOOK = timedelta(seconds=60)
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=2), timedelta(minutes=5)


@dataclass(frozen=True)
class Post:
    """A card belongs in this room and none is there. ``earlier``: the one that is gone.
    ``attempts``: this one included, those in a row that came to nothing."""

    place: Place
    earlier: Copy | None
    attempts: int


@dataclass(frozen=True)
class Find:
    """Whoever announced this post has not said what became of it: look whether it is there."""

    copy: Copy


@dataclass(frozen=True)
class Redraw:
    """This copy shows something else than the proposal is."""

    copy: Copy
    buttons: bool


Task = Post | Find | Redraw


@dataclass(frozen=True)
class Plan:
    """What can be done now, in any order and at once, and when to look again."""

    tasks: tuple[Task, ...]
    again_at: datetime | None


def plan(
    board: Board,
    rooms: Collection[Place],
    surfaces: Collection[SurfaceName],
    version: int,
    drawn: Mapping[Place, int],
    now: datetime,
) -> Plan:
    """What the copies lack of a card at ``version`` in ``rooms``.

    Copies on a surface that is no longer in use stay as they are. ``drawn`` is what the caller has
    drawn last, by message: after a lost race over the board the message may show that older drawing
    although the board names the other's newer one.
    """
    tasks: list[Task] = []
    later: list[datetime] = []

    def at(moment: datetime | None, task: Task) -> None:
        if moment is None or moment <= now:
            tasks.append(task)
        else:
            later.append(moment)

    for place in dict.fromkeys(rooms):
        there = carrier(board, (place.surface, place.place))
        if there is None or there.status == "gone":
            at(there.again_at if there else None, Post(place, there, _attempts(board, place) + 1))
    wanted = {(place.surface, place.place) for place in rooms}
    for copy in board.copies:
        if copy.place.surface not in surfaces:
            continue
        match copy.status:
            case "posting":
                at(copy.again_at or lost_at(copy), Find(copy))
            case "posted":
                main = copy == carrier(board, room(copy)) and (not wanted or room(copy) in wanted)
                known = drawn.get(copy.place, version)
                if copy.version < version or known != version or copy.main != main:
                    at(copy.again_at, Redraw(copy, main))
            case "gone" | "refused":
                pass
    if any(isinstance(task, Post) for task in tasks):
        # A copy that loses its buttons to another room does so when that room has the card.
        tasks = [task for task in tasks if not isinstance(task, Redraw) or task.buttons]
    return Plan(tuple(tasks), min(later, default=None))


def first_open(board: Board, choices: Iterable[tuple[Place, ...]]) -> tuple[Place, ...]:
    """The first choice of rooms of which some have not refused the card, and those of it."""
    refused = {room(copy) for copy in board.copies if copy.status == "refused"}
    refused -= {room(copy) for copy in board.copies if copy.main and _lives(copy)}
    for places in choices:
        taken = tuple(place for place in places if (place.surface, place.place) not in refused)
        if taken:
            return taken
    return ()


def carrier(board: Board, of: tuple[SurfaceName, str]) -> Copy | None:
    """The copy that carries the buttons in this room: of those that live the newest that carries
    them already; where none lives, the newest that is gone."""
    there = [copy for copy in board.copies if room(copy) == of]
    posted = [copy for copy in there if copy.status == "posted"]
    main = [copy for copy in there if copy.main and _lives(copy)]
    gone = [copy for copy in there if copy.status == "gone"]
    found = main or posted or gone
    return found[-1] if found else None


def room(copy: Copy) -> tuple[SurfaceName, str]:
    """What tells one room from another; a message posted to a person has another place than that
    person."""
    return copy.place.surface, copy.room


def lost_at(announced: Copy) -> datetime:
    """When an announced post that nobody has told the end of is looked for."""
    return announced.since + max(LOST_AFTER, wait(announced.attempts))


def wait(attempts: int) -> timedelta:
    """How long to rest after so many attempts."""
    doubled: timedelta = _FIRST_WAIT * 2 ** min(max(attempts - 1, 0), 10)
    return min(doubled, _LONGEST_WAIT)


def after_failure(tried: Copy, error: SurfaceError, now: datetime) -> Copy:
    """A copy whose ``attempts`` counts what has just failed: it rests, or it is given up."""
    if is_final(error) or tried.attempts >= TRIES:
        return tried.model_copy(update={"status": "refused", "again_at": None, "error": str(error)})
    rest = retry_after(error) or wait(tried.attempts)
    return tried.model_copy(update={"again_at": now + rest, "error": str(error)})


def is_final(error: SurfaceError) -> bool:
    """Whether it is useless to try again."""
    return isinstance(error, NotPosted | NotRead) and error.final


def retry_after(error: SurfaceError) -> timedelta | None:
    """How long the surface asks to wait."""
    if isinstance(error, NotPosted | NotRead) and error.retry_after_seconds is not None:
        return timedelta(seconds=error.retry_after_seconds)
    return None


def replaced(board: Board, before: Copy, now: Copy | None) -> Board | None:
    """The board with one copy changed, or left out; None: it is no longer there as it was."""
    if before not in board.copies:
        return None
    rest = tuple(copy for copy in board.copies if copy != before)
    return board.model_copy(update={"copies": rest if now is None else (*rest, now)})


def announced(board: Board, earlier: Copy | None, now: Copy) -> Board | None:
    """The board with a post announced; None: its room is no longer as it was."""
    if carrier(board, room(now)) != earlier:
        return None
    rest = tuple(copy for copy in board.copies if copy != earlier)
    return board.model_copy(update={"copies": (*rest, now)})


def settled(board: Board, lost: Copy, posted: Copy) -> Board | None:
    """The board with the card that ``lost`` announced; None: it says so already.

    If another worker took the announcement for lost meanwhile and has posted its own, this message
    is noted beside that one, as one that has to lose its buttons.
    """
    rest = tuple(copy for copy in board.copies if copy != lost)
    stands = len(rest) < len(board.copies)
    if any(copy.place == posted.place for copy in rest):
        return board.model_copy(update={"copies": rest}) if stands else None
    if not stands or not lost.main:
        posted = posted.model_copy(update={"version": -1, "main": False})
    return board.model_copy(update={"copies": (*rest, posted)})


def given_up(lost: Copy, now: datetime) -> Copy:
    """An announcement whose card is not there in time: another is posted, and this one is looked
    for once more, for a surface may take its time."""
    return lost.model_copy(update={"main": False, "again_at": now + _LATE_LOOK})


def behind(board: Board) -> Board:
    """The board as if every posted copy showed something old: all are drawn again.

    Older each time: what is being drawn just now, from before this, must not pass for it."""

    def older(copy: Copy) -> Copy:
        if copy.status != "posted":
            return copy
        return copy.model_copy(update={"version": min(copy.version, 0) - 1})

    return board.model_copy(update={"copies": tuple(map(older, board.copies))})


def refusals(board: Board) -> tuple[Words, ...]:
    """Which rooms refused the card, for whoever sees it instead."""
    return tuple(
        (f"This card could not be {_tried(copy)} in {copy.room} ({copy.error}).",)
        for copy in board.copies
        if copy.status == "refused"
    )


def _lives(copy: Copy) -> bool:
    return copy.status in ("posting", "posted")


def _attempts(board: Board, place: Place) -> int:
    failed = [
        copy.attempts
        for copy in board.copies
        if room(copy) == (place.surface, place.place) and copy.status in ("gone", "posting")
    ]
    return max(failed, default=0)


def _tried(copy: Copy) -> str:
    return "posted" if copy.place.message is None else "kept up to date"
