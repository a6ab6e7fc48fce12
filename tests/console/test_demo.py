"""The demo's console beside its terminal: one person, two places, each shows the other's."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
from pathlib import Path

import pytest

from tests.cli.terminal import PROMPT, Terminal
from tests.console.rig import browser

QUESTION = "How do I set a new password? I forgot mine."
AUTHOR = re.compile(r"(\w+) wrote")
LINK = re.compile(r"http://127\.0\.0\.1:\d+/console/login\?token=[\w-]+")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    rows = [
        {"id": str(number), "body": QUESTION, "author": {"name": name}}
        for number, name in enumerate(("Ada", "Bo", "Cy"))
    ]
    (tmp_path / "tickets.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return {
        "DESKHAND_DATA": str(tmp_path / "data"),
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
    }


def demo(environ: dict[str, str], *more: str) -> Terminal:
    tickets = str(Path(environ["HOME"]) / "tickets.jsonl")
    return Terminal(["demo", "--tickets", tickets, "--no-browser", *more], environ)


async def test_what_is_decided_in_one_place_is_shown_in_the_other(environ: dict[str, str]) -> None:
    with demo(environ) as terminal:
        first = await asyncio.to_thread(terminal.until, PROMPT)
        link = LINK.search(first)
        assert link is not None
        async with browser(link[0].partition("/console")[0]) as window:
            assert (await window.get("/console")).status == 303
            assert (await window.follow(link[0])).status == 303
            page = await window.get("/console")
            assert QUESTION in page.words
            # Three are drafted at once, and any of them may be ready before the one shown here.
            author = AUTHOR.search(first)
            assert author is not None
            shown = page.card_of(author[1])
            assert (await window.decide(shown, "approve")).status == 303
            told = await asyncio.to_thread(terminal.until, PROMPT)
            assert "Decided elsewhere:" in told
            assert re.search(r"\.eml", told)
            assert "2 of 3" in told
            before = set((await window.get("/console")).cards())
            terminal.type("a\n")
            await asyncio.to_thread(terminal.until, PROMPT)
            after = set((await window.get("/console")).cards())
            assert len(before - after) == 1
            third = next(iter(after))
            rejected = await window.decide(third, "reject", reason="duplicate")
            assert rejected.status == 303
            end = await asyncio.to_thread(terminal.until, "Replies: ")
            assert "approved 2, edited 0, rejected 1" in end
            assert (await window.post("/console/login", {"token": link[0][-43:]})).status == 403
        assert await asyncio.to_thread(terminal.ended) == 0


async def test_a_leads_fields_are_chosen_in_the_console(environ: dict[str, str]) -> None:
    with Terminal(["demo", "--no-browser"], environ) as terminal:
        link = LINK.search(await asyncio.to_thread(terminal.until, PROMPT))
        assert link is not None
        terminal.type("l\n")
        await asyncio.to_thread(terminal.until, PROMPT)
        async with browser(link[0].partition("/console")[0]) as window:
            await window.follow(link[0])
            lead = (await window.get("/console")).card_of("Idris Vale")
            sheet = await window.get(f"/console/proposals/{lead}/edit")
            assert "Size: 64 (overwrites: 40)" in sheet.words
            # There is one route, and each field stands beside its own source.
            assert 'name="route"' not in sheet.text
            ticket = await window.get(f"/console/tickets/{lead}")
            assert "14 October 2026" in ticket.words
            assert "The draft cites nothing" not in ticket.words
            form = {
                "csrf": sheet.csrf,
                "revision": "1",
                "include": "0",
                "approve_now": "approve_now",
            }
            ticked = [("action.0.fields", name) for name in ("size", "news")]
            address = f"/console/proposals/{lead}/edit"
            saved = await window.post(address, [*form.items(), *ticked])
            assert saved.status == 303
        told = await asyncio.to_thread(terminal.until, PROMPT)
        assert "Decided elsewhere:" in told
        assert "update_crm: done: crm:1: size, news" in told
        assert "deskhand crm show brackenfold.example --demo" in told
        terminal.type("q\n")
        end = await asyncio.to_thread(terminal.until, "Replies: ")
        assert "Leads: approved 0, edited 1" in end
        assert await asyncio.to_thread(terminal.ended) == 0


async def test_a_port_that_is_taken_is_named(environ: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with demo(environ, "--port", str(port)) as terminal:
            said = await asyncio.to_thread(terminal.until, "leave it out")
            assert f"--port: {port} cannot be had" in said
            assert await asyncio.to_thread(terminal.ended) == 2
