"""Answers to asks, as their pictures show them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bot.domain import Answer, Item, Passage, Verdict
from handlers.slack_answer import answer_blocks

_LINK = "https://acme.slack.com/archives/C0SUPPORT/p170000000000{}00?thread_ts=1700000000.000100&cid=C0SUPPORT"

RESEARCH = Answer(
    kind="research",
    passages=(
        Passage(
            file="acme/supply.pdf",
            page=2,
            quote="Either party may end this agreement upon ninety days' written notice.",
            why="holds 3 of 4 words of the question: notice, agreement, ended; not: much",
        ),
    ),
    notes=("not read: scan.pdf (pictures without text)",),
)
SUMMARY = Answer(
    kind="summary",
    items=(
        Item(
            kind="changed",
            who="",
            words="The pump of the spring model runs at half its speed since Tuesday's release.",
            link=_LINK.format(1),
        ),
        Item(
            kind="decided",
            who="Mina Manager",
            words="The release notes name the change, and no date is promised for the next one.",
            link=_LINK.format(2),
        ),
        Item(
            kind="open",
            who="Ana Agent",
            words="Whether customers of the old model are told at all.",
            link=_LINK.format(3),
        ),
        Item(
            kind="owes",
            who="Alex Agent",
            words="Alex writes the note for support until Friday.",
            link=_LINK.format(4),
        ),
    ),
    notes=(
        "struck: 1, which nothing or nobody in the conversation bears out",
        "not read: plan.pdf (attachments are not read)",
    ),
)
SCREEN = Answer(
    kind="screen",
    verdicts=(
        Verdict(
            id="rivals",
            rule="No word about rivals.",
            verdict="fails",
            quote="Unlike Globex, we keep our word.",
            why="it holds what this rule names; say another maker",
        ),
        Verdict(
            id="dates",
            rule="No date is promised.",
            verdict="fails",
            quote="We ship on Monday.",
            why="It names a day on which the pump is sent.",
        ),
        Verdict(id="polite", rule="The tone is polite.", verdict="pass", quote=None, why="It is."),
        Verdict(
            id="proof",
            rule="Every claim has its proof.",
            verdict="cannot_tell",
            quote=None,
            why="the passage that was given for it does not stand in the text",
        ),
    ),
    notes=("struck: 1, whose passage does not stand in the text",),
)


def long_summary() -> Answer:
    """Twenty long items."""
    words = "The pump was slowed down, tried out, slowed down again and then released. " * 5
    items = tuple(
        Item(kind="changed", who=f"Person {n}", words=words[:400], link=_LINK.format(n))
        for n in range(20)
    )
    return Answer(kind="summary", items=items, notes=("not read: 312 messages in the middle",))


def drawings() -> dict[str, list[dict[str, Any]]]:
    """Blocks by the picture's name."""
    cost = Decimal("0.0123")
    return {
        "answer_research": answer_blocks(RESEARCH, "local", Decimal(0)),
        "answer_summary": answer_blocks(SUMMARY, "claude-sonnet-5-5", cost),
        "answer_summary_long": answer_blocks(long_summary(), "claude-sonnet-5-5", cost),
        "answer_screen": answer_blocks(SCREEN, "claude-sonnet-5-5", cost),
        "answer_nothing": answer_blocks(Answer(kind="summary"), "claude-sonnet-5-5", cost),
    }
