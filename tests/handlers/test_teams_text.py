"""The words of a message that comes as HTML."""

from __future__ import annotations

import pytest

from handlers.teams_activity import TEXT_BYTES, MessagePayload
from handlers.teams_text import words_of_html


def words(content: str, kind: str = "html") -> str:
    body = {"contentType": kind, "content": content}
    return words_of_html(MessagePayload.model_validate({"id": "1", "body": body}))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Where is my <b>invoice</b>?</p>", "Where is my invoice?"),
        ("<div>One<br>two<br />three</div>", "One\ntwo\nthree"),
        ("<p>One</p>\n<p>Two &amp; &lt;at&gt;&nbsp;</p>", "One\n\nTwo & <at>"),
        ("Two things:<ul><li>a</li><li>b</li></ul><p>Thanks</p>",
         "Two things:\n\n- a\n- b\n\nThanks"),
        ("x<script>alert(1)</script><img src=x onerror=y>y", "xy"),
        ("<a href='https://evil.example'>our site</a> <at id=0>Bo</at>", "our site Bo"),
        ("<pre>if a:\n  b</pre>", "if a:\n  b"),
        ("&lt;script&gt;", "<script>"),
    ],
)  # fmt: skip
def test_html_is_read_as_its_words(html: str, text: str) -> None:
    assert words(html) == text


def test_plain_text_is_as_it_is() -> None:
    assert words("a < b &amp; c", "text") == "a < b &amp; c"


@pytest.mark.parametrize("tag", ["<div>", "<blockquote>", "<ul><li>", "<b><p>", "<table><td>"])
def test_however_deep_its_elements_lie_it_is_read(tag: str) -> None:
    assert words("A question " + tag * 3000 + "and more").startswith("A question")


def test_it_is_cut_and_never_refused() -> None:
    assert len(words("<p>ü</p>" * 30_000).encode()) <= TEXT_BYTES
