"""Twenty companies, asked for by mention in Slack, and what then stands in the CRM.

    python -m benchmarks.leads

The whole product runs between a Slack stand-in, twenty company sites on loopback, each made in
another manner, and a SQLite CRM that knows two of the companies already; the local model reads.
Each card's fields are compared with a key written by hand, which stands with the sites in
``tests/standins/companies.py``. Then each card is approved as it is, but one, whose overwrite is
ticked first; and the CRM must hold exactly what was chosen. At last all are asked for once more,
which must change nothing.

The sites are ours and in forms that the local model knows: the figures say that nothing broke, and
not how much of the web it understands.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import show_machine
from tests.fixtures_redis import STRICT, ServerProcess, short_folder
from tests.live.sales import KESTREL, Sales, sales
from tests.live.steps import becomes, card_that, form, until, words
from tests.standins.companies import HOSTS, KEY, SITES
from tests.standins.slack import Message
from tools.crm.records import Key
from tools.crm.rows import Row

NORDLYS = "nordlys.example"
KNOWN = {KESTREL: {"industry": "Toys"}, NORDLYS: {"size": "22"}}
"""What the CRM holds at first; both differ from what is found."""
TICKED = NORDLYS
"""Whose overwrite is ticked."""


@dataclass
class Found:
    """One company's card, and what went wrong with it."""

    host: str
    state: str
    seconds: float
    card: Message
    right: int = 0
    wrong: list[str] = field(default_factory=list)


async def asked(desk: Sales, host: str, earlier: Message | None = None) -> Found:
    """Ask for it and wait for its card."""
    begun = time.monotonic()
    await desk.desk.people.mention(f"enrich {host}", user="U0AGENT", channel="C0SALES")
    state = "pending" if KEY[host] else "handoff"
    card = await card_that(desk.desk, state, host, but=earlier, timeout=60)
    return Found(host, state, time.monotonic() - begun, card)


def judge(found: Found, offered: Mapping[str, str]) -> None:
    """Compare the card's rows with what must be offered."""
    shown = words(found.card)
    for name, value in offered.items():
        if f"{name.replace('_', ' ').capitalize()}: {value}" in shown:
            found.right += 1
        else:
            found.wrong.append(f"{name}: {value!r} is not on the card")
    count = f"of {len(offered)} fields chosen"
    if offered and count not in shown:
        found.wrong.append(f"the card does not say {count!r}")


async def approve(desk: Sales, found: Found) -> None:
    """Approve the card, its overwrite ticked where that is wanted."""
    card = found.card
    if found.host == TICKED and "☐" in words(card):
        view = await form(desk.desk, "U0AGENT", card, "edit")
        every = [one["value"] for one in view.block("action.0.fields")["element"]["options"]]
        await desk.desk.people.submit(view, {"action.0.fields": every, "approve_now": []})
        card = await until(desk.desk, lambda: revised(desk, card), timeout=60)
    await desk.desk.people.click("U0AGENT", card, "deskhand.approve")
    await becomes(desk.desk, card, "succeeded", timeout=60)


def revised(desk: Sales, card: Message) -> Message | None:
    now = desk.desk.slack.space.current(card)
    return now if now.payload["revision"] > card.payload["revision"] else None


async def held(desk: Sales) -> dict[str, dict[str, str]]:
    """What the CRM holds of each company."""
    records = {host: await desk.crm.find(Key("company", host)) for host in HOSTS}
    return {host: dict(one.fields) for host, one in records.items() if one is not None}


def wanted() -> dict[str, dict[str, str]]:
    """What it must hold in the end: everything found, and an overwrite only where it was ticked."""
    return {
        host: key | (KNOWN.get(host, {}) if host != TICKED else {})
        for host, key in KEY.items()
        if key
    }


def show(rounds: Mapping[str, list[Found]]) -> int:
    faults = 0
    for title, done in rounds.items():
        print(f"\n{title:28} {'card':8} {'s':>5} {'right':>6} {'wrong':>6}")
        for one in done:
            print(
                f"{one.host:28} {one.state:8} {one.seconds:5.1f} {one.right:6} {len(one.wrong):6}"
            )
            for line in one.wrong:
                print(f"    {line}")
            faults += len(one.wrong)
        right, slowest = sum(one.right for one in done), max(one.seconds for one in done)
        print(f"{right} fields right, slowest card {slowest:.1f} s")
    return faults


async def play(desk: Sales) -> int:
    """Both rounds; how many faults there were."""
    first = [await asked(desk, host) for host in HOSTS]
    for one in first:
        judge(one, KEY[one.host])
        if one.state == "pending":
            await approve(desk, one)
    after = await held(desk)
    again = [await asked(desk, one.host, one.card) for one in first]
    for one in again:
        judge(one, {"industry": KEY[KESTREL]["industry"]} if one.host == KESTREL else {})
        if one.state == "pending":
            if one.host != KESTREL and "Nothing to change" not in words(one.card):
                one.wrong.append("the card does not say that nothing is to change")
            await approve(desk, one)
    faults = show({"asked for by mention": first, "once more": again})
    for host, fields in wanted().items():
        if after.get(host) != fields:
            print(f"    the CRM holds of {host}: {after.get(host)}, not {fields}")
            faults += 1
    same = await held(desk) == after
    strays = {host for host, _ in desk.sites.asked} - set(HOSTS)
    print(
        f"\n{len(after)} records in the CRM; the second round changed "
        f"{'nothing' if same else 'SOMETHING'}; {len(strays)} other hosts asked; {faults} faults"
    )
    return faults + (not same) + len(strays)


async def main() -> int:
    show_machine()
    logging.disable(logging.WARNING)
    rows = [Row(Key("company", host), fields) for host, fields in KNOWN.items()]
    with short_folder() as short, tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(short / "s", *STRICT).start()
        try:
            async with sales(
                Path(folder),
                server.url,
                *rows,
                hosts=tuple(SITES),
                fetch_pages=5,
                limits={"runs_per_author_hour": 1_000},
            ) as desk:
                return 1 if await play(desk) else 0
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
