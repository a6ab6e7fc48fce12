"""Reports in the data folder go with the words that they hold, and no others."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from bot.store.erasing import Eraser
from bot.store.reports import Reports
from tests.store.make import Desk, proposal, ticket
from tests.store.test_sweep import NOW, old_tickets, sweep


def page(path: Path, *holds: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'<meta name="deskhand-holds" content="{" ".join(holds)}"><p>U1 xyzzy</p>')
    return path


def files(folder: Path) -> list[Path]:
    return [one for one in folder.rglob("*") if one.is_file()]


async def test_reports_that_name_an_erased_ticket_or_person_go(desk: Desk, tmp_path: Path) -> None:
    opened = ticket()
    drafted = proposal(opened)
    await desk.keep(opened, drafted)
    person = opened.author.id
    whole = page(tmp_path / "replay.html", "t_other", opened.id)
    theirs = page(tmp_path / "sub" / "eval.html", "1", person.lower())
    earlier = tmp_path / "old.html"
    earlier.write_text(f'<section id="{drafted.run.id}">xyzzy</section>')
    lines = tmp_path / "labelled.jsonl"
    lines.write_text(f'{{"ticket": {{"id": "{opened.id}", "body": "xyzzy"}}}}\n')
    kept = page(tmp_path / "kept.html", "t_other", f"{person}0")

    def eraser() -> Eraser:
        return Eraser(desk.store.wire, desk.store.keys, desk.clock, Reports(tmp_path))

    dry = await eraser().person(person, dry_run=True)
    assert (dry.reports, whole.exists()) == (4, True)
    done = await eraser().person(person)
    assert done == dry
    assert files(tmp_path) == [kept]
    last = (await desk.store.record_book.since(NOW - timedelta(hours=1)))[-1]
    assert (last.entry.data["what"], last.entry.data["reports"]) == ("erased", 4)
    # Nothing of theirs is in the store any more; a report from elsewhere may be.
    page(theirs, person)
    assert (await eraser().person(person)).reports == 1


async def test_a_sweep_takes_old_reports_and_those_of_old_tickets(
    desk: Desk, tmp_path: Path
) -> None:
    desk.clock.at = NOW
    await old_tickets(desk, 1)
    (name,) = [key async for key in desk.redis.scan_iter(match="*}:t_*")]
    page(tmp_path / "eval" / "held.html", name.decode().rpartition(":")[2])
    old = page(tmp_path / "eval" / "old.html", "1")
    long_ago = (NOW - timedelta(days=31)).timestamp()
    os.utime(old, (long_ago, long_ago))
    young = page(tmp_path / "eval" / "young.html", "1")
    ours = sweep(desk, tmp_path)
    while await ours.step():
        pass
    assert files(tmp_path / "eval") == [young]
