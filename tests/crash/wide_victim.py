"""The victim with points in every capability, and Microsoft at a stand-in (``CRASH_TEAMS``: its URL
and that of its keys). Run as ``python -m tests.crash.wide_victim``."""

from __future__ import annotations

import functools
import os
from collections.abc import Awaitable, Callable
from typing import Any

from bot import teams
from handlers.slack_surface import SlackSurface
from handlers.teams_hosts import service_address
from handlers.teams_reply import TeamsReply
from handlers.teams_surface import TeamsSurface
from tests.crash import victim
from tools.actions.crm_http import HttpWriter
from tools.actions.crm_sqlite import SqliteWriter
from tools.actions.outbox import Outbox

MORE: dict[str, tuple[type, str, victim.Steps]] = {
    "whisper": (SlackSurface, "whisper", lambda _: "whisper"),
    "outbox": (Outbox, "keep", lambda _: "outbox"),
    "crm_file": (SqliteWriter, "write", lambda _: "crm"),
    "crm_http": (HttpWriter, "write", lambda _: "crm"),
    "teams_post": (TeamsSurface, "post", lambda _: "teams_post"),
    "teams_update": (TeamsSurface, "update", lambda _: "teams_update"),
    "teams_send": (TeamsReply, "send", lambda _: "teams_send"),
}
NAMED = (
    *victim.NAMED,
    "commit_answer",
    "whisper",
    "outbox",
    "crm",
    "teams_post",
    "teams_update",
    "teams_send",
)
"""Every point."""


def _meet_microsoft(url: str, keys_url: str) -> None:
    """The stand-in is where Microsoft is otherwise; the product has no switch for this."""
    there = teams.Microsoft(
        keys_url=keys_url,
        login_url=f"{url}/login",
        graph_url=f"{url}/graph",
        allowed=lambda asked: service_address(asked, emulator=asked.startswith(url)),
    )
    opens: Callable[..., Awaitable[teams.TeamsSide | None]] = teams.open_teams

    @functools.wraps(opens)
    async def open_there(*args: Any, **options: Any) -> teams.TeamsSide | None:
        *others, _ = args
        return await opens(*others, there, **options)

    teams.open_teams = open_there


def main() -> None:
    victim.POINTS.update(MORE)
    url, keys_url = os.environ["CRASH_TEAMS"].split()
    _meet_microsoft(url, keys_url)
    victim.main()


if __name__ == "__main__":
    main()
