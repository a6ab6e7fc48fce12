"""The Slack app that Deskhand needs, as a manifest: least scopes, and why each is there.

Form: https://docs.slack.dev/reference/app-manifest. New apps use ``agent_view`` in place of the
older ``assistant_view``.
"""

from __future__ import annotations

from typing import Any

SCOPES: dict[str, str] = {
    "app_mentions:read": "hear `@Deskhand triage` and the other mentions",
    "assistant:write": "show what it is doing in its own conversation (the agent view)",
    "channels:history": "read the messages of public channels it was invited to: the tickets",
    "channels:read": "tell whether it is in a channel, and whether others share that channel",
    "chat:write": "post and update cards, answer in threads, say privately why a click was refused",
    "commands": "the command `/agent` and the message shortcut",
    "groups:history": "the same as channels:history for private channels it was invited to",
    "groups:read": "the same as channels:read for private channels it was invited to",
    "im:history": "read what people write to it in its own conversation",
    "im:read": "know at each summary that its asker is in the conversation it is of",
    "im:write": "tell a manager or an approver something in private",
    "reactions:write": "show on the customer's message how far it is",
    "usergroups:read": "know at each decision who is in a group of approvers",
    "users:read": "know at each decision whether a person is an active full member",
    "users:read.email": "see that a ticket's author and its approver are not one person",
}
"""Bot scopes, each with what would not work without it."""

EVENTS: dict[str, str] = {
    "app_home_opened": "draw the Home tab: what waits for the person who looks, and the figures",
    "app_mention": "a mention is an ask",
    "message.channels": "a message in a public channel is a ticket, or a follow-up to one",
    "message.groups": "the same in a private channel",
    "message.im": "a message in its own conversation is a command, as after `/agent`",
}
"""Bot events, each with what it brings."""


SIGN_IN_BACK = "/console/login/slack/back"
"""Where *Sign in with Slack* comes back to the web console."""


def slack_manifest(public_url: str, *, socket: bool) -> dict[str, Any]:
    """The manifest. ``socket``: events come over Socket Mode and no URL is named.

    Slack takes no redirect URL but https, so a console that is elsewhere has sign-in links alone.
    """
    url = f"{public_url}/slack/events"
    signs_in = not socket and public_url.startswith("https://")
    at = {} if socket else {"url": url}
    requests = {} if socket else {"request_url": url}
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": "Deskhand",
            "description": "Drafts answers to tickets; a person approves; only then it acts.",
            "long_description": (
                "Deskhand labels and routes a ticket, looks for the answer in your articles and "
                "drafts a reply. A card with Approve, Edit and Reject goes to the people who may "
                "decide. Nothing is sent before one of them approves, and what is approved is sent "
                "once."
            ),
            "background_color": "#1f3a34",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "agent_view": {
                "agent_description": "Says what waits, for whom, and what it costs.",
                "suggested_prompts": [
                    {"title": "What waits?", "message": "queue"},
                    {"title": "How are we doing?", "message": "status 7d"},
                    {"title": "What can you do?", "message": "help"},
                ],
            },
            "bot_user": {"display_name": "Deskhand", "always_online": True},
            "shortcuts": [
                {
                    "name": "Triage this message",
                    "type": "message",
                    "callback_id": "deskhand.triage",
                    "description": "Make this message a ticket",
                }
            ],
            "slash_commands": [
                {
                    "command": "/agent",
                    **at,
                    "description": "What waits, what it costs, and steering",
                    "usage_hint": "status | queue | show ID | budget | help",
                    "should_escape": False,
                }
            ],
        },
        "oauth_config": {
            **({"redirect_urls": [f"{public_url}{SIGN_IN_BACK}"]} if signs_in else {}),
            "scopes": {"bot": list(SCOPES)},
        },
        "settings": {
            "event_subscriptions": {**requests, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **requests},
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket,
            "token_rotation_enabled": False,
        },
    }


def manifest_text(public_url: str, *, socket: bool) -> str:
    """The manifest as YAML, as Slack's *From a manifest* takes it."""
    import yaml

    head = (
        "# The Slack app manifest of Deskhand, made by `deskhand manifest slack"
        f"{' --socket' if socket else ''}`. docs/slack.md explains each part.\n"
    )
    body = yaml.safe_dump(
        slack_manifest(public_url, socket=socket), sort_keys=False, allow_unicode=True, width=100
    )
    return head + body
