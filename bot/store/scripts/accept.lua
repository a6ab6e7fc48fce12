#!lua
-- KEYS: inbox, due, seen... ; ARGV: delivery id, delivery, due member, due score, seconds
for i = 3, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    return 0
  end
end
for i = 3, #KEYS do
  redis.call('SET', KEYS[i], '', 'EX', ARGV[5])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
return 1
