"""How much of Redis 10,000 pending proposals take: ``python -m benchmarks.memory [count]``.

Each case is what a real one leaves behind: its delivery's ids (kept for seven days), the ticket,
the proposal and its board, and every index, written by the store's own calls on a private server.
The words are drawn at random from ordinary ones, so that nothing is alike by accident. The journal
(entries, texts, their index and the chain) is measured and shown apart, by the size of its keys.
"""

from __future__ import annotations

import asyncio
import random
import resource
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from redis.asyncio import Redis

from bot.domain import (
    Action,
    ActionProgress,
    Author,
    Board,
    Citation,
    Content,
    Copy,
    Delivery,
    Message,
    Place,
    Proposal,
    Run,
    Ticket,
)
from bot.journal import Entry
from bot.ports import Commit, Versioned, Wake
from bot.store.connect import open_redis
from bot.store.state import RedisStore
from tests.fixtures_redis import STRICT, ServerProcess

TARGET_MB = 30.0
_AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
_TEXT = """
account address again amount apology app approve arrive balance bank because before billing bill
browser card cancel change charge check code colleague complete confirm contact correct country
customer date day deliver detail device different difference discount document email error every
exchange expect export fail feature fee first follow form forward free help hold hour however
import include information invoice issue item know last later letter limit link list login look
mail manager message minute mistake mobile money month name need never new next note notice
number office open option order other page paper part pass password pay payment people period
person phone place plan please point post price problem process product profile question quick
rate reach read reason receipt receive record refund register reject remove renew reply report
request reset return right safe save screen second security see send service setting several
share ship short show sign since site small soon start state statement step stop store
subscription support sure system take tax team tell terms test thank thing think ticket time
today together total track transfer travel try two update upgrade use user verify version visit
wait want warning week when where which while window with without word work write wrong year
yesterday
"""
_WORDS = _TEXT.split()


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def words(rng: random.Random, characters: int) -> str:
    """Sentences of about so many characters."""
    out: list[str] = []
    length = 0
    while length < characters:
        word = rng.choice(_WORDS)
        if rng.random() < 0.08:
            word = f"{word}. {rng.choice(_WORDS).capitalize()}"
        if rng.random() < 0.03:
            word = f"{rng.randrange(10, 9999)}"
        out.append(word)
        length += len(word) + 1
    return " ".join(out)[:characters]


def letters(rng: random.Random, prefix: str, count: int = 16) -> str:
    return prefix + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz234567", k=count))


def make_case(rng: random.Random, number: int) -> tuple[Ticket, Proposal, Board]:
    """A ticket of 400 characters with a proposal of 600 that cites twice 150."""
    at = _AT + timedelta(milliseconds=number * 137)
    suffix = letters(rng, "")
    ticket_id, proposal_id = letters(rng, "t_"), f"p_{suffix}"
    ts = f"{int(at.timestamp())}.{rng.randrange(10**5, 10**6)}"
    author = Author(
        surface="slack",
        id=letters(rng, "U0", 9).upper(),
        name=f"{rng.choice(_WORDS).title()} {rng.choice(_WORDS).title()}",
        email=f"{rng.choice(_WORDS)}.{rng.choice(_WORDS)}{number}@customer.example",
        team="T0ACME123",
    )
    ticket = Ticket(
        id=ticket_id,
        tenant="acme",
        playbook="support",
        origin=Place(surface="slack", place="C0SUPPORT1", thread=ts, message=ts),
        author=author,
        messages=(Message(id=ts, author=author, text=words(rng, 400), at=at),),
        created_at=at,
        proposal=proposal_id,
        runs=1,
        trace_id=f"{rng.getrandbits(128):032x}",
    )
    reply = words(rng, 600)
    proposal = Proposal(
        id=proposal_id,
        tenant="acme",
        ticket=ticket_id,
        playbook="support",
        playbook_version=f"{rng.getrandbits(48):012x}",
        state="pending",
        revision=1,
        run=Run(
            id=f"r_{suffix}",
            generation=1,
            starts=1,
            not_before=at + timedelta(seconds=3),
            started_at=at + timedelta(seconds=3, microseconds=4321),
            ended_at=at + timedelta(seconds=9, microseconds=1234),
        ),
        secret=f"{rng.getrandbits(128):032x}",
        content=Content(
            labels=(rng.choice(("billing", "bug", "how_to")),),
            priority=rng.choice(("low", "normal", "high")),
            route="billing",
            reply=reply,
            actions=(
                Action(
                    tool="send_reply",
                    args={"text": reply},
                    target=f"the thread in #support of {author.name}",
                ),
            ),
        ),
        confidence="medium",
        why=words(rng, 90),
        citations=tuple(
            Citation(
                article=f"kb/{rng.choice(_WORDS)}-{rng.choice(_WORDS)}.md",
                title=words(rng, 30),
                quote=words(rng, 150),
                url=f"https://help.acme.example/{rng.choice(_WORDS)}",
                supported=True,
            )
            for _ in range(2)
        ),
        model="claude-sonnet-5-5",
        cost_usd=Decimal(rng.randrange(1, 40_000_000)) / 10**9,
        progress=(ActionProgress(),),
        created_at=at,
        proposed_at=at + timedelta(seconds=9),
        remind_at=at + timedelta(minutes=30),
        expires_at=at + timedelta(hours=24),
    )
    posted = Place(surface="slack", place="C0BILLING", thread=None, message=ts)
    board = Board(
        proposal=proposal_id,
        copies=(Copy(place=posted, room=posted.place, status="posted", since=at, version=2),),
        status_line=Place(surface="slack", place="C0SUPPORT1", thread=ts, message=ts),
        status_text="A draft is with the team",
        reaction="unsure",
        shown_ms=rng.randrange(2_000, 60_000),
    )
    return ticket, proposal, board


