"""Cards as Slack draws them: whole, inert, and within Slack's limits whatever they hold."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.card import CardView, HitView, Unsupported, Who, draft_parts
from bot.domain import Actor, Author
from handlers import slack_inert as inert
from handlers.diff import word_diff
from handlers.slack_blocks import (
    MESSAGE_CHARACTERS,
    VIEW_BYTES,
    card_message,
    characters,
    plain_message,
    show_view,
)
from tests.handlers.any_card import HOSTILE, cards, nodes
from tests.pictures.samples import (
    APPROVED,
    CRM,
    EDITED,
    HANDOFF,
    LONG,
    PENDING,
    SAMPLES,
    SUPERSEDED,
)
from tests.standins.slack.limits import (
    blocks_too_long,
    message_text_error,
    metadata_error,
    validate_blocks,
    validate_view,
)


def read(blocks: list[dict[str, Any]]) -> str:
    """All words of the blocks, run together as a reader sees them."""
    return "".join(str(node["text"]) for node in nodes(blocks) if isinstance(node.get("text"), str))


def styled(blocks: list[dict[str, Any]], style: str) -> list[str]:
    """The texts that carry this style."""
    return [
        str(node["text"])
        for node in nodes(blocks)
        if isinstance(node.get("style"), dict) and style in node["style"]
    ]


def refused(card: CardView) -> list[Any]:
    """Everything that Slack would refuse about this card's messages and its modal."""
    found: list[Any] = []
    for buttons in (True, False):
        for drawn in (card_message(card, buttons=buttons), plain_message(card, buttons=buttons)):
            found += validate_blocks(drawn.blocks)
            found += ["too long"] if blocks_too_long(drawn.blocks) else []
            found += [code] if (code := message_text_error(drawn.text, update=True)) else []
            found += [code] if (code := metadata_error(drawn.metadata)) else []
    view = show_view(card)
    found += validate_view(view)
    found += ["modal too large"] if len(json.dumps(view).encode()) > VIEW_BYTES else []
    return found


# --- whatever it holds ------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(cards())
def test_slack_takes_every_card(card: CardView) -> None:
    assert refused(card) == []
    drawn = card_message(card)
    assert characters(drawn.blocks) <= MESSAGE_CHARACTERS
    assert card.state in drawn.text
    # It can be sent: no lone surrogate is left that UTF-8 does not know.
    json.dumps(drawn.blocks, ensure_ascii=False).encode()
    drawn.text.encode()


@settings(deadline=None, max_examples=40)
@given(cards())
def test_nothing_untrusted_is_parsed(card: CardView) -> None:
    for drawn in (card_message(card), plain_message(card)):
        for node in nodes(drawn.blocks):
            kind = node.get("type")
            assert kind not in ("image", "broadcast", "usergroup", "emoji", "video", "markdown")
            if kind == "link":
                # A link shows where it leads; the only other words are on our own permalink.
                own = node["url"].startswith("https://a.slack.com/archives/C1/p1")
                assert own or "text" not in node
                assert "@" not in node["url"].split("/")[2]
            if kind == "user":
                assert inert.is_user_id(node["user_id"])
            if kind == "mrkdwn":
                controls = node["text"].replace("<!date^", "")
                assert "<!" not in controls
                assert not set("@#~[]`") & set(controls)
                assert "<@" not in controls
                assert "<http" not in controls
            if kind == "plain_text":
                assert node["emoji"] is False
        assert "<" not in drawn.text
        assert ">" not in drawn.text


# --- what a reader sees -----------------------------------------------------------------------


@pytest.mark.parametrize("name", list(SAMPLES))
def test_samples_are_within_the_limits(name: str) -> None:
    assert refused(SAMPLES[name]) == []


