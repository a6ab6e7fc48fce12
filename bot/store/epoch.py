"""The store's epoch: has the history of the data forked since it was last looked at?

When a replica takes over, what the old primary acknowledged last may be missing, an ``executing``
among it; so nothing is dispatched then until a person resumes. When a lone server is merely
restarted nothing is missing, and nothing stops.

What a server says about itself (``INFO``, as Valkey 9.1 and Redis since 7.0 do it):

=============================  =======  ====================  ==========================
event                          run_id   master_replid         master_replid2
=============================  =======  ====================  ==========================
restart, no replicas ever      new      new                   zeros
first replica attaches         same     new                   zeros
last replica gone for an hour  same     new                   zeros
replica promoted               its own  new                   the old primary's replid
primary restarted, AOF         new      new                   zeros
primary restarted, RDB only    new      new                   its own earlier replid
=============================  =======  ====================  ==========================

So neither the run id nor the replid alone tells a failover, and the server keeps nothing of its
own that a restart preserves. What was last seen is therefore kept in the data, where a promoted
replica has it too, and compared with what the server says now:

- the same replid, or a new one of the same process and no second: the same history;
- a new replid beside a second one: forked. That is a promotion, or a primary which had replicas and
  came back from a snapshot: it may lack acknowledged writes just as well;
- another process and no second replid: a restart. Of a lone server, no fork. Where replicas were
  seen, forked: a promoted replica that was then restarted looks the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Literal, cast

from redis.asyncio import Redis

EPOCH_KEY = "deskhand:epoch"

History = Literal["first", "same", "restarted", "forked", "hidden"]
"""
first: this data had no epoch yet. same: nothing happened. restarted: a lone server came back with
its data. forked: another history from here on, so the epoch is a new one. hidden: the server does
not say (some services), so a failover cannot be noticed.
"""


@dataclass(frozen=True)
class Epoch:
    """``id`` changes exactly when the history forks, or the data is new."""

    id: str
    history: History
    accepted: bool
    """False: a fork that no person has accepted yet; nothing may be dispatched."""


_OBSERVE = """
local function field(section, name)
  return string.match(section, name .. ':([^\\r\\n]*)') or ''
end
local replication = redis.call('INFO', 'replication')
local run = field(redis.call('INFO', 'server'), 'run_id')
local replid = field(replication, 'master_replid')
local known = redis.call('HMGET', KEYS[1], 'id', 'accepted', 'replid', 'run', 'replicated')
local id, accepted, replicated = known[1], known[2], known[5] == '1'
local history
if not id then
  history, id, accepted = 'first', ARGV[1], ARGV[1]
elseif replid == known[3] then
  history = 'same'
elseif string.match(field(replication, 'master_replid2'), '[^0]') then
  history = 'forked'
elseif run == known[4] then
  history = 'same'
elseif replicated then
  history = 'forked'
else
  history = 'restarted'
end
if history == 'forked' then
  id, replicated = ARGV[1], false
end
if replid == '' then
  history = 'hidden'
end
-- A server forgets its replicas, and drops its backlog, when none came for an hour: lone again.
replicated = field(replication, 'connected_slaves') > '0'
  or (replicated and field(replication, 'repl_backlog_active') == '1')
local seen = {id, accepted, replid, run, replicated and '1' or '0'}
for i = 1, #seen do
  if seen[i] ~= known[i] then
    redis.call('HSET', KEYS[1], 'id', seen[1], 'accepted', seen[2], 'replid', seen[3],
      'run', seen[4], 'replicated', seen[5])
    break
  end
end
return {id, history, (id == accepted) and '1' or '0'}
"""

_ACCEPT = """
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'accepted', ARGV[1])
return 1
"""

EPOCH_GUARD_LUA = """
local function epoch_stands(key)
  local known = redis.call('HMGET', key, 'id', 'accepted', 'replid')
  local replid = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
  return known[1] and known[1] == known[2] and known[3] == replid
end
"""
"""Lua to put before a script that must not act on a forked history: ``epoch_stands(key)``.

True when the epoch is accepted and the server's history is the very one that ``observe_epoch`` saw
last. False also after a harmless restart: call ``observe_epoch`` and try again if it is accepted.
Inside the script there is no moment between the look and the act in which a failover fits.
"""


async def observe_epoch(redis: Redis, key: str = EPOCH_KEY) -> Epoch:
    """Compare the server's history with what was last seen, save what is seen, answer the epoch.

    One atomic step, and no write where nothing changed. To be called at start, every some seconds,
    and whenever ``epoch_stands`` said no. Raises redis-py's errors.
    """
    answered = await _run(redis, _OBSERVE, key, secrets.token_hex(8))
    epoch_id, history, accepted = (_text(part) for part in cast("list[bytes | str]", answered))
    return Epoch(epoch_id, cast("History", history), accepted == "1")


async def accept_epoch(redis: Redis, epoch_id: str, key: str = EPOCH_KEY) -> bool:
    """A person resumes: dispatch again under ``epoch_id``. False: the epoch is another by now."""
    return await _run(redis, _ACCEPT, key, epoch_id) == 1


async def _run(redis: Redis, script: str, key: str, *args: str) -> object:
    return await cast("Awaitable[object]", redis.eval(script, 1, key, *args))


def _text(part: bytes | str) -> str:
    return part.decode() if isinstance(part, bytes) else part
