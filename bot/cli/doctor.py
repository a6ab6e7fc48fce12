"""What ``deskhand doctor`` looks at: one check a subject, each with its findings."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.faults import ConfigError
from bot.findings import Finding, of_config, of_environment, unpriced
from bot.journal import Entry
from bot.lifecycle import MOST_SKEW_SECONDS
from bot.ports import StoreUnavailable
from bot.settings import Settings, named_secrets
from bot.store.errors import EmbeddedServerError, StoreRefused

if TYPE_CHECKING:
    from bot.config_file import ConfigFile

_SKEW_SECONDS = 30.0
"""Slack and webhooks refuse what is five minutes off; long before that something is wrong."""
_NAMED_FILES = 10


@dataclass(frozen=True)
class Check:
    """One subject. ``said`` is what was found, in a line."""

    name: str
    said: str
    findings: tuple[Finding, ...] = ()
    invalid: bool = False
    """The config does not validate."""

    @property
    def well(self) -> bool:
        return not any(finding.severity == "finding" for finding in self.findings)


async def examine(settings: Settings, *, offline: bool) -> tuple[Check, ...]:
    """Every check, in the order in which faults cause one another."""
    loaded, first = _config(settings)
    checks = [first, _environment(settings), await _store(settings, loaded)]
    if loaded is not None:
        checks.append(await asyncio.to_thread(_knowledge, settings, loaded))
        checks += await asyncio.to_thread(_corpora, settings, loaded)
        checks.append(_webhooks(loaded, os.environ))
        checks.append(_model(settings, loaded))
    if settings.slack != "off" and not offline:
        from bot.cli.doctor_slack import slack_check

        checks.append(await slack_check(settings, loaded.config if loaded else None))
    if loaded is not None and _speaks_teams(settings, loaded):
        from bot.cli.doctor_teams import teams_check

        checks.append(await teams_check(settings, loaded.config))
    return tuple(checks)


async def resume(settings: Settings) -> bool:
    """Act on the store's history as it is after a failover, in the name of who runs this machine;
    what is paused stays so. False: it has not forked, or again meanwhile.

    Raises ``EmbeddedServerError``, ``StoreRefused``, ``StoreUnavailable``.
    """
    from bot.cli.attach import attached

    async with attached(settings) as there:
        if there.epoch.accepted:
            return False
        told = {"what": "resume", "epoch": there.epoch.id}
        entry = Entry(kind="operator", actor="operator", data=told)
        await there.store.record_book.append((entry,))
        return await there.store.accept_epoch(there.epoch)


def _speaks_teams(settings: Settings, loaded: ConfigFile) -> bool:
    """Whether Teams is served, or, without credentials, the file was written for its emulator."""
    books = loaded.config.playbooks.values()
    listened = any(listen.teams for book in books for listen in book.listen)
    return settings.teams or listened


def _config(settings: Settings) -> tuple[ConfigFile | None, Check]:
    from bot.config_file import load

    try:
        loaded = load(settings.config)
        check_prompts(loaded)
    except ConfigError as wrong:
        findings = []
        for line in wrong.lines:
            where, _, what = line.partition(": ")
            findings.append(Finding(where, what, "mend it and run this again"))
        return None, Check("config", "does not validate", tuple(findings), invalid=True)
    about_environment = {finding.line for finding in of_environment(settings)}
    findings = [
        finding
        for finding in of_config(loaded.config, settings)
        if finding.line not in about_environment
    ]
    count = len(loaded.config.playbooks)
    said = f"{settings.config} with {count} playbook{'s' if count > 1 else ''}"
    return loaded, Check("config", said, tuple(findings))


def _environment(settings: Settings) -> Check:
    parts = [f"Slack {settings.slack}", f"Teams {'on' if settings.teams else 'off'}"]
    parts.append("embedded store" if settings.embedded else "store at REDIS_URL")
    return Check("environment", ", ".join(parts), tuple(of_environment(settings)))


async def _store(settings: Settings, loaded: ConfigFile | None) -> Check:
    from bot.cli.attach import attached

    where = "DESKHAND_DATA" if settings.embedded else "REDIS_URL"
    config = loaded.config if loaded else None
    findings: list[Finding] = []
    try:
        async with attached(settings, config) as there:
            facts, forked = there.facts, not there.epoch.accepted
            skew = await there.clock_skew_seconds()
    except (EmbeddedServerError, StoreRefused, StoreUnavailable) as fault:
        what, _, remedy = str(fault).rpartition(": ")
        return Check("store", "cannot be used", (Finding(where, what or str(fault), remedy),))
    if facts.durability != "strict":
        strict = config is not None and config.durability == "strict"
        findings.append(
            Finding(
                where,
                f"durability is relaxed{', and `durability: strict` refuses that' * strict}",
                facts.why or "set `appendonly yes` and `appendfsync always`",
                "finding" if strict or not settings.embedded else "note",
            )
        )
    if forked:
        findings.append(
            Finding(
                where,
                "the store's history has forked (a failover), so no approved action is carried out",
                "look whether the last decisions are there, then run `deskhand doctor --resume`",
            )
        )
    findings += [
        Finding(
            where, f"could not be seen: {what}", "look at it in the service's own settings", "note"
        )
        for what in facts.unchecked
    ]
    if abs(skew) > MOST_SKEW_SECONDS:
        findings.append(
            Finding(
                "clock",
                f"this machine and the store are {abs(skew):.0f} s apart",
                "set both by NTP",
            )
        )
    used = facts.used_memory / 1e6
    limit = f" of {facts.maxmemory / 1e6:.0f}" if facts.maxmemory else ""
    said = f"{facts.version}, durability {facts.durability}, {used:.1f}{limit} MB used"
    return Check("store", said, tuple(findings))


def _knowledge(settings: Settings, loaded: ConfigFile) -> Check:
    from bot.assembly import knowledge_folder

    if not loaded.knowledge_paths:
        return Check("knowledge", "no paths")
    folder = knowledge_folder(settings.data)
    return _indexed("knowledge", "knowledge.paths", loaded.knowledge_paths, folder)


def _corpora(settings: Settings, loaded: ConfigFile) -> list[Check]:
    from bot.answerers import corpus_folder

    return [
        _indexed(
            f"corpus {name}",
            f"playbooks.{name}.corpus",
            [loaded.resolve(path) for path in playbook.corpus],
            corpus_folder(settings.data, name),
        )
        for name, playbook in loaded.config.playbooks.items()
        if playbook.kind == "research" and playbook.corpus
    ]


def _indexed(name: str, where: str, paths: Sequence[Path], folder: Path) -> Check:
    from tools.research.knowledge import KnowledgeIndex

    index = KnowledgeIndex(paths, folder)
    try:
        refreshed = index.refresh()
    except OSError as fault:
        finding = Finding("DESKHAND_DATA", f"cannot be written ({fault.strerror})", "name another")
        return Check(name, "not read", (finding,))
    finally:
        index.close()
    findings = [
        Finding(each.path, f"not read: {each.why}", "mend it, or take it out")
        for each in refreshed.not_read[:_NAMED_FILES]
    ]
    if len(refreshed.not_read) > _NAMED_FILES:
        more = len(refreshed.not_read) - _NAMED_FILES
        findings.append(Finding(where, f"{more} more files not read", "see above"))
    if not refreshed.articles:
        findings.append(
            Finding(where, "hold no article", "put Markdown, text, HTML, PDF or DOCX files there")
        )
    said = f"{refreshed.articles} articles, {len(refreshed.not_read)} files not read"
    return Check(name, said, tuple(findings))


def _webhooks(loaded: ConfigFile, environ: Mapping[str, str]) -> Check:
    from handlers.webhooks import BadSecret, secret_bytes

    there = named_secrets(loaded.config, environ)
    findings = [
        Finding(name, "is not set", "set it to the secret that the config names it for")
        for _, name in loaded.config.secret_names()
        if name not in there
    ]
    for name, webhook in loaded.config.webhooks.items():
        secret = there.get(webhook.secret_env)
        if secret is None:
            continue
        try:
            secret_bytes(secret.get_secret_value())
        except BadSecret as bad:
            findings.append(
                Finding(
                    webhook.secret_env, f"cannot sign /webhooks/{name}: it {bad}", "copy it again"
                )
            )
    return Check("webhooks", f"{len(loaded.config.webhooks)} configured", tuple(findings))


def _model(settings: Settings, loaded: ConfigFile) -> Check:
    names = (loaded.config.model.name, loaded.config.model.draft)
    if settings.anthropic_api_key is None:
        return Check("model", "the local model")
    found = of_prices(settings, loaded)
    return Check("model", f"{names[0]} looks up, {names[1]} drafts", found)


def check_prompts(loaded: ConfigFile) -> None:
    """Raises ``ConfigError`` with a line for each prompt file that cannot be used."""
    from bot.agent.prompting import PromptError, load_prompt

    faults = []
    for given in dict.fromkeys(book.prompt for book in loaded.config.playbooks.values()):
        try:
            if given:
                load_prompt(loaded.resolve(given))
        except PromptError as fault:
            faults.append(str(fault))
    if faults:
        raise ConfigError(*faults)


def of_prices(settings: Settings, loaded: ConfigFile) -> tuple[Finding, ...]:
    """What is wrong with the models' prices; nothing where the local one is used."""
    if settings.anthropic_api_key is None:
        return ()
    from bot.models.anthropic import AnthropicModel

    # Prices are a table on this machine; nothing is called.
    prices = AnthropicModel(settings.anthropic_api_key.get_secret_value())
    return unpriced(loaded.config, prices.price)


def clock_finding(name: str, date: datetime | None) -> tuple[Finding, ...]:
    """A finding where ``date``, another side's clock, is far from ours."""
    if date is None:
        return ()
    skew = abs((datetime.now(UTC) - date).total_seconds())
    if skew <= _SKEW_SECONDS:
        return ()
    what = f"this machine and {name} are {skew:.0f} s apart"
    return (Finding("clock", what, "set this machine's clock by NTP"),)
