-- append_once(journal, texts, told, at): append_all, unless it was done under the key `told`
-- within so many seconds; from ARGV[at] those seconds, then what append_all reads.
local function append_once(journal, texts, told, at)
  if ARGV[at + 1] ~= '0' and redis.call('SET', told, '', 'NX', 'EX', ARGV[at]) then
    append_all(journal, texts, at + 1)
  end
end
