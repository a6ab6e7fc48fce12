"""What was said, as a model reads it: numbered, each line told from ours, within a size.

A message can hold anything, a line that looks like another message too; so every line of its text
begins with a bar. What does not fit is left out of the middle: a conversation's beginning says
what it is about and its end how it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from bot.agent.kit import Kit
from bot.agent.prompting import cut_middle
from bot.agent.run import AgentPorts, Job
from bot.journal import Entry
from bot.ports import Prompt
from bot.ports.conversations import Said
from bot.screen import masked

MOST_BYTES = 80_000
"""Of a conversation, whatever money there is: prompts have a bound of their own."""
LEAST_BYTES = 1_000
MESSAGE_CHARACTERS = 4_000
"""Of one message, where not all of them fit whole; more where they are few."""
_NAME_CHARACTERS = 80
_SPARE = Decimal("0.95")
"""Of the room that is paid for: what makes a text inert makes it a little longer."""


@dataclass(frozen=True)
class Material:
    """``text`` is for the prompt; a number in it is a place in ``said``, from 1."""

    said: tuple[Said, ...]
    text: str
    shown: frozenset[int]
    """The numbers that stand in ``text``."""
    shortened: frozenset[int] = frozenset()
    """Those of them whose middle is left out."""

    @property
    def left_out(self) -> int:
        return len(self.said) - len(self.shown)

    def message(self, number: int) -> Said | None:
        """The message of a number that the model was shown."""
        return self.said[number - 1] if number in self.shown else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What of it no model has read, in words."""
        notes: tuple[str, ...] = ()
        if self.left_out:
            notes += (f"not read: {_count(self.left_out)} in the middle",)
        if self.shortened:
            notes += (f"not read: the middle of {_count(len(self.shortened), 'long message')}",)
        return (*notes, *unread_files(self.said))

    @property
    def whole(self) -> bool:
        """Whether a model has read every word of it."""
        return not self.left_out and not self.shortened


NOTHING = Material((), "", frozenset())
"""What a kind is made ready with, before there is anything to read."""


def material(said: Sequence[Said], room: int, *, mask: bool = False) -> Material:
    """As much of ``said`` as fits into ``room`` bytes: the first message, then the newest.

    ``mask``: card numbers and secrets are replaced by words."""
    kept = tuple(replace(one, text=masked(one.text)) for one in said) if mask else tuple(said)
    blocks = [_block(number, one, None) for number, one in enumerate(kept, 1)]
    most: int | None = None
    while sum(map(_size, blocks)) > room and most != MESSAGE_CHARACTERS:
        fewer = room // len(blocks) if most is None else most * 3 // 4
        most = max(MESSAGE_CHARACTERS, fewer)
        blocks = [_block(number, one, most) for number, one in enumerate(kept, 1)]
    room -= sum(map(_size, blocks[:1]))
    newest = len(blocks) + 1
    while newest > 2 and _size(blocks[newest - 2]) <= room:
        newest -= 1
        room -= _size(blocks[newest - 1])
    gap = [f"[… {_count(newest - 2)} left out …]"] if newest > 2 and len(blocks) > 1 else []
    shown = frozenset((*range(1, len(blocks[:1]) + 1), *range(newest, len(blocks) + 1)))
    text = "\n".join([*blocks[:1], *gap, *blocks[newest - 1 :]])
    cut = frozenset(n for n in shown if most is not None and len(kept[n - 1].text) > most)
    return Material(kept, text, shown, cut)


def unread_files(said: Sequence[Said]) -> tuple[str, ...]:
    """The attachments, each as a line that says so."""
    files = dict.fromkeys(name for one in said for name in one.files)
    return tuple(f"not read: {name[:120]} (attachments are not read)" for name in files)


def room_for(kit: Kit[Any, Any], job: Job, ports: AgentPorts, calls: int = 1) -> int:
    """Bytes of a conversation that a run's money pays for at the worst case, a token a byte, where
    so many calls read it."""
    usd, tokens = kit.playbook.limits.usd, kit.prompt.front.max_tokens.draft
    price = ports.model.price(kit.draft_model)
    dearest = max(price.input, price.cache_write) if price is not None else Decimal(0)
    if price is None or not dearest:
        return MOST_BYTES
    bare = Prompt(
        model=kit.draft_model,
        system=kit.system,
        ticket_text=kit.prompt.ticket(job.ticket, job.run),
        ticket=job.ticket,
        feedback=(),
        turns=(),
        toolbox=kit.descriptions,
        schema=kit.kind.schema,
        max_tokens=tokens,
        timeout_seconds=1.0,
        prompt_name=kit.prompt.front.name,
        prompt_version=kit.prompt_version,
        playbook=kit.playbook.name,
    )
    paid = (usd * 1_000_000 / calls - price.output * tokens) / dearest
    left = int((paid - ports.model.worst_case_tokens(bare)) * _SPARE)
    # What is looked up besides has to be read and paid as well.
    share = left // 2 if kit.toolbox else left
    return min(MOST_BYTES, max(LEAST_BYTES, share))


def without_texts(ports: AgentPorts) -> AgentPorts:
    """The same ports, for a run whose texts the journal does not keep.

    They are other people's words, out of a conversation that not every reader of a trace may read,
    and that erasing a ticket of theirs would not find here. Figures and versions are kept."""
    money = ports.money

    async def record(entries: Sequence[Entry]) -> None:
        await ports.record(_bare(entries))

    return replace(ports, money=_Money(money), record=record)


class _Money:
    """``Money``, with lines that hold no text."""

    def __init__(self, money: Any) -> None:
        self.reserve, self.release = money.reserve, money.release
        self._settle = money.settle

    async def settle(self, reservation: Any, usd: Decimal, entries: Sequence[Entry] = ()) -> None:
        await self._settle(reservation, usd, _bare(entries))


def _bare(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    return tuple(one.model_copy(update={"texts": {}}) for one in entries)


def _block(number: int, one: Said, most: int | None) -> str:
    """``most``: characters of its text that are shown; None: all."""
    name = " ".join(one.author.replace("[", "(").replace("]", ")").split())[:_NAME_CHARACTERS]
    at = f", {one.at:%Y-%m-%d %H:%M} UTC" if one.at is not None else ""
    text = one.text if most is None else cut_middle(one.text, most)
    lines = text.splitlines() or [""]
    files = f" (with {len(one.files)} attachments, unread)" if one.files else ""
    return "\n".join([f"[{number}] {name}{at}{files}:", *(f"| {line}" for line in lines)])


def _size(block: str) -> int:
    return len(block.encode("utf-8", "replace")) + 1


def _count(messages: int, what: str = "message") -> str:
    return f"1 {what}" if messages == 1 else f"{messages} {what}s"
