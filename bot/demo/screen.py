"""A card in the terminal. Drawing only; every text from outside is made inert first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from bot.card import STATE_WORDS, CardView, Who, Words, draft_parts
from bot.demo.desk import YOU
from bot.demo.lead_screen import lead_fields
from bot.domain import Citation, State
from bot.terminal_text import inert, inert_line

WIDEST = 100
NARROWEST = 40
"""In a narrower window the terminal folds a card's lines: ugly, and nothing of it is missing."""
_FORESEEABLE = timedelta(days=300)
"""What expires later than this does not expire for the person who looks."""

_STATE_STYLES: dict[State, str] = {
    "pending": "bold cyan",
    "handoff": "bold yellow",
    "succeeded": "bold green",
    "answered": "bold green",
    "rejected": "bold red",
    "failed": "bold red",
    "unknown": "bold yellow",
}
_PART_STYLES = {"": "", "hit": "reverse red"}
_CONFIDENCE_STYLES = {"high": "green", "medium": "yellow", "low": "red"}


def words_text(words: Words, style: str = "") -> Text:
    """A line with persons in it."""
    text = Text(style=style)
    for part in words:
        if isinstance(part, Who):
            name = "You" if part.actor == YOU else inert_line(part.name) or part.actor.id
            text.append(name, style="bold")
        else:
            text.append(inert(part))
    return text


def money(usd: Decimal) -> str:
    """Dollars, to a tenth of a cent where that says anything."""
    return f"${usd:.4f}" if 0 < usd < Decimal("0.1") else f"${usd:.2f}"


def show_card(console: Console, card: CardView, place: str) -> None:
    """Print a card. ``place`` stands in the rule above it, as in ``3 of 36``."""
    if console.width < NARROWEST:
        console = Console(
            file=console.file,
            width=NARROWEST,
            force_terminal=console.is_terminal,
            markup=False,
            emoji=False,
            highlight=False,
        )
    width = min(console.width, WIDEST)
    for part in _parts(card, place):
        console.print(part, width=width)


def show_outcome(console: Console, card: CardView) -> None:
    """Print what a decision came to: who, what happened, the receipt."""
    style = _STATE_STYLES.get(card.state, "bold")
    line = Text("  ").append(STATE_WORDS[card.state], style=style)
    console.print(line)
    for words in card.outcome:
        console.print(Padding(words_text(words), (0, 0, 0, 2)), soft_wrap=True)
    for action in card.actions:
        if action.included and action.status:
            status = Text(f"  {inert_line(action.tool)}: ").append_text(words_text(action.status))
            console.print(status, soft_wrap=True)


def _parts(card: CardView, place: str) -> Sequence[RenderableType]:
    parts: list[RenderableType] = [Text(), Rule(Text(place, style="dim"), style="dim"), _head(card)]
    parts += [Padding(words_text(words, "yellow"), (0, 2)) for words in card.notices]
    parts.append(_facts(card))
    parts.append(_quote(card))
    if card.handoff is not None:
        parts.append(_handoff(card))
    if card.draft is not None:
        parts.append(_panel("Draft reply", _draft(card), "cyan"))
    elif card.lead is not None:
        parts.append(_panel("Fields for the CRM", lead_fields(card.lead), "cyan"))
    elif card.state == "pending":
        parts.append(Padding(Text("No reply: this asks for nothing.", style="italic"), (0, 2)))
    if card.hits:
        parts.append(_hits(card))
    if card.changes:
        parts.append(_changes(card))
    if card.citations:
        parts.append(_sources(card.citations))
    parts.append(_actions(card))
    parts.append(_foot(card))
    return parts


def _head(card: CardView) -> RenderableType:
    line = Table.grid(expand=True, padding=(0, 2))
    line.add_column(ratio=1, overflow="fold")
    line.add_column(justify="right", no_wrap=True)
    state = Text(STATE_WORDS[card.state], style=_STATE_STYLES.get(card.state, "bold"))
    line.add_row(Text(inert_line(card.headline), style="bold"), state)
    return Padding(line, (0, 2))


def _facts(card: CardView) -> RenderableType:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    if card.lead is None:
        facts.add_row("Labels", Text(", ".join(map(inert_line, card.labels)) or "none"))
        where = inert_line(card.route)
        if card.priority:
            where += f", priority {inert_line(card.priority)}"
        facts.add_row("Route", Text(where))
    if card.confidence:
        sure = Text(card.confidence, style=_CONFIDENCE_STYLES.get(card.confidence, ""))
        facts.add_row("Sure", sure.append(f"  {inert_line(card.why)}" if card.why else "", "dim"))
    return Padding(facts, (0, 2))


