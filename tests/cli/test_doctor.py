"""The doctor, against a Slack that enforces its own limits, and on broken surroundings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.cli.attach import attached
from bot.cli.doctor import Check, examine, resume
from bot.cli.slack_app import SCOPES
from bot.clock import SystemClock
from bot.journal import Entry
from bot.settings import Settings, from_environment
from tests.standins.slack import SlackStandin, slack_standin

CONFIG = """\
managers: {slack_users: [U0MANAGER]}
knowledge: {paths: [./kb]}
model: {name: claude-haiku-5-5, draft: claude-nobody-knows}
playbooks:
  support:
    listen: [{slack: C0SUPPORT}]
    labels: {billing: "Money"}
    routes:
      elsewhere: {card: {slack: C0NOWHERE}, approvers: {slack_users: [U0A, U0B]}}
      default: {card: {slack: C0TRIAGE}, approvers: {slack_users: [U0A, U0B]}}
webhooks: {desk: {secret_env: DESK_SECRET, reply_url: "https://desk.example/replies"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "refunds.md").write_text("# Refunds\n\nA refund takes 5 days.\n")
    (tmp_path / "kb" / "broken.txt").write_bytes(b"\x00\x01\x02" * 100)
    (tmp_path / "deskhand.yaml").write_text(CONFIG)
    return tmp_path


def settings_of(folder: Path, slack: SlackStandin | None = None, **more: str) -> Settings:
    return from_environment(
        {
            "DESKHAND_CONFIG": str(folder / "deskhand.yaml"),
            "DESKHAND_DATA": str(folder / "data"),
            "ANTHROPIC_API_KEY": "k",
            **(slack.environment if slack is not None else {}),
            **more,
        }
    )


async def checks_of(settings: Settings, *, offline: bool = False) -> dict[str, Check]:
    return {check.name: check for check in await examine(settings, offline=offline)}


def text(check: Check) -> str:
    return "\n".join(finding.line for finding in check.findings)


async def test_slack_is_asked_who_the_token_is_and_where_the_app_was_invited(
    folder: Path,
) -> None:
    async with slack_standin() as slack:
        slack.web_api.granted_scopes = frozenset(SCOPES) - {"usergroups:read"} | {"files:read"}
        slack.space.channels["C0TRIAGE"].members.discard(slack.space.bot_user)
        found = (await checks_of(settings_of(folder, slack)))["Slack"]
    assert not found.well
    said = text(found)
    assert "scope usergroups:read: is not granted; without it: know at each decision" in said
    assert "note: scopes: more than needed: files:read" in said
    assert "routes.default.card.slack: the app is not in C0TRIAGE; /invite it" in said
    assert "routes.elsewhere.card.slack: C0NOWHERE: Slack says channel_not_found" in said
    assert "C0SUPPORT" not in said


async def test_a_slack_in_order_has_no_finding(folder: Path) -> None:
    (folder / "deskhand.yaml").write_text(CONFIG.replace("C0NOWHERE", "C0TRIAGE"))
    async with slack_standin() as slack:
        slack.web_api.granted_scopes = frozenset(SCOPES)
        found = (await checks_of(settings_of(folder, slack)))["Slack"]
    assert text(found) == ""


async def test_a_refused_token_and_a_slack_that_is_away_are_told_apart(folder: Path) -> None:
    async with slack_standin() as slack:
        wrong = settings_of(folder, slack, SLACK_BOT_TOKEN="xoxb-wrong")
        assert "Slack says invalid_auth" in text((await checks_of(wrong))["Slack"])
        right = settings_of(folder, slack)
    away = (await checks_of(right))["Slack"]
    assert "does not answer" in text(away)
    assert "Slack" not in await checks_of(right, offline=True)


async def test_knowledge_webhooks_and_prices_are_looked_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_SECRET", "whsec_not base64")
    checks = await checks_of(settings_of(folder))
    assert checks["store"].well
    assert "strict" in checks["store"].said
    assert checks["knowledge"].said.startswith("1 articles, 1 files not read")
    assert "broken.txt: not read" in text(checks["knowledge"])
    assert "DESK_SECRET: cannot sign /webhooks/desk" in text(checks["webhooks"])
    assert "model.draft: nobody knows the price of claude-nobody-knows" in text(checks["model"])
    assert "model.name" not in text(checks["model"])


async def test_a_store_that_is_away_does_not_hide_the_rest(folder: Path) -> None:
    checks = await checks_of(settings_of(folder, REDIS_URL="redis://127.0.0.1:1"))
    assert not checks["store"].well
    assert "not available" in text(checks["store"])
    assert "DESKHAND_SECRET: is not set" in text(checks["environment"])
    assert "knowledge" in checks


async def test_an_invalid_config_is_a_failed_check_and_not_the_end(folder: Path) -> None:
    (folder / "deskhand.yaml").write_text("playbooks: 1\n")
    checks = await checks_of(settings_of(folder))
    assert checks["config"].invalid
    assert checks["store"].well


async def test_after_a_failover_it_says_so_and_lets_actions_go_on(
    folder: Path, redis_url: str
) -> None:
    """Where nobody is a manager in a chat, somebody at the machine is asked."""
    settings = settings_of(folder, REDIS_URL=redis_url, DESKHAND_SECRET="s" * 32)
    assert not await resume(settings)
    async with attached(settings) as there:
        store, epoch = there.store, there.store.keys.epoch
        await store.pause("support", Entry(kind="operator", data={"what": "pause"}))
        # As a promoted replica has it: another history than the one that was accepted.
        await store.wire.command("HSET", epoch, "accepted", "another")
    assert "`deskhand doctor --resume`" in text((await checks_of(settings, offline=True))["store"])
    assert await resume(settings)
    assert not await resume(settings)
    assert "doctor --resume" not in text((await checks_of(settings, offline=True))["store"])
    async with attached(settings) as there:
        assert there.epoch.accepted
        assert await there.store.paused() == {"support"}
        said = [
            line.entry.data.get("what")
            async for page in there.store.record_book.walk(datetime(2026, 1, 1, tzinfo=UTC))
            for line in page
        ]
        assert said == ["pause", "resume"]


@pytest.mark.parametrize(("ahead", "said"), [(2, False), (6, True), (-6, True)])
async def test_a_clock_that_the_claims_cannot_bear_is_named(
    folder: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch, ahead: int, said: bool
) -> None:
    class Off(SystemClock):
        def now(self) -> datetime:
            return super().now() + timedelta(seconds=ahead)

    monkeypatch.setattr("bot.cli.attach.SystemClock", Off)
    settings = settings_of(folder, REDIS_URL=redis_url, DESKHAND_SECRET="s" * 32)
    store = (await checks_of(settings, offline=True))["store"]
    assert ("s apart" in text(store)) == said
