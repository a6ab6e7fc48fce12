"""``deskhand config``, ``deskhand tools`` and ``deskhand doctor``: is it set up as it should be?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import event_loop
from bot.cli import output
from bot.cli.options import ConfigOption, JsonOption, names_config, read_config, read_settings

if TYPE_CHECKING:
    from bot.config import Config
    from bot.findings import Finding


def register(app: typer.Typer) -> None:
    config_group = typer.Typer(no_args_is_help=True, help="The config file.")
    app.add_typer(config_group, name="config")
    config_group.command("check")(config_check)
    config_group.command("schema")(config_schema)
    tools_group = typer.Typer(no_args_is_help=True, help="What playbooks may use.")
    app.add_typer(tools_group, name="tools")

    @tools_group.callback()
    def tools() -> None:
        """What playbooks may use."""

    tools_group.command("list")(tools_list)
    app.command()(doctor)


def config_check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check the config file: mistakes (exit code 2) and findings (exit code 1)."""
    from bot.cli.doctor import check_prompts, of_prices
    from bot.faults import ConfigError
    from bot.findings import of_config

    settings = read_settings(config)
    try:
        loaded = read_config(settings, secrets=True)
        check_prompts(loaded)
    except ConfigError as wrong:
        if not as_json:
            raise
        output.as_json({"ok": False, "errors": list(wrong.lines), "findings": []})
        raise typer.Exit(2) from wrong
    found = (*of_config(loaded.config, settings), *of_prices(settings, loaded))
    real = [finding for finding in found if finding.severity == "finding"]
    if as_json:
        rows = [_finding_json(finding) for finding in found]
        output.as_json({"ok": not real, "errors": [], "findings": rows})
    else:
        for finding in found:
            output.line(finding.line)
        count = len(real)
        words = "nothing to mend" if not count else f"{count} finding{'s' if count > 1 else ''}"
        output.line(f"{settings.config}: valid, {words}")
    raise typer.Exit(1 if real else 0)


def config_schema() -> None:
    """Print the JSON Schema of the config file, for an editor."""
    from bot.config import json_schema

    output.as_json(json_schema())


def tools_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List every tool, what it does, and which playbooks may use it."""
    from bot.cli.figures import config_if_any
    from bot.cli.toolbox import catalogue

    settings = read_settings(config)
    loaded = config_if_any(settings, named=names_config(config))
    found = [
        (name, kind, description, _users(loaded, name, kind))
        for name, kind, description in catalogue()
    ]
    if as_json:
        names = ("name", "kind", "description", "playbooks")
        output.as_json([dict(zip(names, each, strict=True)) for each in found])
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("tool", "kind", "playbooks", "what it does"):
        table.add_column(heading, overflow="fold")
    for name, kind, description, users in found:
        table.add_row(name, kind, ", ".join(users) or "-", Text(description))
    output.console(wide=True).print(table)


def _users(config: Config | None, name: str, kind: str) -> list[str]:
    if config is None:
        return []
    return [
        book
        for book, playbook in config.playbooks.items()
        if (name in playbook.research if kind == "research" else playbook.action(name))
    ]


def doctor(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody outside this machine.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="After a failover: let approved actions be carried out."),
    ] = False,
) -> None:
    """Look at everything that `serve` needs; each finding says what to do."""
    from bot.cli import doctor as looking

    settings = read_settings(config)
    if resume:
        resumed = event_loop.run(looking.resume(settings))
        output.complain(
            "The store's history is accepted: approved actions go on."
            if resumed
            else "There is nothing to resume."
        )
    checks = event_loop.run(looking.examine(settings, offline=offline))
    bad = [check for check in checks if not check.well]
    if as_json:
        output.as_json(
            {
                "ok": not bad,
                "checks": [
                    {
                        "name": check.name,
                        "ok": check.well,
                        "said": check.said,
                        "findings": [_finding_json(finding) for finding in check.findings],
                    }
                    for check in checks
                ],
            }
        )
    else:
        for check in checks:
            output.line(f"{'ok  ' if check.well else 'FAIL'} {check.name}: {check.said}")
            for finding in check.findings:
                output.line(f"     {finding.line}")
    # A config that does not validate is a configuration fault whoever finds it.
    invalid = any(check.name == "config" and check.invalid for check in checks)
    raise typer.Exit(2 if invalid else 1 if bad else 0)


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "where": finding.where,
        "what": finding.what,
        "remedy": finding.remedy,
    }