def _panel(title: str, body: RenderableType, style: str) -> Panel:
    return Panel(
        body,
        title=Text(title, style="bold"),
        title_align="left",
        border_style=style,
        box=box.ROUNDED,
        padding=(0, 1),
    )


def _quote(card: CardView) -> RenderableType:
    author = inert_line(card.author.name) or "The customer"
    body = Text()
    if card.subject:
        body.append(inert_line(card.subject) + "\n\n", style="bold")
    body.append(inert(card.quote).strip("\n"))
    if card.files:
        names = ", ".join(map(inert_line, card.files))
        body.append(f"\n\nNot read: {names}", style="yellow")
    return _panel(f"{author} wrote", body, "dim")


def _draft(card: CardView) -> Text:
    """The draft with what is unsupported, and what the screen found, marked where it stands."""
    text = Text()
    for part in draft_parts(card.draft or "", card.unsupported, card.hits):
        text.append(inert(part.text), style=_PART_STYLES.get(part.kind, "underline yellow"))
    if card.unsupported:
        text.append("\n\nUnderlined: no source says so.", style="yellow")
    return text


def _hits(card: CardView) -> RenderableType:
    """What the screen found, a line each."""
    lines = []
    for hit in card.hits:
        line = Text(f"Screen: {inert_line(hit.name)}", style="bold red")
        where = f" in {inert_line(hit.where)}" if hit.where else ""
        line.append(f"{where}: ", style="not bold").append(inert_line(hit.text), style="reverse")
        line.append(f"  {inert_line(hit.hint)}" if hit.hint else "", style="not bold not red dim")
        lines.append(line)
    return Padding(Group(*lines), (0, 2))


def _sources(citations: Sequence[Citation]) -> RenderableType:
    """Each article once, with the quotes that the draft rests on."""
    lines: list[RenderableType] = [Text("Sources", style="bold")]
    articles = list(dict.fromkeys((each.article, each.title) for each in citations))
    for number, (article, title) in enumerate(articles, start=1):
        lines.append(Text(f"{number}. {inert_line(title)} ({inert_line(article)})"))
        for citation in citations:
            if (citation.article, citation.title) != (article, title):
                continue
            quote = Text(f"“{inert_line(citation.quote)}”", style="italic")
            if not citation.supported:
                quote.stylize("strike dim")
                quote.append("  not found there", style="not strike not dim yellow")
            lines.append(Padding(quote, (0, 0, 0, 3)))
    return Padding(Group(*lines), (0, 2))


def _changes(card: CardView) -> RenderableType:
    lines = [Text("Changed", style="bold")]
    for change in card.changes:
        if change.field == "reply":
            lines.append(Text("reply: see the draft above"))
            continue
        line = Text(f"{inert_line(change.field)}: ")
        line.append(inert_line(change.before) or "none", style="strike dim")
        line.append(" → ").append(inert_line(change.after) or "none", style="green")
        lines.append(line)
    return Padding(Group(*lines), (0, 2))


def _handoff(card: CardView) -> RenderableType:
    handoff = card.handoff
    if handoff is None:
        return Text()
    body = Table.grid(padding=(0, 2))
    body.add_column(style="dim", no_wrap=True)
    body.add_column(overflow="fold")
    body.add_row("Why", Text(inert(handoff.words)))
    for name, entries in (
        ("Tried", handoff.tried),
        ("Found", handoff.found),
        ("Missing", handoff.missing),
    ):
        if entries:
            body.add_row(name, Text("\n".join(map(inert_line, entries))))
    return _panel("A person is needed", body, "yellow")


def _actions(card: CardView) -> RenderableType:
    if not card.actions:
        return Group()
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    for action in card.actions:
        name = "On approval" if action.included else "Left out"
        line = Text(inert_line(action.tool), style="bold" if action.included else "strike dim")
        line.append(f"  to {inert_line(action.target)}", style="not bold")
        rows.add_row(name, line)
        for field, value in action.args:
            rows.add_row("", Text(f"{inert_line(field)}: {inert(value)}"))
        if action.status:
            rows.add_row("", words_text(action.status))
    return Padding(rows, (0, 2))


def _foot(card: CardView) -> RenderableType:
    parts = [inert_line(card.model) or "no model", money(card.cost_usd)]
    if card.expires_at is not None and card.expires_at - datetime.now(UTC) < _FORESEEABLE:
        parts.append(f"expires {card.expires_at.astimezone():%d %b %H:%M}")
    if card.ticket_url:
        parts.append(inert_line(card.ticket_url))
    return Padding(Text(" · ".join(parts), style="dim"), (0, 2))
