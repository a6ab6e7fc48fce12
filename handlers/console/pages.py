"""Drawing: templates in which every word from elsewhere is inert, and answers made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.card import STATE_WORDS
from bot.plain_text import clean
from handlers.console.asking import Visitor, line

STATIC_TYPES: Final = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def from_htmx(request: Request) -> bool:
    """Whether a script of ours asks for a piece of a page, and not a person for the page."""
    return request.headers.get("hx-request") == "true"


def page(
    request: Request,
    template: str,
    visitor: Visitor | None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """A whole page, or, for a template that is a piece of one, the piece."""
    html = (
        environment()
        .get_template(template)
        .render(
            visitor=visitor,
            here=request.url.path,
            **values,
        )
    )
    return HTMLResponse(html, status, headers=dict(headers or {}))


def message(
    request: Request,
    visitor: Visitor | None,
    status: int,
    title: str,
    words: str,
    *,
    link: tuple[str, str] | None = None,
) -> Response:
    """A page that says what is wrong and what to do; for a script, a line that says it."""
    link = link or (("/console", "To the inbox") if visitor else ("/console/login", "Sign in"))
    if from_htmx(request):
        return said(request, f"{title}. {words}", status=status, bad=True)
    return page(request, "message.html", visitor, status, title=title, words=words, link=link)


def said(
    request: Request,
    words: str,
    *,
    status: int = 200,
    bad: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One line for the person who pressed something, where the page tells such lines."""
    # What is wrong with a form that is open stands in it: it covers the rest of the page.
    at_form = bad and "sheet" in request.headers.get("hx-target", "")
    where = "#sheet-said" if at_form else "#said"
    to_line = {"HX-Retarget": where, "HX-Reswap": "innerHTML", **(headers or {})}
    return page(request, "_said.html", None, status, headers=to_line, words=words, bad=bad)


@cache
def static(name: str) -> tuple[bytes, str, str]:
    """A static file: its bytes, its type, and a name for exactly these bytes."""
    body = files("handlers.console").joinpath("static", name).read_bytes()
    return body, STATIC_TYPES[name], hashlib.sha256(body).hexdigest()[:12]


@cache
def environment() -> Environment:
    """The templates. Autoescaping is on everywhere, and what no reader sees is taken out of every
    text that is drawn."""
    made = Environment(
        loader=PackageLoader("handlers.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "line": line,
        "age": age,
        "when": when,
        "usd": usd,
        "figure": figure,
        "seconds": seconds,
    }
    made.globals |= {"asset": _asset, "state_words": STATE_WORDS}
    return made


def _seen(value: Any) -> Any:
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return clean(value)


def _asset(name: str) -> str:
    return f"/console/static/{name}?v={static(name)[2]}"


# --- words for figures ------------------------------------------------------------------------


def age(given: float | None) -> str:
    """A span in the largest unit that fits: ``4 min``."""
    if given is None:
        return "–"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if given >= size:
            return f"{given / size:.0f} {unit}"
    return f"{max(given, 0):.0f} s"


def seconds(given: float | None) -> str:
    """A measured time: three digits that say something."""
    if given is None:
        return "–"
    if given < 1:
        return f"{given * 1000:.0f} ms"
    if given < 100:
        return f"{given:.1f} s"
    return age(given)


def when(moment: datetime | None) -> Markup:
    """A time that a script may put into the reader's own zone; without one, UTC."""
    if moment is None:
        return Markup("–")
    at = moment.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), f"{at:%Y-%m-%d %H:%M} UTC"
    )


def usd(given: Any) -> str:
    """Dollars: cents where there are some, else as many digits as say something."""
    if given is None:
        return "no limit"
    amount = float(given)
    if amount and abs(amount) < 0.01:
        return f"${amount:.5f}".rstrip("0")
    return f"${amount:,.2f}" if abs(amount) >= 0.1 or not amount else f"${amount:.4f}"


def figure(given: Any) -> str:
    """A count with its thousands apart; a dash for what was not measured."""
    if given is None:
        return "–"
    return f"{given:,}" if isinstance(given, int) else f"{given:,.2f}"
