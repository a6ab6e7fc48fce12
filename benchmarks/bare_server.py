"""How the references are served: by uvicorn, configured as Deskhand configures it."""

from __future__ import annotations

from typing import Any

import uvicorn


def serve_bare(app: Any, port: int) -> None:
    """Serve an ASGI application on loopback until the process is told to end."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        lifespan="off",
        ws="none",
        access_log=False,
        server_header=False,
        log_config=None,
        backlog=2048,
    )