def test_a_pending_card_shows_all_that_is_decided_on() -> None:
    drawn = card_message(PENDING)
    words = read(drawn.blocks)
    for shown in (
        PENDING.headline, "Waiting for a decision", "Labels  billing, refund",
        "Priority  high", "●●○ medium",
        PENDING.why, "Dana Reyes (dana@reyes.example)", "Charged twice!", PENDING.quote,
        "statement.pdf", "I was charged twice", "send_reply", "signed by whoever approves it",
        "claude-sonnet-5-5 · $0.0142 · Expires <!date^", "p_k3v5q2xw7m4bz6ha",
    ):  # fmt: skip
        assert shown in words
    assert [node["action_id"] for node in nodes(drawn.blocks) if "action_id" in node] == [
        "deskhand.approve",
        "deskhand.edit",
        "deskhand.reject",
    ]
    approve = next(node for node in nodes(drawn.blocks) if "action_id" in node)
    assert (approve["style"], approve["value"]) == ("primary", "token-of-approve")
    assert drawn.metadata == {
        "event_type": "deskhand_card",
        "event_payload": {"proposal": PENDING.proposal, "revision": 1, "state": "pending"},
    }
    assert "(pending)" in drawn.text
    assert {"type": "channel", "channel_id": "C0SUPPORT"} in list(nodes(drawn.blocks))


def test_the_draft_is_shown_word_for_word() -> None:
    drawn = card_message(PENDING)
    block = next(
        block for block in drawn.blocks if "Draft reply" in json.dumps(block, ensure_ascii=False)
    )
    shown = "".join(leaf.get("text") or leaf["url"] for leaf in block["elements"][1]["elements"])
    assert shown == PENDING.draft
    assert styled([block["elements"][1]], "code") == [
        passage.text for passage in PENDING.unsupported
    ]


def test_marks_count_code_points_of_the_raw_draft() -> None:
    draft = "👩‍🌾 a\u202eb was refunded, surely."
    start = draft.index("was")
    card = replace(
        PENDING,
        draft=draft,
        unsupported=(Unsupported("sentence", "was refunded", start, start + 12),),
    )
    assert "was refunded" in styled(card_message(card).blocks, "code")


PAID = "Card 4111 1111 1111 1111, see <https://evil.example|us>."
FOUND = (
    HitView("payment_card", "reply", "", PAID[5:24], 5, 24, ""),
    HitView("foreign_link", "reply", "", PAID[30:54], 30, 54, ""),
    HitView("policy:rivals", "action.1.note", "update_crm note", HOSTILE, 0, 9, "Say <!here>."),
)


def test_what_the_screen_found_stands_at_its_place_and_by_name() -> None:
    card = replace(PENDING, draft=PAID, unsupported=(), hits=FOUND, approvals=(1, 2))
    drawn = card_message(card)
    assert refused(card) == []
    shown = read(drawn.blocks)
    for hit in FOUND:
        assert f"Screen: {hit.name}" in shown
    assert PAID in shown
    assert PAID[5:24] in styled(drawn.blocks, "code")
    assert drawn.metadata["event_payload"] == {
        "proposal": card.proposal,
        "revision": card.revision,
        "state": "pending",
        "hits": ["payment_card", "foreign_link", "policy:rivals"],
        "approvals": [1, 2],
    }
    assert "Screen: payment_card" in read(plain_message(card).blocks)


def test_however_much_the_screen_finds_slack_takes_the_card() -> None:
    many = tuple(
        HitView(f"policy:{'r' * 60}{n}", "reply", "", "💥" * 2900, n, n + 50, "h" * 3000)
        for n in range(400)
    )
    assert refused(replace(PENDING, draft="💥`" * 1500, hits=many)) == []


