"""Erasing on a real store: the words are nowhere any more, and everything else stands."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.commands import Propose
from bot.domain import (
    Action,
    Actor,
    Ask,
    Author,
    Board,
    Content,
    Copy,
    Lead,
    LeadField,
    Message,
    Notice,
    Place,
    Proposal,
    Ticket,
)
from bot.journal import Entry, Verified
from bot.lifecycle import transition
from bot.ports import Commit, Conflict, Lesson, Versioned
from bot.store.asked_back import RedisAskedBack
from bot.store.codec import unpack_bytes
from bot.store.erasing import Counts, Eraser
from bot.store.reports import Reports
from tests.store.make import AT, AUTHOR, Desk, approved, delivery, open_desk, proposal, ticket
from tools.research.similar_tickets import SimilarTickets
from tools.spec import SimilarTicket

PLANTED = "xyzzyplugh"
"""Stands in every text of the cases below."""


def eraser(desk: Desk) -> Eraser:
    reports = Reports(Path("/nowhere"))
    return Eraser(desk.store.wire, desk.store.keys, desk.clock, reports)


async def planted(desk: Desk, **update: Any) -> tuple[Ticket, Proposal]:
    """A ticket with a pending card, all of whose texts hold the word."""
    author = Author(
        surface="webhook",
        team="helpdesk",
        id=f"{PLANTED}-7",
        name=f"Ada {PLANTED}",
        email=f"{PLANTED}@Customer.example",
    )
    author = update.pop("author", author)
    said = Message(id="17.1", author=author, text=f"My {PLANTED} is broken. " * 9, at=AT)
    colleague = Author(surface="slack", id="U7", name="Bo", team="T1")
    other = Message(id="16.9", author=colleague, text=f"Look at {PLANTED}", at=AT)
    opened = ticket(
        author=author,
        messages=(said,),
        thread=(other,),
        subject=f"About {PLANTED}",
        url=f"https://customer.example/{PLANTED}",
        **update,
    )
    drafted = proposal(
        opened,
        why=f"because of {PLANTED}",
        drafted=f"Dear {PLANTED}",
        notices=(Notice(kind="unread_files", text=PLANTED),),
        content=Content(
            labels=("billing",),
            route="billing",
            reply=f"Dear {PLANTED}, it is mended.",
            actions=(Action(tool="send_reply", args={"text": PLANTED}, target=PLANTED),),
        ),
    )
    opened = opened.model_copy(update={"proposal": drafted.id})
    board = Board(
        proposal=drafted.id,
        copies=(
            Copy(
                place=Place(surface="slack", place="C1", message="1.1"),
                room="C1",
                status="posted",
                since=AT,
                version=1,
                error=PLANTED,
            ),
        ),
    )
    told = Entry(
        kind="model_call", ticket=opened.id, run=drafted.run.id, texts={"prompt": PLANTED, "a": "b"}
    )
    example = SimilarTicket(PLANTED, ("billing",), "billing", None, PLANTED, 0.0)
    await desk.keep(
        opened,
        drafted,
        boards=(Versioned(board, 0),),
        entries=(told,),
        lesson=Lesson("support", opened.id, example),
    )
    return opened, drafted


async def plain_words(desk: Desk) -> bytes:
    """Everything that the server holds, unpacked as far as it is packed."""
    found: list[bytes] = []

    def add(value: Any) -> None:
        if isinstance(value, dict):
            for pair in value.items():
                add(pair)
        elif isinstance(value, list | tuple | set):
            for one in value:
                add(one)
        elif isinstance(value, bytes):
            found.append(value)
            for packed in (value, value.split(b" ", 3)[-1]):
                if packed[:1] == b"1":
                    try:
                        found.append(unpack_bytes(packed))
                    except ValueError:
                        continue

    async for key in desk.redis.scan_iter():
        add(key)
        match await desk.redis.type(key):
            case b"string":
                add(await desk.redis.get(key))
            case b"hash":
                add(await desk.redis.hgetall(key))
            case b"stream":
                add(await desk.redis.xrange(key))
            case b"zset":
                add(await desk.redis.zrange(key, 0, -1))
            case b"set":
                add(await desk.redis.smembers(key))
    return b"\n".join(found)


@pytest.mark.parametrize("ident", [f"helpdesk:{PLANTED}-7", f" {PLANTED}@CUSTOMER.example"])
async def test_a_persons_words_are_nowhere_and_the_rest_stands(desk: Desk, ident: str) -> None:
    opened, drafted = await planted(desk)
    other = ticket()
    await desk.keep(other, proposal(other))
    assert PLANTED.encode() in await plain_words(desk)
    before = await desk.everything()
    dry = await eraser(desk).person(ident, dry_run=True)
    assert await desk.everything() == before

    counts = await eraser(desk).person(ident)
    assert counts == dry
    assert counts == Counts(tickets=1, texts=9, examples=1, index=6, cards=1, left=0)
    left = await plain_words(desk)
    assert PLANTED.encode() not in left
    assert b"customer.example" not in left.lower().replace(b"ada@customer.example", b"")
    erased, card = await desk.store.ticket(opened.id), await desk.store.proposal(drafted.id)
    assert erased is not None
    assert card is not None
    assert erased.value.erased
    assert (card.value.state, card.value.erased) == ("superseded", True)
    assert card.value.content is not None
    assert card.value.content.labels == ("billing",)
    assert await desk.store.waiting() != [drafted.id]
    assert isinstance(await desk.store.record_book.verify(), Verified)
    kept = await desk.store.ticket(other.id)
    assert kept == Versioned(other, 1)
    due = await desk.redis.zrange(desk.store.keys.due, 0, -1)
    assert f"card:{drafted.id}".encode() in due
    last = (await desk.store.record_book.since(AT - timedelta(days=9999)))[-1].entry
    assert (last.kind, last.actor, last.data["tickets"]) == ("operator", "operator", 1)

    again = await desk.everything()
    assert await eraser(desk).person(ident) == Counts()
    assert await desk.everything() == again


async def test_newer_words_there_are_a_ticket_of_their_own(desk: Desk) -> None:
    opened, _ = await planted(desk)
    await eraser(desk).person(f"{PLANTED}@customer.example")
    assert await desk.store.ticket_at(opened.origin) is None


async def test_running_processes_forget_the_example_at_once(desk: Desk) -> None:
    await planted(desk)
    tool = SimilarTickets(desk.store.examples, desk.clock)
    assert await tool.closest("support", PLANTED, 3)
    kept, _ = await planted(desk, author=AUTHOR)
    assert len(await tool.closest("support", PLANTED, 3)) == 2
    await eraser(desk).person(f"{PLANTED}@customer.example")
    assert len(await tool.closest("support", PLANTED, 3)) == 1
    await eraser(desk).person("U1")
    assert await tool.closest("support", PLANTED, 3) == ()
    assert kept.author == AUTHOR


async def test_what_they_said_in_anothers_thread_goes_too(desk: Desk) -> None:
    opened, drafted = await planted(desk)
    by = Actor(surface="slack", team="T1", id="U7")
    noticed = drafted.model_copy(
        update={"notices": (Notice(kind="colleague_replied", text="has replied", actor=by),)}
    )
    await desk.keep(noticed, version=1)
    counts = await eraser(desk).person("U7")
    assert counts == Counts(tickets=1, texts=2, index=1, cards=1)
    left, card = await desk.store.ticket(opened.id), await desk.store.proposal(drafted.id)
    assert left is not None
    assert left.value == opened.model_copy(update={"thread": ()})
    assert card is not None
    assert (card.value.state, card.value.notices) == ("pending", ())
    (line,) = (await desk.store.record_book.of_case(opened.id))[:1]
    assert await desk.store.record_book.texts([line.id]) == {}
    assert await eraser(desk).person("U7") == Counts()


async def test_what_is_to_take_effect_is_left_and_counted(desk: Desk) -> None:
    opened, drafted = await planted(desk)
    ready = approved(drafted.model_copy(update={"notices": ()}))
    await desk.keep(ready, version=1)
    before = await desk.everything()
    assert await eraser(desk).person(f"helpdesk:{PLANTED}-7") == Counts(left=1)
    done = ready.model_copy(update={"state": "succeeded"})
    after = await desk.everything()
    before.pop(desk.store.keys.indexed.encode(), None)
    after.pop(desk.store.keys.indexed.encode(), None)
    assert before == after
    await desk.keep(done, version=2)
    counts = await eraser(desk).person(f"helpdesk:{PLANTED}-7")
    assert (counts.tickets, counts.left) == (1, 0)
    card = await desk.store.proposal(drafted.id)
    assert card is not None
    assert card.value.state == "succeeded"
    assert PLANTED.encode() not in await plain_words(desk)
    assert opened.id


async def test_a_run_that_is_still_at_work_leaves_no_text(desk: Desk) -> None:
    opened, drafted = await planted(desk)
    running = drafted.model_copy(update={"state": "drafting", "content": None, "progress": ()})
    await desk.keep(running, version=1)
    await eraser(desk).person(f"helpdesk:{PLANTED}-7")
    late = Entry(kind="tool_call", ticket=opened.id, texts={"result": PLANTED})
    await desk.store.record((late,))
    assert PLANTED.encode() not in await plain_words(desk)
    end = Propose(
        at=AT,
        content=Content(labels=("bug",), route="default"),
        playbook_version="v1",
        confidence="low",
        why=PLANTED,
        citations=(),
        marks=(),
        model="m",
    )
    ended = Versioned(running.model_copy(update={"why": PLANTED}), 2)
    assert isinstance(await desk.store.commit(Commit(proposals=(ended,))), Conflict)
    found = await desk.store.proposal(drafted.id)
    assert found is not None
    assert not hasattr(transition(found.value, end), "proposal")
    assert isinstance(await desk.store.record_book.verify(), Verified)


async def test_a_delivery_that_nobody_has_worked_in_goes(desk: Desk) -> None:
    await desk.store.accept(delivery("Ev9", text=PLANTED))
    assert await eraser(desk).person("U1") == Counts(texts=1)
    assert PLANTED.encode() not in await plain_words(desk)
    assert await desk.redis.zcard(desk.store.keys.due) == 0


async def test_an_ask_that_its_asker_has_not_explained_yet_goes(desk: Desk) -> None:
    """Pressed later, its button must not bring the words back."""
    asked_back = RedisAskedBack(desk.store.wire, desk.store.keys)
    asker = Actor(surface="slack", team="T1", id="U1")
    for token, one in (("theirs", asker), ("another's", asker.model_copy(update={"id": "U2"}))):
        text = PLANTED if one == asker else "Somebody else's"
        author = Author(surface="slack", team="T1", id=one.id)
        ask = delivery(token, text=text).model_copy(update={"asker": one, "author": author})
        await asked_back.keep(token, ask)
    assert await eraser(desk).person("U1", dry_run=True) == Counts(texts=1)
    assert await asked_back.find("theirs") is not None
    assert await eraser(desk).person("U1") == Counts(texts=1)
    assert await asked_back.find("theirs") is None
    assert await asked_back.find("another's") is not None
    assert PLANTED.encode() not in await plain_words(desk)
    assert await eraser(desk).person("U1") == Counts()


async def test_tickets_from_before_the_index_are_found(desk: Desk) -> None:
    await planted(desk)
    await desk.redis.delete(desk.store.keys.belongs, desk.store.keys.age)
    name = f"helpdesk:{PLANTED}-7"
    assert (await eraser(desk).person(name, dry_run=True)).tickets == 1
    assert not await desk.redis.exists(desk.store.keys.belongs)
    assert (await eraser(desk).person(name)).tickets == 1
    assert PLANTED.encode() not in await plain_words(desk)


async def test_two_who_erase_at_once_count_once(redis_url: str) -> None:
    async with open_desk(redis_url) as one, open_desk(redis_url) as two:
        for _ in range(20):
            await planted(one)
        name = f"helpdesk:{PLANTED}-7"
        counts = await asyncio.gather(eraser(one).person(name), eraser(two).person(name))
        assert sum(each.tickets for each in counts) == 20
        assert PLANTED.encode() not in await plain_words(one)


# --- by age -----------------------------------------------------------------------------------


async def test_what_is_old_goes_by_its_last_activity(desk: Desk) -> None:
    old, drafted = await planted(desk)
    young = ticket(
        messages=(Message(id="1", author=AUTHOR, text="new", at=AT + timedelta(days=20)),)
    )
    decided = ticket()
    ready = approved(proposal(decided), AT + timedelta(days=20))
    done = ready.model_copy(update={"state": "succeeded"})
    await desk.keep(young)
    await desk.keep(decided, done)
    counts, more = await eraser(desk).older_than(AT + timedelta(days=10), 50)
    assert (counts.tickets, more) == (1, False)
    found = await desk.store.ticket(old.id)
    assert found is not None
    assert found.value.erased
    card = await desk.store.proposal(drafted.id)
    assert card is not None
    assert card.value.state == "superseded"
    assert await eraser(desk).older_than(AT + timedelta(days=10), 50) == (Counts(), False)
    counts, _ = await eraser(desk).older_than(AT + timedelta(days=21), 50)
    assert counts.tickets == 2
    assert await desk.redis.zcard(desk.store.keys.age) == 0


async def test_what_must_be_left_does_not_stand_in_the_others_way(desk: Desk) -> None:
    for _ in range(3):
        opened = ticket()
        await desk.keep(opened, approved(proposal(opened)))
    old, _ = await planted(desk, created_at=AT + timedelta(minutes=1))
    at = AT + timedelta(days=10)
    total, more = await eraser(desk).older_than(at, 3)
    while more:
        counts, more = await eraser(desk).older_than(at, 3)
        total += counts
    assert (total.tickets, total.left) == (1, 3)
    counts, _ = await eraser(desk).older_than(at + timedelta(days=2), 3)
    assert counts.left == 3
    assert old.id


async def test_the_indexes_of_ten_thousand_tickets_are_small(desk: Desk) -> None:
    keys = desk.store.keys
    for _ in range(100):
        opened = ticket()
        await desk.keep(opened, proposal(opened))
    small = 0
    for key in (keys.belongs, keys.age):
        small += await desk.redis.memory_usage(key, samples=0)
    assert small * 100 < 6_000_000


async def test_an_example_goes_from_the_calls_of_other_tickets_too(desk: Desk) -> None:
    opened, _ = await planted(desk)
    other = ticket()
    await desk.keep(other)

    def call(examples: list[str], text: str) -> Entry:
        data: dict[str, Any] = {"tool": "similar_tickets", "examples": examples}
        return Entry(kind="tool_call", ticket=other.id, data=data, texts={"result": text})

    await desk.store.record((call([opened.id], f"ticket: {PLANTED}"),))
    answer = Entry(kind="model_call", ticket=other.id, texts={"answer": f"As with {PLANTED}"})
    await desk.store.record((answer,))
    proposed = Entry(kind="proposal", ticket=other.id, texts={"reply": "Theirs alone"})
    await desk.store.record((proposed,))
    dry = await eraser(desk).person(f"helpdesk:{PLANTED}-7", dry_run=True)
    done = await eraser(desk).person(f"helpdesk:{PLANTED}-7")
    assert done == dry
    assert PLANTED.encode() not in await plain_words(desk)
    book = desk.store.record_book
    lines = await book.of_case(other.id)
    assert list(await book.texts([line.id for line in lines])) == [lines[2].id]
    said = lines[-1].entry.data
    assert (said["what"], said["of"], said["texts"]) == ("erased", "examples", 2)
    assert isinstance(await book.verify(), Verified)
    # A run that still holds it writes it down no more.
    await desk.store.record((call([opened.id], f"again {PLANTED}"),))
    assert PLANTED.encode() not in await plain_words(desk)


async def a_lead(
    desk: Desk, found: Lead | None, text: str, letter: str = "", **update: Any
) -> Ticket:
    opened = ticket(messages=(Message(id="1", author=AUTHOR, text=text, at=AT),), **update)
    mail = Action(tool="draft_outreach", args={"text": letter}, target="the outbox")
    content = Content(labels=(), route="default", actions=(mail,))
    drafted = proposal(opened, lead=found, content=content)
    await desk.keep(opened.model_copy(update={"proposal": drafted.id}), drafted)
    return opened


@pytest.mark.parametrize("indexed", [True, False])
async def test_a_lead_goes_by_the_address_of_whom_it_is_about(desk: Desk, indexed: bool) -> None:
    about = f"{PLANTED}@acme.example"
    field = LeadField(name="contacts", value=f"Sales: {about.upper()}", quote="x", source="crm:1")
    company = Lead(kind="company", key="acme.example", fields=(field,))
    person = Lead(kind="person", key=about)
    leads = [
        await a_lead(desk, company, "acme.example"),
        await a_lead(desk, person, "somebody at acme"),
        # Nothing was found for these: their own words name her.
        await a_lead(desk, None, f"New lead: <{about}>", lead=True),
        await a_lead(desk, None, about, ask=Ask(verb="enrich", words=about)),
        await a_lead(
            desk, Lead(kind="company", key="acme.example"), "acme", letter=f"Hi,\n{about}"
        ),
    ]
    kept = [
        await a_lead(desk, None, f"I write of {about}"),  # a ticket's words are its author's
        await a_lead(desk, person.model_copy(update={"key": f"x{about}"}), "another"),
    ]
    if not indexed:
        await desk.redis.delete(desk.store.keys.belongs, desk.store.keys.indexed)
    found = await eraser(desk).person(about.title(), dry_run=True)
    counts = await eraser(desk).person(about.title())
    assert counts.tickets == found.tickets == len(leads)
    for one in leads:
        left = await desk.store.ticket(one.id)
        assert left is not None
        assert left.value.erased
    for one in kept:
        left = await desk.store.ticket(one.id)
        assert left is not None
        assert not left.value.erased
    assert await eraser(desk).person(about) == Counts()
