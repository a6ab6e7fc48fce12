"""The parts of a card as Block Kit blocks, each within the room it is given.

Text from outside stands in ``plain_text`` and ``rich_text`` alone (see ``handlers.slack_inert``).
"""

from __future__ import annotations

import re
from itertools import starmap
from typing import assert_never

from bot.card import STATE_WORDS, ActionView, CardView, DraftPart, HandoffView, HitView
from bot.domain import Citation
from handlers import slack_inert as text
from handlers.drawing import (
    DECIDED,
    DOTS,
    STATE_SIGNS,
    VOID,
    Drawing,
    Kind,
    author_of,
    change_of,
    cost,
    files_of,
    fitted_draft,
    hit_of,
    labels_of,
    nothing_follows,
    source_of,
)
from handlers.slack_inert import Json
from handlers.slack_room import broken, heading, lines_of, words_of

REPLY_TARGET = "the customer's thread in #"
ANSWER_TARGET = "the thread of the ask in #"
"""How the target of a reply into Slack begins; the channel's id follows."""
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9.:/+_-]+")


def rule(draw: Drawing) -> None:
    """A line across, to part what came in from what is proposed."""
    draw.add({"type": "divider"})


def header(draw: Drawing, card: CardView) -> None:
    """The intent in one line."""
    draw.add({"type": "header", "text": text.plain(text.one_line(card.headline), 150)})


def state_line(draw: Drawing, card: CardView) -> None:
    words = f"{STATE_SIGNS[card.state]} *{STATE_WORDS[card.state]}*"
    if card.revision > 1:
        words += f" · revision {card.revision}"
    draw.add({"type": "context", "elements": [text.mrkdwn(words)]})


def outcome(draw: Drawing, card: CardView) -> None:
    """Who decided, when, what happened; and the way to a successor."""
    lines = lines_of(draw, card.outcome, receipts=True)
    if card.successor_url and text.is_plain_url(card.successor_url):
        # Our own card's address, from Slack itself: the one place where a link has other words.
        lines.append([text.link(card.successor_url, "Open the newer card")])
    if lines:
        draw.add(text.rich(*(text.section(*line) for line in broken(lines))))


def facts(draw: Drawing, card: CardView) -> None:
    """Labels; route, priority and confidence; and why."""
    if card.lead is not None:
        _why(draw, card)
        return
    if not (card.labels or card.priority or card.confidence):
        return
    rest = [("Route", card.route), ("Priority", card.priority or "none")]
    if card.confidence:
        rest.append(("Confidence", f"{DOTS.get(card.confidence, '')} {card.confidence}"))
    line: list[Json] = []
    for name, value in rest:
        gap = "     " if line else ""
        line += [text.leaf(f"{gap}{name}  ", bold=True), *text.leaves(draw.fit_line(value, 100))]
    labels = [text.leaf("Labels  ", bold=True), text.leaf(labels_of(draw, card.labels))]
    draw.add(text.rich(text.section(*labels, text.leaf("\n"), *line)))
    _why(draw, card)


def _why(draw: Drawing, card: CardView) -> None:
    if card.why.strip():
        why = draw.fit_line(card.why, draw.room.why)
        draw.add({"type": "context", "elements": [text.plain(f"Why: {why}")]})


def customer(draw: Drawing, card: CardView) -> None:
    """The customer's own words as a quotation, with who they are and where they stand."""
    head = [text.leaf(author_of(card), bold=True), text.leaf(" wrote")]
    if card.subject.strip():
        head += [text.leaf(": "), text.leaf(draw.fit_line(card.subject, 200), italic=True)]
    words = draw.fit(card.quote, draw.room.quote).strip() or "(no text)"
    parts = [text.section(*head), text.quote(text.leaf(words))]
    tail: list[Json] = []
    if card.files:
        tail.append(text.leaf(files_of(draw, card)))
    if card.ticket_url and text.is_plain_url(card.ticket_url):
        tail += [text.leaf("\n" if tail else ""), text.link(card.ticket_url)]
    if tail:
        parts.append(text.section(*(part for part in tail if part.get("text") != " ")))
    draw.add(text.rich(*parts))


