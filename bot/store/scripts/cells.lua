-- number_of(cells, name): the number that stands for a cell of the figures, given at its first use.
local function number_of(cells, name)
  local number = redis.call('HGET', cells, name)
  if not number then
    number = tostring(redis.call('HLEN', cells) + 1)
    redis.call('HSET', cells, name, number)
  end
  return number
end
