#!lua flags=allow-oom
-- KEYS: journal, texts, reservations, day's money, run's money, told, indexes of the entries...
-- ARGV: id, reserved nano, real nano, playbook field, 'open' (no entries unless it is open) or
--       'always', then seconds and entries (see once, append)
local settled = redis.call('HDEL', KEYS[3], ARGV[1])
if settled == 1 then
  local difference = string.format('%.0f', tonumber(ARGV[3]) - tonumber(ARGV[2]))
  redis.call('HINCRBY', KEYS[4], 'total', difference)
  redis.call('HINCRBY', KEYS[4], 'open', '-' .. ARGV[2])
  redis.call('HINCRBY', KEYS[4], ARGV[4], difference)
  redis.call('HINCRBY', KEYS[4], 'open:' .. ARGV[4], '-' .. ARGV[2])
  if redis.call('EXISTS', KEYS[5]) == 1 then
    redis.call('INCRBY', KEYS[5], difference)
  end
end
if settled == 1 or ARGV[5] == 'always' then
  append_once(KEYS[1], KEYS[2], KEYS[6], 6)
end
return settled
