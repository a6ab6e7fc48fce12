#!lua flags=allow-oom
-- KEYS: due, held; ARGV: new lease's end (with a quarter), then (member, token)...
local lost = {}
for i = 2, #ARGV, 2 do
  local member, token = ARGV[i], ARGV[i + 1]
  local until_ms, holder = string.match(redis.call('HGET', KEYS[2], member) or '', '^(%S+) (%S+)$')
  if holder == token then
    redis.call('HSET', KEYS[2], member, ARGV[1] .. ' ' .. token)
    local score = redis.call('ZSCORE', KEYS[1], member)
    -- Another score is a newer wake: it stays, and is seen when the work is finished.
    if score and tonumber(score) == tonumber(until_ms) then
      redis.call('ZADD', KEYS[1], ARGV[1], member)
    end
  else
    lost[#lost + 1] = member
  end
end
return lost
