"""State on Redis: one Lua script, one typed function; the embedded server; the queue."""
