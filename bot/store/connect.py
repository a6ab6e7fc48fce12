"""Connecting to the store, and finding out what kind of store it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from bot.ports import StoreUnavailable
from bot.store.connection import connection_options
from bot.store.epoch import EPOCH_KEY, Epoch, observe_epoch
from bot.store.errors import StoreRefused

Durability = Literal["strict", "relaxed"]
"""
strict: what was acknowledged is on disk. relaxed: a crash of the server may lose what was.
"""

OLDEST_VERSION = (7, 0)


@dataclass(frozen=True)
class ServerFacts:
    """What ``check_server`` found."""

    version: str
    """Name and version, for people: ``Valkey 9.1.2``, ``Redis 7.4.1``."""
    durability: Durability
    why: str | None
    """One line: why the durability is only relaxed; None when it is strict."""
    maxmemory: int
    """The limit in bytes; 0: none set."""
    used_memory: int
    """Bytes in use."""
    replicas: int
    """Replicas connected now."""
    epoch: Epoch
    unchecked: tuple[str, ...]
    """What a server that hides its settings did not let us check, in words."""


@dataclass(frozen=True)
class Memory:
    """``limit_bytes``: ``maxmemory``, else the machine's memory, else None: nobody knows."""

    used_bytes: int
    limit_bytes: int | None


