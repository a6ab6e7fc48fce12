"""``agent …`` in Teams: the same answers, by the same rules, as ``/agent`` gives in Slack.

The words come from the command that Slack's is; its markup is its own and is taken off, so that
what is left is literal. In a conversation of several only what every full member may see is said;
texts go to the asker's own chat.
"""

from __future__ import annotations

import asyncio
import html
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain import Actor
from bot.ports import StoreUnavailable
from handlers.agent_answer import CommandAnswer
from handlers.agent_command import AgentCommand
from handlers.teams_card import small_card
from handlers.teams_figures import figures_activity, lines_activity
from handlers.teams_inert import Json

log = logging.getLogger("deskhand.teams")

ANSWER_SECONDS: Final = 2.5
"""How long an answer may take, of the contract's three seconds."""
_PRIVATE: Final = frozenset({"show", "trace", "console"})
"""Answered in the asker's own chat; elsewhere only what everybody may see of it."""
_HOW: Final = "Begin with “agent”; outside your own chat with Deskhand, mention it first."
_TITLES: Final = {"queue": "Who waits", "tools": "Tools", "console": "Web console"}
_HEADED: Final = frozenset({"show", "trace"})
"""Answers whose first line is a heading."""
_STEERING: Final = frozenset({"pause", "resume"})
_BOLD = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")
_LINK = re.compile(r"<(https?://[^<>|\s]+)(?:\|[^<>]*)?>")


@dataclass(frozen=True)
class Answer:
    """``here``: into the conversation. ``privately``: into the asker's chat with the bot."""

    here: Json | None = None
    privately: Json | None = None


class TeamsCommands:
    """Answers ``agent <text>`` by a verified person."""

    def __init__(self, command: AgentCommand) -> None:
        self._command = command

    async def answer(
        self, text: str, actor: Actor, *, private: bool, charts: bool = False
    ) -> Answer:
        """``private``: asked in the person's own chat with the bot. ``charts``: their client
        draws them."""
        name = text.split()[0].lower() if text.split() else "help"
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._answer(name, text, actor, private=private, charts=charts)
        except (TimeoutError, StoreUnavailable) as away:
            log.warning("deskhand: agent %s was not answered: %s", name[:20], type(away).__name__)
            late = "Deskhand cannot answer just now. Please try again in a moment."
            return Answer(here=_line(name, late))

    async def _answer(
        self, name: str, text: str, actor: Actor, *, private: bool, charts: bool
    ) -> Answer:
        def drawn(answer: CommandAnswer) -> Json:
            return _drawn(name, answer, charts=charts)

        if private or name in _STEERING:
            return Answer(here=drawn(await self._command.answer(text, actor)))
        if name not in _PRIVATE:
            return Answer(here=drawn(await self._command.share(text, actor)))
        whole = await self._command.answer(text, actor)
        if name == "console":
            return Answer(_line(name, "The answer is in your chat with Deskhand."), drawn(whole))
        if whole.share is None:
            return Answer(here=drawn(whole))
        return Answer(drawn(await self._command.share(text, actor)), drawn(whole))


def plain_lines(answer: CommandAnswer) -> list[str]:
    """An answer's lines without Slack's markup. What came from outside is escaped in it, so that
    only our own markup is taken off."""
    text = "\n".join(part for part in (answer.text, answer.table) if part)
    text = _LINK.sub(r"\1", text.replace("```", ""))
    text = _BOLD.sub(r"\1", text).replace("`", "")
    text = re.sub(r"/agent\b", "agent", text)
    lines = (line.removeprefix("> ").rstrip() for line in text.split("\n"))
    return [html.unescape(line) for line in lines if line]


def _drawn(name: str, answer: CommandAnswer, *, charts: bool) -> Json:
    if answer.figures is not None:
        return figures_activity(answer.figures, answer.chart, answer.playbook, charts=charts)
    return lines_card(name, plain_lines(answer))


def lines_card(name: str, lines: Sequence[str]) -> Json:
    """The answer to ``agent <name>`` as a message with a card; ``lines`` without markup."""
    if name == "budget" and len(lines) > 1:
        return lines_activity("Budget", lines)
    if name == "help" and len(lines) > 1:
        return small_card("What you can ask", [_HOW, *lines])
    first, *rest = lines or ["–"]
    return small_card(first, rest) if rest and name in _HEADED else small_card(_title(name), lines)


def _title(name: str) -> str:
    return _TITLES.get(name, f"agent {name[:20]}")


def _line(name: str, words: str) -> Json:
    return small_card(_title(name), [words])
