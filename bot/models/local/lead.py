"""The local model on a lead: the same pages and records, read without a language model.

It looks up what a person would open first (the site, its about, contact and news pages), and
answers with the facts that stand there in plain forms, each with its quote. It judges nothing:
*fit* and *next step* are left to people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from bot.models.local.lead_facts import Fact, facts_in
from bot.models.local.lead_person import person_facts
from bot.playbook import Playbook
from bot.ports import Prompt, ToolCall
from tools.crm.records import FIELDS
from tools.spec import ReadText

_PAGES = (
    re.compile(r"about|company|unternehmen|ueber|über|who-we-are|a-propos|profile|profil"),
    re.compile(r"contact|kontakt|imprint|impressum|legal-notice|mentions"),
    re.compile(r"team|people|leadership|management|staff"),
    re.compile(r"news|press|aktuell|blog|media|presse"),
)
"""Which links are opened, a page of each kind, in this order."""

_UNASKED = frozenset({"person", "role", "email", "phone", "domain", "fit", "next_step"})
"""Fields of which nobody is told that they were not found."""


@dataclass(frozen=True)
class LeadBrain:
    """``bot.models.local.model.Worker`` of one lead playbook."""

    playbook: Playbook

    def calls(self, prompt: Prompt) -> tuple[ToolCall, ...]:
        """What to look up next; nothing where enough is read."""
        tools = {tool.name for tool in prompt.toolbox}
        given, asked = _given(prompt), _asked(prompt)
        domain = given.get("domain", "")
        wanted: list[tuple[str, dict[str, Any]]] = []
        if not prompt.turns:
            first = given.get("page") or domain
            wanted = [
                ("fetch_page", {"url": first}),
                ("find_in_crm", {"query": given.get("email") or domain}),
                ("company_records", {}),
            ]
        elif "fetch_page" in tools:
            room = self.playbook.fetch_pages - len(asked)
            more = _more_pages(list(_read(prompt)), asked)
            wanted = [("fetch_page", {"url": url}) for url in more[: max(0, room)]]
        return tuple(
            ToolCall(f"local_{len(prompt.turns)}_{number}", name, args)
            for number, (name, args) in enumerate(one for one in wanted if one[0] in tools)
        )

    def final(self, prompt: Prompt) -> dict[str, Any]:
        """The final answer, as the schema asks for it."""
        given = _given(prompt)
        domain = given.get("domain", "")
        pages = [one for one in _read(prompt) if "://" in one.ident]
        facts = [fact for page in pages for fact in facts_in(page, domain)]
        if "person" in given or "email" in given:
            name = _person_named(prompt) if "person" in given else None
            facts += person_facts(pages, given.get("email"), name, domain)
        best: dict[str, Fact] = {}
        for fact in facts:
            kept = best.get(fact.field)
            if kept is None or _better(fact, kept):
                best[fact.field] = fact
        found = [best[name] for name in FIELDS if name in best]
        absent = [name for name in FIELDS if name not in best and name not in _UNASKED]
        answer: dict[str, Any] = {
            "fields": [
                {
                    "field": fact.field,
                    "value": fact.value,
                    "source": fact.source,
                    "quote": fact.quote,
                    "confidence": fact.confidence,
                }
                for fact in found
            ],
            "reason": f"{len(found)} fields stand in plain words on {len(pages)} pages."
            if found
            else "",
            "missing": [f"Not found on its pages: {', '.join(absent)}."] if absent else [],
        }
        if prompt.schema is not None and "outreach" in prompt.schema.get("properties", {}):
            answer["outreach"] = _outreach(best)
        return answer


def _given(prompt: Prompt) -> dict[str, str]:
    """What our own lines above the lead say."""
    given: dict[str, str] = {}
    names = {
        "Given domain": "domain",
        "Given page, to be fetched first": "page",
        "Given e-mail address": "email",
        "Asked for": "person",
    }
    for line in prompt.ticket_text.split("\n"):
        if not line:
            break
        name, _, value = line.partition(": ")
        if name in names:
            given[names[name]] = value
    return given


def _asked(prompt: Prompt) -> list[str]:
    calls = [result.call for turn in prompt.turns for result in turn.results]
    return [str(call.args.get("url")) for call in calls if call.name == "fetch_page"]


def _read(prompt: Prompt) -> Iterator[ReadText]:
    for turn in prompt.turns:
        for result in turn.results:
            if result.findings is not None:
                yield from result.findings.read


def _more_pages(read: Iterable[ReadText], asked: Iterable[str]) -> list[str]:
    """Links to a page of each kind that is not read yet."""
    pages = [one for one in read if "://" in one.ident]
    known = {_bare(one.ident) for one in pages} | {_bare(url) for url in asked}
    links = [link for page in pages for link in page.links if _bare(link) not in known]
    chosen: list[str] = []
    for kind in _PAGES:
        if any(kind.search(_path(one.ident)) for one in pages):
            continue
        fitting = [link for link in links if kind.search(_path(link)) and link not in chosen]
        chosen += sorted(fitting, key=lambda link: (_path(link).count("/"), len(link)))[:1]
    return chosen


def _path(url: str) -> str:
    return unquote(urlsplit(url).path).casefold()


def _bare(url: str) -> str:
    return re.sub(r"\Ahttps?://(?:www\.)?", "", url).rstrip("/").casefold()


_ORDER = {"high": 2, "medium": 1, "low": 0}


def _better(fact: Fact, kept: Fact) -> bool:
    """The surer of two; of equals the first, which stands on the earlier page."""
    return _ORDER[fact.confidence] > _ORDER[kept.confidence]


def _person_named(prompt: Prompt) -> str | None:
    """The name of ``NAME at COMPANY``, in the lead's own line."""
    found = re.match(r"\s*(?:enrich\s+)?([^\n@]{2,80}?)\s+at\s+", prompt.ticket.body, re.IGNORECASE)
    return found[1].strip() if found is not None else None


def _outreach(best: dict[str, Fact]) -> dict[str, str] | None:
    """A first e-mail that says no more than the company's own words; None: to nobody."""
    to = best.get("email") or best.get("contacts")
    summary = best.get("summary")
    if to is None or summary is None or "@" not in to.value:
        return None
    name = best["name"].value if "name" in best else "your company"
    person = best.get("person")
    greeting = f"Hello {person.value}," if person is not None else "Hello,"
    text = (
        f"{greeting}\n\non your site I read: “{summary.value}” "
        f"I would like to learn more about how {name} works today, and to show you what we do.\n\n"
        "Would a short call next week suit you?\n\nBest regards"
    )
    return {"to": to.value.partition(", ")[0], "subject": f"A question about {name}", "text": text}
