"""``deskhand erase`` on the embedded store, and the journal's files under ``journal verify``."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.cli import run
from bot.domain import Author, Message
from bot.ports.references import Conversation, Member
from bot.settings import TENANT
from bot.store.embedded import EmbeddedServer
from bot.store.references import RedisReferences
from bot.store.segments import Archive, Segments, segments_folder
from tests.store.make import AT, Desk, open_desk, proposal, ticket

Captured = pytest.CaptureFixture[str]
PLANTED = "xyzzyplugh"


@pytest.fixture
def data(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DESKHAND_DATA", str(short_path))
    monkeypatch.chdir(short_path)
    return short_path


async def _planted(folder: Path) -> str:
    author = Author(surface="slack", team="T1", id="U1", email=f"{PLANTED}@c.example")
    async with EmbeddedServer(folder) as server, open_desk(server.url, TENANT) as desk:
        opened = ticket(
            author=author, messages=(Message(id="1", author=author, text=PLANTED, at=AT),)
        )
        drafted = proposal(opened)
        await desk.keep(opened.model_copy(update={"proposal": drafted.id}), drafted)
        # What a server keeps in its file in plain sight, as long as it is short.
        await desk.redis.hset(desk.store.keys.texts, "1-1", f"0{{}}{PLANTED}")
        await desk.redis.hdel(desk.store.keys.texts, "1-1")
        return drafted.id


async def _spoken(folder: Path, oid: str) -> None:
    """A person in Teams was heard of in their chat with the bot."""
    async with EmbeddedServer(folder) as server, open_desk(server.url, TENANT) as desk:
        at = "https://smba.trafficmanager.net/emea"
        chat = Conversation(id=f"a:{PLANTED}", kind="personal", service_url=at, bot="28:bot")
        member = Member(
            oid=oid, id=f"29:{PLANTED}", conversation=chat.id, service_url=at, bot="28:bot",
            chat=chat.id,
        )  # fmt: skip
        await RedisReferences(desk.store.wire, desk.store.keys).keep(chat, member)


async def _archive(folder: Path, secret: str) -> None:
    async with EmbeddedServer(folder) as server, open_desk(server.url, TENANT) as desk:
        await _move(desk, Segments(segments_folder(folder), secret))


async def _move(desk: Desk, segments: Segments) -> None:
    await desk.store.record_book.seal()
    moving = Archive(desk.store.wire, desk.store.keys, segments)
    assert await moving.step(datetime.now(UTC) + timedelta(hours=1)) > 0


def holds(folder: Path) -> list[str]:
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and PLANTED.encode() in path.read_bytes()
    ]


def test_nothing_is_left_in_the_data_folder(data: Path, capsys: Captured) -> None:
    drafted = asyncio.run(_planted(data))
    assert holds(data)
    assert run(["erase", "--person", "U1", "--dry-run", "--json"]) == 0
    dry = json.loads(capsys.readouterr().out)
    assert holds(data)
    assert run(["erase", "--person", "U1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == dry
    assert dry["tickets"] == 1
    assert holds(data) == []
    assert run(["erase", "--person", "U1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tickets: 0 erased"
    assert all(": 0 " in line for line in lines)
    assert run(["journal", "verify"]) == 0
    assert run(["trace", drafted]) == 0
    assert "erased" in capsys.readouterr().out
    assert run(["erase", "--person", " "]) == 2


def test_how_a_person_in_teams_is_reached_goes_too(data: Path, capsys: Captured) -> None:
    oid = "0a000000-0000-4000-8000-00000000000b"
    asyncio.run(_spoken(data, oid))
    assert run(["erase", "--person", oid, "--dry-run"]) == 0
    assert holds(data)
    assert run(["erase", "--person", oid.upper()]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("cards: 0")
    assert holds(data) == []


def test_verify_reads_the_files_and_names_what_is_wrong(data: Path, capsys: Captured) -> None:
    drafted = asyncio.run(_planted(data))
    assert run(["erase", "--person", "U1"]) == 0
    assert run(["journal", "verify", "--json"]) == 0
    capsys.readouterr()
    secret = (data / "secret").read_text().strip()
    asyncio.run(_archive(data, secret))
    assert run(["journal", "verify", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["entries"]) == (True, 3)
    assert run(["trace", drafted]) == 0
    assert "archived in signed files" in capsys.readouterr().out
    assert run(["trace", drafted, "--json"]) == 0
    traced = json.loads(capsys.readouterr().out)
    assert traced["archived_until"].startswith("20")
    (file,) = segments_folder(data).glob("*.jsonl")
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"operator", b"nobody__"))
    assert run(["journal", "verify"]) == 1
    assert f"segment {file.name}" in capsys.readouterr().out
    file.unlink()
    assert run(["journal", "verify", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["why"] == "segment_missing"
