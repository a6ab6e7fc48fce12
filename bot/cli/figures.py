"""``deskhand status`` and ``deskhand queue``: what waits, and how it goes."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import event_loop
from bot.cli import output
from bot.cli.options import ConfigOption, DemoOption, JsonOption, names_config, read_settings

if TYPE_CHECKING:
    from bot.cli.attach import Attached
    from bot.config import Config
    from bot.domain import Proposal
    from bot.settings import Settings

WINDOWS = ("24h", "7d", "30d")
_LIKE_A_WINDOW = re.compile(r"[0-9]+ *[A-Za-z]*")
_AT_ONCE = 64
_MOST_WAITING = 10_000


def register(app: typer.Typer) -> None:
    @app.command()
    def status(
        window: Annotated[str, typer.Argument(help="24h, 7d or 30d.")] = "24h",
        playbook: Annotated[
            str | None, typer.Argument(help="Only this playbook.", show_default=False)
        ] = None,
        as_json: JsonOption = False,
        config: ConfigOption = None,
        demo: DemoOption = False,
    ) -> None:
        """Say what waits, who decided what, and what it cost."""
        settings = read_settings(config, demo=demo)
        loaded = config_if_any(settings, named=names_config(config), demo=demo)
        window, playbook = _window_and_playbook((window, playbook), loaded)
        known_playbook(playbook, loaded)
        figures = event_loop.run(_figures(settings, loaded, window, playbook, demo=demo))
        if as_json:
            from bot.stats.shape import PINNED

            output.as_json({key: figures[key] for key in PINNED})
            return
        for line in status_lines(figures):
            output.line(line)

    @app.command()
    def queue(
        playbook: Annotated[
            str | None, typer.Argument(help="Only this playbook.", show_default=False)
        ] = None,
        as_json: JsonOption = False,
        config: ConfigOption = None,
        demo: DemoOption = False,
    ) -> None:
        """List what waits for a person, oldest first, and then what expired unanswered."""
        settings = read_settings(config, demo=demo)
        loaded = config_if_any(settings, named=names_config(config), demo=demo)
        known_playbook(playbook, loaded)
        rows = event_loop.run(_queue(settings, loaded, playbook, demo=demo))
        if as_json:
            output.as_json([row.as_json() for row in rows])
            return
        if not rows:
            output.line("Nothing waits.")
            return
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("proposal", no_wrap=True)
        for heading in ("waits", "state", "playbook", "route", "labels", "card"):
            table.add_column(heading, overflow="fold")
        table.add_column("who decides", overflow="fold")
        for row in rows:
            table.add_row(*row.cells())
        output.console(wide=True).print(table)


def config_if_any(settings: Settings, *, named: bool, demo: bool = False) -> Config | None:
    """The config, for names and caps; None where there is no file and nobody ``named`` one: the
    store says enough. Raises ``OperatorError``."""
    from bot.config_file import load
    from bot.demo.tickets import DESK

    if demo:
        return load(DESK / "desk.yaml").config
    if not named and not settings.config.exists():
        return None
    return load(settings.config, files=False).config


def known_playbook(playbook: str | None, config: Config | None) -> None:
    """Raise ``OperatorError`` for a playbook that the config does not have."""
    from bot.faults import OperatorError

    if playbook is not None and config is not None and playbook not in config.playbooks:
        from bot.suggest import nearest

        hint = nearest(playbook, config.playbooks)
        raise OperatorError(f"playbook: there is no {playbook!r}{hint}")


def _window_and_playbook(
    words: tuple[str, str | None], config: Config | None
) -> tuple[str, str | None]:
    """The two in either order, as after ``/agent``. Raises ``OperatorError``."""
    from bot.faults import OperatorError

    windows = [word for word in words if word in WINDOWS]
    others = [word for word in words if word is not None and word not in WINDOWS]
    known = config.playbooks if config is not None else {}
    for word in others:
        # Of two words one is a window; and one that looks like one is meant as one.
        if word not in known and (len(others) > 1 or not word or _LIKE_A_WINDOW.fullmatch(word)):
            raise OperatorError(f"window: {word!r} is none; write 24h, 7d or 30d")
    if len(windows) > 1 or len(others) > 1:
        kind, surplus = ("window", windows) if len(windows) > 1 else ("playbook", others)
        raise OperatorError(f"{kind}: {surplus[1]!r} is one too many")
    return windows[0] if windows else "24h", others[0] if others else None


# --- status -----------------------------------------------------------------------------------


async def _figures(
    settings: Settings, config: Config | None, window: str, playbook: str | None, *, demo: bool
) -> dict[str, Any]:
    from bot.cli.attach import attached
    from bot.clock import SystemClock
    from bot.overview import Overview, window_of

    async with attached(settings, config, demo=demo) as there:
        overview = Overview(there.store, SystemClock(), there.facts.durability)
        return await overview.figures(window_of(window) or "24h", playbook)


async def _waiting(there: Attached, playbook: str | None) -> list[Proposal]:
    _, for_money = await there.store.for_money(playbook, _MOST_WAITING)
    _, ignored = await there.store.unanswered(playbook, _MOST_WAITING)
    ids = [*await there.store.waiting(playbook, _MOST_WAITING), *for_money, *ignored]
    found: list[Proposal] = []
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        read = await asyncio.gather(*(there.store.proposal(one) for one in some))
        found += [each.value for each in read if each is not None]
    return found


def status_lines(figures: dict[str, Any]) -> list[str]:
    """One line a figure, ``word: figure``; the first figure after the word is the total."""
    waiting, actions = figures["waiting"], figures["actions"]
    model, budget = figures["model"], figures["budget"]
    card, decision = figures["time_to_card_s"], figures["time_to_decision_s"]
    lines = [
        f"window: {figures['window']}",
        f"waiting: {waiting['total']}, over their reminder {waiting['over_reminder']}",
        f"oldest: {span(waiting['oldest_s'])}",
        f"tickets: {figures['tickets']}",
        f"proposals: {figures['proposals']}",
        *([f"answered: {figures['answered']} asks"] if figures["answered"] else []),
        f"approved: {figures['approved']}",
        f"edited: {figures['edited']}",
        f"rejected: {figures['rejected']['total']}{_reasons(figures['rejected'])}",
        f"handoff: {figures['handoffs']['total']}{_reasons(figures['handoffs'])}",
        f"expired: {figures['expired']}",
        f"superseded: {figures['superseded']}",
        f"succeeded: {actions['succeeded']}",
        f"failed: {actions['failed']}",
        f"unknown: {actions['unknown']}",
        f"time to card: {_percentiles(card)}",
        f"time to decision: {_percentiles(decision)}",
        f"kept: {_share(figures['kept_share'])} of the drafts' words",
        f"struck citations: {figures['citations_struck']}",
        f"decided in under five seconds: {figures['rubber_stamps']}",
        f"cost: ${model['usd']:.4f}, {model['calls']} model calls, "
        f"{model['tokens_in']} tokens in ({model['tokens_cached']} from the cache), "
        f"{model['tokens_out']} out",
    ]
    if budget["usd_per_day"] is not None:
        lines.append(
            f"budget: ${budget['spent_today']:.2f} of ${budget['usd_per_day']:.2f} today, "
            f"${budget['left_today']:.2f} left"
        )
    if budget["waiting_for_money"]:
        lines.append(f"waiting for money: {budget['waiting_for_money']}")
    paused = ", ".join("everything" if name == "*" else name for name in figures["paused"])
    lines.append(f"paused: {paused or 'nothing'}")
    lines.append(f"durability: {figures['durability']}")
    return lines


def span(seconds: float | None) -> str:
    """A length of time in its two largest units."""
    if seconds is None:
        return "-"
    left = int(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def _reasons(counted: dict[str, Any]) -> str:
    named = ", ".join(f"{reason} {count}" for reason, count in counted["by_reason"].items())
    return f" ({named})" if named else ""


def _percentiles(found: dict[str, Any]) -> str:
    if found["p50"] is None:
        return "-"
    return f"{found['p50']:.1f} s (p50), {found['p95']:.1f} s (p95), {found['p99']:.1f} s (p99)"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


# --- queue ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One thing that waits."""

    proposal: Proposal
    age_seconds: float
    card: str
    """posted, on its way, refused, nowhere, or - for the demo, which shows them itself."""
    deciders: tuple[str, ...]

    @property
    def state(self) -> str:
        if self.proposal.state == "expired":
            return "expired, unanswered"
        waits = self.proposal.state == "drafting" and self.proposal.run.unpaid
        return "waits for money" if waits else self.proposal.state

    def cells(self) -> tuple[str, ...]:
        content = self.proposal.content
        return (
            self.proposal.id,
            span(self.age_seconds),
            self.state,
            self.proposal.playbook,
            content.route if content else "-",
            ", ".join(content.labels) if content else "-",
            self.card,
            ", ".join(self.deciders) or "nobody",
        )

    def as_json(self) -> dict[str, Any]:
        content = self.proposal.content
        return {
            "proposal": self.proposal.id,
            "ticket": self.proposal.ticket,
            "playbook": self.proposal.playbook,
            "state": self.proposal.state,
            "revision": self.proposal.revision,
            "route": content.route if content else None,
            "labels": list(content.labels) if content else [],
            "priority": content.priority if content else None,
            "age_s": round(self.age_seconds, 1),
            "reminded": self.proposal.reminded,
            "card": self.card,
            "who_decides": list(self.deciders),
            "waits_for_money": self.proposal.run.unpaid,
        }


