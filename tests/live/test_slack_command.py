"""``/agent`` as a manager and as others use it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain import Place
from tests.console.rig import signed_in
from tests.live.product import Live, live

HOSTILE = "Where do I find my invoice? ```<!channel> <@U0MANAGER>"


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[Live]:
    async with live(tmp_path, redis_url) as running:
        yield running


async def asked(desk: Live, text: str, user: str = "U0MANAGER") -> str:
    answer = await desk.people.command(text, user=user)
    assert answer.ok
    assert answer.body["response_type"] == "ephemeral"
    return str(answer.body["text"])


async def test_a_manager_traces_by_every_name_and_nobody_else_does(
    desk: Live, redis_url: str
) -> None:
    sent = await desk.people.message(HOSTILE)
    card = await desk.slack.space.posted.wait_for(lambda m: m.card_state == "pending")
    proposal = card.payload["proposal"]
    trace = await asked(desk, f"trace {proposal}")
    ticket = trace.partition("*")[2].partition("*")[0]
    assert ticket.startswith("t_")
    for expected in ("model call  claude-", "tool call  search_kb", "tokens ", "confidence "):
        assert expected.replace("  ", " ") in trace, expected
    assert trace.count("```") == 2
    assert "<" not in trace
    assert "find my invoice" not in trace
    assert sent.message is not None
    link = f"https://x.slack.com/archives/C0SUPPORT/p{sent.message.ts.replace('.', '')}"
    for name in (ticket, proposal.replace("p_", "r_"), link, f"<{link}>"):
        assert (await asked(desk, f"trace {name}")).startswith(f"*{ticket}*: $"), name
        assert (await asked(desk, f"show {name}")).startswith(f"*{proposal}*: pending"), name
    assert "find my invoice" in await asked(desk, f"show {link}")
    # A card's own link, as somebody copies it from the triage channel, and one of an answer below.
    shown = f"https://x.slack.com/archives/{card.channel}/p{card.ts.replace('.', '')}"
    for name in (shown, f"<{shown}>", f"{shown[:-1]}9?thread_ts={card.ts}&amp;cid={card.channel}"):
        assert (await asked(desk, f"trace {name}")).startswith(f"*{ticket}*: $"), name
        assert (await asked(desk, f"show {name}")).startswith(f"*{proposal}*: pending"), name
    async with signed_in(desk, "U0MANAGER") as manager:
        found = await manager.get(f"/console/journal?q={shown}")
        assert ticket in found.words
    # In a shell, which knows the store alone.
    shell = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "trace", shown),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={
            "PATH": os.environ["PATH"],
            "REDIS_URL": redis_url,
            "DESKHAND_SECRET": "a-secret-of-thirty-two-characters",
            "DESKHAND_DATA": str(desk.folder / "data"),
        },
    )
    out, _ = await shell.communicate()
    assert ticket in out.decode()
    root = Place(surface="slack", place=card.channel, thread=card.ts)
    below = await desk.product.store.ticket_at(root)
    assert below is None, "what is said below a card is no word of its ticket"

    assert await asked(desk, "trace t_nothing") == "I know nothing under t_nothing."
    assert (await asked(desk, "trace")).startswith("Usage: `trace ID`")
    for user in ("U0AGENT", "U0NOBODY", "U0GUEST", "U0STRANGER"):
        refused = await asked(desk, f"trace {proposal}", user=user)
        assert "may not" in refused
        assert proposal not in refused
        # An approver of its route has it in the console, and is told so.
        assert ("/agent console" in refused) == (user == "U0AGENT")
