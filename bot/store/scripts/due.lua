#!lua
-- KEYS: due; ARGV: now, told until (with a half), limit
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for i = 1, #found do
  redis.call('ZADD', KEYS[1], ARGV[2], found[i])
end
local next = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return {found, next[2] or ''}
