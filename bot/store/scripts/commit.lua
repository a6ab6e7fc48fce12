#!lua flags=allow-oom
-- KEYS: journal, texts, origins, then documents and whatever the operations touch
-- ARGV: count of documents, then (key number, expected version, document)...
--       count of origins, then (field)... that must be free
--       count of operations, then (key number, command, count of arguments, argument...)...
--       count of entries, then (key number of the index, bytes, texts)...
-- Nothing is written before everything is checked: a script is atomic, but it does not roll back.
local at = 1
local documents = tonumber(ARGV[at])
for i = 0, documents - 1 do
  local found = redis.call('GETRANGE', KEYS[tonumber(ARGV[at + 1 + 3 * i])], 0, 19)
  if (string.match(found, '^(%d+) ') or '0') ~= ARGV[at + 2 + 3 * i] then
    return 0
  end
end
at = at + 1 + 3 * documents
local origins = tonumber(ARGV[at])
for i = 1, origins do
  if redis.call('HEXISTS', KEYS[3], ARGV[at + i]) == 1 then
    return 0
  end
end
at = at + 1 + origins
for i = 0, documents - 1 do
  redis.call('SET', KEYS[tonumber(ARGV[2 + 3 * i])], ARGV[4 + 3 * i])
end
local operations = tonumber(ARGV[at])
at = at + 1
for _ = 1, operations do
  local count = tonumber(ARGV[at + 2])
  redis.call(ARGV[at + 1], KEYS[tonumber(ARGV[at])], unpack(ARGV, at + 3, at + 2 + count))
  at = at + 3 + count
end
append_all(KEYS[1], KEYS[2], at)
return 1
