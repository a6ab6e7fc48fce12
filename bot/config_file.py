"""The config file, read and checked: every mistake is one line with its place and its remedy.

deskhand.yaml:12: playbooks.support.limits.usd: a number, 0 or more; -1 is not
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot import yaml_file
from bot.config import Config, Problem, contradictions, json_schema
from bot.faults import ConfigError
from bot.playbook import Playbook
from bot.screen import NO_POLICY, Policy, Sieve, read_policy
from bot.suggest import nearest

_LARGEST_BYTES = 1_000_000

_TOKEN = re.compile(
    r"xox[a-z]?-|xapp-|sk-ant-|sk-[A-Za-z0-9_-]{20}|whsec_|gh[oprsu]_[A-Za-z0-9]{20}|github_pat_|"
    r"pat-[a-z0-9]+-[0-9a-f]{8}-|AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|"
    r"eyJ[A-Za-z0-9_-]{10,}\.eyJ|[a-z][a-z0-9+]*://[^/\s:@]*:[^/\s@]+@"
)
"""How the secrets begin that people paste into config files by mistake."""


@dataclass(frozen=True)
class Example:
    """A labelled ticket of the operator's own."""

    text: str
    label: str


@dataclass(frozen=True)
class ConfigFile:
    """A config and where it was read from."""

    path: Path
    config: Config

    def resolve(self, relative: str) -> Path:
        """A path of the file: relative to its folder; ``~`` is the user's home."""
        return self.path.absolute().parent / Path(relative).expanduser()

    @property
    def knowledge_paths(self) -> tuple[Path, ...]:
        return tuple(self.resolve(path) for path in self.config.knowledge.paths)

    def examples(self, playbook: Playbook) -> tuple[Example, ...]:
        """The playbook's labelled tickets. Raises ``ConfigError`` naming file and line."""
        if playbook.examples is None:
            return ()
        path = self.resolve(playbook.examples)
        found, faults = _read_examples(path, playbook.examples, playbook)
        if faults:
            raise ConfigError(*faults)
        return found

    def policy(self, relative: str) -> Policy:
        """The rules of a policy file. Raises ``ConfigError`` naming file and line."""
        try:
            text = self.resolve(relative).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as unreadable:
            raise ConfigError(
                f"{relative}: cannot be read as UTF-8 text: {unreadable}"
            ) from unreadable
        return read_policy(text, relative)

    def sieve(self) -> Sieve | None:
        """What drafts are screened for; None: the file has no screen. Raises ``ConfigError``."""
        screen = self.config.screen
        if screen is None:
            return None
        return Sieve(
            allowed_domains=screen.allowed_domains,
            own_contacts=screen.own_contacts,
            policy=self.policy(screen.policy) if screen.policy else NO_POLICY,
        )


