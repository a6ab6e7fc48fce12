#!lua
-- KEYS: inbox, due, held, the delivery's id as seen, its aliases as seen...
-- ARGV: delivery id, delivery, due member, due score, seconds, the lease of who takes the job up at
--       once (empty: nobody does; then the score is its end)
for i = 4, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    return 0
  end
end
for i = 4, #KEYS do
  redis.call('SET', KEYS[i], i > 4 and ARGV[1] or '', 'EX', ARGV[5])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[3], ARGV[3], ARGV[6])
end
return 1