def draft(draw: Drawing, card: CardView) -> None:
    """The reply, word for word, with unsupported passages marked."""
    shown = fitted_draft(draw, card)
    if shown is None:
        return
    parts = [
        text.section(heading(draw, shown.title), *_of_length(shown.length)),
        text.section(*_marked(shown.parts) or [text.leaf("(empty)")]),
    ]
    if shown.warning:
        warned = (text.leaf("⚠️ "), text.leaf("Unsupported", code=True), text.leaf(shown.warning))
        parts.append(text.section(text.leaf("\n"), *warned))
    draw.add(text.rich(*parts))


def screen(draw: Drawing, card: CardView) -> None:
    """What the screen found: a line each, with the passage."""
    if not card.hits or card.state in VOID:
        return
    shown = draw.most(len(card.hits), max(draw.room.lines, 2))
    lines = [_hit(draw, hit) for hit in card.hits[:shown]]
    if shown < len(card.hits):
        lines.append([text.leaf(f"and {len(card.hits) - shown} more", italic=True)])
    draw.add(text.rich(*(text.section(*line) for line in broken(lines))))


def _hit(draw: Drawing, hit: HitView) -> list[Json]:
    shown = hit_of(draw, hit)
    made = [
        text.leaf("🛑 "),
        text.leaf(shown.name, bold=True),
        text.leaf(f"{shown.where}: "),
        text.leaf(shown.passage, bold=True, code=True),
    ]
    return [*made, text.leaf(shown.hint, italic=True)] if shown.hint else made


def _of_length(length: int | None) -> list[Json]:
    if length is None:
        return []
    return [text.leaf(f"  the beginning of {length:,} characters", italic=True)]


def _marked(parts: list[DraftPart]) -> list[Json]:
    made: list[Json] = []
    for part in parts:
        match part.kind:
            case "":
                made += text.leaves(part.text, linked=True)
            case "sentence" | "value":
                made += text.leaves(part.text, code=True)
            case "hit":
                made += text.leaves(part.text, bold=True, code=True)
            case _:
                assert_never(part.kind)
    return made


def citations(draw: Drawing, card: CardView) -> None:
    """Sources with their quotes; an unsupported one struck through and named so."""
    cited = card.citations
    if not cited or card.state in VOID:
        return
    shown = draw.most(len(cited), draw.room.citations)
    items = [_citation(draw, citation) for citation in cited[:shown]]
    if shown < len(cited):
        items.append([text.leaf(f"and {len(cited) - shown} more", italic=True)])
    title = text.section(heading(draw, "Sources"))
    draw.add(text.rich(title, text.bullets(items)))


def _citation(draw: Drawing, citation: Citation) -> list[Json]:
    title, words, url = source_of(draw, citation)
    if citation.supported:
        made = [text.leaf(title, bold=True), text.leaf(f" {words}")]
    else:
        made = [
            text.leaf(title, bold=True, strike=True),
            text.leaf(" "),
            text.leaf(words, strike=True),
            text.leaf(" unsupported", bold=True),
            text.leaf(": not found in this article"),
        ]
    return [*made, text.leaf(" "), text.link(url)] if url else made


def actions(draw: Drawing, card: CardView) -> None:
    """What an approval sets off, exactly: tool, target and arguments; or what became of it."""
    if card.state in VOID and not any(action.status for action in card.actions):
        return
    if not card.actions:
        if card.state == "pending":
            draw.add({"type": "context", "elements": [text.plain(nothing_follows(card))]})
        return
    shown = draw.most(len(card.actions), draw.room.actions)
    title = "Actions" if card.state in DECIDED else "On approval"
    parts = [text.section(heading(draw, title))]
    for action in card.actions[:shown]:
        parts.append(text.bullets([_action(draw, action)]))
        fields = draw.most(len(action.args), draw.room.fields)
        if fields:
            parts.append(
                text.bullets(
                    [
                        [
                            text.leaf(f"{draw.fit_line(name, 60) or '–'}: ", bold=True),
                            text.leaf(draw.fit(value, draw.room.field_value) or "(empty)"),
                        ]
                        for name, value in action.args[:fields]
                    ],
                    indent=1,
                )
            )
    if shown < len(card.actions):
        parts.append(text.section(text.leaf(f"and {len(card.actions) - shown} more", italic=True)))
    draw.add(text.rich(*parts))


