"""What people and other systems do to the running product, and what a test waits for."""

from __future__ import annotations

import asyncio
import copy
import io
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any, TypeVar

import aiohttp

from bot.journal import Entry
from bot.ports import WakeKind
from tests.live.product import CONFIG, SECRET, Live
from tests.patience import WAIT_SECONDS
from tests.standins.sink import signature_of
from tests.standins.slack import Ephemeral, Message, View

T = TypeVar("T")

_numbers = count(1)

QUESTION = "Where do I find my invoice?"


def config(support: Mapping[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """The usual config with these keys of its playbook, and of its top, put in."""
    changed = copy.deepcopy(CONFIG)
    changed["playbooks"]["support"] |= support or {}
    changed |= top
    return changed


async def until(desk: Live, look: Callable[[], T | None], timeout: float = 30) -> T:
    """What ``look`` finds, as soon as it finds something in the Slack stand-in's world."""
    return await desk.slack.signal.until(look, timeout=timeout, what=lambda: repr(look()))


async def eventually(look: Callable[[], Awaitable[T | None]], timeout: float = 30) -> T:
    """What ``look`` finds in the store, as soon as it finds something."""
    give_up = time.monotonic() + timeout
    while not (found := await look()):
        assert time.monotonic() < give_up, f"not within {timeout} s"
        await asyncio.sleep(0.02)
    return found


async def says(desk: Live, text: str, **how: Any) -> Message:
    """A person writes; their message. Slack delivers it until it is taken: a store on a busy
    machine may be late once."""
    sent = await desk.people.insist(await desk.people.message(text, **how))
    assert sent.message is not None
    return sent.message


def cards(desk: Live, *, state: str | None = None) -> list[Message]:
    """Every card as it is shown now, oldest first; with ``state``, those that show it."""
    shown = desk.slack.space.cards()
    return [card for card in shown if state in (None, card.card_state)]


def proposals(desk: Live) -> set[str]:
    """Every proposal of which a card was ever posted."""
    return {m.payload["proposal"] for m in desk.slack.space.posted if m.card_state}


def words(shown: Message) -> str:
    """What a reader of its blocks reads, on one line."""
    return " ".join(shown.block_text.split())


async def card_that(
    desk: Live, state: str, about: str = "", *, but: Message | None = None, timeout: float = 30
) -> Message:
    """The first card in this state whose text holds ``about``; not of ``but``'s proposal."""
    other = but.payload["proposal"] if but is not None else None

    def look() -> Message | None:
        for card in cards(desk, state=state):
            if about in words(card) and card.payload["proposal"] != other:
                return card
        return None

    return await until(desk, look, timeout)


async def becomes(desk: Live, card: Message, state: str, timeout: float = 30) -> Message:
    """The card once it shows ``state``."""

    def now() -> Message | None:
        current = desk.slack.space.current(card)
        return current if current.card_state == state else None

    seen = desk.slack.space
    return await desk.slack.signal.until(
        now, timeout=timeout, what=lambda: f"{state}, not {seen.current(card).card_state}"
    )


async def told(desk: Live, user: str, words: str) -> str:
    """What this person was told in private, once it contains ``words``."""
    seen = await desk.slack.space.ephemerals.wait_for(
        lambda e: e.user == user and words in (e.text + e.block_text)
    )
    return seen.text + seen.block_text


async def alone(desk: Live, user: str, words: str, timeout: float = 20) -> Ephemeral:
    """The private line to this person, where they are, that contains ``words``."""
    return await desk.slack.space.ephemerals.wait_for(
        lambda one: one.user == user and words in one.text + one.block_text, timeout=timeout
    )


async def told_directly(desk: Live, user: str, words: str) -> Message:
    """The direct message to this person that contains ``words``."""
    return await desk.slack.space.posted.wait_for(
        lambda m: m.channel == f"D{user[1:]}" and words in m.block_text, timeout=WAIT_SECONDS
    )


async def journal(desk: Live, card: Message) -> list[Entry]:
    """What the record says of a card's ticket, oldest first."""
    store = desk.product.store
    ticket, _ = await store.resolve(card.payload["proposal"])
    assert ticket is not None
    return [line.entry for line in await store.record_book.of_case(ticket)]


def replies(desk: Live) -> list[Message]:
    """What the customers were answered in Slack."""
    return [m for m in desk.slack.space.posted if m.event_type == "deskhand_reply"]


async def form(desk: Live, user: str, card: Message, verb: str) -> View:
    """Press *Edit* or *Reject* and get the form."""
    since = len(desk.slack.space.view_changes)
    await desk.people.click(user, card, f"deskhand.{verb}")
    return await desk.slack.space.view_changes.wait_for(
        lambda v: v.callback_id == f"deskhand.{verb}", since=since
    )


APPOINTMENT_SECONDS = 3
"""What is to be looked at later than this is an appointment and no work that waits."""


async def idle(desk: Live, *kinds: WakeKind, timeout: float = 30) -> None:
    """Return when none of these kinds is due or being worked on: no delivery, run or effect."""
    store, unwanted = desk.product.store, frozenset[str](kinds or ("deliver", "run", "execute"))
    give_up = time.monotonic() + timeout
    while True:
        members = await store.wire.command("ZRANGE", store.keys.due, 0, -1, "WITHSCORES")
        soon = (time.time() + APPOINTMENT_SECONDS) * 1000
        left = [
            name.decode()
            for name, score in zip(members[::2], members[1::2], strict=True)
            if name.decode().partition(":")[0] in unwanted
            # A fraction marks what somebody was told of, or is at.
            and (float(score) % 1 or float(score) < soon)
        ]
        if not left:
            return
        assert time.monotonic() < give_up, f"still due after {timeout} s: {left}"
        await asyncio.sleep(0.02)


class Helpdesk:
    """Another system, whose tickets come in as signed webhooks."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def send(
        self,
        ticket: Mapping[str, Any] | bytes,
        *,
        name: str = "helpdesk",
        webhook_id: str | None = None,
        age_s: float = 0,
        signature: str | None = None,
        secret: str = SECRET,
    ) -> int:
        """POST one ticket; the answer's status. ``ticket`` as bytes is sent as it is."""
        body = ticket if isinstance(ticket, bytes) else json.dumps(dict(ticket)).encode()
        ident = webhook_id or f"msg_{next(_numbers)}"
        stamp = str(int(time.time() - age_s))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": ident,
            "webhook-timestamp": stamp,
            "webhook-signature": signature
            if signature is not None
            else signature_of(secret, ident, stamp, body),
        }
        async with self._session.post(
            f"{self._url}/webhooks/{name}", data=io.BytesIO(body), headers=headers
        ) as answer:
            return answer.status


def ticket(ident: str, body: str = QUESTION, **more: Any) -> dict[str, Any]:
    """A ticket in the generic webhook's form."""
    author = {"id": "c-7", "name": "Ada Byron", "email": "ada@customer.example"}
    return {"id": ident, "subject": "Invoice", "body": body, "author": author, **more}
