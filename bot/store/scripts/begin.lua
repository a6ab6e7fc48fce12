#!lua flags=allow-oom
-- KEYS: due, held; ARGV: member, token, now, lease's end (with a quarter)
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score then
  return 0
end
-- A whole number later than now is an appointment; a fraction marks what is due and only hidden.
if tonumber(score) > tonumber(ARGV[3]) and tonumber(score) % 1 == 0 then
  return 0
end
local held = redis.call('HGET', KEYS[2], ARGV[1])
if held then
  local until_ms = string.match(held, '^(%S+) ')
  if tonumber(until_ms) > tonumber(ARGV[3]) then
    return 0
  end
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4] .. ' ' .. ARGV[2])
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
return 1
