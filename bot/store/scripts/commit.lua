#!lua flags=allow-oom
-- KEYS: journal, texts, origins, due, held, cells, open, opened, then documents and whatever the
--       operations touch
-- ARGV: now, the end of a lease that is taken now (with a quarter),
--       the server's time in milliseconds after which nothing is done (empty: none),
--       number of the key of what is paused (0: no run begins), and if one does: its playbook, the
--       number of the key of its author's runs (0: it is not counted), its id, how many an hour,
--       an hour ago
--       count of documents, then (key number, expected version, document)...
--       count of origins, then (field)... that must be free
--       count of pointers, then (key number, value)... that must be so, empty: not there
--       count of documents that the caller has read beside, then (key number, version)...
--       count of operations, then (key number, command, count of arguments, argument...)...
--       count of proposals placed among what waits, then (id, cell, since, reminder)..., the times
--       in milliseconds, 13 digits; no cell: it does not wait; no reminder: none is due
--       count of wakes cleared, then (member)...
--       count of wakes, then (member, score, token)... the token (empty: none) of who takes up the
--       job at once, if nobody is at it
--       what is learnt (see learn),
--       count of entries, then (key number of the index, bytes, texts)...
-- Nothing is written before everything is checked: a script is atomic, but it does not roll back.
-- The answer: conflict, late, paused, author_limit, or done and, wake by wake, 1 where the job is
-- taken up, else 0; then 1 where what the caller has read beside still stands, else 0.
if ARGV[3] ~= '' then
  local time = redis.call('TIME')
  if time[1] * 1000 + math.floor(time[2] / 1000) > tonumber(ARGV[3]) then
    return {'late'}
  end
end
local at = 5
local paused = KEYS[tonumber(ARGV[4])]
local runs, run
if paused then
  runs, run = KEYS[tonumber(ARGV[6])], ARGV[7]
  at = 10
end
local first, documents = at + 1, tonumber(ARGV[at])
for i = first, first + 3 * documents - 1, 3 do
  local found = redis.call('GETRANGE', KEYS[tonumber(ARGV[i])], 0, 19)
  if (string.match(found, '^(%d+) ') or '0') ~= ARGV[i + 1] then
    return {'conflict'}
  end
end
at = first + 3 * documents
local origins = tonumber(ARGV[at])
for i = 1, origins do
  if redis.call('HEXISTS', KEYS[3], ARGV[at + i]) == 1 then
    return {'conflict'}
  end
end
at = at + 1 + origins
local pointers = tonumber(ARGV[at])
for i = at + 1, at + 2 * pointers, 2 do
  if (redis.call('GET', KEYS[tonumber(ARGV[i])]) or '') ~= ARGV[i + 1] then
    return {'conflict'}
  end
end
at = at + 1 + 2 * pointers
local unmoved = '1'
local reads = tonumber(ARGV[at])
for i = at + 1, at + 2 * reads, 2 do
  local found = redis.call('GETRANGE', KEYS[tonumber(ARGV[i])], 0, 19)
  if (string.match(found, '^(%d+) ') or '0') ~= ARGV[i + 1] then
    unmoved = '0'
  end
end
at = at + 1 + 2 * reads
if paused then
  if redis.call('SISMEMBER', paused, '*') == 1 or redis.call('SISMEMBER', paused, ARGV[5]) == 1 then
    return {'paused'}
  end
  if runs and redis.call('ZSCORE', runs, run) then
    runs = nil
  end
  if runs and redis.call('ZCOUNT', runs, '(' .. ARGV[9], '+inf') >= tonumber(ARGV[8]) then
    return {'author_limit'}
  end
end

for i = first, first + 3 * documents - 1, 3 do
  redis.call('SET', KEYS[tonumber(ARGV[i])], ARGV[i + 2])
end
if runs then
  redis.call('ZREMRANGEBYSCORE', runs, '-inf', ARGV[9])
  redis.call('ZADD', runs, ARGV[1], run)
  redis.call('PEXPIRE', runs, 3600000)
end

local operations = tonumber(ARGV[at])
at = at + 1
for _ = 1, operations do
  local count = tonumber(ARGV[at + 2])
  redis.call(ARGV[at + 1], KEYS[tonumber(ARGV[at])], unpack(ARGV, at + 3, at + 2 + count))
  at = at + 3 + count
end

local placed = tonumber(ARGV[at])
for i = at + 1, at + 4 * placed, 4 do
  local id, cell = ARGV[i], ARGV[i + 1]
  local old, since, remind = string.match(redis.call('HGET', KEYS[8], id) or '', '^(%d+):(%d*):(%d*)$')
  if old then
    redis.call('ZREM', KEYS[7], 'w' .. old .. ':' .. since .. ':' .. id)
    redis.call('ZREM', KEYS[7], 'r' .. old .. ':' .. remind .. ':' .. id)
  end
  if cell ~= '' then
    local stands = number_of(KEYS[6], cell) .. ':'
    redis.call('ZADD', KEYS[7], 0, 'w' .. stands .. ARGV[i + 2] .. ':' .. id)
    if ARGV[i + 3] ~= '' then
      redis.call('ZADD', KEYS[7], 0, 'r' .. stands .. ARGV[i + 3] .. ':' .. id)
    end
    redis.call('HSET', KEYS[8], id, stands .. ARGV[i + 2] .. ':' .. ARGV[i + 3])
  elseif old then
    redis.call('HDEL', KEYS[8], id)
  end
end
at = at + 1 + 4 * placed

local cleared = tonumber(ARGV[at])
for i = 1, cleared do
  redis.call('ZREM', KEYS[4], ARGV[at + i])
  redis.call('HDEL', KEYS[5], ARGV[at + i])
end
at = at + 1 + cleared

-- The end of the lease under which somebody is at it; 0 when nobody is.
local function lease_of(member)
  local lease = string.match(redis.call('HGET', KEYS[5], member) or '', '^(%S+) ')
  return tonumber(lease or '0') > tonumber(ARGV[1]) and tonumber(lease) or 0
end

-- What somebody was told to look at now is not put off by an appointment: the two may come from
-- two commits that know nothing of each other. Whoever is at it may replace its own lease by one.
local function is_due(member)
  local score = tonumber(redis.call('ZSCORE', KEYS[4], member) or '0')
  return score % 1 ~= 0 and score ~= lease_of(member)
end

local wakes = tonumber(ARGV[at])
local taken = {}
for i = at + 1, at + 3 * wakes, 3 do
  local member, score, token = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  taken[#taken + 1] = '0'
  if token ~= '' and lease_of(member) == 0 then
    redis.call('HSET', KEYS[5], member, ARGV[2] .. ' ' .. token)
    redis.call('ZADD', KEYS[4], ARGV[2], member)
    taken[#taken] = '1'
  elseif tonumber(score) % 1 ~= 0 or not is_due(member) then
    redis.call('ZADD', KEYS[4], score, member)
  end
end
at = learn(at + 1 + 3 * wakes)

append_all(KEYS[1], KEYS[2], at)
return {'done', table.concat(taken), unmoved}
