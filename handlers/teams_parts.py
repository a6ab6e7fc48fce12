"""The parts of a card as Adaptive Card elements, each within the room it is given.

Text from outside stands in text runs alone (see ``handlers.teams_inert``).
"""

from __future__ import annotations

from itertools import chain, starmap
from typing import Any, Final, Literal, assert_never

from bot.card import STATE_WORDS, ActionView, CardView, DraftPart, HandoffView, HitView, Words
from bot.domain import Citation, State
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
from handlers.inert import cut, is_plain_url, one_line
from handlers.teams_inert import Json, bold, heading, line, link, person, runs, trusted

Color = Literal["Default", "Accent", "Good", "Warning", "Attention"]
_COLORS: Final[dict[State, Color]] = {
    "drafting": "Default",
    "handoff": "Warning",
    "pending": "Accent",
    "approved": "Good",
    "executing": "Accent",
    "succeeded": "Good",
    "failed": "Attention",
    "unknown": "Warning",
    "rejected": "Default",
    "expired": "Default",
    "superseded": "Default",
    "answered": "Good",
}
_FOLDED: Final = 600
"""Characters of the customer's words that stand there before *Show more*."""


def container(items: list[Json], **block: Any) -> Json:
    """Elements that stand together."""
    return {"type": "Container", "items": items, **block}


def first(draw: Drawing, words: Words | None) -> None:
    """Before everything else: that a click came late, and who decided."""
    if words:
        draw.add(container([line(words_of(draw, words, weight="Bolder"))], style="warning"))


def header(draw: Drawing, card: CardView) -> None:
    """The intent in one line, then the state in words."""
    headline, _ = cut(one_line(card.headline), 150)
    draw.add(line(runs(headline or "–", weight="Bolder", size="Large")))
    words = f"{STATE_SIGNS[card.state]} {STATE_WORDS[card.state]}"
    if card.revision > 1:
        words += f" · revision {card.revision}"
    state = trusted(words, weight="Bolder", color=_COLORS[card.state], spacing="Small")
    draw.add(state)


def outcome(draw: Drawing, card: CardView) -> None:
    """Who decided, when, what happened; and the way to a successor."""
    lines = lines_of(draw, card.outcome)
    if card.successor_url and is_plain_url(card.successor_url):
        # Our own card's address, from the surface itself: here alone a link has other words.
        lines.append(line([link(card.successor_url, "Open the newer card")]))
    if lines:
        draw.add(container(_close(lines), spacing="Small"))


def notices(draw: Drawing, card: CardView) -> None:
    """What somebody should read before deciding."""
    lines = lines_of(draw, card.notices, sign="ℹ️ ")
    if lines:
        draw.add(container(_close(lines), style="warning"))


def handoff(draw: Drawing, shown: HandoffView | None) -> None:
    """Why a person is asked, what was tried and found, what is missing, who could take it."""
    if shown is None:
        return
    why = draw.fit_line(shown.words, draw.room.line) or shown.reason
    reason = one_line(shown.reason)[:60] or "–"
    items = [line(bold("Why a person is needed: "), runs(why), runs(f" ({reason})", isSubtle=True))]
    for title, found in (
        ("Tried", shown.tried), ("Found", shown.found), ("Missing", shown.missing)
    ):  # fmt: skip
        if not found:
            continue
        count = draw.most(len(found), draw.room.lines)
        items.append(trusted(title, weight="Bolder", spacing="Small"))
        items += [_bullet(runs(draw.fit_line(one, draw.room.line))) for one in found[:count]]
        items += _more(len(found) - count)
    if shown.who:
        who = words_of(draw, shown.who, weight="Default")
        items.append(line(bold("Who could take it: "), who, spacing="Small"))
    draw.add(container(items, spacing="Medium"))


def facts(draw: Drawing, card: CardView) -> None:
    """Labels; route, priority and confidence; and why. Of a lead there is only why."""
    if card.lead is not None:
        if card.why.strip():
            draw.add(line(runs(draw.fit_line(card.why, draw.room.why), isSubtle=True)))
        return
    if not (card.labels or card.priority or card.confidence):
        return
    rest = [("Route", card.route), ("Priority", card.priority or "none")]
    if card.confidence:
        rest.append(("Confidence", f"{DOTS.get(card.confidence, '')} {card.confidence}"))
    row: list[Json] = []
    for name, value in rest:
        gap = "  ·  " if row else ""
        row += [*runs(f"{gap}{name}  ", isSubtle=True), *bold(draw.fit_line(value, 100) or "–")]
    items = [
        line(runs("Labels  ", isSubtle=True), bold(labels_of(draw, card.labels))),
        line(row, spacing="Small"),
    ]
    if card.why.strip():
        why = draw.fit_line(card.why, draw.room.why)
        items.append(line(runs(f"Why: {why}", isSubtle=True), spacing="Small"))
    draw.add(container(items, spacing="Medium"))


