"""What figures are kept apart by, and how they are summed again.

A cell is one playbook, route, model and prompt version; every count belongs to one cell. A figure
of a playbook, or of a route and a model, is the sum over the cells that fit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from bot.domain import Proposal

Dimension = Literal["playbook", "route", "model", "prompt_version"]
"""playbook, route: the config's names. model: the provider's name. prompt_version: the hash of
template, tool schemas and model settings that stands on each call."""

UNKNOWN = "-"
"""Where an event has no such thing: a ticket that comes in has no route yet."""


class Cell(NamedTuple):
    """What one count belongs to."""

    playbook: str = UNKNOWN
    route: str = UNKNOWN
    model: str = UNKNOWN
    prompt_version: str = UNKNOWN

    @property
    def key(self) -> str:
        """The cell as text, whatever its names hold."""
        return json.dumps(self, ensure_ascii=False, separators=(",", ":"))


def cell_of(proposal: Proposal) -> Cell:
    """Where a proposal's figures belong now. An edit may move it to another route."""
    return Cell(
        proposal.playbook,
        proposal.content.route if proposal.content else UNKNOWN,
        proposal.model or UNKNOWN,
        proposal.prompt_version or UNKNOWN,
    )


def read_cell(key: str) -> Cell:
    """The cell of ``Cell.key``. Raises ``ValueError``."""
    return Cell(*json.loads(key))


@dataclass(frozen=True)
class OpenNow:
    """How many proposals of one cell wait for a person, and since when the oldest does."""

    cell: Cell
    total: int
    oldest: datetime
    over_reminder: int


Counts = Mapping[Cell, Mapping[str, int]]
"""Figures by their inner names, cell by cell."""


class Wanted(NamedTuple):
    """Which cells a figure is asked of; None: all of them."""

    playbook: str | None = None
    route: str | None = None
    model: str | None = None
    prompt_version: str | None = None

    def fits(self, cell: Cell) -> bool:
        """Whether this cell's counts are asked for."""
        return all(asked is None or asked == found for asked, found in zip(self, cell, strict=True))

    @property
    def by_run(self) -> bool:
        """Whether a ticket can be found only by the run that ended there: what comes in has no
        route, model or prompt version yet."""
        return (self.route, self.model, self.prompt_version) != (None, None, None)


def summed(counts: Counts, fits: Callable[[Cell], bool]) -> dict[str, int]:
    """The sums over the cells that fit."""
    sums: dict[str, int] = {}
    for cell, figures in counts.items():
        if fits(cell):
            for name, number in figures.items():
                sums[name] = sums.get(name, 0) + number
    return sums
