"""The store, for a command that looks at it beside a running `serve`, or with none running."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bot.clock import SystemClock
from bot.config import Config
from bot.settings import DEMO_TENANT, TENANT, Settings
from bot.store.connect import ServerFacts, check_server, open_redis
from bot.store.embedded import EmbeddedServer
from bot.store.epoch import Epoch
from bot.store.state import RedisStore


@dataclass(frozen=True)
class Attached:
    """A started store and what kind of server it is."""

    store: RedisStore
    facts: ServerFacts
    epoch: Epoch

    async def clock_skew_seconds(self) -> float:
        """How far this machine's clock is ahead of the store's. Raises ``StoreUnavailable``."""
        return await self.store.wire.clock_skew_seconds(SystemClock().now())


@asynccontextmanager
async def attached(
    settings: Settings, config: Config | None = None, *, demo: bool = False
) -> AsyncIterator[Attached]:
    """Attach to the embedded server of the data folder, or to ``REDIS_URL``.

    ``demo``: the demo's own store. Raises ``EmbeddedServerError``, ``StoreRefused``,
    ``StoreUnavailable``.
    """
    money = config.budget if config is not None else None
    async with AsyncExitStack() as stack:
        if settings.redis_url is None or demo:
            folder = settings.data / "demo" if demo else settings.data
            url = (await stack.enter_async_context(EmbeddedServer(folder, revive=False))).url
        else:
            url = settings.redis_url.get_secret_value()
        redis = open_redis(url, decode_responses=False)
        stack.push_async_callback(redis.aclose)
        store = RedisStore(
            redis,
            DEMO_TENANT if demo else TENANT,
            SystemClock(),
            usd_per_day=money.usd_per_day if money else None,
            playbook_usd_per_day=money.usd_per_playbook if money else None,
            warn_at=money.warn_at if money else 0.8,
            at_cap=money.at_cap if money else "local",
            timezone=ZoneInfo(money.timezone if money else "UTC"),
        )
        facts = await check_server(redis, epoch_key=store.keys.epoch)
        epoch = await store.start()
        stack.push_async_callback(store.close)
        yield Attached(store, facts, epoch)
