"""The reference for Teams: botbuilder's own adapter, its own token check, a bot that does nothing.

``python -m benchmarks.bare_adapter --metadata URL --port N``: ``CloudAdapterBase`` of
botbuilder-core, which is all that its ``CloudAdapter`` adds HTTP to, behind one Starlette route, on
uvicorn configured as Deskhand configures it. ``--metadata`` is the OpenID document of the issuer
whose tokens it verifies. ``MICROSOFT_APP_ID`` and ``MICROSOFT_APP_PASSWORD`` as for Deskhand.
"""

from __future__ import annotations

import argparse
import logging
import os
from typing import Any

from botbuilder.core import TurnContext
from botbuilder.core.cloud_adapter_base import CloudAdapterBase
from botbuilder.schema import Activity
from botframework.connector.auth import (
    AuthenticationConstants,
    BotFrameworkAuthenticationFactory,
    PasswordServiceClientCredentialFactory,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from benchmarks.bare_server import serve_bare


def bare_app(metadata_url: str) -> Starlette:
    """The adapter behind ``/api/messages``."""
    logging.disable(logging.INFO)
    known = AuthenticationConstants
    authentication = BotFrameworkAuthenticationFactory.create(
        validate_authority=True,
        to_channel_from_bot_login_url=known.TO_CHANNEL_FROM_BOT_LOGIN_URL_PREFIX
        + known.DEFAULT_CHANNEL_AUTH_TENANT,
        to_channel_from_bot_oauth_scope=known.TO_CHANNEL_FROM_BOT_OAUTH_SCOPE,
        to_bot_from_channel_token_issuer=known.TO_BOT_FROM_CHANNEL_TOKEN_ISSUER,
        oauth_url=known.OAUTH_URL,
        to_bot_from_channel_open_id_metadata_url=metadata_url,
        to_bot_from_emulator_open_id_metadata_url=metadata_url,
        credential_factory=PasswordServiceClientCredentialFactory(
            os.environ["MICROSOFT_APP_ID"], os.environ["MICROSOFT_APP_PASSWORD"]
        ),
    )
    adapter = CloudAdapterBase(authentication)

    async def nothing(_: TurnContext) -> None:
        return None

    async def messages(request: Request) -> Response:
        body: Any = await request.json()
        activity = Activity().deserialize(body)
        try:
            await adapter.process_activity(
                request.headers.get("Authorization", ""), activity, nothing
            )
        except PermissionError:
            return PlainTextResponse("", 401)
        return Response(status_code=201)

    return Starlette(routes=[Route("/api/messages", messages, methods=["POST"])])


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.bare_adapter")
    parser.add_argument("--metadata", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    serve_bare(bare_app(given.metadata), given.port)


if __name__ == "__main__":
    main()
