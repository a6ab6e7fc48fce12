"""The copies of a card on its surfaces."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from bot.domain.names import Frozen
from bot.domain.tickets import Place


class Copy(Frozen):
    """One card message on a surface. ``version`` is the proposal's version that it shows."""

    place: Place
    """The message, once posted; before that, where it is to go."""
    room: str
    """What was asked for: a channel, or a person where no channel takes the card."""
    status: Literal["posting", "posted", "gone", "refused"]
    """
    posting: a post is on the way or lost. posted: it is there.
    gone: nothing is there (any more), so another is posted where the proposal needs one.
    refused: the surface will not have it posted, found or changed; nothing more is tried here.
    """
    since: datetime
    version: int = -1
    main: bool = True
    """Carries the buttons; at most one a channel does."""
    attempts: int = 0
    """Posts announced, or redraws and look-ups that failed, since it last went well."""
    again_at: datetime | None = None
    """Not tried again before then."""
    error: str | None = None


class Board(Frozen):
    """Every copy of a proposal's card, and what is shown on the customer's own message."""

    proposal: str
    copies: tuple[Copy, ...] = ()
    awaited: bool = False
    """A card is to come, and none has shown yet what the run came to."""
    shown_ms: int | None = None
    """When one first did, after the proposal's beginning. None: nobody noted it."""
    status_line: Place | None = None
    status_text: str = ""
    reaction: Literal["", "working", "done", "refused", "unsure"] = ""
    told: bool = False
    """The asker alone has been told the answer."""
    tell_tries: int = 0
    tell_again_at: datetime | None = None
    progress_tries: int = 0
    """How often in a row the customer's side could not be shown how far it is."""
    progress_again_at: datetime | None = None
    """Not tried again before then."""
