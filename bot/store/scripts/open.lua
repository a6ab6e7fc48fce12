#!lua flags=no-writes
-- KEYS: cells, open; ARGV: now in milliseconds, 13 digits
-- The answer, cell by cell: its name, how many wait, the oldest's time, how many are over their
-- reminder. A look-up by name each, so it costs the same whatever waits.
local found = {}
local cells = redis.call('HGETALL', KEYS[1])
for i = 1, #cells, 2 do
  local from, to = 'w' .. cells[i + 1] .. ':', 'w' .. cells[i + 1] .. ';'
  local oldest = redis.call('ZRANGEBYLEX', KEYS[2], '[' .. from, '(' .. to, 'LIMIT', 0, 1)[1]
  if oldest then
    local r = 'r' .. cells[i + 1] .. ':'
    found[#found + 1] = {
      cells[i],
      redis.call('ZLEXCOUNT', KEYS[2], '[' .. from, '(' .. to),
      string.match(oldest, '^[^:]+:(%d+):'),
      redis.call('ZLEXCOUNT', KEYS[2], '[' .. r, '(' .. r .. ARGV[1] .. ';'),
    }
  end
end
return found
