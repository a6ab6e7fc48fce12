"""YAML with line numbers, and without its traps.

PyYAML reads YAML 1.1, where ``no`` is false, ``18:00`` is 1080 and a key given twice silently wins.
Here plain words are words: only true, false, null, decimal integers and decimal fractions mean
something else, and a key given twice is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple["str | int", ...]

_DEEPEST = 30
_MOST_VALUES = 100_000
"""Aliases of aliases multiply; a config file has a few hundred values."""


class YamlFault(Exception):
    """The text is not the YAML we read. ``line`` counts from 1; ``where`` may be empty."""

    def __init__(self, line: int, words: str, where: Path = ()) -> None:
        super().__init__(words)
        self.line, self.words, self.where = line, words, where


@dataclass(frozen=True)
class Lines:
    """The line of every value and key, by its path."""

    at: Mapping[Path, int] = field(default_factory=dict)

    def of(self, where: Path) -> int:
        """The line of ``where``, or of the nearest thing around it that is in the file."""
        while where and where not in self.at:
            where = where[:-1]
        return self.at.get(where, 1)


class _Loader(yaml.SafeLoader):
    """Composes nodes with our resolvers; nothing is constructed by it."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 -- PyYAML's own class attribute


for _tag, _pattern, _first in (
    ("bool", r"(?:true|True|false|False)\Z", "tTfF"),
    ("null", r"(?:~|null|Null|)\Z", "~nN"),
    ("int", r"[-+]?[0-9]{1,18}\Z", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]{1,18}\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?\Z", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), [*_first, *([""] * (_tag == "null"))]
    )


def read(text: str) -> tuple[Any, Lines]:
    """The document's value and its line numbers. Raises ``YamlFault``."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        words = fault.problem or fault.context or "cannot be read"
        raise YamlFault(mark.line + 1 if mark else 1, f"not valid YAML: {words}") from fault
    except yaml.reader.ReaderError as fault:
        line = text.count("\n", 0, fault.position) + 1
        raise YamlFault(line, f"not valid YAML: character #x{fault.character:04x}") from fault
    except (yaml.YAMLError, RecursionError) as fault:
        raise YamlFault(1, "not valid YAML: nested too deeply to be read") from fault
    at: dict[Path, int] = {}
    return (None if root is None else _value(root, (), at)), Lines(at)


def _value(node: yaml.Node, where: Path, at: dict[Path, int]) -> Any:
    line = node.start_mark.line + 1
    at.setdefault(where, line)
    if len(where) > _DEEPEST:
        raise YamlFault(line, f"nested deeper than {_DEEPEST}")
    if len(at) > _MOST_VALUES:
        raise YamlFault(line, f"more than {_MOST_VALUES} values")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, where, at)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*where, index), at) for index, item in enumerate(node.value)]
    return _scalar(node, where)


def _mapping(node: yaml.MappingNode, where: Path, at: dict[Path, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise YamlFault(line, "a key must be a word", where)
        key = str(key_node.value)
        if key == "<<":
            raise YamlFault(line, "merge keys (<<) are not read; write the keys out", where)
        if key in found:
            first = at[(*where, key)]
            raise YamlFault(line, f"given twice, first in line {first}; keep one", (*where, key))
        at[(*where, key)] = line
        found[key] = _value(value_node, (*where, key), at)
    return found


def _scalar(node: yaml.Node, where: Path) -> Any:
    text = str(node.value)
    match node.tag.removeprefix("tag:yaml.org,2002:"):
        case "str":
            return text
        case "bool":
            return text.lower() == "true"
        case "null":
            return None
        case "int":
            return int(text)
        case "float":
            return float(text)
        case tag:
            raise YamlFault(
                node.start_mark.line + 1,
                f"the tag {tag} is not read; write the value plainly",
                where,
            )