def customer(draw: Drawing, card: CardView) -> None:
    """The customer's own words as a quotation, with who they are and where they stand."""
    head = [*bold(author_of(card)), *runs(" wrote")]
    if card.subject.strip():
        head += [*runs(": "), *runs(draw.fit_line(card.subject, 200), italic=True)]
    words = draw.fit(card.quote, draw.room.quote).strip() or "(no text)"
    items = [line(head), *_folded(words)]
    tail: list[Json] = []
    if card.files:
        tail.append(line(runs(files_of(draw, card), isSubtle=True), spacing="Small"))
    if card.ticket_url and is_plain_url(card.ticket_url):
        tail.append(line([link(card.ticket_url)], spacing="Small"))
    draw.add(container(items + tail, style="emphasis", spacing="Medium"))


def draft(draw: Drawing, card: CardView) -> None:
    """The reply, word for word, with unsupported passages marked."""
    shown = fitted_draft(draw, card)
    if shown is None:
        return
    title = shown.title
    if shown.length is not None:
        title += f" · the beginning of {shown.length:,} characters"
    words = line(_marked(shown.parts) or runs("(empty)"))
    items = [heading(title), container([words], style="accent")]
    if shown.warning:
        name = runs("Unsupported", highlight=True)
        items.append(line(runs("⚠️ "), name, runs(shown.warning), spacing="Small"))
    draw.add(container(items, spacing="Medium"))


def screen(draw: Drawing, card: CardView) -> None:
    """What the screen found: a line each, with the passage."""
    if not card.hits or card.state in VOID:
        return
    shown = draw.most(len(card.hits), max(draw.room.lines, 2))
    items = [line(_hit(draw, hit)) for hit in card.hits[:shown]]
    draw.add(container(items + _more(len(card.hits) - shown), style="attention", spacing="Small"))


def _hit(draw: Drawing, hit: HitView) -> list[Json]:
    shown = hit_of(draw, hit)
    return [
        *runs("🛑 "),
        *bold(shown.name),
        *runs(f"{shown.where}: "),
        *runs(shown.passage, highlight=True),
        *runs(shown.hint, italic=True),
    ]


def citations(draw: Drawing, card: CardView) -> None:
    """Sources with their quotes; an unsupported one struck through and named so."""
    cited = card.citations
    if not cited or card.state in VOID:
        return
    shown = draw.most(len(cited), draw.room.citations)
    items = [heading("Sources")]
    items += [_bullet(_citation(draw, one)) for one in cited[:shown]]
    draw.add(container(items + _more(len(cited) - shown), spacing="Medium"))


def actions(draw: Drawing, card: CardView) -> None:
    """What an approval sets off, exactly: tool, target and arguments; or what became of it."""
    if card.state in VOID and not any(action.status for action in card.actions):
        return
    if not card.actions:
        if card.state == "pending":
            draw.add(trusted(nothing_follows(card), isSubtle=True))
        return
    shown = draw.most(len(card.actions), draw.room.actions)
    items = [heading("Actions" if card.state in DECIDED else "On approval")]
    for action in card.actions[:shown]:
        items.append(_bullet(_action(draw, action)))
        fields = draw.most(len(action.args), draw.room.fields)
        args = [_argument(draw, name, value) for name, value in action.args[:fields]]
        if args:
            items.append(_indented(args))
    draw.add(container(items + _more(len(card.actions) - shown), spacing="Medium"))


def changes(draw: Drawing, card: CardView) -> None:
    """What the last edit changed: what went is struck through, what came is bold."""
    if not card.changes:
        return
    shown = draw.most(len(card.changes), draw.room.changes)
    items = [heading("Changed")]
    for change in card.changes[:shown]:
        name, pieces = change_of(draw, change)
        difference = chain.from_iterable(starmap(_changed, pieces))
        items.append(_bullet([*runs(name, isSubtle=True), *difference]))
    draw.add(container(items + _more(len(card.changes) - shown), spacing="Medium"))


def footer(draw: Drawing, card: CardView) -> None:
    """Expiry in the reader's own time zone; model, cost and the proposal's id."""
    words = [one_line(card.model)[:100], cost(card.cost_usd)] if card.model else []
    words.append(one_line(card.proposal)[:60])
    small: Json = {"isSubtle": True, "size": "Small"}
    items = [line(runs(" · ".join(words), **small), spacing="None")]
    if card.expires_at is not None:
        at = f"{card.expires_at:%Y-%m-%dT%H:%M:%SZ}"
        items.insert(0, trusted(f"Expires {{{{DATE({at},SHORT)}}}} at {{{{TIME({at})}}}}", **small))
    draw.add(container(items, separator=True, spacing="Medium"))


