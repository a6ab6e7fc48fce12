"""The embedded CRM: what is written, what is not, and by how many at once."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.commands import Refused, Succeeded
from tests.actions.grants import EARLIER, KEY, TestClock, grant, place, ticket
from tools.actions.crm_sqlite import SqliteWriter, import_rows
from tools.actions.update_crm import UpdateCrm, UpdateCrmArgs
from tools.crm.compare import compare
from tools.crm.records import (
    CrmUnavailable,
    Key,
    is_barred,
    key_of,
    normal_domain,
    normal_email,
)
from tools.crm.rows import Row
from tools.crm.sqlite_file import SqliteReader, everything, history, reading, writing
from tools.research.fetch.fetcher import visit_of
from tools.research.find_in_crm import FindInCrm, FindInCrmArgs
from tools.research.visits import Visits
from tools.spec import Grant, ReadContext, Unanswered

ACME = Key("company", "acme.example")
NOW = datetime(2026, 3, 4, tzinfo=UTC)


def args(**changes: tuple[str | None, str]) -> UpdateCrmArgs:
    return UpdateCrmArgs.model_validate(
        {
            "kind": "company",
            "key": "acme.example",
            "changes": [
                {"field": name, "shown": shown, "value": value}
                for name, (shown, value) in changes.items()
            ],
        }
    )


def approval(key: str = KEY, proposal: str = "p_1", seconds: float = 8.0) -> Grant:
    return replace(grant(place(), seconds=seconds), key=key, proposal=proposal)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "crm.sqlite"


@pytest.fixture
def writer(path: Path) -> SqliteWriter:
    return SqliteWriter(path, TestClock())


async def test_a_new_company_is_written_with_its_history(path: Path, writer: SqliteWriter) -> None:
    done = await writer.write(args(name=(None, "Acme"), industry=(None, "Rockets")), approval())
    assert done == Succeeded("crm:1: name, industry")
    record = await SqliteReader(path).find(ACME)
    assert record is not None
    assert (record.id, record.domain, record.proposal) == ("1", "acme.example", "p_1")
    assert record.fields == {"name": "Acme", "industry": "Rockets"}
    with reading(path) as connection:
        assert connection is not None
        rows = history(connection, "1")
    assert [(row.field, row.old, row.new, row.proposal, row.approved_by) for row in rows] == [
        ("name", None, "Acme", "p_1", "U0AGENT"),
        ("industry", None, "Rockets", "p_1", "U0AGENT"),
    ]
    assert (await asyncio.to_thread(path.stat)).st_mode & 0o077 == 0


async def test_one_field_that_moved_and_nothing_is_written(
    path: Path, writer: SqliteWriter
) -> None:
    import_rows(path, [Row(ACME, {"name": "Acme Ltd", "size": "50"})], NOW)
    before = await SqliteReader(path).find(ACME)
    done = await writer.write(
        args(industry=(None, "Rockets"), name=("Acme", "Acme SE"), size=("50", "60")), approval()
    )
    assert done == Refused("name has changed in the CRM since the card was made")
    assert await SqliteReader(path).find(ACME) == before
    assert await writer.look_up(approval()) is None
    again = await writer.write(args(industry=("Ships", "Rockets")), approval())
    assert again == Refused("industry has changed in the CRM since the card was made")
    fits = await writer.write(args(name=("Acme Ltd", "Acme SE")), approval())
    assert fits == Succeeded("crm:1: name")


async def test_a_file_that_cannot_be_read_says_nothing_of_what_is_in_it(
    path: Path, writer: SqliteWriter
) -> None:
    path.parent.mkdir()
    await asyncio.to_thread(path.write_bytes, b"no database" * 100)
    with pytest.raises(Unanswered):
        await writer.look_up(approval())


async def test_the_same_approval_twice_is_one_write(path: Path, writer: SqliteWriter) -> None:
    change = args(name=(None, "Acme"))
    first = await writer.write(change, approval())
    assert await writer.write(change, approval()) == first
    # Under another key, of the same proposal: the write is there already.
    assert await writer.write(change, approval(EARLIER)) == first
    later = replace(approval("ef" * 32), earlier_keys=(KEY,))
    assert await writer.look_up(later) == first
    assert await writer.look_up(approval("ef" * 32, "p_2")) is None
    with reading(path) as connection:
        assert connection is not None
        assert len(history(connection, "1")) == 1
    # Another proposal that saw the same empty field has lost.
    other = await writer.write(change, approval("ef" * 32, "p_2"))
    assert isinstance(other, Refused)


async def test_twenty_approvals_at_once_have_one_winner_each_field(
    path: Path, writer: SqliteWriter
) -> None:
    async def one(n: int) -> bool:
        change = args(name=(None, f"Acme {n}"))
        done = await writer.write(change, approval(f"{n:064x}", f"p_{n}"))
        return isinstance(done, Succeeded)

    won = await asyncio.gather(*map(one, range(20)))
    assert sum(won) == 1
    record = await SqliteReader(path).find(ACME)
    assert record is not None
    assert record.fields["name"] == f"Acme {won.index(True)}"


_CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from tools.actions.crm_sqlite import import_rows
from tools.crm.records import Key
from tools.crm.rows import Row
for n in range(50):
    row = Row(Key("company", f"c{n}.example"), {sys.argv[2]: str(n)})
    import_rows(Path(sys.argv[1]), [row], datetime.now(UTC))
"""


