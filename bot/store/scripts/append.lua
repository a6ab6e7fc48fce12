-- append(journal, texts, index, raw, text): one entry, its texts beside it, its id in the index.
local function append(journal, texts, index, raw, text)
  local id = redis.call('XADD', journal, '*', 'e', raw)
  -- An erased ticket's run may still be writing: nothing is kept beside its entries for a day.
  if text ~= '' and not (index and redis.call('EXISTS', index .. ':gone') == 1) then
    redis.call('HSET', texts, id, text)
  end
  if index then
    local ms, n = string.match(id, '^(%d+)%-(%d+)$')
    redis.call('APPEND', index, struct.pack('>I6I2', tonumber(ms), tonumber(n)))
  end
  return id
end

-- append_all(journal, texts, at): from ARGV[at] a count, then per entry the number of its index's
-- key (0: none), its bytes, its texts (empty: none).
local function append_all(journal, texts, at)
  for _ = 1, tonumber(ARGV[at]) do
    append(journal, texts, KEYS[tonumber(ARGV[at + 1])], ARGV[at + 2], ARGV[at + 3])
    at = at + 3
  end
end
