"""The Teams app that Deskhand needs, as a package: least permissions, and why each is there.

Form: learn.microsoft.com, *App manifest reference*, version 1.27.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any, Final
from urllib.parse import urlsplit

from bot.cli.teams_icons import GREEN, color_icon, outline_icon

MANIFEST_VERSION: Final = "1.27"
_SCHEMA: Final = (
    "https://developer.microsoft.com/en-us/json-schemas/teams/"
    f"v{MANIFEST_VERSION}/MicrosoftTeams.schema.json"
)
APP_VERSION: Final = "1.0.0"
"""Rises with each change of the manifest: Teams takes an upload as an update only then."""
SCOPES: Final = ("personal", "team", "groupChat")
PERMISSIONS: Final[dict[str, str]] = {
    "ChannelMessage.Read.Group": "hear the messages of a team's channels without being mentioned",
    "ChatMessage.Read.Chat": "the same in a group chat it was added to",
}
"""Resource-specific permissions, each with what would not work without it. An owner grants them
when they add the app, for that team or chat alone."""
COMMANDS: Final[dict[str, str]] = {
    "agent status": "What waits, what was decided, what it costs: agent status 7d",
    "agent queue": "What waits for a person, oldest first",
    "agent show": "One proposal in full, in your own chat: agent show ID",
    "agent trace": "One run with its times and cost, for managers: agent trace ID",
    "agent budget": "What is spent and left today",
    "agent pause": "Tickets are kept, nothing runs or acts (managers)",
    "agent resume": "Go on (managers)",
    "agent help": "All commands",
}
_GUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_WEBSITE: Final = "https://deskhand.example"


def is_app_id(text: str) -> bool:
    """Whether this can be a Microsoft app id: a GUID."""
    return _GUID.fullmatch(text) is not None


def teams_manifest(app_id: str, public_url: str | None) -> dict[str, Any]:
    """The manifest for the bot ``app_id``. ``public_url``: where Deskhand is reached, by https;
    None where nobody has said so yet."""
    website = public_url or _WEBSITE
    host = urlsplit(public_url or "").hostname
    return {
        "$schema": _SCHEMA,
        "manifestVersion": MANIFEST_VERSION,
        "version": APP_VERSION,
        "id": app_id,
        "developer": {
            "name": "Deskhand",
            "websiteUrl": website,
            "privacyUrl": website,
            "termsOfUseUrl": website,
        },
        "name": {"short": "Deskhand", "full": "Deskhand, a triage hand for tickets"},
        "description": {
            "short": "Drafts answers to tickets; a person approves; only then it acts.",
            "full": (
                "Deskhand labels and routes a ticket, looks for the answer in your articles and "
                "drafts a reply. A card with Approve, Edit and Reject goes to the people who may "
                "decide. Nothing is sent before one of them approves, and what is approved is sent "
                "once."
            ),
        },
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": "#{:02x}{:02x}{:02x}".format(*GREEN),
        "bots": [
            {
                "botId": app_id,
                "scopes": list(SCOPES),
                "isNotificationOnly": False,
                "supportsFiles": False,
                "commandLists": [{"scopes": list(SCOPES), "commands": _commands()}],
            }
        ],
        "composeExtensions": [
            {
                "botId": app_id,
                "commands": [
                    {
                        "id": "deskhand.triage",
                        "type": "action",
                        "title": "Triage this message",
                        "description": "Have Deskhand draft an answer to this message",
                        "context": ["message"],
                        "fetchTask": False,
                    }
                ],
            }
        ],
        "validDomains": [host] if host else [],
        "webApplicationInfo": {"id": app_id, "resource": f"api://botid-{app_id}"},
        "authorization": {
            "permissions": {
                "resourceSpecific": [{"name": name, "type": "Application"} for name in PERMISSIONS]
            }
        },
    }


def teams_package(app_id: str, public_url: str | None) -> bytes:
    """The app package, a zip with the manifest and the icons at its root. The same for the same
    arguments, byte for byte."""
    manifest = json.dumps(teams_manifest(app_id, public_url), indent=2) + "\n"
    files = {
        "manifest.json": manifest.encode(),
        "color.png": color_icon(),
        "outline.png": outline_icon(),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _commands() -> list[dict[str, str]]:
    return [{"title": title, "description": words} for title, words in COMMANDS.items()]
