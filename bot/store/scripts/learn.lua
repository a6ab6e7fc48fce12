-- learn(at): from ARGV[at] the number of the key of what is learnt (0: nothing is), of its ids' key,
-- the ticket, the example, how many to keep. The answer: where the arguments go on.
local function learn(at)
  local learnt = KEYS[tonumber(ARGV[at])]
  if not learnt then
    return at + 1
  end
  local ids, ticket = KEYS[tonumber(ARGV[at + 1])], ARGV[at + 2]
  local before = redis.call('HGET', ids, ticket)
  if before then
    redis.call('XDEL', learnt, before)
  end
  local id = redis.call('HINCRBY', ids, '#', 1) .. '-1'
  redis.call('XADD', learnt, id, 't', ticket, 'x', ARGV[at + 3])
  redis.call('HSET', ids, ticket, id)
  local excess = redis.call('XLEN', learnt) - tonumber(ARGV[at + 4])
  if excess > 0 then
    for _, oldest in ipairs(redis.call('XRANGE', learnt, '-', '+', 'COUNT', excess)) do
      redis.call('XDEL', learnt, oldest[1])
      redis.call('HDEL', ids, oldest[2][2])
    end
  end
  return at + 5
end