@given(
    st.text(max_size=60),
    st.lists(st.tuples(st.integers(0, 70), st.integers(1, 20)), max_size=8),
    st.lists(st.tuples(st.integers(0, 70), st.integers(1, 20)), max_size=8),
)
def test_a_draft_in_parts_is_the_draft_and_a_hit_is_never_hidden(
    text: str, marks: list[tuple[int, int]], found: list[tuple[int, int]]
) -> None:
    unsupported = [Unsupported("value", "", at, at + size) for at, size in marks]
    hits = [HitView("iban", "reply", "", "", at, at + size, "") for at, size in found]
    parts = draft_parts(text, unsupported, hits)
    assert "".join(part.text for part in parts) == text
    kinds = [part.kind for part in parts for _ in part.text]
    for place, kind in enumerate(kinds):
        assert (kind == "hit") == any(at <= place < at + size for at, size in found)


def test_an_unsupported_citation_is_struck_and_named_so() -> None:
    items = [n for n in nodes(card_message(PENDING).blocks) if n.get("type") == "rich_text_section"]
    unsupported = next(item for item in items if "Refunds are made" in read([item]))
    assert styled([unsupported], "strike") == ["Refunds", "“Refunds are made at once.”"]
    assert "unsupported" in read([unsupported])
    supported = next(item for item in items if "releases within 5 business days" in read([item])
                     and "“" in read([item]))  # fmt: skip
    assert {"type": "link", "url": "https://help.verdant.example/billing/double-charge"} in (
        supported["elements"]
    )


def test_an_edit_shows_the_difference() -> None:
    blocks = card_message(EDITED).blocks
    assert {"on Friday,", "high", "billing, refund"} <= set(styled(blocks, "strike"))
    assert {"next week,", "urgent", "billing"} <= set(styled(blocks, "bold"))


def test_a_superseded_card_links_to_its_successor_and_has_no_buttons() -> None:
    leaves = list(nodes(card_message(SUPERSEDED).blocks))
    assert any(leaf.get("url") == SUPERSEDED.successor_url for leaf in leaves)
    assert not any("action_id" in leaf for leaf in leaves)


def test_a_decided_card_names_the_person_and_keeps_no_buttons() -> None:
    leaves = list(nodes(card_message(APPROVED).blocks))
    assert {"type": "user", "user_id": "U0AGENT"} in leaves
    assert not any("action_id" in leaf for leaf in leaves)


def test_a_person_of_another_surface_is_named_with_it() -> None:
    who = Who(Actor(surface="teams", team="x", id="11111111-1111"), "Tea Teams")
    words = read(card_message(replace(APPROVED, outcome=(("Approved by ", who),))).blocks)
    assert "Tea Teams in Teams" in words


def test_a_handoff_says_why_what_and_who() -> None:
    words = read(card_message(HANDOFF).blocks)
    for shown in ("It has no answer to give from what it found.", "no_source", "loxone", "Missing"):
        assert shown in words


def test_arguments_are_shown_in_full_and_what_is_left_out_is_struck() -> None:
    words = read(card_message(CRM).blocks)
    assert "Makes soil probes.\nFounded in 1998, sold to Verdant in 2021." in words
    struck = styled(card_message(CRM).blocks, "strike")
    assert struck == ["the outbox of dana@acme.example"]


def test_what_is_cut_opens_in_a_modal() -> None:
    drawn = card_message(LONG)
    show = next(node for node in nodes(drawn.blocks) if node.get("action_id") == "deskhand.show")
    assert show["value"] == LONG.proposal
    assert LONG.quote not in read(drawn.blocks)
    view = show_view(LONG)
    assert LONG.quote in read(view["blocks"])
    assert LONG.draft is not None
    assert inert.clean(LONG.draft) in read(view["blocks"])
    # A copy without buttons has none at all.
    without = card_message(LONG, buttons=False)
    assert not any("action_id" in node for node in nodes(without.blocks))


def test_a_reply_of_the_greatest_length_is_on_the_card_in_full() -> None:
    draft = "Wörter & <mehr>. " * 176 + "12345678"
    assert len(draft) == 3000
    card = replace(PENDING, draft=draft, unsupported=())
    assert draft in read(card_message(card).blocks)


