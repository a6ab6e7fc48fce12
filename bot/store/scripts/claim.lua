#!lua flags=allow-oom
-- KEYS: journal, texts, proposal, ticket, paused, due, epoch, index of the entry
-- ARGV: expected version, digest, document, playbook, due member, due score,
--       then the entry (see append)
local head = redis.call('GETRANGE', KEYS[3], 0, 127)
local version, state, digest = string.match(head, '^(%d+) (%S+) (%S+) ')
if version ~= ARGV[1] or state ~= 'approved' or digest ~= ARGV[2] then
  return {'conflict'}
end
if redis.call('SISMEMBER', KEYS[5], '*') == 1 or redis.call('SISMEMBER', KEYS[5], ARGV[4]) == 1 then
  return {'paused'}
end
if not epoch_stands(KEYS[7]) then
  return {'failover'}
end
local ticket = redis.call('GET', KEYS[4])
if not ticket then
  return {'conflict'}
end
redis.call('SET', KEYS[3], ARGV[3])
-- Whoever dies now leaves this behind: somebody looks again when the claim is overdue.
redis.call('ZADD', KEYS[6], ARGV[6], ARGV[5])
append_all(KEYS[1], KEYS[2], 7)
return {'claimed', ticket}
