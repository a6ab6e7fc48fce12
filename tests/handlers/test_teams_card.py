"""Cards as Teams draws them: valid, whole, inert, and within Teams' limits whatever they hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.card import ActionView, CardView, Who
from bot.domain import Actor
from bot.forms import ReasonForm
from bot.plain_text import clean
from handlers.teams_card import (
    Forms,
    ai_label,
    approver,
    asking_why,
    card_of,
    everybody,
    message_activity,
    read_view_token,
    reply_activity,
    small_card,
    view_token,
)
from handlers.teams_figures import lines_activity
from handlers.teams_inert import runs, unmarked
from handlers.teams_whole import whole_activities
from tests.handlers.any_card import HOSTILE, cards, nodes, some_text
from tests.handlers.forms import edit_form, reject_form
from tests.handlers.teams_schema import activity_faults, card_faults
from tests.pictures.samples import (
    APPROVED,
    CRM,
    EDITED,
    HANDOFF,
    PENDING,
    SAMPLES,
    SUPERSEDED,
)

_QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
"""A card takes long to make smaller, and the validator names the fault anyhow."""
FORMS = Forms(edit_form(), reject_form())
WHY = ReasonForm(PENDING.proposal, PENDING.revision, "form token", ("Screen: payment_card",))
TOOLS = replace(
    CRM,
    actions=tuple(
        ActionView(n, "update_crm", "crm.example", (("summary", f"{n} " * 1500),), True, ())
        for n in range(8)
    ),
)


def words(drawn: Any) -> str:
    """All words in a tree of elements, run together as a reader sees them."""
    return "".join(str(node["text"]) for node in nodes(drawn) if "text" in node)


def read(activity: dict[str, Any]) -> str:
    """All words of an activity's card."""
    return words(activity["attachments"])


def inlines(activity: dict[str, Any], **style: Any) -> list[str]:
    """The texts of runs in this style."""
    return [
        node["text"]
        for node in nodes(activity)
        if node.get("type") == "TextRun"
        and all(node.get(name) == value for name, value in style.items())
    ]


def pressed(activity: dict[str, Any]) -> dict[str, str]:
    """Verb and token of every button, those inside forms too."""
    return {
        node["verb"]: node["data"]["token"]
        for node in nodes(card_of(activity).get("actions", []))
        if node.get("type") == "Action.Execute"
    }


def drawings(card: CardView) -> Iterator[dict[str, Any]]:
    first = (Who(Actor(surface="slack", team="T", id="U1"), "Ana"), " decided before.")
    yield everybody(card)
    yield everybody(card, refresh_for=[f"29:{n}" for n in range(80)], first=first)
    yield everybody(card, buttons=False)
    yield approver(card, FORMS, first=first)
    yield approver(card, Forms())
    yield asking_why(card, WHY, first=first)
    yield from whole_activities(card)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_a_valid_card(name: str) -> None:
    for drawn in drawings(SAMPLES[name]):
        assert activity_faults(drawn) == []


@settings(max_examples=8, deadline=None, phases=_QUICK)
@given(cards())
def test_whatever_it_holds_it_is_valid_and_fits(card: CardView) -> None:
    for drawn in drawings(card):
        assert activity_faults(drawn) == []


def test_everybodys_card_decides_nothing_and_refreshes_for_sixty() -> None:
    card = card_of(everybody(PENDING, refresh_for=[f"29:{n}" for n in range(80)]))
    assert [(one["type"], one["title"], one["verb"]) for one in card["actions"]] == [
        ("Action.Execute", "Decide", "deskhand.refresh")
    ]
    assert card["refresh"]["action"] == card["actions"][0]
    assert card["refresh"]["userIds"] == [f"29:{n}" for n in range(60)]
    assert card_of(everybody(PENDING))["refresh"]["userIds"] == []
    for without in (everybody(PENDING, buttons=False), everybody(APPROVED, refresh_for=["29:1"])):
        assert "actions" not in card_of(without)
        assert "refresh" not in card_of(without)


def test_an_approver_has_the_buttons_and_the_forms_in_the_card() -> None:
    actions = card_of(approver(PENDING, FORMS))["actions"]
    assert [(one["type"], one["title"], one.get("style")) for one in actions] == [
        ("Action.Execute", "Approve", "positive"),
        ("Action.ShowCard", "Edit", None),
        ("Action.ShowCard", "Reject", "destructive"),
    ]
    assert pressed(approver(PENDING, FORMS)) == {
        "deskhand.approve": "token-of-approve",
        "deskhand.edit": "form token",
        "deskhand.reject": "form token",
    }
    # While somebody writes in its form, nothing draws it anew.
    assert "refresh" not in card_of(approver(PENDING, FORMS))


