"""``doctor`` names the conversations that the bot was removed from."""

from __future__ import annotations

from pathlib import Path

from bot.cli.doctor_teams import teams_check
from bot.clock import SystemClock
from bot.config_file import load
from bot.ports.references import Conversation
from bot.settings import TENANT, from_environment
from bot.store.connect import open_redis
from bot.store.references import RedisReferences
from bot.store.state import RedisStore
from tests.live.product import SECRET, write_config
from tests.live.teams_product import teams_config
from tests.standins.teams.world import BILLING, SUPPORT, TRIAGE


def known(ident: str, *, gone: bool = False) -> Conversation:
    return Conversation(
        id=ident, kind="channel", service_url="https://x.botframework.com", bot="28:b", gone=gone
    )


async def test_a_conversation_without_the_bot_is_a_finding(tmp_path: Path, redis_url: str) -> None:
    variables = {"REDIS_URL": redis_url, "HELPDESK_SECRET": SECRET}
    config = load(write_config(tmp_path, teams_config()), environment=variables).config
    redis = open_redis(redis_url, decode_responses=False)
    try:
        store = RedisStore(redis, TENANT, SystemClock())
        references = RedisReferences(store.wire, store.keys)
        await references.keep(known(SUPPORT), None)
        await references.keep(known(BILLING, gone=True), None)
        chat = known("a:chat-with-dana", gone=True)
        await references.keep(chat.model_copy(update={"kind": "personal"}), None)
        found = await teams_check(from_environment(variables), config)
    finally:
        await redis.aclose()
    assert not found.well
    (removed,) = [one for one in found.findings if one.severity == "finding"]
    assert removed.where == "playbooks.support.routes.billing.card.teams"
    assert BILLING in removed.what
    assert any(TRIAGE in one.what for one in found.findings if one.severity == "note")
    assert found.said == "1 conversations"
