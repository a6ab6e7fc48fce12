"""A lead's card and its form, as a sales team sees them: for pictures, and as a start for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bot.card import ActionView, CardView
from bot.domain import Action, Actor, Confidence, Content, Lead, LeadField
from bot.forms import ActionForm, EditForm, FieldForm
from bot.lead_by_hand import hand_fields, names_of
from bot.lead_card import lead_view
from bot.lead_edit import lead_form, update_action
from tests.pictures.samples import PENDING
from tools.crm.sqlite_file import SqliteReader

SITE = "https://kestrel-robotics.example/"
_SEEN = datetime(2026, 11, 20, 9, tzinfo=UTC)
_TARGET = "the CRM file /srv/deskhand/crm.sqlite"


def field(
    name: str,
    value: str,
    present: str | None = None,
    quote: str = "",
    page: str = "",
    confidence: Confidence = "high",
) -> LeadField:
    return LeadField(
        name=name,
        value=value,
        present=present,
        source=SITE + page,
        quote=quote or value,
        seen_at=_SEEN,
        confidence=confidence,
    )


LEAD = Lead(
    kind="company",
    key="kestrel-robotics.example",
    fields=(
        field("industry", "Industrial robotics", "Toys", '"industry": "Industrial robotics"'),
        field("size", "140", quote="We are 140 people in two towns."),
        field("location", "Graz, Austria", quote="headquartered in Graz, Austria", page="about"),
        field("summary", "Kestrel builds picking arms that see what they grip."),
        field("technologies", "Rust, Kubernetes, PostgreSQL", None,
              "Our arms run on Rust; our cloud on Kubernetes and PostgreSQL.", "jobs", "medium"),
        field("contacts", "hello@kestrel-robotics.example", page="contact"),
        field("news", "2026-10-02: Kestrel opens a plant in Linz", page="news"),
        field("fit", "Likely: they ship arms every week and have no service desk", None,
              "We ship forty arms a week.", "about", "low"),
        LeadField(
            name="next_step",
            value="Call before the plant opens",
            typed_by=Actor(surface="slack", team="T0TEAM", id="U0AGENT"),
            typed_name="Alex Agent",
        ),
    ),
    same=("name",),
    struck=("phone: its quote does not stand in its source",),
    missed=(f"{SITE}investors (refused: robots)", f"{SITE}old (refused: private_address)"),
)  # fmt: skip
CHOSEN = ("size", "location", "summary", "technologies", "contacts", "news")
_UPDATE = update_action(LEAD, CHOSEN, _TARGET)
_MAIL = {
    "to": "hello@kestrel-robotics.example",
    "subject": "Your new plant in Linz",
    "text": "Hello,\n\nI read that a plant opens in Linz. Who looks after its service desk?\n\n"
    "Kind regards",
}
CONTENT = Content(
    labels=(),
    route="default",
    actions=(
        _UPDATE,
        Action(
            tool="draft_outreach",
            args=dict(_MAIL),
            target="a file in /srv/deskhand/outbox; nothing is mailed",
            included=False,
        ),
    ),
)


def _shown(index: int, action: Action) -> ActionView:
    args = tuple(
        (name, str(value)) for name, value in action.args.items() if action.tool != "update_crm"
    )
    status = () if action.included else ("left out",)
    return ActionView(index, action.tool, action.target, args, action.included, status)


CARD: CardView = replace(
    PENDING,
    headline="Lead: Kestrel Robotics (kestrel-robotics.example)",
    labels=(),
    route="default",
    priority=None,
    confidence="low",
    why="A maker of picking arms, well described on its own pages.",
    subject="",
    quote="enrich kestrel-robotics.example",
    files=(),
    draft=None,
    unsupported=(),
    citations=(),
    actions=tuple(_shown(index, one) for index, one in enumerate(CONTENT.actions)),
    notices=(),
    lead=lead_view(LEAD, CONTENT),
)
NOTHING = replace(
    CARD,
    actions=(),
    lead=lead_view(LEAD.model_copy(update={"fields": (), "same": ("name", "size")}), None),
)

_TYPED = Lead(
    kind="company",
    key="kestrel-robotics.example",
    fields=tuple(
        LeadField(
            name=name,
            value=value,
            present=present,
            unplaced=name == "technologies",
            typed_by=Actor(surface="slack", team="T0TEAM", id="U0AGENT"),
            typed_name="Alex Agent",
        )
        for name, value, present in (
            ("industry", "Industrial robotics", "Toys"),
            ("size", "140", None),
            ("technologies", "Rust, Kubernetes", None),
        )
    ),
    same=("name",),
)
BY_HAND = replace(
    CARD,
    headline="Lead: kestrel-robotics.example",
    confidence=None,
    why="",
    actions=(_shown(0, update_action(_TYPED, ("size",), _TARGET)),),
    lead=lead_view(
        _TYPED,
        CONTENT.model_copy(update={"actions": (update_action(_TYPED, ("size",), _TARGET),)}),
    ),
)
"""Typed where nothing was found; the CRM has no place for one field."""

HOSTILE = "<!channel> [x](https://evil.example) <@U0AGENT> &lt;b&gt; \u202e txt ` *b* _i_"


def long_lead(text: str = HOSTILE * 8) -> Lead:
    """Fourteen fields of the greatest length, of a stranger's words."""
    names = ("name", "industry", "size", "location", "summary", "technologies", "contacts", "news",
             "fit", "next_step", "person", "role", "email", "phone")  # fmt: skip
    fields = tuple(field(name, text[:500], text[:490], text[:400], "a" * 150) for name in names)
    return LEAD.model_copy(update={"fields": fields, "struck": (text[:200],) * 20})


def long_card() -> CardView:
    lead = long_lead()
    chosen = tuple(one.name for one in lead.fields)
    action = update_action(lead, chosen, _TARGET)
    content = CONTENT.model_copy(update={"actions": (action,)})
    return replace(CARD, actions=(_shown(0, action),), lead=lead_view(lead, content))


def form(lead: Lead = LEAD, content: Content = CONTENT) -> EditForm:
    """What *Edit* opens."""
    mail = tuple(
        FieldForm(f"action.1.{name}", name.capitalize(), text, name == "text", 3000, True)
        for name, text in _MAIL.items()
    )
    title = f"draft_outreach: {CONTENT.actions[1].target}"
    return EditForm(
        proposal=CARD.proposal,
        revision=1,
        token="token-of-edit",
        reply="",
        labels=(),
        chosen_labels=(),
        routes=(),
        route="default",
        priorities=(),
        priority=None,
        actions=(
            lead_form(0, content.actions[0], lead, fixed=False),
            ActionForm(1, title, included=False, fixed=False, fields=mail),
        ),
        approve_now=True,
        replies=False,
    )


def hand_form() -> EditForm:
    """What *Type fields* opens on a handoff that names no domain."""
    names = names_of(None, SqliteReader(Path("crm.sqlite")))
    return replace(
        form(),
        actions=(hand_fields(None, names, _TARGET),),
        approve_now=False,
        note="Type what you know of it. It passes the same approval.",
    )
