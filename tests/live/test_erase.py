"""A person asks that their words be erased, while the product runs: they are nowhere afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.domain import Message
from bot.journal import Verified
from bot.ports import Commit, Versioned
from bot.store.codec import unpack_bytes
from bot.store.entries import Line
from bot.store.state import RedisStore
from tests.console.rig import signed_in
from tests.live.product import Live, live
from tests.live.steps import (
    Helpdesk,
    becomes,
    card_that,
    cards,
    config,
    eventually,
    idle,
    replies,
    says,
    words,
)
from tests.live.steps import ticket as helpdesk_ticket
from tests.standins.anthropic import Reply, Request, tool_reply

PLANTED = "xyzzyplugh"
AUTHOR = {"id": f"c-{PLANTED}", "name": PLANTED.title(), "email": f"{PLANTED}@customer.example"}
QUESTION = f"Where do I find my invoice for {PLANTED}?"


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[Live]:
    async with live(tmp_path, redis_url) as running:
        yield running


async def erase(desk: Live, url: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """``deskhand erase`` in a process of its own."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "erase", "--json", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={
            "PATH": os.environ["PATH"],
            "REDIS_URL": url,
            "DESKHAND_SECRET": "a-secret-of-thirty-two-characters",
            "DESKHAND_DATA": str(desk.folder / "data"),
        },
    )
    out, err = await child.communicate()
    assert child.returncode is not None
    return child.returncode, json.loads(out) if out else {}, err.decode()


async def lying_about(desk: Live) -> list[str]:
    """Where the word is: keys of the server, files of the data folder, messages of the bot."""
    found = []
    store = desk.product.store
    redis: Any = store.wire.redis
    async for key in redis.scan_iter():
        match await redis.type(key):
            case b"string":
                value: Any = await redis.get(key)
            case b"hash":
                value = await redis.hgetall(key)
            case b"stream":
                value = await redis.xrange(key)
            case b"zset":
                value = await redis.zrange(key, 0, -1)
            case b"set":
                value = await redis.smembers(key)
            case _:
                value = await redis.dump(key)
        if any(_holds(part) for part in (key, *_parts(value))):
            found.append(key.decode())
    for path in (desk.folder / "data").rglob("*"):
        if path.is_file() and path.suffix != ".eml" and _holds(path.read_bytes()):
            found.append(str(path))
    space = desk.slack.space
    for channel in space.messages.values():
        for message in channel.values():
            if message.event_type == "deskhand_card" and PLANTED in repr(message).casefold():
                found.append(f"{message.channel} {message.ts}")
    return found


def _parts(value: Any) -> list[bytes]:
    if isinstance(value, dict):
        return [part for pair in value.items() for part in _parts(pair)]
    if isinstance(value, list | tuple | set):
        return [part for one in value for part in _parts(one)]
    if isinstance(value, bytes):
        packed = [one for one in (value, value.split(b" ", 3)[-1]) if one[:1] == b"1"]
        return [value, *filter(None, map(_unpacked, packed))]
    return []


def _unpacked(packed: bytes) -> bytes:
    try:
        return unpack_bytes(packed)
    except ValueError:
        return b""


def _holds(raw: bytes) -> bool:
    return PLANTED.encode() in raw.lower()


async def test_their_words_are_nowhere_while_the_product_runs(desk: Live, redis_url: str) -> None:
    async with aiohttp.ClientSession() as session:
        helpdesk = Helpdesk(desk.product.url, session)
        sent = helpdesk_ticket("hd-1", QUESTION, author=AUTHOR, url=f"https://x.example/{PLANTED}")
        assert await helpdesk.send({**sent, "subject": f"Invoice {PLANTED}"}) == 200
        pending = await card_that(desk, "pending", PLANTED.title())
        other = helpdesk_ticket("hd-2", "Where is my own invoice?", thread=[])
        assert await helpdesk.send(other) == 200
        kept = await card_that(desk, "pending", "my own invoice")
        await idle(desk)
        assert await lying_about(desk)

        name = f"helpdesk:c-{PLANTED}"
        code, dry, _ = await erase(desk, redis_url, "--person", name, "--dry-run")
        assert code == 0
        assert (await becomes(desk, pending, "pending")).card_state == "pending"
        code, counts, said = await erase(desk, redis_url, "--person", name)
        assert (code, said) == (0, "")
        assert counts == dry
        assert list(counts) == ["tickets", "texts", "examples", "index", "cards"]
        assert (counts["tickets"], counts["cards"]) == (1, 1)
        gone = await becomes(desk, pending, "superseded")
        assert "erased" in words(gone).casefold()
        await idle(desk, "card")
        assert await lying_about(desk) == []
        assert "my own invoice" in words(desk.slack.space.current(kept))
        assert isinstance(await desk.product.store.record_book.verify(), Verified)
        ident = pending.payload["proposal"]
        for asked in (f"show {ident}", "queue", f"trace {ident}"):
            answer = await desk.people.command(asked, user="U0MANAGER")
            assert PLANTED not in str(answer.body).casefold()
        answer = await desk.people.command(f"show {ident}", user="U0MANAGER")
        assert "erased" in str(answer.body)
        await _console_says_erased(desk, ident)
        code, counts, _ = await erase(desk, redis_url, "--person", name)
        assert (code, set(counts.values())) == (0, {0})
        # The same id again is a ticket of its own.
        assert await helpdesk.send({**sent, "body": "And my second invoice?"}) == 200
        again = await card_that(desk, "pending", "second invoice")
        assert again.payload["proposal"] != ident


