"""Prompts: a file with front matter becomes the same system text for every ticket, then the ticket.

A prompt file is Jinja2 with two blocks, ``system`` and ``ticket``, and YAML front matter
(``name``, ``about``, ``max_tokens: {research, draft}``). ``system`` is rendered once per playbook
and holds nothing of a ticket, no time and no id, so that the bytes before the ticket never change
and a provider can cache them. What a stranger wrote is put into ``<untrusted_…>`` elements that
the text cannot close.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import (
    Environment,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    meta,
    nodes,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import Field, ValidationError

from bot import yaml_file
from bot.domain import REPLY_LIMIT, Frozen, Message, Run, Ticket
from bot.playbook import Playbook
from bot.suggest import nearest
from tools.spec import ActionSpec

TICKET_LIMIT = 6_000
"""Characters of a ticket that a model sees; a longer one is cut in its middle."""

THREAD_LIMIT = 3_000
"""Characters of what others said before, the newest kept."""

FEEDBACK_LIMIT = 1_500
FILES_LIMIT = 500
FIELD_LIMIT = 300
"""Characters of a subject or a name."""

BUILT_IN = Path(__file__).parents[1] / "prompts"
"""Where the prompt files of the package lie, ``<kind>.md.j2`` each."""

_NAMES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "system": frozenset(
            {"labels", "priorities", "routes", "actions", "reply_limit", "rules", "most"}
        ),
        "ticket": frozenset(
            {"author", "subject", "body", "thread", "files", "feedback", "said"},
        ),
    }
)
"""What each block may name."""
_FRONT = re.compile(r"\A---\r?\n(.*?)\r?\n---\r?\n(.*)\Z", re.DOTALL)
_OURS = re.compile(r"<(?=\s*/?\s*untrusted)", re.IGNORECASE)
# Tag characters, bidirectional overrides and invisible operators show a person nothing and a
# model everything. Joiners stay: several scripts need them.
_UNSEEN = re.compile("[\U000e0000-\U000e007f\u202a-\u202e\u2060-\u2064\u2066-\u2069\u200b\ufeff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class PromptError(Exception):
    """A prompt file that cannot be used; the words name the file and what to change."""


class MaxTokens(Frozen):
    """The most that a model may write, in tokens, for each kind of step."""

    research: int = Field(600, ge=64, le=32_000)
    draft: int = Field(1_800, ge=700, le=32_000)


class FrontMatter(Frozen):
    name: str = Field(min_length=1)
    about: str = ""
    max_tokens: MaxTokens = MaxTokens()


@dataclass(frozen=True)
class PromptFile:
    """A prompt as its file describes it. ``text`` is the whole file and names its version."""

    front: FrontMatter
    text: str
    template: Template

    def system(
        self,
        playbook: Playbook,
        actions: Iterable[ActionSpec],
        told: Mapping[str, Any] = MappingProxyType({}),
    ) -> str:
        """The stable part, for one playbook. ``told``: what its kind names besides. Raises
        ``PromptError``."""
        return self._block(
            "system",
            labels=playbook.labels,
            priorities=playbook.priorities,
            routes=tuple(playbook.routes),
            actions=tuple(actions),
            reply_limit=REPLY_LIMIT,
            **told,
        )

    def ticket(self, ticket: Ticket, run: Run, said: str = "") -> str:
        """The ticket and what belongs to it, each in its own untrusted element. ``said``: what the
        run reads besides, as an ask's thread."""
        return self._block(
            "ticket",
            thread=_thread(ticket.thread),
            feedback=inert(_newest(run.feedback, FEEDBACK_LIMIT)),
            files=inert(_newest(file_names(ticket), FILES_LIMIT)),
            author=inert(ticket.author.name[:FIELD_LIMIT]),
            subject=inert(ticket.subject[:FIELD_LIMIT]),
            body=inert(cut_middle(ticket.body, TICKET_LIMIT)),
            said=inert(said),
        )

    def _block(self, name: str, **values: Any) -> str:
        try:
            block = self.template.blocks[name]
            return "".join(block(self.template.new_context(values))).strip()
        except KeyError:
            raise PromptError(f"prompt {self.front.name!r} has no block {name!r}") from None
        except TemplateError as fault:
            raise PromptError(f"prompt {self.front.name!r}, block {name}: {fault}") from fault


