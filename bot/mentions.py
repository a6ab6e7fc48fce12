"""The grammar of mentions: what the words after Deskhand's name ask for, the same everywhere.

Pure: plain text in (each chat service's own markup is taken off before), a value out. The first
word, in any case, is the verb; with none of the verbs the words are free, and somebody has to say
what they mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from bot.domain import AskVerb
from bot.playbook import Kind

MentionVerb = AskVerb | Literal["help"]
VERBS: Final[tuple[MentionVerb, ...]] = (*get_args(AskVerb), "help")

KIND_OF: Final[dict[AskVerb, Kind]] = {
    "enrich": "lead",
    "triage": "triage",
    "summarize": "summary",
    "research": "research",
    "screen": "screen",
}
"""Which kind of playbook a verb asks for."""
VERB_OF: Final[dict[Kind, AskVerb]] = {kind: verb for verb, kind in KIND_OF.items()}

USAGE: Final[dict[MentionVerb, tuple[str, str]]] = {
    "enrich": ("enrich <company, domain, e-mail, or a person at a company>", ""),
    "triage": ("triage", ", in a thread; or use the shortcut on a person's message"),
    "summarize": ("summarize", ", in a thread, or with the link of a thread or a pull request"),
    "research": ("research [-n N] <question>", ", with N from 1 to 20"),
    "screen": ("screen", ", in a thread, or with the text to look at"),
    "help": ("help", ""),
}
"""What each verb needs: what to type, and the rest of the sentence."""

MOST_PASSAGES: Final = 20
WORDS_LIMIT: Final = 10_000
"""Characters of what is asked; more is cut, for no chat message is longer by itself."""

_COUNT = re.compile(r"-n(?:\s*=\s*|\s+|)(\S+)(?:\s+|\Z)", re.IGNORECASE)
PULL_BY_HAND: Final = r"(?<![\w./-])(?:[\w-]+\.)+[a-z]{2,}/[\w.-]+/[\w.-]+/pull/\d+"
"""A pull request's address as people type it, and Slack shows what it links by itself: without
``https://``."""
_ADDRESS = re.compile(rf"https?://\S|{PULL_BY_HAND}", re.IGNORECASE)
_AFTER_VERB = ".,:;!?"


@dataclass(frozen=True)
class Asked:
    """A verb with all that it needs. ``words`` is what follows it; empty: the thread is meant."""

    verb: AskVerb
    words: str = ""
    count: int | None = None


@dataclass(frozen=True)
class Incomplete:
    """A verb without its object, or out of place: its usage is said, and nothing runs."""

    verb: AskVerb


@dataclass(frozen=True)
class Help:
    """Asked what can be asked for."""


@dataclass(frozen=True)
class Free:
    """Words that begin with no verb, or none at all."""

    words: str


Mention = Asked | Incomplete | Help | Free


def verb_of(words: str) -> MentionVerb | None:
    """The verb that ``words`` begin with, if they do."""
    first = words.split(maxsplit=1)[0] if words.split() else ""
    said = first.rstrip(_AFTER_VERB).casefold()
    return next((verb for verb in VERBS if verb == said), None)


def parse(words: str, *, in_thread: bool) -> Mention:
    """What a mention asks for. ``words`` are those after the name, as plain text."""
    words = words.strip()[:WORDS_LIMIT]
    verb = verb_of(words)
    if verb == "help":
        return Help()
    if verb is None:
        return Free(words)
    return with_object(verb, "".join(words.split(maxsplit=1)[1:]).strip(), in_thread=in_thread)


def with_object(verb: AskVerb, rest: str, *, in_thread: bool) -> Asked | Incomplete:
    """The ask of ``verb`` with ``rest`` as its object, if it is enough of one."""
    count: int | None = None
    match verb:
        case "triage":
            return Asked("triage") if in_thread else Incomplete("triage")
        case "summarize":
            # Other words are politeness: a thread is summarized, or what an address leads to.
            if _ADDRESS.search(rest):
                return Asked(verb, rest)
            return Asked(verb) if in_thread else Incomplete(verb)
        case "screen":
            return Asked(verb, rest) if rest or in_thread else Incomplete(verb)
        case "research":
            if (given := _COUNT.match(rest)) is not None:
                if not re.fullmatch(r"[0-9]{1,3}", given[1]):
                    return Incomplete(verb)
                count, rest = int(given[1]), rest[given.end() :].strip()
                if not 1 <= count <= MOST_PASSAGES:
                    return Incomplete(verb)
        case "enrich":
            pass
    return Asked(verb, rest, count) if _says_something(rest) else Incomplete(verb)


def _says_something(words: str) -> bool:
    return any(sign.isalnum() for sign in words)
