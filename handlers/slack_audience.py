"""Who would read what is shared to a channel."""

from __future__ import annotations

from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack_client import SlackFault, SlackRefused, call

_ASK_SECONDS: Final = 3.0
_FOR: Final = "Figures are for the members of this workspace"
_UNSEEN: Final = frozenset({"channel_not_found", "not_in_channel", "missing_scope"})


async def why_not_shared(client: AsyncWebClient, channel: str | None) -> str | None:
    """Why figures may not be shown in ``channel``, as a sentence; None: they may.

    Another organisation's people would read them where the channel is shared with it. What cannot
    be found out is a reason, too. Guests of our own workspace are told of before the button is
    pressed (``slack_figures.share_button``)."""
    try:
        body = await call(client.conversations_info(channel=channel or ""), _ASK_SECONDS)
    except SlackRefused as refused:
        if refused.code in _UNSEEN:
            return (
                f"{_FOR}, and I cannot see whether others share this channel. Invite me to it, and"
                " share again."
            )
        return _not_told()
    except SlackFault:
        return _not_told()
    info = body.get("channel")
    if not isinstance(info, dict):
        return _not_told()
    shared = ("is_ext_shared", "is_shared", "is_pending_ext_shared")
    if any(info.get(name) for name in shared):
        return f"{_FOR}, and another organisation shares this channel. Nothing was shared."
    return None


def _not_told() -> str:
    return f"{_FOR}, and Slack did not say whether others share this channel. Please try again."
