"""How the store fails before it is a store; ``StoreUnavailable`` (not now) is in ``bot.ports``."""

from __future__ import annotations


class EmbeddedServerError(Exception):
    """The embedded server cannot run: one line that says what stands in the way and what to do."""


class StoreRefused(Exception):
    """This server must not be the store: one line with the reason and the remedy, no password."""
