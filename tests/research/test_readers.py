"""Files become articles, and what cannot be read is named with its reason."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tools.research.readers import Article, Found, NotRead, find_files, read_file


def read(name: str, content: str | bytes) -> tuple[list[Article], list[NotRead]]:
    raw = content.encode() if isinstance(content, str) else content
    return read_file(Found(Path("/kb") / name, name), raw)


def only(name: str, content: str | bytes) -> Article:
    articles, bad = read(name, content)
    assert bad == []
    (article,) = articles
    return article


def test_front_matter_gives_title_and_link_and_is_no_part_of_the_text() -> None:
    article = only(
        "a.md", "---\ntitle: Refund rules\nurl: https://help.example/r\n---\n# Refunds\n\nSoon.\n"
    )
    assert (article.title, article.url) == ("Refund rules", "https://help.example/r")
    assert article.text == "# Refunds\n\nSoon."


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("# The *first* heading\n\nText", "The *first* heading"),
        ("Intro\n\n## [Linked](x.md) heading ##\n", "Linked heading"),
        ("Underlined\n=====\n\nText", "Underlined"),
        ("No heading at all", "Hub offline"),
    ],
)
def test_the_first_heading_is_the_title_else_the_files_name(content: str, title: str) -> None:
    assert only("hub-offline.md", content).title == title


def test_a_link_that_is_none_is_left_out() -> None:
    assert only("a.md", "---\nurl: javascript:alert(1)\n---\nText").url is None


def test_html_is_read_as_a_person_sees_it() -> None:
    article = only(
        "a.html",
        "<html><head><title>T &amp; U</title><style>p{}</style></head><body>"
        "<script>alert('x')</script><h2>Hub <b>offline</b></h2>"
        "<p>Unplug it &amp; wait for 10&nbsp;seconds.</p><ul><li>one_two</li><li>*three*</li></ul>"
        "</body></html>",
    )
    assert article.title == "Hub offline"
    assert "## Hub offline" in article.text
    assert "Unplug it & wait" in article.text
    assert "- one_two\n- *three*" in article.text
    assert "alert" not in article.text
    assert "p{}" not in article.text


def test_an_html_page_without_heading_has_its_own_title_and_charset() -> None:
    page = '<meta charset="iso-8859-1"><title>Über uns</title><p>Grüße</p>'.encode("latin-1")
    article = only("a.htm", page)
    assert (article.title, article.text) == ("Über uns", "Grüße")


def test_json_lines_give_an_article_each_and_bad_lines_are_named() -> None:
    lines = (
        '{"id": "one", "title": "One", "content": "First.", "url": "https://help.example/1"}\n'
        "\n"
        '{"id": 2, "content": "# Two\\n\\nSecond."}\n'
        "{broken\n"
        "[1]\n"
        '{"content": "no id"}\n'
        '{"id": "empty", "content": " "}\n'
        '{"id": "cut \\ud800", "content": "half a pair"}'
    )
    articles, bad = read("a.jsonl", lines)
    assert [(each.id, each.title) for each in articles] == [
        ("one", "One"),
        ("2", "Two"),
        ("cut ?", "cut ?"),
    ]
    assert articles[0].url == "https://help.example/1"
    assert [each.path for each in bad] == [f"/kb/a.jsonl:{line}" for line in (4, 5, 6, 7)]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.md", b"\xff\xfe\xfd\xfc\xfb", "not UTF-8 text"),
        ("a.txt", b"text\0binary", "not UTF-8 text"),
        ("a.html", b'<meta charset="no-such">x', "not UTF-8 text"),
        ("a.md", "  \n\n", "holds no text"),
        ("a.jsonl", "\n", "holds no text"),
        ("a.md", "---\na: [\n---\nText", "front matter is not YAML"),
        ("a.txt", "x" * 8_000_001, "longer than 8,000,000 characters"),
        ("a.txt", b"x" * 20_000_001, "larger than 20 MB"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, content: str | bytes, why: str) -> None:
    articles, bad = read(name, content)
    assert articles == []
    assert why in bad[0].why


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_understood(encoding: str) -> None:
    assert only("a.txt", "Grüße\r\nHub".encode(encoding)).text == "Grüße\nHub"


def test_files_are_found_in_order_with_unique_names(tmp_path: Path) -> None:
    for path in ("one/b.md", "one/sub/a.md", "one/.hidden/x.md", "one/.y.md", "one/pic.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("text")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "b.md").write_text("other")
    roots = [tmp_path / "one", tmp_path / "two", tmp_path / "one" / "b.md", tmp_path / "gone"]
    found = list(find_files(roots))
    assert [each.name for each in found if isinstance(each, Found)] == [
        "b.md",
        "sub/a.md",
        "two/b.md",
        "b.md/b.md",
    ]
    assert [each.why for each in found if isinstance(each, NotRead)] == [
        "there is no such file or folder"
    ]


def test_a_link_out_of_the_folder_is_named_and_not_read(tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    (root / ".versions" / "1").mkdir(parents=True)
    (root / ".versions" / "1" / "terms.md").write_text("text")
    (tmp_path / "corpus-secret.txt").write_text("hidden")
    (root / "terms.md").symlink_to(Path(".versions", "1", "terms.md"))  # as a mounted volume has it
    (root / "out.txt").symlink_to(tmp_path / "corpus-secret.txt")
    (root / "round.txt").symlink_to(root / "round.txt")
    (root / "folder").symlink_to(tmp_path)
    (tmp_path / "named").symlink_to(root)
    for given in (root, tmp_path / "named"):
        found = list(find_files([given]))
        assert [each.name for each in found if isinstance(each, Found)] == ["round.txt", "terms.md"]
        assert [each for each in found if isinstance(each, NotRead)] == [
            NotRead(str(given / "folder"), "a link to a folder; name that one in the config"),
            NotRead(
                str(given / "out.txt"), "a link to what lies outside; put the file itself there"
            ),
        ]


def test_a_folder_that_cannot_be_looked_into_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(20):  # longer than a path may be
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)
    os.chdir(tmp_path)
    (tmp_path / "a.md").write_text("text")
    found = list(find_files([tmp_path]))
    shutil.rmtree("d" * 250)
    assert Found(tmp_path / "a.md", "a.md") in found
    assert [each.why for each in found if isinstance(each, NotRead)] == ["File name too long"]
