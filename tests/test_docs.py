"""What the pages say is there: links, files, variables, config keys, commands and metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer

from bot.cli import app
from bot.clock import SystemClock
from bot.config import json_schema
from bot.metrics import Meter

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "deskhand.example.yaml", *ROOT.glob("docs/*.md"))
}
ALL = "\n".join(PAGES.values())
_OURS = r"(?:SLACK|DESKHAND|MICROSOFT|ANTHROPIC|REDIS|OTEL)_[A-Z_]*[A-Z]|PORT"


def anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", [name for name in PAGES if name.endswith(".md")])
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if re.match(r"https?:", target):
            continue
        file, _, part = target.partition("#")
        path = (ROOT / page).parent / file if file else ROOT / page
        assert path.exists(), target
        if part:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert part in map(anchor, headings), target


def test_every_page_is_linked_to() -> None:
    linked = set(re.findall(r"\(?(?:docs/)?([\w-]+\.md)[)#`]", ALL))
    assert {Path(name).name for name in PAGES if name.startswith("docs/")} <= linked


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_is_there(page: str) -> None:
    named = re.findall(r"`((?:bot|handlers|tools|tests|docs|benchmarks)/[\w./*-]*)`", PAGES[page])
    for name in named:
        assert any(ROOT.glob(name.rstrip("/"))) or any(ROOT.glob(name + ".py")), name


def test_every_variable_that_is_read_is_described_and_no_other() -> None:
    read = {
        name
        for package in ("bot", "handlers")
        for path in (ROOT / package).rglob("*.py")
        for name in re.findall(rf'"({_OURS})"', path.read_text(encoding="utf-8"))
    }
    described = set(re.findall(rf"`({_OURS})[`=]", ALL))
    # The SDK of OpenTelemetry reads those of its own standard.
    assert {name for name in described - read if not name.startswith("OTEL_")} == set()
    assert read - described == {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"}


def keys(schema: dict[str, Any]) -> Iterator[str]:
    """Every key of the config file."""
    for part in (schema, *schema["$defs"].values()):
        yield from part.get("properties", {})


def test_every_key_of_the_config_file_is_shown() -> None:
    code = "\n".join(re.findall(r"```.*?```|`[^`]+`", ALL, re.DOTALL))
    shown = set(re.findall(r"\w+", code + PAGES["deskhand.example.yaml"]))
    assert set(keys(json_schema())) - shown == set()


def commands(command: click.Command, name: str = "deskhand") -> Iterator[tuple[str, click.Command]]:
    """Every command with the words that call it."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield name, command
    for word, one in inner.items():
        yield from commands(one, f"{name} {word}")


def test_every_command_and_option_is_described() -> None:
    readme_table = re.findall(r"^\| (`deskhand.*?) \|", PAGES["README.md"], re.MULTILINE)
    told = ALL + "".join(
        f" deskhand {word}" for row in readme_table for word in re.findall(r", `(\w+)`", row)
    )
    for name, command in commands(typer.main.get_command(app)):
        assert re.search(name.replace(" ", r"\s+") + r"\b", told), name
        for option in command.params:
            for flag in option.opts:
                if flag.startswith("--") and flag not in ("--help", "--config"):
                    assert flag in ALL, f"{name} {flag}"


def test_every_metric_is_described_and_no_other() -> None:
    families = Meter(SystemClock()).registry.collect()
    kept = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    told = set(re.findall(r"^\| `(deskhand_\w+)", PAGES["docs/telemetry.md"], re.MULTILINE))
    assert kept == told