def load(
    path: Path, *, environment: Mapping[str, str] | None = None, files: bool = True
) -> ConfigFile:
    """Read and check the file. Raises ``ConfigError`` with a line for each mistake.

    ``environment``: where given, a variable that the file names for a secret must be set in it.
    ``files``: check too that the files which the config names are there and can be read?
    """
    shown = str(path)
    text = _text(path)
    try:
        raw, lines = yaml_file.read(text)
    except yaml_file.YamlFault as fault:
        place = f"{_dotted(fault.where)}: " if fault.where else ""
        raise ConfigError(f"{shown}:{fault.line}: {place}{fault.words}") from fault

    def line(where: tuple[str | int, ...], words: str) -> str:
        place = f"{_dotted(where)}: " if where else ""
        return f"{shown}:{lines.of(where)}: {place}{words}"

    if secrets := [line(where, words) for where, words in _pasted_secrets(raw)]:
        raise ConfigError(*secrets)
    if not isinstance(raw, dict):
        raise ConfigError(f"{shown}:1: the file must hold keys, as in deskhand.example.yaml")
    if named := [line(where, words) for where, words in _named_twice(raw.get("playbooks"))]:
        raise ConfigError(*named)
    try:
        config = Config.model_validate(raw)
    except ValidationError as invalid:
        told = {line(where, words): None for where, words in _translated(invalid, raw)}
        raise ConfigError(*told) from invalid
    found = ConfigFile(path, config)
    faults = [line(where, words) for where, words in contradictions(config)]
    if files:
        faults += [line(where, words) for where, words in _missing_files(found)]
        for playbook in config.playbooks.values():
            if playbook.examples is not None and found.resolve(playbook.examples).is_file():
                example_path = found.resolve(playbook.examples)
                faults += _read_examples(example_path, playbook.examples, playbook)[1]
        faults += _policy_faults(found)
    if environment is not None:
        faults += [
            line(where, f"the environment variable {name} is not set; set it to the secret")
            for where, name in config.secret_names()
            if not environment.get(name)
        ]
    if faults:
        raise ConfigError(*faults)
    return found


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError as missing:
        raise ConfigError(
            f"{path}: there is no such file; copy deskhand.example.yaml there, or name another "
            "with --config or DESKHAND_CONFIG"
        ) from missing
    except OSError as unreadable:
        raise ConfigError(f"{path}: cannot be read: {unreadable.strerror}") from unreadable
    if len(raw) > _LARGEST_BYTES:
        raise ConfigError(f"{path}: larger than {_LARGEST_BYTES} bytes: not a config file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as other:
        number = raw.count(b"\n", 0, other.start) + 1
        raise ConfigError(f"{path}:{number}: not UTF-8; save the file as UTF-8") from other


def _dotted(where: tuple[str | int, ...]) -> str:
    text = ""
    for step in where:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            # A key may itself be a pasted secret or a line of its own; it is only named in part.
            shown = "(a secret)" if _TOKEN.search(step) else step.replace("\n", " ")[:80]
            text += f".{shown}" if text else shown
    return text


def _pasted_secrets(value: Any, where: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if _TOKEN.search(key):
                yield (*where, key), _TAKE_IT_OUT
            yield from _pasted_secrets(inner, (*where, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _pasted_secrets(inner, (*where, index))
    elif isinstance(value, str) and _TOKEN.search(value):
        yield where, _TAKE_IT_OUT


_TAKE_IT_OUT = (
    "this looks like a secret, and a secret never stands in this file; put it into an environment "
    "variable, and change it if others have seen the file"
)


def _named_twice(playbooks: Any) -> Iterator[Problem]:
    """A playbook's name is its key; the field of that name is filled from it."""
    for key, playbook in playbooks.items() if isinstance(playbooks, dict) else ():
        if isinstance(playbook, dict) and "name" in playbook:
            yield ("playbooks", key, "name"), "there is no such key: a playbook's name is its key"


# --- pydantic's errors in our words -----------------------------------------------------------


def _translated(invalid: ValidationError, raw: Any) -> Iterator[Problem]:
    schema: dict[str, Any] | None = None
    for error in invalid.errors(include_url=False):
        where = _in_the_file(error["loc"], raw)
        if error["type"] == "extra_forbidden":
            schema = schema or json_schema()
            known = _keys_at(schema, where[:-1])
            yield where, f"there is no such key{nearest(str(where[-1]), known)}"
        else:
            yield where, _words(error)


def _in_the_file(loc: tuple[str | int, ...], raw: Any) -> tuple[str | int, ...]:
    """``loc`` without the steps that are pydantic's own, such as the tag of a union."""
    steps: list[str | int] = []
    here = raw
    for number, step in enumerate(loc):
        last = number == len(loc) - 1
        if isinstance(here, dict) and (step in here or last):
            here = here.get(step)
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        elif isinstance(here, dict | list):
            continue
        else:
            break
        steps.append(step)
    return tuple(steps)


_WORDS: dict[str, str] = {
    "missing": "is missing; add it",
    "string_type": "must be text; put it in quotes",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "decimal_parsing": "must be a number",
    "decimal_type": "must be a number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "time_parsing": 'must be a time of day in quotes, as "09:00"',
    "time_type": 'must be a time of day in quotes, as "09:00"',
    "tuple_type": "must be a list, as [one, two]",
    "dict_type": "must hold keys, as {name: value}",
    "model_type": "must hold keys, as {name: value}",
    "model_attributes_type": "must hold keys, as {name: value}",
    "too_short": "must not be empty; add one",
}


def _words(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    given = error.get("input")
    said = f"; {given!r} is not" if isinstance(given, int | float | str) else ""
    if len(said) > 60:
        said = ""
    match error["type"]:
        case "literal_error":
            return f"must be {context['expected']}{said}"
        case "union_tag_invalid":
            return f"kind: must be {context['expected_tags']}"
        case "union_tag_not_found":
            return "kind: is missing; add it"
        case "greater_than_equal":
            return f"must be {context['ge']} or more{said}"
        case "greater_than":
            return f"must be more than {context['gt']}{said}"
        case "less_than_equal":
            return f"must be {context['le']} or less{said}"
        case "string_pattern_mismatch":
            return f"must look like {context['pattern']}{said}"
        case "value_error":
            return str(context["error"])
        case kind if kind in _WORDS:
            return _WORDS[kind] + ("" if kind == "missing" or given is None else said)
        case _:
            return error["msg"][0].lower() + error["msg"][1:]


def _keys_at(schema: Mapping[str, Any], where: tuple[str | int, ...]) -> frozenset[str]:
    """The keys that the schema knows at a place."""
    nodes = [schema]
    for step in where:
        inner: list[Mapping[str, Any]] = []
        for node in _alternatives(schema, nodes):
            if isinstance(step, int):
                inner += [node["items"]] if isinstance(node.get("items"), dict) else []
            elif step in node.get("properties", {}):
                inner.append(node["properties"][step])
            elif isinstance(node.get("additionalProperties"), dict):
                inner.append(node["additionalProperties"])
        nodes = inner
    return frozenset(
        key for node in _alternatives(schema, nodes) for key in node.get("properties", {})
    )


def _alternatives(
    schema: Mapping[str, Any], nodes: list[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    for node in nodes:
        if "$ref" in node:
            yield from _alternatives(schema, [schema["$defs"][node["$ref"].rpartition("/")[2]]])
        elif "anyOf" in node or "oneOf" in node:
            yield from _alternatives(schema, [*node.get("anyOf", ()), *node.get("oneOf", ())])
        else:
            yield node


# --- the files that a config names ------------------------------------------------------------


def _missing_files(found: ConfigFile) -> Iterator[Problem]:
    config = found.config
    wanted: list[tuple[tuple[str | int, ...], str]] = [
        (("knowledge", "paths", index), path) for index, path in enumerate(config.knowledge.paths)
    ]
    if config.screen is not None and config.screen.policy:
        wanted.append((("screen", "policy"), config.screen.policy))
    for name, playbook in config.playbooks.items():
        here = ("playbooks", name)
        wanted += [
            ((*here, key), path)
            for key in ("examples", "prompt", "policy")
            if (path := getattr(playbook, key))
        ]
        wanted += [((*here, "corpus", index), path) for index, path in enumerate(playbook.corpus)]
    for where, path in wanted:
        resolved = found.resolve(path)
        if not resolved.exists():
            yield where, f"there is no file or folder {path}; paths start from this file's folder"
        elif where[-1] in ("examples", "prompt", "policy") and not resolved.is_file():
            yield where, f"{path} is a folder; name a file"


def _policy_faults(found: ConfigFile) -> Iterator[str]:
    """A line for each mistake in the policy files that are there."""
    screen = found.config.screen
    named = [playbook.policy for playbook in found.config.playbooks.values()]
    named.append(screen.policy if screen is not None else None)
    for path in dict.fromkeys(filter(None, named)):
        if not found.resolve(path).is_file():
            continue  # that is a fault of its own
        try:
            found.policy(path)
        except ConfigError as fault:
            yield from fault.lines


def _read_examples(
    path: Path, shown: str, playbook: Playbook
) -> tuple[tuple[Example, ...], list[str]]:
    """A JSON lines file of ``{"text", "label"}``: what it holds, and a line for each mistake."""
    found: list[Example] = []
    faults: list[str] = []
    try:
        rows = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as unreadable:
        return (), [f"{shown}: cannot be read as UTF-8 text: {unreadable}"]
    for number, row in enumerate(rows, start=1):
        if not row.strip():
            continue
        here = f"{shown}:{number}"
        try:
            value = json.loads(row)
        except (ValueError, RecursionError):
            faults.append(f"{here}: not JSON; write one object a line")
            continue
        if (
            not isinstance(value, dict)
            or not isinstance(value.get("text"), str)
            or not isinstance(value.get("label"), str)
        ):
            faults.append(f'{here}: must be {{"text": "…", "label": "…"}}')
        elif value["label"] not in playbook.labels:
            hint = nearest(value["label"], playbook.labels)
            faults.append(
                f"{here}: label {value['label']!r} is not a label of playbook "
                f"{playbook.name}{hint}; add it there or correct it here"
            )
        else:
            found.append(Example(value["text"], value["label"]))
    return tuple(found), faults