async def _console_says_erased(desk: Live, proposal: str) -> None:
    lines = await journal_lines(desk, proposal)
    calls = [line.id for line in lines if line.entry.kind == "model_call"]
    assert calls
    paths = [f"/console/{page}/{proposal}" for page in ("tickets", "trace")]
    paths += [f"/console/trace/{proposal}/texts/{one}" for one in calls]
    async with signed_in(desk, "U0MANAGER") as manager:
        for path in ("/console", "/console/journal", *paths):
            page = await manager.get(path)
            assert page.status == 200, path
            assert PLANTED not in page.text.casefold(), path
            if "tickets" in path or "texts" in path:
                assert "erased" in page.words.casefold(), path


async def journal_lines(desk: Live, proposal: str) -> list[Line]:
    store = desk.product.store
    ticket, _ = await store.resolve(proposal)
    assert ticket is not None
    return await store.record_book.of_case(ticket)


async def test_of_a_slack_member_sent_replies_stay_and_cards_say_erased(
    desk: Live, redis_url: str
) -> None:
    await says(desk, QUESTION, user="U0CUSTOMER")
    card = await card_that(desk, "pending", PLANTED)
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    done = await becomes(desk, card, "succeeded")
    (reply,) = replies(desk)
    await says(desk, f"And the one before, {PLANTED}?", user="U0CUSTOMER")
    second = await card_that(desk, "pending", PLANTED, but=done)
    await idle(desk)

    code, counts, _ = await erase(desk, redis_url, "--person", "U0CUSTOMER")
    assert code == 0
    assert (counts["tickets"], counts["examples"], counts["cards"]) == (2, 1, 2)
    await becomes(desk, second, "superseded")

    async def redrawn() -> bool:
        return PLANTED not in words(desk.slack.space.current(done))

    await eventually(redrawn)
    assert "erased" in words(desk.slack.space.current(done)).casefold()
    assert desk.slack.space.current(done).card_state == "succeeded"
    assert desk.slack.space.current(reply) == reply
    await idle(desk, "card")
    assert await lying_about(desk) == []
    status = await desk.people.command("status", user="U0MANAGER")
    assert "tickets: 2" in str(status.body)
    assert "approved: 1" in str(status.body)


async def test_what_another_tickets_run_was_shown_of_it_goes_too(
    tmp_path: Path, redis_url: str
) -> None:
    def brain(request: Request) -> Reply | None:
        asks = "similar_tickets" in request.tool_names and request.tool_rounds == 0
        return tool_reply(("similar_tickets", {})) if asks else None

    async with live(tmp_path, redis_url, brain=brain) as desk, aiohttp.ClientSession() as session:
        asked = "My zebra gadget invoice number is lost in the kitchen, where is it"
        await says(desk, f"{asked}, {PLANTED}?", user="U0CUSTOMER")
        card = await card_that(desk, "pending", PLANTED)
        await desk.people.click("U0AGENT", card, "deskhand.approve")
        await becomes(desk, card, "succeeded")
        assert await Helpdesk(desk.product.url, session).send(helpdesk_ticket("hd-9", asked)) == 200
        other = await card_that(desk, "pending", but=card)
        await idle(desk)
        lines = await journal_lines(desk, other.payload["proposal"])
        shown = [line.entry.data.get("examples") for line in lines]
        assert any(shown)
        code, counts, _ = await erase(desk, redis_url, "--person", "U0CUSTOMER")
        assert (code, counts["tickets"]) == (0, 1)
        await idle(desk, "card")
        assert await lying_about(desk) == []


async def test_a_run_that_is_under_way_is_void(tmp_path: Path, redis_url: str) -> None:
    file = config({"quiet": "5m"})
    async with live(tmp_path, redis_url, config=file) as desk:
        await says(desk, QUESTION, user="U0CUSTOMER")
        await idle(desk, "deliver")
        code, counts, _ = await erase(desk, redis_url, "--person", "U0CUSTOMER")
        assert (code, counts["tickets"]) == (0, 1)
        await idle(desk)
        assert await lying_about(desk) == []
        assert cards(desk, state="pending") == []


async def test_old_texts_go_by_themselves(tmp_path: Path, redis_url: str) -> None:
    async with live(tmp_path, redis_url) as desk:
        await says(desk, QUESTION)
        card = await card_that(desk, "pending", PLANTED)
        await idle(desk)
        ticket = await _age(desk.product.store, card.payload["proposal"])
    file = config(retention={"texts": "30d", "journal": "365d"})
    async with live(tmp_path, redis_url, config=file) as desk:
        store = desk.product.store

        async def gone() -> bool:
            found = await store.ticket(ticket)
            return found is not None and found.value.erased

        await eventually(gone, timeout=30)
        await idle(desk, "card")
        assert await lying_about(desk) == []
        assert isinstance(await store.record_book.verify(), Verified)


async def _age(store: RedisStore, proposal: str) -> str:
    """Make its ticket's last words 40 days old; its id."""
    ident, _ = await store.resolve(proposal)
    assert ident is not None
    found = await store.ticket(ident)
    assert found is not None
    ago = timedelta(days=40)

    def older(one: Message) -> Message:
        return one.model_copy(update={"at": one.at - ago})

    ticket = found.value
    past = ticket.model_copy(
        update={
            "created_at": ticket.created_at - ago,
            "messages": tuple(map(older, ticket.messages)),
        }
    )
    saved = await store.commit(Commit(tickets=(Versioned(past, found.version),)))
    assert saved == "committed"
    at = int(past.last_words_at.timestamp() * 1000)
    await store.wire.command("ZADD", store.keys.age, at, ticket.id)
    return ticket.id
