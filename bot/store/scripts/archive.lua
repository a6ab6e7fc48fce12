#!lua flags=allow-oom
-- KEYS: archived, journal, chain, texts, then indexes of cases...
-- ARGV: entries archived before, now, id of the last one, its link, the id after it,
--       count of ids, then ids..., then for each index how many of its bytes go
-- What is in a file by now leaves the store, all of it or, where another was first, nothing.
if (redis.call('HGET', KEYS[1], 'count') or '0') ~= ARGV[1] then
  return 0
end
redis.call('XTRIM', KEYS[2], 'MINID', '=', ARGV[5])
redis.call('XTRIM', KEYS[3], 'MINID', '=', ARGV[5])
local ids = tonumber(ARGV[6])
for i = 7, 6 + ids do
  redis.call('HDEL', KEYS[4], ARGV[i])
end
for i = 5, #KEYS do
  local rest = redis.call('GETRANGE', KEYS[i], tonumber(ARGV[6 + ids + i - 4]), -1)
  if rest == '' then
    redis.call('DEL', KEYS[i])
  else
    redis.call('SET', KEYS[i], rest)
  end
end
redis.call('HSET', KEYS[1], 'count', ARGV[2], 'id', ARGV[3], 'link', ARGV[4])
return 1
