"""What a valid config leaves undone: findings, each with what to do about it.

A mistake in the file is an error (``bot.config_file``). A finding is a file that can be served and
will not do what its writer wants: a route that nobody may approve, a channel without credentials.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from bot.config import LEAD_TOOLS, Config, everyone
from bot.faults import SettingsError
from bot.playbook import ANSWERED_KINDS, Approvers, Playbook
from bot.settings import SHORTEST_SECRET, Settings

Severity = Literal["finding", "note"]
"""finding: something will not work, exit code 1. note: worth knowing, exit code 0."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Finding:
    """``where`` is a path in the file or a variable of the environment."""

    where: str
    what: str
    remedy: str
    severity: Severity = "finding"

    @property
    def line(self) -> str:
        mark = "note: " if self.severity == "note" else ""
        return f"{mark}{self.where}: {self.what}; {self.remedy}"


def of_config(config: Config, settings: Settings) -> tuple[Finding, ...]:
    """Everything that can be found without asking anybody."""
    return (
        *_people(config),
        *_playbooks(config),
        *_places(config, settings),
        *_groups(config, settings),
        *_identifiers(config),
        *_money(config, settings),
        *_openings(config),
        *_searches(config, settings),
        *misplaced(config),
        *of_environment(settings),
    )


def misplaced(config: Config) -> Iterator[Finding]:
    """Tools that a playbook lists and that could do nothing in it."""
    for name, playbook in config.playbooks.items():
        wanted = {
            **{f"research[{at}]": tool for at, tool in enumerate(playbook.research)},
            **{f"actions[{at}]": use.tool for at, use in enumerate(playbook.actions)},
        }
        for path, tool in wanted.items():
            if tool in LEAD_TOOLS and playbook.kind != "lead":
                yield Finding(
                    f"playbooks.{name}.{path}",
                    f"{tool} works in playbooks of kind lead alone",
                    "take it out, or move it to one of that kind",
                )
            elif tool == "post_answer" and playbook.kind not in ANSWERED_KINDS:
                yield Finding(
                    f"playbooks.{name}.{path}",
                    "post_answer works in playbooks that answer (research, screen, summary) alone",
                    "take it out",
                )


def unpriced(config: Config, price: Callable[[str], object]) -> tuple[Finding, ...]:
    """Models whose ``price`` nobody knows: each of their calls is refused."""
    names = (("name", config.model.name), ("draft", config.model.draft))
    return tuple(
        Finding(
            f"model.{key}",
            f"nobody knows the price of {name}, so every call is refused",
            "name a model of claude-haiku, claude-sonnet or claude-opus that is priced",
        )
        for key, name in names
        if price(name) is None
    )


def of_environment(settings: Settings) -> Iterator[Finding]:
    """The environment alone."""
    try:
        settings.whole_groups()
    except SettingsError as partial:
        for line in partial.lines:
            name, _, rest = line.partition(": ")
            what, _, remedy = rest.rpartition("; ")
            yield Finding(name, what, remedy)
    for name, value, prefix in (
        ("SLACK_BOT_TOKEN", settings.slack_bot_token, "xoxb-"),
        ("SLACK_APP_TOKEN", settings.slack_app_token, "xapp-"),
    ):
        if value is not None and not value.get_secret_value().startswith(prefix):
            yield Finding(
                name, f"does not begin with {prefix}", "copy it again from the app's settings"
            )
    if settings.deskhand_secret is None and not settings.embedded:
        yield Finding(
            "DESKHAND_SECRET",
            "is not set though REDIS_URL is, and `serve` will refuse",
            "set it to the same random text for every replica, as `openssl rand -hex 32` prints",
        )
    elif (
        settings.deskhand_secret is not None
        and len(settings.deskhand_secret.get_secret_value()) < SHORTEST_SECRET
    ):
        yield Finding(
            "DESKHAND_SECRET",
            f"has fewer than {SHORTEST_SECRET} characters",
            "make one with `openssl rand -hex 32`",
        )
    if settings.anthropic_api_key is None:
        yield Finding(
            "ANTHROPIC_API_KEY",
            "is not set, so the local model looks up and drafts",
            "set it to use Anthropic's models",
            "note",
        )


