#!lua
-- KEYS: day's money, run's money, reservations
-- ARGV: reservation id, reservation, nano, run cap, playbook's field, playbook cap (empty: none),
--       day cap (empty: none), seconds to keep the day's money, the run's
local nano = tonumber(ARGV[3])
if redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 then
  return {'reserved'}
end
local run = tonumber(redis.call('GET', KEYS[2]) or '0')
local left = tonumber(ARGV[4]) - run
if nano > left then
  return {'run', string.format('%.0f', left)}
end
if ARGV[6] ~= '' then
  left = tonumber(ARGV[6]) - tonumber(redis.call('HGET', KEYS[1], ARGV[5]) or '0')
  if nano > left then
    redis.call('HSET', KEYS[1], 'full:' .. ARGV[5], 1)
    redis.call('EXPIRE', KEYS[1], ARGV[8])
    return {'playbook', string.format('%.0f', left)}
  end
end
if ARGV[7] ~= '' then
  left = tonumber(ARGV[7]) - tonumber(redis.call('HGET', KEYS[1], 'total') or '0')
  if nano > left then
    redis.call('HSET', KEYS[1], 'full', 1)
    redis.call('EXPIRE', KEYS[1], ARGV[8])
    return {'day', string.format('%.0f', left)}
  end
end
redis.call('HINCRBY', KEYS[1], 'total', ARGV[3])
redis.call('HINCRBY', KEYS[1], 'open', ARGV[3])
redis.call('HINCRBY', KEYS[1], ARGV[5], ARGV[3])
redis.call('HINCRBY', KEYS[1], 'open:' .. ARGV[5], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[8])
redis.call('INCRBY', KEYS[2], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[9])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
return {'reserved'}