def _action(draw: Drawing, action: ActionView) -> list[Json]:
    name = text.one_line(action.tool)[:80] or "–"
    made = [text.leaf(name, bold=True)]
    target = _target(draw.fit_line(action.target, 400))
    if action.included:
        made += [text.leaf(" → "), *target]
    else:
        made += [
            text.leaf(" → "),
            *(one if "channel_id" in one else _struck(one) for one in target),
        ]
    if action.status:
        made += [text.leaf(" · "), *words_of(draw, action.status, receipts=True)]
    return made


def _struck(one: Json) -> Json:
    return {**one, "style": {"strike": True}}


def _target(words: str) -> list[Json]:
    """A target in words. Only a reply's own channel is shown by its name: other targets may hold
    words from outside, such as the id of a webhook's ticket."""
    before = next((one for one in (REPLY_TARGET, ANSWER_TARGET) if words.startswith(one)), None)
    channel, comma, rest = words.removeprefix(before or "").partition(",")
    ours = before is not None and channel[:1] == "C"
    if not (ours and channel.isalnum() and channel.isupper()):
        return text.leaves(words)
    shown = {"type": "channel", "channel_id": channel}
    return [*text.leaves((before or "").removesuffix("#")), shown, *text.leaves(comma + rest)]


def handoff(draw: Drawing, shown: HandoffView | None) -> None:
    """Why a person is asked, what was tried and found, what is missing, who could take it."""
    if shown is None:
        return
    parts = [
        text.section(
            text.leaf("Why a person is needed: ", bold=True),
            text.leaf(draw.fit_line(shown.words, draw.room.line) or shown.reason),
            text.leaf(f" ({text.one_line(shown.reason)[:60] or '–'})"),
        )
    ]
    named = (("Tried", shown.tried), ("Found", shown.found), ("Missing", shown.missing))
    for title, items in named:
        if not items:
            continue
        count = draw.most(len(items), draw.room.lines)
        lines = [text.leaves(draw.fit_line(item, draw.room.line) or "–") for item in items[:count]]
        if count < len(items):
            lines.append([text.leaf(f"and {len(items) - count} more", italic=True)])
        parts += [text.section(text.leaf(title, bold=True)), text.bullets(lines)]
    if shown.who:
        who = words_of(draw, shown.who)
        parts.append(text.section(text.leaf("Who could take it: ", bold=True), *who))
    draw.add(text.rich(*parts))


def changes(draw: Drawing, card: CardView) -> None:
    """What the last edit changed: what went is struck through, what came is bold."""
    if not card.changes:
        return
    shown = draw.most(len(card.changes), draw.room.changes)
    items: list[list[Json]] = []
    for change in card.changes[:shown]:
        name, pieces = change_of(draw, change)
        items.append([text.leaf(name, bold=True), *starmap(_changed, pieces)])
    if shown < len(card.changes):
        items.append([text.leaf(f"and {len(card.changes) - shown} more", italic=True)])
    draw.add(text.rich(text.section(heading(draw, "Changed")), text.bullets(items)))


def _changed(kind: Kind, words: str) -> Json:
    match kind:
        case "same":
            return text.leaf(words)
        case "removed":
            return text.leaf(words, strike=True)
        case "added":
            return text.leaf(words, bold=True)
        case _:
            assert_never(kind)


def notices(draw: Drawing, card: CardView) -> None:
    """What somebody should read before deciding."""
    lines = [[text.leaf("ℹ️ "), *line] for line in lines_of(draw, card.notices)]
    if lines:
        draw.add(text.rich(*(text.section(*line) for line in broken(lines))))


def footer(draw: Drawing, card: CardView) -> None:
    """Model, cost, expiry in the reader's own time zone, and the proposal's id."""
    words: list[str] = []
    if card.model:
        words.append(_NOT_A_NAME.sub(" ", card.model)[:100])
        words.append(cost(card.cost_usd))
    if card.expires_at is not None:
        fallback = f"{card.expires_at:%Y-%m-%d %H:%M} UTC"
        seconds = int(card.expires_at.timestamp())
        words.append(f"Expires <!date^{seconds}^{{date_short_pretty}} at {{time}}|{fallback}>")
    words.append(_NOT_A_NAME.sub(" ", card.proposal)[:60])
    draw.add({"type": "context", "elements": [text.mrkdwn(" · ".join(words))]})
