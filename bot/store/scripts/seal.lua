#!lua flags=allow-oom
-- KEYS: sealed, chain, hours of figures...
-- ARGV: id last sealed before, new last id, new count, new head,
--       count of links, then (id, link)..., then (key number, figure, by)...
if (redis.call('HGET', KEYS[1], 'id') or '0-0') ~= ARGV[1] then
  return 0
end
local at = 6
for _ = 1, tonumber(ARGV[5]) do
  redis.call('XADD', KEYS[2], ARGV[at], 'l', ARGV[at + 1])
  at = at + 2
end
while ARGV[at] do
  redis.call('HINCRBY', KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2])
  at = at + 3
end
redis.call('HSET', KEYS[1], 'id', ARGV[2], 'count', ARGV[3], 'head', ARGV[4])
return 1
