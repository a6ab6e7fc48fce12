"""The demo: the main job in a terminal, with no account, key or server."""