async def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    names = ("one", "two", "three")
    children = [
        subprocess.Popen([sys.executable, "-c", _CHILD, str(path), name])  # noqa: ASYNC220
        for name in names
    ]
    assert [await asyncio.to_thread(child.wait, 60) for child in children] == [0, 0, 0]
    with reading(path) as connection:
        assert connection is not None
        found = everything(connection)
    assert len(found) == 50
    assert all(set(record.fields) == set(names) for record in found)


async def test_no_write_after_the_deadline(path: Path, writer: SqliteWriter) -> None:
    done = await writer.write(args(name=(None, "Acme")), approval(seconds=-1))
    assert isinstance(done, Refused)
    assert await SqliteReader(path).find(ACME) is None
    await writer.write(args(name=(None, "Acme")), approval())
    with writing(path, 1) as connection:  # another process holds the lock to write
        assert connection.in_transaction
        blocked = await writer.write(args(size=(None, "5")), approval(EARLIER, "p_2", 0.2))
    assert isinstance(blocked, Refused)
    assert "locked" in blocked.error


async def test_a_reader_cannot_write(path: Path, writer: SqliteWriter) -> None:
    await writer.write(args(name=(None, "Acme")), approval())

    def misuse() -> None:
        with reading(path) as connection:
            assert connection is not None
            connection.execute("DELETE FROM record")

    with pytest.raises(CrmUnavailable, match="attempt to write"):
        misuse()


async def test_files_that_are_no_crm(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE x (y)")
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    garbage = tmp_path / "garbage.sqlite"
    garbage.write_bytes(b"not a database" * 100)
    for path in (other, garbage, tmp_path):
        with pytest.raises(CrmUnavailable):
            await SqliteReader(path).find(ACME)
        done = await SqliteWriter(path, TestClock()).write(args(name=(None, "Acme")), approval())
        assert isinstance(done, Refused)


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "ACME.example"},
        {"key": "acme"},
        {"kind": "person"},
        {"kind": "deal"},
        {"changes": []},
        {"changes": [{"field": "name", "shown": None, "value": ""}]},
        {"changes": [{"field": "name", "shown": None, "value": "two\nlines"}]},
        {"changes": [{"field": "name", "shown": None, "value": "x" * 501}]},
        {"changes": [{"field": "drop table", "shown": None, "value": "x"}]},
        {"changes": [{"field": "domain", "shown": None, "value": "evil.example"}]},
        {"changes": [{"field": "name", "shown": None, "value": "x"}] * 2},
        {"more": 1},
    ],
)
def test_arguments_that_are_refused(wrong: dict[str, object]) -> None:
    good = args(name=(None, "Acme")).model_dump()
    with pytest.raises(ValidationError):
        UpdateCrmArgs.model_validate({**good, **wrong})


async def test_the_tool_says_where_it_writes(path: Path, writer: SqliteWriter) -> None:
    tool = UpdateCrm(writer)
    assert str(path) in tool.target(ticket(place()))
    assert tool.resend_seconds(ticket(place())) == 0
    assert isinstance(await tool.apply(args(name=(None, "Acme")), approval()), Succeeded)
    assert await tool.look_up(approval()) == Succeeded("crm:1: name")


