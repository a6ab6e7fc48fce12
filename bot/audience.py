"""Who else reads what is said somewhere."""

from __future__ import annotations

import logging

from bot.context import Context
from bot.domain import Place
from bot.ports import NotRead

log = logging.getLogger("deskhand.intake")


async def has_guests(context: Context, place: Place) -> bool:
    """Whether guests, or people of other organisations, read it there. Nobody knows: they might."""
    surface = context.surfaces.shown.get(place.surface)
    try:
        return surface is None or await surface.has_guests(place)
    except NotRead as failed:
        log.info("deskhand: who reads %s is not known: %s", place.key, failed)
        return True
