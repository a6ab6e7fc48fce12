#!lua flags=allow-oom
-- KEYS: due, held; ARGV: member, token, now, score to look again at (empty: not)
local until_ms, holder =
  string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '^(%S+) (%S+)$')
if holder ~= ARGV[2] then
  return 0
end
redis.call('HDEL', KEYS[2], ARGV[1])
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score then
  return 0
end
if tonumber(score) == tonumber(until_ms) then
  if ARGV[4] == '' then
    redis.call('ZREM', KEYS[1], ARGV[1])
  else
    redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
  end
  return 0
end
if tonumber(score) > tonumber(ARGV[3]) and tonumber(score) % 1 == 0 then
  return 0
end
return 1
