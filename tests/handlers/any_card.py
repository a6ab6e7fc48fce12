"""Cards that hold anything, and words that mean harm: what every renderer has to stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

from hypothesis import strategies as st

from bot.card import ActionView, ButtonView, CardView, HandoffView, Unsupported, Who, Words
from bot.domain import Actor, Author, Change, Citation, State, Verb

HOSTILE = (
    "<!channel> <!here> <@U0AGENT> <!subteam^S0BILLING> <#C0BILLING> @here @channel @everyone"
    " <https://evil.example|https://bank.example> <!date^1^{date}^https://evil.example|now>"
    " ![x](https://evil.example/x.png) [bank](https://evil.example) *bold* _it_ ~no~ `code` :tada:"
    " https://evil.example/a https://bank.example@evil.example/ &lt;!here&gt; \u202etxt.exe\u202c"
    " \u200bzero\ufeff \u2066\U000e0041\U000e0042 http://bänk.example"
)


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a block tree."""
    if isinstance(value, list):
        for item in value:
            yield from nodes(item)
    elif isinstance(value, dict):
        yield value
        for item in value.values():
            yield from nodes(item)


_NASTY = st.sampled_from(
    ["", " ", "\n", "\x00", "\ud800", "`", "<", "&amp;", "\u202e", "https://a.example/x ", "é" * 9,
     "💥", '"', "\\", "a\u0301\u0301\u0301\u0301\u0301\u0301\u0301", HOSTILE]
)  # fmt: skip
short = st.one_of(_NASTY, st.text(max_size=40), st.text(max_size=8).map(lambda one: one * 50))
some_text = st.one_of(
    short,
    st.builds(lambda one, many: one * many, _NASTY, st.integers(1, 400)),
    st.lists(short, max_size=12).map(" ".join),
)
actors = st.builds(
    Actor,
    surface=st.sampled_from(["slack", "teams", "console", "terminal"]),
    team=st.just("T0TEAM"),
    id=st.one_of(st.just("U0AGENT"), st.text(max_size=12)),
)
lines: st.SearchStrategy[Words] = st.lists(
    st.one_of(some_text, st.builds(Who, actor=actors, name=short)), max_size=6
).map(tuple)
citations_ = st.builds(
    Citation,
    article=short,
    title=short,
    quote=some_text,
    url=st.one_of(st.none(), short, st.just("https://kb.example/" + "x" * 400)),
    supported=st.booleans(),
)


@st.composite
def cards(draw: st.DrawFn) -> CardView:
    reply = draw(st.one_of(st.none(), some_text.map(lambda text: text[:3000])))
    marks = draw(
        st.lists(st.tuples(st.integers(0, 3200), st.integers(0, 200)), max_size=40)
        if reply
        else st.just([])
    )
    tuples = {"max_size": 40}
    return CardView(
        proposal="p_k3v5q2xw7m4bz6ha",
        ticket="t_a2c4e6g7i3k5m2o4",
        revision=draw(st.integers(0, 10_000)),
        version=1,
        state=draw(st.sampled_from(get_args(State))),
        headline=draw(some_text),
        labels=tuple(draw(st.lists(short, **tuples))),
        route=draw(some_text),
        priority=draw(st.one_of(st.none(), some_text)),
        confidence=draw(st.sampled_from([None, "low", "high", HOSTILE])),
        why=draw(some_text),
        subject=draw(some_text),
        quote=draw(some_text),
        author=Author(surface="slack", id="U1", name=draw(some_text), email=draw(short)),
        files=tuple(draw(st.lists(short, max_size=12))),
        ticket_url=draw(st.one_of(st.none(), short)),
        draft=reply,
        unsupported=tuple(
            Unsupported("sentence", "…", start, start + length) for start, length in marks
        ),
        citations=tuple(draw(st.lists(citations_, **tuples))),
        actions=tuple(
            ActionView(
                index=number,
                tool=draw(short),
                target=draw(some_text),
                args=tuple(draw(st.lists(st.tuples(short, some_text), max_size=15))),
                included=draw(st.booleans()),
                status=draw(lines),
            )
            for number in range(draw(st.integers(0, 8)))
        ),
        handoff=draw(
            st.one_of(
                st.none(),
                st.builds(
                    HandoffView,
                    reason=short,
                    words=some_text,
                    tried=st.lists(some_text, max_size=12).map(tuple),
                    found=st.lists(some_text, max_size=12).map(tuple),
                    missing=st.lists(some_text, max_size=12).map(tuple),
                    who=lines,
                ),
            )
        ),
        changes=tuple(
            draw(
                st.lists(
                    st.builds(Change, field=short, before=some_text, after=some_text), max_size=10
                )
            )
        ),
        notices=tuple(draw(st.lists(lines, max_size=12))),
        outcome=tuple(draw(st.lists(lines, max_size=12))),
        model=draw(short),
        cost_usd=draw(st.decimals(min_value=0, max_value=10_000, places=6)),
        expires_at=draw(st.sampled_from([None, datetime(2026, 11, 23, 10, 0, tzinfo=UTC)])),
        successor_url=draw(st.sampled_from([None, "https://a.slack.com/archives/C1/p1", HOSTILE])),
        buttons=tuple(
            ButtonView(verb, draw(short), "primary" if verb == "approve" else "plain", f"t-{verb}")
            for verb in draw(st.sets(st.sampled_from(get_args(Verb))))
        ),
    )
