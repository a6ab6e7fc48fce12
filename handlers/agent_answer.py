"""What ``agent …`` answers, on every surface."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain import Actor


@dataclass(frozen=True)
class CommandAnswer:
    """An answer to ``agent …``. ``text`` is our own markup, which is Slack's: bold, code and links,
    everything else escaped. Where blocks cannot be shown it stands for them; another surface takes
    the markup off."""

    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()
    share: str | None = None
    """The words that, asked anew, are this answer for a whole channel; None: not to be shared."""
    chart: Mapping[str, Any] | None = None
    """A block that not every workspace knows, and follows the answer."""
    table: str = ""
    """What stands for the chart where it is refused."""
    figures: Mapping[str, Any] | None = None
    """Of a status: what the blocks are drawn from, for a surface that draws its own."""
    playbook: str | None = None
    """The playbook whose figures they are; None: all."""


Answering = Callable[[str, Actor], Awaitable[CommandAnswer]]
"""``agent <text>`` by a verified person; whether they may is the callable's to say."""
