#!lua
-- KEYS: learnt, learnt ids; ARGV: ticket, example, how many to keep
local before = redis.call('HGET', KEYS[2], ARGV[1])
if before then
  redis.call('XDEL', KEYS[1], before)
end
local id = redis.call('HINCRBY', KEYS[2], '#', 1) .. '-1'
redis.call('XADD', KEYS[1], id, 't', ARGV[1], 'x', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], id)
local excess = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[3])
if excess > 0 then
  for _, oldest in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', excess)) do
    redis.call('XDEL', KEYS[1], oldest[1])
    redis.call('HDEL', KEYS[2], oldest[2][2])
  end
end
return id
