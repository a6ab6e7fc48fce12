#!lua flags=allow-oom
-- KEYS: journal, texts, origins, due, held, then documents and whatever the operations touch
-- ARGV: now,
--       the server's time in milliseconds after which nothing is done (empty: none),
--       count of documents, then (key number, expected version, document)...
--       count of origins, then (field)... that must be free
--       count of pointers, then (key number, value)... that must be so, empty: not there
--       count of operations, then (key number, command, count of arguments, argument...)...
--       count of wakes cleared, then (member)...
--       count of wakes, then (member, score)...
--       count of entries, then (key number of the index, bytes, texts)...
-- Nothing is written before everything is checked: a script is atomic, but it does not roll back.
if ARGV[2] ~= '' then
  local time = redis.call('TIME')
  if time[1] * 1000 + math.floor(time[2] / 1000) > tonumber(ARGV[2]) then
    return -1
  end
end
local at = 3
local documents = tonumber(ARGV[at])
for i = 0, documents - 1 do
  local found = redis.call('GETRANGE', KEYS[tonumber(ARGV[at + 1 + 3 * i])], 0, 19)
  if (string.match(found, '^(%d+) ') or '0') ~= ARGV[at + 2 + 3 * i] then
    return 0
  end
end
at = at + 1 + 3 * documents
local origins = tonumber(ARGV[at])
for i = 1, origins do
  if redis.call('HEXISTS', KEYS[3], ARGV[at + i]) == 1 then
    return 0
  end
end
at = at + 1 + origins
local pointers = tonumber(ARGV[at])
for i = at + 1, at + 2 * pointers, 2 do
  if (redis.call('GET', KEYS[tonumber(ARGV[i])]) or '') ~= ARGV[i + 1] then
    return 0
  end
end
at = at + 1 + 2 * pointers

for i = 0, documents - 1 do
  redis.call('SET', KEYS[tonumber(ARGV[4 + 3 * i])], ARGV[6 + 3 * i])
end

local operations = tonumber(ARGV[at])
at = at + 1
for _ = 1, operations do
  local count = tonumber(ARGV[at + 2])
  redis.call(ARGV[at + 1], KEYS[tonumber(ARGV[at])], unpack(ARGV, at + 3, at + 2 + count))
  at = at + 3 + count
end

local cleared = tonumber(ARGV[at])
for i = 1, cleared do
  redis.call('ZREM', KEYS[4], ARGV[at + i])
  redis.call('HDEL', KEYS[5], ARGV[at + i])
end
at = at + 1 + cleared

-- What somebody was told to look at now is not put off by an appointment: the two may come from
-- two commits that know nothing of each other. Whoever is at it may replace its own lease by one.
local function stands(member)
  local score = tonumber(redis.call('ZSCORE', KEYS[4], member) or '0')
  if score % 1 == 0 then
    return false
  end
  local lease = string.match(redis.call('HGET', KEYS[5], member) or '', '^(%S+) ')
  return tonumber(lease or '0') ~= score or score <= tonumber(ARGV[1])
end

local wakes = tonumber(ARGV[at])
for i = at + 1, at + 2 * wakes, 2 do
  if tonumber(ARGV[i + 1]) % 1 ~= 0 or not stands(ARGV[i]) then
    redis.call('ZADD', KEYS[4], ARGV[i + 1], ARGV[i])
  end
end
at = at + 1 + 2 * wakes

append_all(KEYS[1], KEYS[2], at)
return 1
