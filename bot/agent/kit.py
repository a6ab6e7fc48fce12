"""A playbook made ready to run: what is the same for all its tickets, built once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic

from bot.agent.answer import strict_schema
from bot.agent.kind import AnswerT, EndT_co, Kind
from bot.agent.prompting import PromptFile, version_of
from bot.playbook import Playbook
from bot.ports import ToolDescription
from tools.spec import ReadTool


@dataclass(frozen=True)
class Kit(Generic[AnswerT, EndT_co]):
    """A playbook made ready to run: what is the same for all its tickets. Built once."""

    playbook: Playbook
    prompt: PromptFile
    system: str
    kind: Kind[AnswerT, EndT_co]
    toolbox: Mapping[str, ReadTool]
    descriptions: tuple[ToolDescription, ...]
    research_model: str
    draft_model: str
    prompt_version: str
    playbook_version: str


def make_kit(
    playbook: Playbook,
    prompt: PromptFile,
    tools: Sequence[ReadTool],
    kind: Kind[AnswerT, EndT_co],
    *,
    research_model: str,
    draft_model: str,
    told: Mapping[str, Any] = MappingProxyType({}),
) -> Kit[AnswerT, EndT_co]:
    """Ready ``playbook``: only the tools that it lists are taken, by exact name. ``told`` is what
    the prompt's stable part names besides, as a checklist's rules.

    Raises ``PromptError`` for a prompt that cannot be rendered, ``ValueError`` for a research tool
    that is listed and not given.
    """
    given = {tool.name: tool for tool in tools}
    for name in playbook.research:
        if name not in given:
            raise ValueError(f"playbook {playbook.name!r}: there is no research tool {name!r}")
    toolbox = {name: given[name] for name in playbook.research}
    descriptions = tuple(
        ToolDescription(tool.name, tool.description, strict_schema(tool.args_model))
        for tool in toolbox.values()
    )
    schemas = {
        "tools": [[tool.name, tool.description, tool.schema] for tool in descriptions],
        "answer": kind.schema,
    }
    settings = {
        "research": research_model,
        "draft": draft_model,
        "max_tokens": prompt.front.max_tokens.model_dump(),
        **({"told": told} if told else {}),
    }
    system = prompt.system(playbook, kind.offered, told)
    return Kit(
        playbook=playbook,
        prompt=prompt,
        system=system,
        kind=kind,
        toolbox=toolbox,
        descriptions=descriptions,
        research_model=research_model,
        draft_model=draft_model,
        prompt_version=version_of(prompt.text, schemas, settings),
        playbook_version=playbook.version(prompt.text),
    )


AnyKit = Kit[Any, EndT_co]
"""A kit by what its runs give; its answer is between its kind and the loop."""