def _people(config: Config) -> Iterator[Finding]:
    if config.managers.empty:
        yield Finding(
            "managers",
            "nobody may pause, resume or read traces",
            "name people or groups, as in managers: {slack_users: [U0MANAGER]}",
        )
    second = config.screen is not None and config.screen.on_hit == "second"
    for name, playbook in config.playbooks.items():
        for route, target in playbook.routes.items():
            where = f"playbooks.{name}.routes.{route}.approvers"
            yield from _deciders(where, target.approvers, playbook, second)
        for index, use in enumerate(playbook.actions):
            if use.approvers is not None:
                where = f"playbooks.{name}.actions[{index}].approvers"
                yield from _deciders(where, use.approvers, playbook, second)
        if playbook.kind != "triage" and playbook.askers.empty:
            yield Finding(
                f"playbooks.{name}.askers", "nobody may ask", "name people or groups who may"
            )


def _deciders(
    where: str, approvers: Approvers, playbook: Playbook, second_on_hit: bool
) -> Iterator[Finding]:
    people = len(approvers.slack_users) + len(approvers.teams_users)
    groups = bool(approvers.slack_groups or approvers.teams_groups)
    needed = max([playbook.approvals, *(use.approvals for use in playbook.actions)])
    needed = max(needed, 2) if second_on_hit else needed
    if approvers.empty:
        yield Finding(
            where,
            "nobody may approve, for an empty list lets nobody decide",
            "name people or groups, as in {slack_users: [U0AGENT]}",
        )
    elif people < needed and not groups:
        yield Finding(
            where, f"{needed} approvals are asked for and one person may approve", "name another"
        )
    elif people == 1 and not groups and not playbook.asker_may_approve:
        yield Finding(
            where,
            "only one person may approve, so nobody else may where they wrote or asked themselves",
            "name a second person or a group",
        )


def _playbooks(config: Config) -> Iterator[Finding]:
    heard = {listen.webhook for book in config.playbooks.values() for listen in book.listen}
    for name, webhook in config.webhooks.items():
        if name not in heard:
            yield Finding(
                f"webhooks.{name}",
                "no playbook listens to it",
                f"add {{webhook: {name}}} to a playbook's listen, or take it out",
            )
        elif webhook.reply_url is None and any(
            playbook.action("send_reply")
            for playbook in config.playbooks.values()
            if any(listen.webhook == name for listen in playbook.listen)
        ):
            yield Finding(
                f"webhooks.{name}.reply_url",
                "is not set, so an approved reply cannot be sent",
                "set it to where replies go",
            )
    for name, playbook in config.playbooks.items():
        if playbook.kind == "triage" and not playbook.listen:
            yield Finding(
                f"playbooks.{name}.listen",
                "is empty, so only mentions in threads reach this playbook",
                "name a channel or a webhook, as in [{slack: C0SUPPORT}]",
            )
        if playbook.kind == "research" and not playbook.corpus:
            yield Finding(
                f"playbooks.{name}.corpus",
                "is empty, so nothing can be found",
                "name the folders with your files, as in [./corpus]",
            )
        if playbook.kind == "screen" and not playbook.policy:
            yield Finding(
                f"playbooks.{name}.policy",
                "is not set, so there is nothing to hold a text against",
                "name the file of rules, as in policy: ./policy.yaml",
            )
        if "search_kb" in playbook.research and not config.knowledge.paths:
            yield Finding(
                "knowledge.paths",
                f"is empty, though {name} may search the knowledge base",
                "name the folders with your articles",
            )