def test_what_asks_why_and_what_rejects_are_each_the_only_reason_of_their_card() -> None:
    screened = SAMPLES["screened"]
    asking = card_of(asking_why(screened, WHY))
    (asked,) = [node for node in nodes(asking) if str(node.get("type")).startswith("Input.")]
    assert (asked["type"], asked["id"], asked["isRequired"]) == ("Input.Text", "reason", True)
    assert [one["verb"] for one in asking["actions"][:2]] == [
        "deskhand.approve",
        "deskhand.refresh",
    ]
    # Approving takes the reason along; who goes back need not give one.
    assert "associatedInputs" not in asking["actions"][0]
    assert asking["actions"][1]["associatedInputs"] == "none"
    view = card_of(approver(screened, FORMS))
    (rejects,) = [node for node in nodes(view) if node.get("id") == "reason"]
    assert rejects["type"] == "Input.ChoiceSet"


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("handoff", ["Take it", "Write reply", "Close"]),
        ("failed", ["Retry", "Edit", "Reject"]),
        ("unknown", ["It arrived", "It did not: send again"]),
        ("drafting", ["Take it"]),
    ],
)
def test_the_buttons_are_those_of_the_state(name: str, titles: list[str]) -> None:
    actions = card_of(approver(SAMPLES[name], FORMS))["actions"]
    assert [one["title"] for one in actions] == titles


@pytest.mark.parametrize("name", SAMPLES)
def test_an_activity_says_what_it_is_and_begins_with_its_state(name: str) -> None:
    sample = SAMPLES[name]
    about: dict[str, object] = {
        "kind": "card",
        "proposal": sample.proposal,
        "revision": sample.revision,
        "state": sample.state,
    }
    if name == "screened":
        about |= {"hits": ["promise", "foreign_link", "policy:rivals"], "approvals": [1, 2]}
    for drawn in (everybody(sample), approver(sample, FORMS)):
        assert drawn["channelData"] == {"deskhand": about}
        assert drawn["summary"].startswith(sample.state)
        assert card_of(drawn)["fallbackText"].startswith(sample.state)


def test_what_a_model_wrote_is_labelled_with_what_it_rests_on() -> None:
    [entity] = everybody(PENDING)["entities"]
    assert set(entity) == {"type", "@type", "@context", "additionalType", "citation"}
    assert entity["type"] == "https://schema.org/Message"
    assert entity["additionalType"] == ["AIGeneratedContent"]
    [claim] = entity["citation"]
    assert claim["position"] == 1
    assert claim["appearance"]["name"] == "I was charged twice"
    assert claim["appearance"]["url"] == PENDING.citations[0].url
    assert "entities" not in everybody(SAMPLES["drafting"])


@settings(deadline=None)
@given(some_text, some_text)
def test_citations_keep_teams_limits(title: str, quote: str) -> None:
    cited = replace_citation(title, quote)
    for claim in ai_label((cited,) * 30)["citation"]:
        assert 0 < len(claim["appearance"]["name"]) <= 80
        assert 0 < len(claim["appearance"]["abstract"]) <= 160
    assert len(ai_label((cited,) * 30)["citation"]) == 10


def replace_citation(title: str, quote: str) -> Any:
    return PENDING.citations[0].model_copy(update={"title": title, "quote": quote})


def test_a_reply_is_literal_with_feedback_and_a_label_unless_a_person_wrote_it() -> None:
    made = reply_activity("**Hi** <at>Dana</at>", proposal="p_1", revision=2, key="k", reply_to="1")
    assert made["text"] == "**Hi** <at>Dana</at>"
    assert made["textFormat"] == "plain"
    assert made["replyToId"] == "1"
    assert made["channelData"] == {
        "deskhand": {"kind": "reply", "proposal": "p_1", "revision": 2, "key": "k"},
        "feedbackLoop": {"type": "default"},
    }
    assert made["entities"][0]["additionalType"] == ["AIGeneratedContent"]
    assert "attachments" not in made
    by_hand = reply_activity("Hi", proposal="p_1", revision=2, key="k", by_hand=True)
    assert "entities" not in by_hand
    assert "feedbackLoop" not in str(everybody(PENDING))


# --- what is read -----------------------------------------------------------------------------


def test_a_late_click_reads_who_decided_before_anything_else() -> None:
    who = Who(Actor(surface="teams", team="t", id="x"), "Ana Agent")
    drawn = approver(APPROVED, FORMS, first=(who, " approved it; your click changed nothing."))
    assert read(drawn).startswith("Ana Agent approved it; your click changed nothing.")


