"""The index over real files: found, quoted verbatim, kept up to date, shared by processes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.research.knowledge import KnowledgeIndex

ARTICLES = {
    "refunds.md": "# Refunds for a plan\n\nA yearly plan is paid back within 30 days of the"
    " payment.\n\n## When the money arrives\n\nIt shows on your statement after 5 days.\n",
    "hub-offline.md": "# The hub is offline\n\nSlow red blinking means that the hub does not"
    " reach the internet. Unplug it for ten seconds.\n",
    "invoices.md": "# Invoices\n\nDownload an invoice as PDF under Settings > Billing.\n",
    "return.txt": "Returning hardware\nSend it back with the label that you print.\n",
}


@pytest.fixture
def kb(tmp_path: Path) -> Path:
    folder = tmp_path / "kb"
    folder.mkdir()
    for name, text in ARTICLES.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture
def index(kb: Path, tmp_path: Path) -> Iterator[KnowledgeIndex]:
    with contextlib.closing(KnowledgeIndex([kb], tmp_path / "data", max_age_seconds=0)) as index:
        yield index


def first(index: KnowledgeIndex, text: str) -> str:
    found = index.search(text)
    return found[0].article if found else ""


def test_the_article_that_answers_comes_first_with_a_verbatim_quote(index: KnowledgeIndex) -> None:
    best = index.search("Can I get the money for my yearly plan back?")[0]
    assert (best.article, best.title) == ("refunds.md", "Refunds for a plan")
    assert best.quote in ARTICLES["refunds.md"]
    assert 0 < best.score <= 1
    assert first(index, "my hub keeps blinking red") == "hub-offline.md"
    assert first(index, "How do I return hardware") == "return.txt"
    assert index.search("quantum chromodynamics") == ()


def test_limits_count_articles_and_the_best_may_give_more(index: KnowledgeIndex) -> None:
    text = "refund money plan statement invoice billing"
    assert len(index.search(text, 1)) == 1
    assert index.search(text, 0) == ()
    assert [each.article for each in index.search(text, 1, of_best=2)] == ["refunds.md"] * 2
    several = index.search(text, 5, per_article=2)
    assert sorted(several, key=lambda each: -each.score) == list(several)


def test_quotes_are_checked_with_white_space_folded(index: KnowledgeIndex) -> None:
    assert index.contains("refunds.md", "paid  back\nwithin 30 days")
    assert not index.contains("refunds.md", "paid back within 90 days")
    assert not index.contains("refunds.md", "  ")
    assert not index.contains("nowhere.md", "paid back")
    article = index.article("invoices.md")
    assert article is not None
    assert article.text.startswith("# Invoices")
    assert index.article("no\0where") is None
    assert index.article("\ud800") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        '"',
        '" OR * NEAR(a b) ^ {} : - + NOT',
        "AND OR NOT",
        "'; drop table article; --",
        "😀🤖",
        "日本語のメール",
        "\ud800\udfff",
        "a\0b",
        "x" * 100_000,
        "hub " * 25_000,
        "\n".join(f"word{number}" for number in range(20_000)),
    ],
)
def test_any_text_can_be_searched_for(index: KnowledgeIndex, text: str) -> None:
    index.search(text, 5)


def test_changes_are_found_and_untouched_files_are_not_read_again(
    index: KnowledgeIndex, kb: Path
) -> None:
    old = 1_000_000_000_000_000_000
    for path in kb.iterdir():
        os.utime(path, ns=(old, old))
    assert index.refresh().read == 4
    assert index.refresh().read == 0
    (kb / "shipping.md").write_text("# Shipping\n\nParcels take 3 days to Norway.\n")
    assert first(index, "How long to Norway?") == "shipping.md"
    (kb / "shipping.md").write_text("# Shipping\n\nParcels take 3 days to Sweden.\n")
    assert first(index, "How long to Sweden?") == "shipping.md"
    assert index.search("Norway") == ()
    (kb / "shipping.md").unlink()
    assert index.search("Sweden") == ()
    assert index.article("shipping.md") is None
    assert {article.id for article in index.articles()} == set(ARTICLES)


def test_a_change_within_the_same_time_stamp_and_size_is_seen(
    index: KnowledgeIndex, kb: Path
) -> None:
    path = kb / "note.txt"
    path.write_text("about zebras")
    stat = path.stat()
    assert first(index, "zebras") == "note.txt"
    path.write_text("about llamas")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert first(index, "llamas") == "note.txt"


def test_files_are_looked_at_again_only_after_the_given_age(kb: Path, tmp_path: Path) -> None:
    now = [100.0]
    index = KnowledgeIndex([kb], tmp_path, max_age_seconds=5, monotonic=lambda: now[0])
    assert index.search("zebra") == ()
    (kb / "zebra.md").write_text("# Zebra\n\nStriped zebra.\n")
    now[0] += 4.9
    assert index.search("zebra") == ()
    now[0] += 0.1
    assert first(index, "zebra") == "zebra.md"
    index.close()


def test_bad_files_are_named_and_the_others_serve(index: KnowledgeIndex, kb: Path) -> None:
    (kb / "broken.md").write_bytes(b"\xff\xff\xff")
    (kb / "faq.jsonl").write_text('{"id": "q", "content": "About zebras."}\n{nonsense\n')
    assert {(Path(each.path).name, each.why) for each in index.not_read()} == {
        ("broken.md", "not UTF-8 text"),
        ("faq.jsonl:2", "not a line of JSON"),
    }
    assert first(index, "zebras") == "q"
    (kb / "broken.md").write_text("# Mended\n\nAll about giraffes.\n")
    assert first(index, "giraffes") == "broken.md"
    assert len(index.not_read()) == 1


def test_an_id_is_given_once_and_passes_on_when_it_is_free(index: KnowledgeIndex, kb: Path) -> None:
    (kb / "a.jsonl").write_text('{"id": "same", "content": "First about zebras."}')
    (kb / "b.jsonl").write_text('{"id": "same", "content": "Second about giraffes."}')
    assert [each.why for each in index.not_read()] == ["another article is already called 'same'"]
    assert index.search("giraffes") == ()
    (kb / "a.jsonl").unlink()
    assert first(index, "giraffes") == "same"
    assert index.not_read() == ()


def test_a_damaged_index_is_made_anew(index: KnowledgeIndex, tmp_path: Path) -> None:
    assert first(index, "invoice") == "invoices.md"
    path = tmp_path / "data" / "knowledge.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    assert first(index, "invoice") == "invoices.md"
    with sqlite3.connect(path) as connection:
        connection.execute("update meta set value = 'of another make'")
    connection.close()
    assert first(index, "invoice") == "invoices.md"
    path.unlink()
    assert first(index, "invoice") == "invoices.md"


def test_no_knowledge_finds_nothing(tmp_path: Path) -> None:
    index = KnowledgeIndex([], tmp_path)
    assert index.search("anything") == ()
    assert index.articles() == ()
    index.close()


async def test_the_same_without_blocking_the_loop(index: KnowledgeIndex) -> None:
    assert (await index.arefresh()).articles == 4
    (passage,) = await index.asearch("red blinking hub", 1)
    assert index.contains(passage.article, passage.quote)
    article = await index.aarticle(passage.article)
    assert article is not None


def test_threads_ask_and_files_change_at_once(index: KnowledgeIndex, kb: Path) -> None:
    faults: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(20):
                assert first(index, "red blinking hub") == "hub-offline.md"
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        (kb / "moving.md").write_text(f"# Moving\n\nNumber {number} of zebras.\n")
    for thread in threads:
        thread.join()
    assert faults == []


ASK = """
import sys
from pathlib import Path
from tools.research.knowledge import KnowledgeIndex
index = KnowledgeIndex([Path(sys.argv[1])], Path(sys.argv[2]), max_age_seconds=0)
for _ in range(15):
    assert index.search("red blinking hub")[0].article == "hub-offline.md"
"""


def test_processes_share_one_index(index: KnowledgeIndex, kb: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", ASK, str(kb), str(tmp_path / "data")]
    others = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    rounds = 0
    while any(other.poll() is None for other in others):
        rounds += 1
        (kb / "moving.md").write_text(f"# Moving\n\nRound {rounds} of zebras.\n")
        assert first(index, f"round {rounds} zebras") == "moving.md"
    for other in others:
        _, errors = other.communicate()
        assert (other.returncode, errors) == (0, b"")
    left = {path.name for path in (tmp_path / "data").iterdir()}
    assert left == {"knowledge.sqlite", "knowledge.lock"}
