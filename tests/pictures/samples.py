"""Cards in every state as a support desk would see them: for pictures, and as a start for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from bot.card import ActionView, ButtonView, CardView, HandoffView, HitView, Unsupported, Who
from bot.domain import Actor, Author, Change, Citation, Verb

DRAFT = (
    "Hello Dana,\n\nI am sorry that you were charged twice. The second charge of $49.00 is a"
    " pre-authorisation: your bank releases it within 5 business days, and nothing has to be done"
    " on your side. I have asked our billing team to watch it.\n\n"
    "Should it still be there on Friday, please answer here and we refund it at once. More about"
    " double charges: https://help.verdant.example/billing/double-charge\n\nKind regards"
)
QUOTE = (
    "Hi, I was charged TWICE for my Verdant Plus plan this month (2 x $49.00, on 3 and 4 November,"
    " card ending 4242). I only have one account!\n\nCan someone please fix this today? I am really"
    " annoyed.\nDana"
)


def agent(name: str = "Alex Agent", user: str = "U0AGENT") -> Who:
    return Who(Actor(surface="slack", team="T0TEAM", id=user), name)


def button(verb: Verb, label: str, style: str = "plain") -> ButtonView:
    shown: dict[str, ButtonView] = {
        "plain": ButtonView(verb, label, "plain", f"token-of-{verb}"),
        "primary": ButtonView(verb, label, "primary", f"token-of-{verb}"),
        "danger": ButtonView(verb, label, "danger", f"token-of-{verb}"),
    }
    return shown[style]


def _unsupported(kind: str, words: str) -> Unsupported:
    start = DRAFT.index(words)
    return Unsupported(
        "sentence" if kind == "sentence" else "value", words, start, start + len(words)
    )


DECIDING = (
    button("approve", "Approve", "primary"),
    button("edit", "Edit"),
    button("reject", "Reject", "danger"),
)

PENDING = CardView(
    proposal="p_k3v5q2xw7m4bz6ha",
    ticket="t_a2c4e6g7i3k5m2o4",
    revision=1,
    version=3,
    state="pending",
    headline="Reply to Dana Reyes about billing",
    labels=("billing", "refund"),
    route="billing",
    priority="high",
    confidence="medium",
    why="Two charges of the same amount a day apart match the article on double charges; whether"
    " the second is a pre-authorisation cannot be seen from here.",
    subject="Charged twice!",
    quote=QUOTE,
    author=Author(surface="slack", id="U0CUSTOMER", name="Dana Reyes", email="dana@reyes.example"),
    files=("statement.pdf",),
    ticket_url=None,
    draft=DRAFT,
    unsupported=(
        _unsupported("sentence", "I have asked our billing team to watch it."),
        _unsupported("value", "Friday"),
    ),
    citations=(
        Citation(
            article="double-charge.md",
            title="I was charged twice",
            quote="The second charge is a pre-authorisation that your bank releases within 5"
            " business days.",
            url="https://help.verdant.example/billing/double-charge",
            supported=True,
        ),
        Citation(
            article="refunds.md",
            title="Refunds",
            quote="Refunds are made at once.",
            supported=False,
        ),
    ),
    actions=(
        ActionView(
            index=0,
            tool="send_reply",
            target="the customer's thread in #C0SUPPORT, signed by whoever approves it",
            args=(),
            included=True,
            status=(),
        ),
    ),
    handoff=None,
    changes=(),
    notices=(("Attached files were not read: statement.pdf",),),
    outcome=(),
    model="claude-sonnet-5-5",
    cost_usd=Decimal("0.0142"),
    expires_at=datetime(2026, 11, 23, 14, 30, tzinfo=UTC),
    successor_url=None,
    buttons=DECIDING,
)

EDITED = replace(
    PENDING,
    revision=2,
    version=4,
    labels=("billing",),
    draft=DRAFT.replace("Should it still be there on Friday", "Should it still be there next week"),
    unsupported=(),
    changes=(
        Change(field="labels", before="billing, refund", after="billing"),
        Change(
            field="reply",
            before=DRAFT,
            after=DRAFT.replace(
                "Should it still be there on Friday", "Should it still be there next week"
            ),
        ),
        Change(field="priority", before="high", after="urgent"),
    ),
    priority="urgent",
    notices=(("Edited by ", agent(), ", 2026-11-22 14:41 UTC"),),
)

APPROVED = replace(
    PENDING,
    state="succeeded",
    revision=1,
    version=6,
    notices=(),
    unsupported=(),
    expires_at=None,
    buttons=(),
    outcome=(("Approved by ", agent(), ", 2026-11-22 14:45 UTC"),),
    actions=(
        replace(
            PENDING.actions[0],
            status=(
                "done: https://deskhand-test.slack.com/archives/C0SUPPORT/p1763822700000100"
                "?thread_ts=1763822000.000100&cid=C0SUPPORT",
            ),
        ),
    ),
)

UNKNOWN = replace(
    APPROVED,
    state="unknown",
    actions=(
        replace(
            PENDING.actions[0],
            status=("may or may not have happened: no answer came before the deadline",),
        ),
    ),
    outcome=(
        ("Approved by ", agent(), ", 2026-11-22 14:45 UTC"),
        ("Look whether it arrived, then say so with a button.",),
    ),
    buttons=(
        button("settle_done", "It arrived", "primary"),
        button("settle_retry", "It did not: send again"),
    ),
)

FAILED = replace(
    APPROVED,
    state="failed",
    actions=(
        replace(
            PENDING.actions[0],
            target="https://helpdesk.example/replies (ticket HD-4711)",
            status=("refused, nothing happened: helpdesk.example refused it: HTTP 422",),
        ),
    ),
    outcome=(("Approved by ", agent("Priya Natarajan", "U0AGENT2"), ", 2026-11-22 14:45 UTC"),),
    buttons=(
        button("retry", "Retry", "primary"),
        button("edit", "Edit"),
        button("reject", "Reject", "danger"),
    ),
)

HANDOFF = replace(
    PENDING,
    state="handoff",
    headline="A person is needed: how_to, from Jürgen Weiß",
    labels=("how_to",),
    route="default",
    priority="normal",
    confidence="low",
    why="Nothing in the knowledge base is about this controller.",
    subject="",
    quote="Guten Tag, wie verbinde ich die Verdant-Sonde mit einem Loxone-Miniserver?",
    author=Author(surface="slack", id="U0CUSTOMER2", name="Jürgen Weiß"),
    files=(),
    draft=None,
    unsupported=(),
    citations=(),
    actions=(),
    notices=(),
    handoff=HandoffView(
        reason="no_source",
        words="It has no answer to give from what it found.",
        tried=("search_kb: loxone miniserver", "search_kb: connect probe", "similar_tickets"),
        found=("Connect a hub: only Verdant hubs are named",),
        missing=("Whether third-party controllers are supported at all",),
        who=(agent(), ", ", agent("Ana Agent", "U0AGENT2")),
    ),
    expires_at=None,
    cost_usd=Decimal("0.0031"),
    buttons=(
        button("take", "Take it", "primary"),
        button("edit", "Write reply"),
        button("reject", "Close"),
    ),
)

DRAFTING = replace(
    HANDOFF,
    state="drafting",
    headline="Drafting an answer to Jürgen Weiß",
    revision=0,
    labels=(),
    priority=None,
    confidence=None,
    why="",
    handoff=None,
    model="",
    cost_usd=Decimal(0),
    buttons=(button("take", "Take it"),),
)

SUPERSEDED = replace(
    PENDING,
    state="superseded",
    notices=(),
    expires_at=None,
    buttons=(),
    outcome=(("The customer's words have changed, so this draft is void.",),),
    successor_url="https://deskhand-test.slack.com/archives/C0BILLING/p1763822900000100",
)

REJECTED = replace(
    SUPERSEDED,
    state="rejected",
    successor_url=None,
    outcome=(
        ("Rejected by ", agent(), ", 2026-11-22 14:45 UTC"),
        ("Reason: wrong facts. It is not a pre-authorisation, the card was charged twice.",),
    ),
)

CRM = replace(
    PENDING,
    headline="Update acme.example in the CRM",
    labels=("lead",),
    draft=None,
    unsupported=(),
    notices=(),
    citations=PENDING.citations[:1],
    actions=(
        ActionView(
            index=0,
            tool="update_crm",
            target="crm.example, company 4711 (acme.example)",
            args=(
                ("industry", "Irrigation"),
                ("employees", "120"),
                ("summary", "Makes soil probes.\nFounded in 1998, sold to Verdant in 2021."),
            ),
            included=True,
            status=(),
        ),
        ActionView(
            index=1,
            tool="draft_outreach",
            target="the outbox of dana@acme.example",
            args=(("text", "Hello Dana, …"),),
            included=False,
            status=("left out",),
        ),
    ),
)

LONG = replace(
    PENDING,
    quote=QUOTE * 40,
    draft="The valve opens at dawn and closes at noon. " * 68,
    unsupported=(),
    labels=tuple(f"label_{number}" for number in range(60)),
    citations=PENDING.citations * 14,
)


def _hit(name: str, words: str, hint: str = "") -> HitView:
    start = DRAFT.index(words)
    return HitView(name, "reply", "", words, start, start + len(words), hint)


SCREENED = replace(
    PENDING,
    hits=(
        _hit("promise", "Should it still be there on Friday, please answer here and we refund it"),
        _hit("foreign_link", "https://help.verdant.example/billing/double-charge"),
        _hit("policy:rivals", "your bank", 'Say "the bank".'),
    ),
    approvals=(1, 2),
)

SAMPLES: dict[str, CardView] = {
    "pending": PENDING,
    "screened": SCREENED,
    "edited": EDITED,
    "approved": APPROVED,
    "unknown": UNKNOWN,
    "failed": FAILED,
    "handoff": HANDOFF,
    "drafting": DRAFTING,
    "superseded": SUPERSEDED,
    "rejected": REJECTED,
    "crm": CRM,
    "long": LONG,
}