def _places(config: Config, settings: Settings) -> Iterator[Finding]:
    slack = "set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET (or SLACK_APP_TOKEN), or take it out"
    teams = (
        "set MICROSOFT_APP_ID, MICROSOFT_APP_PASSWORD and MICROSOFT_APP_TENANT_ID, take it out, or "
        "try it with `deskhand serve --teams-emulator`"
    )
    missing: dict[str, tuple[str, str]] = {}
    if not settings.teams:
        missing["teams"] = ("there are no credentials for Teams", teams)
    if settings.slack == "off":
        missing["slack"] = ("there are no credentials for Slack", slack)
    for name, playbook in config.playbooks.items():
        for index, listen in enumerate(playbook.listen):
            for surface in ("slack", "teams"):
                if getattr(listen, surface) and surface in missing:
                    yield Finding(f"playbooks.{name}.listen[{index}].{surface}", *missing[surface])
        for route, target in playbook.routes.items():
            where = f"playbooks.{name}.routes.{route}.card"
            if playbook.kind == "triage" and not target.card.places:
                yield Finding(
                    where,
                    "is empty, so nobody sees this route's cards in a channel",
                    "name a channel, as in {slack: C0TRIAGE}",
                )
            for place in target.card.places:
                if place.surface in missing:
                    yield Finding(f"{where}.{place.surface}", *missing[place.surface])


def _groups(config: Config, settings: Settings) -> Iterator[Finding]:
    if settings.teams:
        return
    for path, approvers in everyone(config):
        if approvers.teams_groups:
            yield Finding(
                f"{_dotted(path)}.teams_groups",
                "nobody is in a group without credentials for Teams, in emulator mode neither",
                "set MICROSOFT_APP_ID and what goes with it, or name people in teams_users",
                "note",
            )


_IDS = (
    ("slack_users", re.compile(r"[UW][A-Z0-9]+\Z"), "a member's id begins with U or W"),
    ("slack_groups", re.compile(r"S[A-Z0-9]+\Z"), "a user group's id begins with S"),
)
_CHANNEL = re.compile(r"[CGD][A-Z0-9]+\Z")


def _identifiers(config: Config) -> Iterator[Finding]:
    for path, approvers in everyone(config):
        for key, form, words in _IDS:
            for index, ident in enumerate(getattr(approvers, key)):
                if not form.match(ident):
                    yield Finding(
                        f"{_dotted(path)}.{key}[{index}]",
                        f"{ident!r} is no Slack id ({words})",
                        "copy the id, not the name, in Slack",
                    )
    for path, channel in (*config.cards(), *config.listened()):
        if not _CHANNEL.match(channel):
            yield Finding(
                _dotted(path),
                f"{channel!r} is no Slack channel's id (it begins with C)",
                "copy the id at the end of the channel's details in Slack",
            )


def _money(config: Config, settings: Settings) -> Iterator[Finding]:
    if settings.anthropic_api_key is None:
        return
    for name, playbook in config.playbooks.items():
        if playbook.limits.usd > config.budget.usd_per_day:
            yield Finding(
                f"playbooks.{name}.limits.usd",
                "one run may cost more than a whole day",
                "lower it, or raise budget.usd_per_day",
            )


def _searches(config: Config, settings: Settings) -> Iterator[Finding]:
    for name, playbook in config.playbooks.items():
        if playbook.web_search and settings.anthropic_api_key is None:
            yield Finding(
                f"playbooks.{name}.web_search",
                "the local model cannot search the web",
                "set ANTHROPIC_API_KEY, or take it out",
                "note",
            )


def _openings(config: Config) -> Iterator[Finding]:
    for host, address in config.fetch.hosts.items():
        yield Finding(
            f"fetch.hosts.{host}",
            f"the fetch guard sends this host's addresses to {address}",
            "take it out unless that is meant",
            "note",
        )
    url = urlsplit(config.public_url)
    if url.scheme != "https" and url.hostname not in _LOOPBACK:
        yield Finding(
            "public_url",
            "is not https, so sign-ins to the console can be read on the way",
            "serve it behind TLS and write https",
        )


def _dotted(path: tuple[str | int, ...]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