def test_the_draft_is_read_word_for_word_with_its_doubts_marked() -> None:
    drawn = everybody(PENDING)
    assert PENDING.draft is not None
    assert PENDING.draft in read(drawn)
    marked = inlines(drawn, highlight=True)
    assert marked[:2] == ["I have asked our billing team to watch it.", "Friday"]


def test_an_edit_shows_the_difference() -> None:
    drawn = everybody(EDITED)
    assert {"on Friday,", "high", "billing, refund"} <= set(inlines(drawn, strikethrough=True))
    assert {"next week,", "urgent", "billing"} <= set(inlines(drawn, weight="Bolder"))


def test_persons_are_named_and_nobody_is_mentioned() -> None:
    teams = Who(Actor(surface="teams", team="t", id="a"), "Tea Teams")
    guid = "8f1c2d3e-aaaa-bbbb-cccc-1234567890ab"
    nameless = Who(Actor(surface="teams", team="t", id=guid), guid)
    drawn = everybody(replace(APPROVED, outcome=(("Approved by ", teams, ", ", nameless),)))
    assert "Approved by Tea Teams, Teams user 8f1c2d3e…" in read(drawn)
    assert "Alex Agent in Slack" in read(everybody(APPROVED))
    assert "mention" not in str(everybody(APPROVED))


def test_a_superseded_card_links_to_its_successor() -> None:
    urls = [node["url"] for node in nodes(everybody(SUPERSEDED)) if "url" in node]
    assert SUPERSEDED.successor_url in urls


def test_a_handoff_says_why_what_and_who() -> None:
    said = read(everybody(HANDOFF))
    for shown in ("It has no answer to give from what it found.", "no_source", "loxone", "Missing"):
        assert shown in said


@pytest.mark.parametrize("letter", ["x", "é", "語", "💥", '"', "{{DATE(", "\n"])
def test_a_reply_of_the_greatest_length_is_on_both_views_in_full(letter: str) -> None:
    draft = (letter * 3000)[:3000]
    card = replace(PENDING, draft=draft, unsupported=())
    for drawn in (everybody(card), approver(card, Forms(edit_form(reply=draft), reject_form()))):
        assert activity_faults(drawn) == []
        assert draft in read(drawn).replace("\u200c", "")


def test_what_is_cut_opens_in_full() -> None:
    for drawn in (everybody(TOOLS), approver(TOOLS, FORMS)):
        token = pressed(drawn)["deskhand.show"]
        asked = read_view_token(token, "deskhand.show")
        assert asked is not None
        assert asked.proposal == TOOLS.proposal
    whole = "".join(map(read, whole_activities(TOOLS)))
    assert all(value.strip() in whole for action in TOOLS.actions for _, value in action.args)
    assert "deskhand.show" not in pressed(everybody(TOOLS, buttons=False))


@settings(max_examples=40, deadline=None)
@given(some_text, st.lists(some_text.map(lambda text: text * 9), max_size=6))
def test_the_whole_holds_every_word_that_a_decision_covers(draft: str, values: list[str]) -> None:
    args = tuple((f"field{number}", value) for number, value in enumerate(values))
    action = ActionView(0, "update_crm", "crm.example", args, True, ())
    whole = whole_activities(replace(PENDING, draft=draft, unsupported=(), actions=(action,)))
    # A text may go on in the next message, under its head.
    said = "".join(words(card_of(one)["body"][1:]) for one in whole).replace("\u200c", "")
    for text in (draft, *values):
        assert clean(text).replace("\u200c", "").strip() in said
    assert [fault for one in whole for fault in activity_faults(one)] == []


# --- tokens -----------------------------------------------------------------------------------


def test_a_view_token_differs_per_verb_and_revision_and_reads_back() -> None:
    newer = replace(PENDING, revision=2)
    made = {view_token(card, verb) for card in (PENDING, newer) for verb in ("refresh", "show")}
    assert len(made) == 4
    asked = read_view_token(view_token(PENDING, "refresh"), "deskhand.refresh")
    assert asked is not None
    assert (asked.proposal, asked.verb) == (PENDING.proposal, "refresh")
    assert read_view_token(view_token(PENDING, "refresh"), "deskhand.show") is None
    assert read_view_token(view_token(PENDING, "refresh"), "deskhand.approve") is None


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["deskhand.refresh", "deskhand.show", "x"]))
def test_no_token_raises(token: str, verb: str) -> None:
    assert read_view_token(token, verb) is None


# --- inert ------------------------------------------------------------------------------------

