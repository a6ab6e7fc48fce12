"""The customer's own policy: words and patterns that must not go out, read from a YAML file.

Patterns run on RE2, whose time grows with the text and never with the pattern's cleverness: no
rule of anybody's file can hold up a draft.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import re2  # type: ignore[import-untyped]  # google-re2 brings no types
from pydantic import Field, ValidationError

from bot import yaml_file
from bot.domain import Frozen
from bot.faults import ConfigError
from bot.screen.found import Found
from bot.suggest import nearest

LARGEST_CHARACTERS = 500_000
MOST_RULES = 500
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
_KEYS = ("id", "rule", "words", "pattern", "hint")
_MEMORY = 8 << 20
"""Bytes that one compiled pattern may take."""


class Rule(Frozen):
    """One rule. ``words`` and ``pattern`` are looked for; ``rule`` is what a model may judge."""

    id: str
    rule: str = Field(min_length=1)
    """What must hold, in words."""
    words: tuple[str, ...] = ()
    """Words and phrases, in any case, as a whole."""
    pattern: str | None = None
    """A regular expression in RE2's syntax; case counts unless it begins with ``(?i)``."""
    hint: str | None = None
    """What to do instead, for who reads the card."""


@dataclass(frozen=True)
class Policy:
    """The rules of one file, ready to be looked for."""

    rules: tuple[Rule, ...] = ()
    patterns: dict[str, tuple[Any, ...]] = field(default_factory=dict, compare=False, repr=False)
    """A rule's id to what is looked for, compiled."""

    def found(self, text: str) -> Iterator[tuple[Rule, Found]]:
        """Every place where a rule's words or pattern stand; an empty match is none."""
        for rule in self.rules:
            for pattern in self.patterns.get(rule.id, ()):
                for match in pattern.finditer(text):
                    if match.end() > match.start():
                        yield rule, Found(*match.span())


NO_POLICY = Policy()


def read_policy(text: str, shown: str) -> Policy:
    """The policy in a file's ``text``; ``shown`` names the file. Raises ``ConfigError`` with a line
    for each mistake: ``policy.yaml:4: rules[1].pattern: what, and what to do``."""
    if len(text) > LARGEST_CHARACTERS:
        raise ConfigError(
            f"{shown}: longer than {LARGEST_CHARACTERS} characters: not a policy file"
        )
    try:
        raw, lines = yaml_file.read(text)
    except yaml_file.YamlFault as fault:
        raise ConfigError(f"{shown}:{fault.line}: {fault.words}") from fault
    if not isinstance(raw, dict) or not isinstance(raw.get("rules"), list):
        raise ConfigError(
            f'{shown}:1: must hold a list of rules, as in rules: [{{id: no_names, rule: "No '
            'names of other customers.", words: [Globex]}]'
        )
    faults = [
        f"{shown}:{lines.of((key,))}: {str(key)[:80]}: there is no such key; only rules"
        for key in raw
        if key != "rules"
    ]
    if len(raw["rules"]) > MOST_RULES:
        faults.append(f"{shown}:1: rules: {MOST_RULES} are the most; split or drop some")
    rules: list[Rule] = []
    patterns: dict[str, tuple[Any, ...]] = {}
    for index, given in enumerate(raw["rules"][:MOST_RULES]):
        made = _rule(given, patterns)
        if isinstance(made, Rule):
            rules.append(made)
            continue
        for key, words in made:
            where = ("rules", index, key) if key else ("rules", index)
            place = f"rules[{index}]" + (f".{key}" if key else "")
            faults.append(f"{shown}:{lines.of(where)}: {place}: {words}")
    if faults:
        raise ConfigError(*faults)
    return Policy(tuple(rules), patterns)


Fault = tuple[str, str]
"""A key (or none) and what is wrong with it."""


def _rule(given: Any, patterns: dict[str, tuple[Any, ...]]) -> Rule | list[Fault]:
    if not isinstance(given, dict):
        return [("", 'must hold keys, as in {id: no_names, rule: "…", words: [Globex]}')]
    faults: list[Fault] = [
        (str(key)[:80], f"there is no such key{nearest(str(key), _KEYS)}")
        for key in given
        if key not in _KEYS
    ]
    ident = given.get("id")
    if not isinstance(ident, str) or not _ID.match(ident):
        faults.append(("id", "must be letters, digits, _, . and -, at most 64, as in no_names"))
    elif ident in patterns:
        faults.append(("id", f"{ident} is there twice; rename one"))
    if faults:
        return faults
    try:
        rule = Rule.model_validate(given)
    except ValidationError as invalid:
        return [(str(error["loc"][0]), _WORDS.get(str(error["loc"][0]), error["msg"]))
                for error in invalid.errors(include_url=False)]  # fmt: skip
    compiled = []
    if any(not word.strip() for word in rule.words):
        return [("words", "an empty word stands everywhere; take it out")]
    if rule.words:
        compiled.append(_of_words(rule.words))
    if rule.pattern is not None:
        try:
            pattern = _compiled(rule.pattern)
        except re2.error as fault:
            return [("pattern", _refusal(fault))]
        if pattern.search("") is not None:
            return [("pattern", "matches the empty text, so everything; make it stricter")]
        compiled.append(pattern)
    patterns[rule.id] = tuple(compiled)
    return rule


_WORDS = {
    "rule": "is missing; say in words what must hold",
    "words": "must be a list of texts, as in [Globex, Project Falcon]",
    "pattern": "must be text; put it in quotes",
    "hint": "must be text; put it in quotes",
}


def _refusal(fault: Exception) -> str:
    said = fault.args[0] if fault.args else ""
    why = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return (
        f"is no pattern of RE2 ({why}); RE2 has no look-around and no back-references, see "
        "github.com/google/re2/wiki/Syntax"
    )


def _of_words(words: tuple[str, ...]) -> Any:
    """Whole words in any case, whatever white space stands between them."""
    either = "|".join(r"\s+".join(map(re.escape, word.split())) for word in words)
    # Python's own engine: alternatives of fixed words cannot run away, and it knows the letters of
    # every script, where RE2's \b knows those of ASCII.
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False  # the fault is told by us, with its line
    return re2.compile(pattern, options)
