"""The Lua scripts: package data in ``scripts/``, run by their SHA, each behind one typed function.

A script is the only way in which more than one key changes at once. Each states its contract in
the docstring of the function that calls it (``bot.store.intake``, ``documents``, ``wakes``,
``money``, ``record``, ``examples``).
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from importlib.resources import files

from bot.store.epoch import EPOCH_GUARD_LUA


class Script:
    """One script. Its text is read at its first use, never at import."""

    def __init__(self, name: str, *libraries: str) -> None:
        self.name = name
        self._libraries = libraries

    @cached_property
    def text(self) -> str:
        """The whole source: the first line (flags), the libraries it uses, the script."""
        flags, _, body = _read(self.name).partition("\n")
        if not flags.startswith("#!lua"):
            raise ValueError(f"{self.name}.lua does not begin with #!lua")
        return "\n".join((flags, *(_library(name) for name in self._libraries), body))

    @cached_property
    def sha(self) -> str:
        # Not a secret's hash: it is how Redis names a script.
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


def _read(name: str) -> str:
    return files("bot.store").joinpath("scripts", f"{name}.lua").read_text(encoding="utf-8")


def _library(name: str) -> str:
    return EPOCH_GUARD_LUA if name == "epoch" else _read(name)


ACCEPT = Script("accept")
COMMIT = Script("commit", "append", "learn", "cells")
CLAIM = Script("claim", "append", "epoch")
RECORD = Script("record", "append")
TELL = Script("tell", "append", "once")
STEER = Script("steer", "append")
SEAL = Script("seal", "cells")
OPEN = Script("open")
DUE = Script("due")
BEGIN = Script("begin")
FINISH = Script("finish")
RENEW = Script("renew")
RESERVE = Script("reserve")
SETTLE = Script("settle", "append", "once")
ARCHIVE = Script("archive")

ALL = (
    ACCEPT,
    COMMIT,
    CLAIM,
    RECORD,
    TELL,
    STEER,
    SEAL,
    OPEN,
    DUE,
    BEGIN,
    FINISH,
    RENEW,
    RESERVE,
    SETTLE,
    ARCHIVE,
)