_MARKDOWN = MarkdownIt("commonmark")
_SYNTAX = st.sampled_from(
    ["[", "](https://evil.example)", "![", "*", "**", "_", "__", "`", "~~", "<", ">", "&lt;", "# ",
     "- ", "1. ", "1) ", "+ ", "> ", "\\", "|", "---", "===", "<at>Bo</at>", "<b>", "\n", " ", "a",
     "{{DATE(2026-01-01T00:00:00Z,SHORT)}}", "{{TIME(2026-01-01T00:00:00Z)}}", "https://a.example"]
)  # fmt: skip
hostile = st.lists(_SYNTAX, max_size=12).map("".join) | some_text | st.just(HOSTILE)


@settings(deadline=None)
@given(hostile)
def test_a_title_is_text_to_markdown_too(text: str) -> None:
    title = unmarked(text, 200)
    html = _MARKDOWN.render(title)
    assert html.startswith("<p>")
    # Nothing but a paragraph, and everything in it is read as it stands.
    assert "<" not in html.removeprefix("<p>").removesuffix("</p>\n")
    assert title.replace('"', "&quot;").strip() in html


@settings(max_examples=60, deadline=None)
@given(hostile)
def test_outside_words_stand_in_runs_alone(text: str) -> None:
    card = replace(
        PENDING,
        headline=text, why=text, subject=text, quote=text, draft=text[:3000], unsupported=(),
        labels=(text or "x",), route=text, priority=text, model=text, files=(text,),
        author=PENDING.author.model_copy(update={"name": text, "email": text}),
        citations=(replace_citation(text, text),), outcome=((text,),), notices=((text,),),
        actions=(ActionView(0, text, text, ((text, text),), True, (text,)),),
    )  # fmt: skip
    ours = {node["text"] for node in nodes(everybody(PENDING)) if node.get("type") == "TextBlock"}
    ours |= {"Changed", "Actions"}
    for node in nodes(everybody(card)):
        if node.get("type") == "TextBlock":
            assert node["text"] in ours
        if node.get("type") == "Action.OpenUrl":
            assert node["url"].startswith(("https://", "http://"))
        assert node.get("type") not in ("Image", "Media", "ImageSet", "mention")


@settings(deadline=None)
@given(hostile)
def test_a_run_shows_what_was_written_and_computes_nothing(text: str) -> None:
    made = runs(text)
    assert "".join(one["text"] for one in made).replace("\u200c", "") == clean(text).replace(
        "\u200c", ""
    )
    for one in made:
        assert "{{DATE" not in one["text"]
        assert "{{TIME" not in one["text"]


def test_a_link_shows_its_own_target() -> None:
    made = runs("see https://a.example/x. Or https://b.example@evil.example/", linked=True)
    links = [one for one in made if "selectAction" in one]
    assert [(one["text"], one["selectAction"]["url"]) for one in links] == [
        ("https://a.example/x", "https://a.example/x")
    ]


@settings(deadline=None)
@given(some_text, st.lists(some_text, max_size=6))
def test_small_messages_are_valid_whatever_they_say(title: str, lines: list[str]) -> None:
    assert activity_faults(small_card(title, lines)) == []
    assert message_activity(title)["textFormat"] == "plain"


@pytest.mark.parametrize("one", ["x" * 990, "ü" * 990, "😀" * 990, "see https://a.example/b " * 40])
def test_an_answer_of_many_long_lines_is_one_that_teams_takes(one: str) -> None:
    for made in (small_card("What waits", [one] * 40), lines_activity("Budget", [one] * 60)):
        assert activity_faults(made) == []
        links = [node["url"] for node in nodes(made) if node.get("type") == "Action.OpenUrl"]
        assert set(links) <= {"https://a.example/b"}, "none is cut in its middle"
    assert activity_faults(message_activity(one * 10)) == []


def test_long_addresses_of_sources_leave_room_for_the_card_and_the_reply() -> None:
    url = "https://kb.example/" + "a" * 2900
    cited = (PENDING.citations[0].model_copy(update={"url": url, "supported": True}),) * 10
    card = replace(PENDING, citations=cited, ticket_url=url)
    for drawn in drawings(card):
        assert activity_faults(drawn) == []
    assert url not in str(ai_label(cited))
    reply = reply_activity("x" * 3000, proposal="p", revision=1, key="k", citations=cited)
    assert activity_faults(reply) == []


def test_the_validator_finds_faults() -> None:
    good = card_of(everybody(PENDING))
    assert card_faults(good) == []
    assert card_faults({**good, "msteams": {}})
    assert card_faults({**good, "body": [{"type": "Chart.Line", "data": []}]})
    assert card_faults({**good, "body": [{"type": "RichTextBlock", "inlines": []}]})