def test_the_plainest_card_loses_neither_words_nor_buttons() -> None:
    drawn = plain_message(PENDING)
    assert {block["type"] for block in drawn.blocks} == {"section", "actions"}
    assert PENDING.draft is not None
    assert PENDING.draft in read(drawn.blocks)
    assert PENDING.quote in read(drawn.blocks)


def test_hostile_words_are_read_as_they_are() -> None:
    card = replace(
        PENDING,
        headline=HOSTILE,
        subject=HOSTILE,
        quote=HOSTILE,
        draft=HOSTILE,
        unsupported=(),
        why=HOSTILE,
        author=Author(surface="slack", id="U1", name=HOSTILE, email=HOSTILE),
    )
    drawn = card_message(card)
    links = [node["url"] for node in nodes(drawn.blocks) if node.get("type") == "link"]
    # In the draft alone: the customer will be able to click them, so the approver sees them so.
    assert links == [
        "https://evil.example/x.png",
        "https://evil.example",
        "https://evil.example/a",
        PENDING.citations[0].url,
    ]
    assert not any(node.get("type") in ("user", "broadcast") for node in nodes(drawn.blocks))
    hidden = {"\u202e", "\u202c", "\u200b", "\ufeff", "\u2066", "\U000e0041"}
    assert not hidden & set(json.dumps(drawn.blocks, ensure_ascii=False) + drawn.text)


# --- the pieces -------------------------------------------------------------------------------


def test_clean_keeps_what_people_write() -> None:
    for text in ("naïve Ünïcode", "یک‌نفر", "👩‍👩‍👧", "שלום", "a\tb\nc", "हिन्दी क्‍ष"):
        assert inert.clean(text) == text
    assert inert.clean("a\r\nb\u2028c\x0bd") == "a\nb\nc\nd"
    assert inert.clean("e" + "\u0301" * 50) == "e" + "\u0301" * 4


@given(st.text(max_size=200), st.integers(1, 100))
def test_cut_never_exceeds_its_limit(text: str, limit: int) -> None:
    shown, was_cut = inert.cut(text, limit)
    assert len(shown) <= limit
    assert was_cut == (len(text) > limit)


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_short_difference_holds_both_texts(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    kept = "".join(piece.text for piece in pieces if piece.kind != "added")
    came = "".join(piece.text for piece in pieces if piece.kind != "removed")
    if "…" not in "".join(piece.text for piece in pieces):
        assert "".join(kept.split()) == "".join(before.split())
        assert "".join(came.split()) == "".join(after.split())


def test_a_difference_of_long_texts_is_quick_and_short() -> None:
    before = "a b " * 700
    pieces = word_diff(before, before + "changed at the end")
    assert sum(len(piece.text) for piece in pieces) < 200


@pytest.mark.parametrize(
    ("usd", "words"),
    [("0", "no cost"), ("0.0142", "$0.0142"), ("0.1", "$0.10"), ("12.3456", "$12.35")],
)
def test_cost(usd: str, words: str) -> None:
    from handlers.drawing import cost

    assert cost(Decimal(usd)) == words


def test_two_changes_far_apart_leave_the_words_between_them_short() -> None:
    between = " ".join(f"word{number}" for number in range(120))
    pieces = word_diff(f"Dear Dana, {between} until Friday.", f"Hello Dana, {between} until May.")
    assert [(piece.kind, piece.text) for piece in pieces if piece.kind != "same"] == [
        ("removed", "Dear"),
        ("added", "Hello"),
        ("removed", "Friday."),
        ("added", "May."),
    ]
    assert sum(len(piece.text) for piece in pieces) < 300


def test_texts_with_little_in_common_stand_whole() -> None:
    pieces = word_diff("The valve is open.", "Your refund was sent on Friday.")
    assert [(piece.kind, piece.text) for piece in pieces if piece.kind != "same"] == [
        ("removed", "The valve is open."),
        ("added", "Your refund was sent on Friday."),
    ]
