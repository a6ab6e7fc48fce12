#!lua flags=allow-oom
-- KEYS: journal, texts, paused; ARGV: SADD or SREM, playbook or *, entries (see append)
local changed = redis.call(ARGV[1], KEYS[3], ARGV[2])
append_all(KEYS[1], KEYS[2], 3)
return changed
