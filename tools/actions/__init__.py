"""Effects. Each is an ``ActionTool`` and acts only under a ``Grant``."""