def load_prompt(path: Path) -> PromptFile:
    """Read a prompt file. Raises ``PromptError`` naming the file and the remedy."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as unreadable:
        raise PromptError(f"{path}: cannot read the prompt file ({unreadable})") from unreadable
    found = _FRONT.match(text)
    if not found:
        raise PromptError(f"{path}:1: begin the prompt with front matter between two lines of ---")
    front = _front(path, found[1])
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False
    )
    begins = text.count("\n", 0, found.start(2))
    try:
        tree = environment.parse(found[2])
        template = environment.from_string(found[2])
    except TemplateSyntaxError as fault:
        raise PromptError(f"{path}:{begins + fault.lineno}: {fault.message}") from fault
    except TemplateError as fault:
        raise PromptError(f"{path}: {fault}") from fault
    for block in sorted(_NAMES):
        if block not in template.blocks:
            raise PromptError(
                f"{path}: the prompt needs a block {block!r}; "
                f"add {{% block {block} %}}…{{% endblock %}}"
            )
    for line, name, block in _unknown(environment, tree):
        raise PromptError(
            f"{path}:{begins + line}: block {block}: there is no {name!r}"
            f"{nearest(name, _NAMES[block])}"
        )
    return PromptFile(front, text, template)


def _front(path: Path, text: str) -> FrontMatter:
    try:
        given, lines = yaml_file.read(text)
    except yaml_file.YamlFault as fault:
        raise PromptError(f"{path}:{1 + fault.line}: front matter: {fault.words}") from fault
    try:
        return FrontMatter.model_validate({} if given is None else given)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        line = 1 + lines.of(tuple(first["loc"]))
        raise PromptError(f"{path}:{line}: front matter, {place}: {first['msg']}") from fault


def _unknown(environment: Environment, tree: nodes.Template) -> Iterator[tuple[int, str, str]]:
    """Line, name and block of what a prompt names and no run gives it. Looked for before any run:
    what stands behind an ``if`` would be met by some ticket alone."""
    for block in tree.find_all(nodes.Block):
        if block.name in _NAMES:
            inside = nodes.Template(block.body, lineno=block.lineno)
            inside.set_environment(environment)
            free = meta.find_undeclared_variables(inside) - environment.globals.keys()
            for named in block.find_all(nodes.Name):
                if named.name in free - _NAMES[block.name]:
                    yield named.lineno, named.name, block.name


def built_in_prompt(kind: str) -> PromptFile:
    """The package's own prompt of a kind of playbook, as ``triage``."""
    return load_prompt(BUILT_IN / f"{kind}.md.j2")


def version_of(text: str, schemas: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits of a prompt's file, its tool schemas and the model's settings."""
    whole = json.dumps([text, schemas, settings], sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def inert(text: str) -> str:
    """Text of strangers that cannot close its element, hide from a person or fail to encode."""
    seen = _CONTROL.sub(" ", _UNSEEN.sub("", text))
    return _OURS.sub("&lt;", seen).encode("utf-8", "replace").decode("utf-8")


def cut_middle(text: str, limit: int) -> str:
    """At most ``limit`` characters of ``text`` and a line that says how many are left out."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    tail = limit - head
    left_out = len(text) - limit
    return f"{text[:head]}\n[… {left_out} characters left out here …]\n{text[-tail:]}"


def file_names(ticket: Ticket) -> tuple[str, ...]:
    """Names of the ticket's attachments, each once, in their order."""
    return tuple(dict.fromkeys(name for message in ticket.messages for name in message.files))


def _thread(messages: tuple[Message, ...]) -> str:
    return inert(_newest((_said(message) for message in messages), THREAD_LIMIT))


def _said(message: Message) -> str:
    return f"{message.author.name[:80] or 'someone'}: {cut_middle(message.text, THREAD_LIMIT // 2)}"


def _newest(lines: Iterable[str], limit: int) -> str:
    """The last lines that fit into ``limit`` characters, in their order."""
    kept: list[str] = []
    room = limit
    for line in reversed(tuple(lines)):
        if len(line) > room:
            if not kept:
                kept.append(line[:limit])
            break
        kept.append(line)
        room -= len(line) + 1
    return "\n".join(reversed(kept))