# --- pieces -----------------------------------------------------------------------------------


def lines_of(draw: Drawing, lines: tuple[Words, ...], sign: str = "") -> list[Json]:
    """Lines of words, each a block of its own."""
    shown = draw.most(len(lines), draw.room.lines)
    made = [line(runs(sign), words_of(draw, one)) for one in lines[:shown]]
    return made + _more(len(lines) - shown)


def words_of(draw: Drawing, words: Words, **style: Any) -> list[Json]:
    """A line of words as runs, persons by name."""
    made: list[Json] = []
    left = draw.room.line
    for part in words:
        if left <= 0:
            draw.shortened = True
            return [*made, *runs("…", **style)]
        if isinstance(part, str):
            shown = draw.fit(part, left)
            made += runs(shown, linked=True, **style)
        else:
            shown = person(part)
            made += runs(shown, **{"weight": "Bolder", **style})
        left -= len(shown)
    return made


def _close(lines: list[Json]) -> list[Json]:
    return [lines[0], *({**one, "spacing": "Small"} for one in lines[1:])] if lines else []


def _bullet(inlines: list[Json]) -> Json:
    return line(runs("• "), inlines or runs("–"), spacing="Small")


def _more(missing: int) -> list[Json]:
    if missing <= 0:
        return []
    return [line(runs(f"and {missing} more", italic=True), spacing="Small")]


def _folded(words: str) -> list[Json]:
    """Long words folded after their beginning; *Show more* opens the rest in place."""
    if len(words) <= _FOLDED * 4 // 3:
        return [line(runs(words))]
    at = words.rfind(" ", 0, _FOLDED)
    at = at if at > _FOLDED // 2 else _FOLDED
    ids = ("quote.rest", "quote.more", "quote.less")

    def fold(ident: str, title: str, visible: bool) -> Json:
        toggle = {"type": "Action.ToggleVisibility", "title": title, "targetElements": list(ids)}
        return {"type": "ActionSet", "id": ident, "isVisible": visible, "actions": [toggle]}

    return [
        line(runs(words[:at])),
        line(runs(words[at:].lstrip(" ")), id=ids[0], isVisible=False, spacing="None"),
        fold(ids[1], "Show more", True),
        fold(ids[2], "Show less", False),
    ]


def _marked(parts: list[DraftPart]) -> list[Json]:
    made: list[Json] = []
    for part in parts:
        match part.kind:
            case "":
                made += runs(part.text, linked=True)
            case "sentence" | "value":
                made += runs(part.text, highlight=True)
            case "hit":
                made += bold(part.text, highlight=True, color="Attention")
            case _:
                assert_never(part.kind)
    return made


def _citation(draw: Drawing, citation: Citation) -> list[Json]:
    title, quote, url = source_of(draw, citation)
    words = f" {quote}"
    if citation.supported:
        made = [*bold(title), *runs(words)]
    else:
        made = [
            *bold(title, strikethrough=True),
            *runs(words, strikethrough=True),
            *bold(" unsupported", color="Attention"),
            *runs(": not found in this article"),
        ]
    return [*made, *runs(" "), link(url)] if url else made


def _action(draw: Drawing, action: ActionView) -> list[Json]:
    struck = {} if action.included else {"strikethrough": True}
    made = bold(one_line(action.tool)[:80] or "–")
    made += [*runs(" → "), *runs(draw.fit_line(action.target, 400), **struck)]
    if action.status:
        made += [*runs(" · "), *words_of(draw, action.status)]
    return made


def _argument(draw: Drawing, name: str, value: str) -> Json:
    title = draw.fit_line(name, 60) or "–"
    words = draw.fit(value, draw.room.field_value) or "(empty)"
    return line(bold(f"{title}: ", isSubtle=True), runs(words), spacing="None")


def _indented(items: list[Json]) -> Json:
    margin = {"type": "Column", "width": "20px", "items": []}
    rest = {"type": "Column", "width": "stretch", "items": items}
    return {"type": "ColumnSet", "columns": [margin, rest], "spacing": "None"}


def _changed(kind: Kind, words: str) -> list[Json]:
    match kind:
        case "same":
            return runs(words)
        case "removed":
            return runs(words, strikethrough=True, color="Attention")
        case "added":
            return bold(words, color="Good")
        case _:
            assert_never(kind)