async def _queue(
    settings: Settings, config: Config | None, playbook: str | None, *, demo: bool
) -> list[Row]:
    from bot.cli.attach import attached
    from bot.clock import SystemClock

    rows: list[Row] = []
    async with attached(settings, config, demo=demo) as there:
        now = SystemClock().now()
        for proposal in await _waiting(there, playbook):
            board = (await there.store.board(proposal.id)).value
            since = proposal.proposed_at or proposal.created_at
            rows.append(
                Row(
                    proposal,
                    max(0.0, (now - since).total_seconds()),
                    "-" if demo else _card([copy.status for copy in board.copies]),
                    _deciders(config, proposal, demo=demo),
                )
            )
    return sorted(rows, key=lambda row: (row.proposal.state == "expired", -row.age_seconds))


def _card(statuses: list[str]) -> str:
    for status, words in (("posted", "posted"), ("posting", "on its way"), ("refused", "refused")):
        if status in statuses:
            return words
    return "nowhere"


def _deciders(config: Config | None, proposal: Proposal, *, demo: bool) -> tuple[str, ...]:
    if demo:
        return ("you",)
    if config is None or proposal.playbook not in config.playbooks or proposal.content is None:
        return ()
    approvers = config.playbooks[proposal.playbook].route(proposal.content.route).approvers
    return (
        *approvers.slack_users,
        *approvers.slack_groups,
        *approvers.teams_users,
        *approvers.teams_groups,
    )
