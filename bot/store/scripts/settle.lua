#!lua flags=allow-oom
-- KEYS: reservations, day's money, run's money; ARGV: id, reserved nano, real nano, playbook field
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then
  return 0
end
local difference = string.format('%.0f', tonumber(ARGV[3]) - tonumber(ARGV[2]))
redis.call('HINCRBY', KEYS[2], 'total', difference)
redis.call('HINCRBY', KEYS[2], 'open', '-' .. ARGV[2])
redis.call('HINCRBY', KEYS[2], ARGV[4], difference)
redis.call('HINCRBY', KEYS[2], 'open:' .. ARGV[4], '-' .. ARGV[2])
if redis.call('EXISTS', KEYS[3]) == 1 then
  redis.call('INCRBY', KEYS[3], difference)
end
return 1