def open_redis(
    url: str,
    *,
    decode_responses: bool = True,
    pool_size: int = 64,
    connect_timeout_s: float = 0.5,
    read_timeout_s: float = 0.8,
    pool_wait_s: float = 0.5,
) -> Redis:
    """A client with a pool of its own; nothing is sent yet. The caller ends it with ``aclose``.

    No command is ever sent twice: redis-py by default sends again when a reply was lost, which
    counted one INCR twice. A failed call therefore means *not sent or unknown*. The times add up
    to less than the 2 s within which intake has to answer 503. Not for blocking commands: they
    outlast ``read_timeout_s``. Options in the URL's query win over the arguments.

    RESP2: measured, RESP3 saves no CPU here and costs a handshake per connection.
    Raises ``StoreRefused`` for a URL that cannot be used.
    """
    if _scheme(url) not in ("redis", "rediss", "unix"):
        raise StoreRefused("REDIS_URL must start with redis://, rediss:// or unix://")
    options: dict[str, Any] = {
        "max_connections": pool_size,
        "timeout": pool_wait_s,
        "socket_timeout": read_timeout_s,
        "socket_connect_timeout": connect_timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": decode_responses,
        "protocol": 2,
        "driver_info": None,
        # During an announced maintenance redis-py would wait 10 s, whatever its time-outs say.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    if _scheme(url) != "unix":
        # A PING after idle time: a connection that a firewall dropped then fails before a write
        # is sent, where it is known that nothing happened, and not after.
        options["health_check_interval"] = 15
    try:
        asked = connection_options(url)
        if "timeout" in asked:
            # A pool that waits for a connection knows it; the queue's pool does not and dies.
            raise ValueError("timeout")
        pool = BlockingConnectionPool(**options | asked)
        # Makes an object and no connection: where an unknown option in the query shows.
        made = pool.connection_class(**pool.connection_kwargs)
        if isinstance(made, UnixDomainSocketConnection) and not made.path:
            raise ValueError("no path")
    except (ValueError, TypeError, RedisError):
        # Their words quote the URL, and where a password was not escaped, pieces of it.
        raise StoreRefused(
            "REDIS_URL cannot be read: it is redis://user:password@host:6379/0 or unix:///path,"
            " with special characters in the password percent-encoded, and without `timeout`"
        ) from None
    return Redis.from_pool(pool)


def describe(redis: Redis) -> str:
    """Where this client connects to, without user and password."""
    options = redis.connection_pool.connection_kwargs
    kind = redis.connection_pool.connection_class
    if issubclass(kind, UnixDomainSocketConnection):
        return f"unix://{options.get('path', '')}"
    scheme = "rediss" if issubclass(kind, SSLConnection) else "redis"
    return (
        f"{scheme}://{options.get('host', 'localhost')}:{options.get('port', 6379)}"
        f"/{options.get('db', 0)}"
    )


async def check_server(redis: Redis, *, epoch_key: str = EPOCH_KEY) -> ServerFacts:
    """Look at the server behind ``redis`` before anything is entrusted to it.

    Raises ``StoreRefused`` when it must not be the store (it evicts, it is a replica, it is too
    old, it rejects the login) and ``StoreUnavailable`` when it does not answer now. Also looks at
    the epoch, which writes ``epoch_key`` where something changed.
    """
    try:
        info = await redis.info("server", "memory", "persistence", "replication")
        if info.get("loading"):
            # It answers this much while it reads its files, and refuses the rest.
            raise BusyLoadingError
        settings = await _settings(redis)
        _refuse_unfit(redis, info, settings)
        epoch = await observe_epoch(redis, epoch_key)
    except AuthenticationError as error:
        raise StoreRefused(
            f"the store at {describe(redis)} refuses the login ({_line(error)}): correct user and"
            " password in REDIS_URL"
        ) from error
    except NoPermissionError as error:
        raise StoreRefused(
            f"the user in REDIS_URL may not do what Deskhand needs at {describe(redis)}"
            f" ({_line(error)}): allow it `~* &* +@all -@dangerous +info +config|get`"
        ) from error
    except RedisError as error:
        raise unavailable(redis, error) from error
    policy = settings.get("maxmemory-policy") or info.get("maxmemory_policy")
    durability, why = _durability(info, settings)
    unchecked = []
    if policy is None:
        unchecked.append("whether it evicts keys (maxmemory-policy must be noeviction)")
    if not settings:
        unchecked.append("how it writes to disk (appendfsync)")
    if epoch.history == "hidden":
        unchecked.append("whether it failed over")
    return ServerFacts(
        version=_version_words(info),
        durability=durability,
        why=why,
        maxmemory=int(settings.get("maxmemory") or info.get("maxmemory") or 0),
        used_memory=int(info.get("used_memory", 0)),
        replicas=int(info.get("connected_slaves", 0)),
        epoch=epoch,
        unchecked=tuple(unchecked),
    )


async def read_memory(redis: Redis) -> Memory:
    """How full the store is. Raises ``StoreUnavailable``."""
    try:
        info = await redis.info("memory")
    except RedisError as error:
        raise unavailable(redis, error) from error
    limit = int(info.get("maxmemory") or info.get("total_system_memory") or 0)
    return Memory(int(info.get("used_memory", 0)), limit or None)


def unavailable(redis: Redis, error: RedisError) -> StoreUnavailable:
    """``error`` as the store's one line: where, why, and what to do. No password in it."""
    if isinstance(error, BusyLoadingError):
        why = "it is still reading its files; try again in a moment"
    elif isinstance(error, RedisTimeoutError):
        why = "no answer in time; see whether it runs and is reachable"
    elif isinstance(error, RedisConnectionError):
        why = f"{_line(error)}; start it, or correct REDIS_URL"
    else:
        why = _line(error)
    return StoreUnavailable(f"the store at {describe(redis)} is not available: {why}")


def _scheme(url: str) -> str:
    """The scheme, in lower case; empty when there is none."""
    scheme, found, _ = url.partition("://")
    return scheme.lower() if found else ""


async def _settings(redis: Redis) -> Mapping[str, str]:
    """The settings that matter; empty where the service forbids or lacks CONFIG."""
    names = ("maxmemory-policy", "maxmemory", "appendonly", "appendfsync")
    try:
        answered = await redis.config_get(*names)
    except (NoPermissionError, ResponseError):
        return {}
    return {_text(name or ""): _text(value or "") for name, value in answered.items()}


def _refuse_unfit(redis: Redis, info: Mapping[str, Any], settings: Mapping[str, str]) -> None:
    where = describe(redis)
    version = str(info.get("redis_version", ""))
    if _numbers(version) < OLDEST_VERSION:
        raise StoreRefused(
            f"the server at {where} is {_version_words(info)}: Deskhand needs Redis or Valkey 7.0"
            " or newer"
        )
    if info.get("role", "master") != "master":
        raise StoreRefused(
            f"the server at {where} is a replica and takes no writes: point REDIS_URL at its"
            " primary"
        )
    policy = settings.get("maxmemory-policy") or info.get("maxmemory_policy")
    # Also where no limit is set at present: one that is set later would silently drop approvals.
    if policy is not None and policy != "noeviction":
        raise StoreRefused(
            f"the server at {where} may evict keys (maxmemory-policy {policy}), and would lose"
            " tickets and approvals: set `maxmemory-policy noeviction` in its configuration, or"
            " use another server"
        )


def _durability(
    info: Mapping[str, Any], settings: Mapping[str, str]
) -> tuple[Durability, str | None]:
    aof = settings.get("appendonly") or ("yes" if info.get("aof_enabled") == 1 else "no")
    if aof != "yes":
        return "relaxed", (
            "it keeps no append-only file, so a crash loses what came since its last snapshot: set"
            " `appendonly yes` and `appendfsync always`"
        )
    fsync = settings.get("appendfsync")
    if fsync is None:
        return "relaxed", "it does not let us see appendfsync, which should be `always`"
    if fsync != "always":
        return "relaxed", (
            f"appendfsync is {fsync}, so a crash may lose what was acknowledged last: set"
            " `appendfsync always`"
        )
    return "strict", None


def _version_words(info: Mapping[str, Any]) -> str:
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"Redis {info.get('redis_version', 'of an unknown version')}"


def _numbers(version: str) -> tuple[int, int]:
    parts = [int(part) if part.isdigit() else 0 for part in version.split(".")[:2]]
    return (parts[0], parts[1]) if len(parts) == 2 else (0, 0)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
