#!lua flags=allow-oom
-- KEYS: sealed, chain, cells, buckets of figures...
-- ARGV: id last sealed before, new last id, new count, new head,
--       count of links, then (id, link)...,
--       count of buckets, then (key number, seconds to keep it; 0: for good)...,
--       count of cells, then their names...,
--       then (key number of the bucket, which of the cells, figure, by)...
if (redis.call('HGET', KEYS[1], 'id') or '0-0') ~= ARGV[1] then
  return 0
end
local at = 6
for _ = 1, tonumber(ARGV[5]) do
  redis.call('XADD', KEYS[2], ARGV[at], 'l', ARGV[at + 1])
  at = at + 2
end
local buckets = at + 1
at = buckets + 2 * tonumber(ARGV[at])
local cells = {}
for i = 1, tonumber(ARGV[at]) do
  cells[i] = number_of(KEYS[3], ARGV[at + i])
end
at = at + 1 + #cells
while ARGV[at] do
  local field = cells[tonumber(ARGV[at + 1])] .. ':' .. ARGV[at + 2]
  redis.call('HINCRBY', KEYS[tonumber(ARGV[at])], field, ARGV[at + 3])
  at = at + 4
end
for i = buckets, buckets + 2 * tonumber(ARGV[buckets - 1]) - 1, 2 do
  if ARGV[i + 1] ~= '0' then
    redis.call('EXPIRE', KEYS[tonumber(ARGV[i])], ARGV[i + 1])
  end
end
redis.call('HSET', KEYS[1], 'id', ARGV[2], 'count', ARGV[3], 'head', ARGV[4])
return 1