async def test_what_a_card_compares(path: Path) -> None:
    import_rows(path, [Row(ACME, {"name": "Acme", "size": "50"})], NOW)
    reader = SqliteReader(path)
    proposed = {
        "size": "60",
        "name": " Acme ",
        "domain": "acme.example",
        "industry": "Rockets",
        "fit": "",
    }
    rows = compare(await reader.find(ACME), proposed)
    assert [(row.field, row.present, row.state) for row in rows] == [
        ("name", "Acme", "same"),
        ("domain", "acme.example", "same"),
        ("industry", None, "empty"),
        ("size", "50", "overwrite"),
    ]


async def test_the_research_tool_gives_records_to_cite(path: Path) -> None:
    here = ReadContext("T0TEAM", "sales", ticket(place()), "r_1")
    visits = Visits()
    tool = FindInCrm(SqliteReader(path), visits)
    assert (await tool.read(FindInCrmArgs(query="acme.example"), here)).failed
    visit = visits.begin("r_1", visit_of("acme.example"))
    assert (await tool.read(FindInCrmArgs(query="acme.example"), here)).text == ""
    people = [Row(Key("person", at), {}) for at in ("a@acme.example", "a@b.example")]
    other = Row(Key("company", "acme.example.evil.example"), {"name": "Rival", "phone": "555"})
    import_rows(path, [Row(ACME, {"name": "Acme"}), *people, other], NOW)
    for query in ("https://www.acme.example/x", "ACME"):
        found = await tool.read(FindInCrmArgs(query=query), here)
        assert found.text == "record: crm:1\nkind: company\ndomain: acme.example\nname: Acme"
    assert "crm:2" in (await tool.read(FindInCrmArgs(query="A@Acme.example"), here)).text
    # Of others nothing is found, whatever a page asks for, so that nothing of them is a source.
    for query in ("a@b.example", "Rival", "acme.example.evil.example"):
        answer = await tool.read(FindInCrmArgs(query=query), here)
        assert (answer.text, answer.read) == ("", ())
        assert answer.failed
    assert set(visit.records) == {"crm:1", "crm:2"}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["name", "size", "fit"]), st.text("ab c'\";-", min_size=1)))
def test_an_import_again_changes_nothing(tmp_path: Path, values: dict[str, str]) -> None:
    path = tmp_path / "again.sqlite"
    row = Row(ACME, values)
    import_rows(path, [row], NOW)
    assert import_rows(path, [row], NOW).unchanged == 1


def test_keys_as_people_write_them() -> None:
    for text in (
        "acme.example",
        "https://www.Acme.example/about?x",
        "ACME.EXAMPLE.",
        "www.acme.example",
    ):
        assert normal_domain(text) == "acme.example"
    for text in ("acme", "127.0.0.1", "", "a b.example", "-.example", "acme.example:80x"):
        assert normal_domain(text) is None
    assert normal_email(" Dana@Acme.Example ") == "dana@acme.example"
    for text in ("dana", "@acme.example", "dana@", "da na@acme.example", "a@b@c"):
        assert normal_email(text) is None
    assert key_of("bücher.example") == Key("company", "xn--bcher-kva.example")


@pytest.mark.parametrize(
    ("asked", "barred"),
    [
        ("blocked.example", True),
        ("WWW.Blocked.example", True),
        ("shop.blocked.example", True),
        ("dana@blocked.example", True),
        ("dana@mail.blocked.example", True),
        ("Bob@acme.example", True),
        ("acme.example", False),
        ("ann@acme.example", False),
        ("bob+news@acme.example", True),
        ("bob@www.acme.example", True),
        ("dana@stars.example", True),
        ("a.stars.example", True),
        ("dana@at.example", True),
        ("xn--bcher-kva.example", True),
        ("rob@acme.example", False),
        ("bob@sub.acme.example", False),
        ("notblocked.example", False),
        ("blocked.example.org", False),
    ],
)
def test_whom_nobody_may_enrich(asked: str, barred: bool) -> None:
    key = key_of(asked)
    assert key is not None
    entries = ("blocked.example", "bob@ACME.example", "nonsense", "*.Stars.example", "@at.example")
    assert is_barred(key, (*entries, " Bücher.example ")) is barred