async def one_case(store: RedisStore, rng: random.Random, number: int) -> None:
    """From the delivery to the posted card, as the use-cases commit it."""
    ticket, proposal, board = make_case(rng, number)
    message = ticket.messages[0]
    delivery = Delivery(
        id=letters(rng, "Ev0", 9).upper(),
        aliases=(f"slack:T0ACME123:C0SUPPORT1:{message.id}",),
        kind="message",
        playbook="support",
        origin=ticket.origin,
        author=ticket.author,
        text=message.text,
        received_at=message.at,
        trace_id=ticket.trace_id,
    )
    await store.accept(delivery)
    names = {"ticket": ticket.id, "proposal": proposal.id, "run": proposal.run.id}
    drafting = proposal.model_copy(
        update={"state": "drafting", "revision": 0, "content": None, "citations": (), "why": ""}
    )
    card, run = Wake("card", proposal.id), Wake("run", proposal.id)
    await store.commit(
        Commit(
            tickets=(Versioned(ticket, 0),),
            proposals=(Versioned(drafting, 0),),
            entries=(Entry(kind="ticket", texts={"text": message.text}, **names),),
            wakes=(run,),
            deliveries_done=(delivery.id,),
            cleared=(Wake("deliver", delivery.id),),
        )
    )
    reply = "" if proposal.content is None else proposal.content.reply or ""
    await store.commit(
        Commit(
            proposals=(Versioned(proposal, 1),),
            entries=(
                *(
                    Entry(
                        kind="model_call",
                        data={"model": "claude-sonnet-5-5", "tokens_in": 3120, "ms": 2210},
                        **names,
                    )
                    for _ in range(2)
                ),
                Entry(kind="tool_call", data={"tool": "search_kb", "ms": 7}, **names),
                Entry(kind="proposal", texts={"reply": reply}, **names),
            ),
            wakes=(card, Wake("timer", proposal.id, datetime.now(UTC) + timedelta(hours=1))),
            cleared=(run,),
        )
    )
    await store.commit(
        Commit(
            boards=(Versioned(board, 0),),
            entries=(Entry(kind="card", data={"copies": 1}, **names),),
            cleared=(card,),
        )
    )


async def used(redis: Redis) -> int:
    return int((await redis.info("memory"))["used_memory"])


async def measure(count: int) -> int:
    with tempfile.TemporaryDirectory(prefix="dh-") as folder:
        server = ServerProcess(Path(folder) / "s", *STRICT[:4], "--appendfsync", "no").start()
        redis = open_redis(server.url, decode_responses=False)
        try:
            store = RedisStore(redis, "acme", SystemClock())
            await store.start()
            before = await used(redis)
            own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            rng = random.Random(7)
            spent = time.process_time()
            for number in range(count):
                await one_case(store, rng, number)
            spent = time.process_time() - spent
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - own
            # The replication and AOF buffers of a busy server are no part of what is kept.
            await asyncio.sleep(1.0)
            total = await used(redis) - before
            sizes = await by_kind(redis, store.keys.prefix)
        finally:
            await redis.aclose()
            server.stop(signal.SIGKILL)
    journal = sum(size for kind, size in sizes.items() if kind.startswith("journal"))
    for kind, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"{kind:28} {size / count:8.0f} B a case")
    kept = (total - journal) * 10_000 / count / 1e6
    print(f"{'all of it':28} {total / count:8.0f} B a case")
    print(f"10,000 pending proposals, journal apart: {kept:.1f} MB (at most {TARGET_MB:.0f})")
    print(f"their journal: {journal * 10_000 / count / 1e6:.1f} MB")
    print(f"this process grew by {grown / 1024:.1f} MB; {spent / count * 1e3:.2f} ms CPU a case")
    return 0 if kept <= TARGET_MB else 1


async def by_kind(redis: Redis, prefix: str) -> dict[str, int]:
    """Bytes by kind of key, as MEMORY USAGE counts them (without the table that holds the keys)."""
    kinds = {
        "t_": "tickets",
        "p_": "proposals",
        "b:": "boards",
        "d:": "ids of deliveries",
        "u:": "authors' newest tickets",
        "e:": "journal: ids by ticket",
        "journal": "journal: entries",
        "texts": "journal: texts",
        "chain": "journal: chain",
    }
    sizes: dict[str, int] = {}
    async for key in redis.scan_iter(count=1000):
        name = key.decode().removeprefix(prefix)
        kind = next((words for start, words in kinds.items() if name.startswith(start)), name)
        sizes[kind] = sizes.get(kind, 0) + int(await redis.memory_usage(key, samples=200) or 0)
    return sizes


if __name__ == "__main__":
    sys.exit(asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)))
