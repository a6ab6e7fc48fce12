#!lua flags=allow-oom
-- KEYS: journal, texts, told, indexes... ; ARGV: seconds, entries (see once, append)
append_once(KEYS[1], KEYS[2], KEYS[3], 1)
return 1
