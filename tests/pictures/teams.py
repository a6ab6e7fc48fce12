"""Pictures of cards as a Teams client draws them, wide and narrow, to be looked at.

    python -m tests.pictures.teams FOLDER [NAME ...]

What it needs and where its packages go: see ``take``. Drawn by npm ``adaptivecards``, which is what
Teams' own clients stand on; the colours are ours, near to theirs.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from bot.card import STATE_WORDS
from bot.forms import ReasonForm
from handlers.figures import budget_lines
from handlers.teams_card import Forms, approver, asking_why, card_of, everybody
from handlers.teams_commands import lines_card
from handlers.teams_figures import figures_activity, lines_activity
from handlers.teams_inert import Json
from handlers.teams_whole import whole_activities
from tests.handlers.forms import edit_form, reject_form
from tests.pictures import figures, leads
from tests.pictures.samples import (
    DRAFT,
    EDITED,
    HANDOFF,
    LONG,
    PENDING,
    SAMPLES,
    agent,
)
from tests.pictures.take import HERE, browser, installed, take

WIDE, NARROW = 640, 344


@dataclass(frozen=True)
class Picture:
    """A card, how wide, and the buttons to press before it is taken."""

    card: Json
    width: int = WIDE
    press: tuple[str, ...] = ()


SAID: dict[str, list[str]] = {
    "help": [
        "status [24h|7d|30d] [playbook]: what waits, what was decided, what it costs",
        "queue [playbook]: what waits for a person or for money, oldest first",
        "pause [playbook]: tickets are kept, nothing runs or acts (managers)",
    ],
    "queue": [
        "p_3kq2vnxw5mza7drt: pending for 2h 14m, playbook support, route billing "
        "“I was charged TWICE for my Verdant Plus plan this month”",
        "p_7h2bqkzmw4ylc3fe: handoff for 41m, playbook support, route default, no_source "
        "“Can I pay by bank transfer from Iceland?”",
        "Expired, and nobody answered: 1",
    ],
    "show": [
        "p_3kq2vnxw5mza7drt: pending, revision 1",
        "ticket t_7h2bqkzmw4ylc3fe, playbook support, route billing",
        "I was charged TWICE for my Verdant Plus plan this month (2 x $49.00).",
        "Draft: Hello Dana, I am sorry that you were charged twice.",
    ],
    "trace": [
        "t_7h2bqkzmw4ylc3fe: $0.0142",
        "run r_5f3wq7d2kxm4zb6h  2 model calls, 4,812 tokens in, 311 out",
        "14:30:02 +0.0s  transition  drafting",
        "14:30:02 +0.4s  tool  search_kb “charged twice”",
        "14:30:05 +2.9s  model  claude-sonnet-5-5, end_turn, $0.0142",
    ],
    "tools": ["support: looks up search_kb, similar_tickets; acts, after approval, by send_reply"],
    "pause": ["You may not pause: only managers may."],
    "console": [
        "Your sign-in to the console: https://deskhand.example/console/enter#k3v5q2xw7m4bz6ha",
        "It works once, within two minutes. Do not pass it on.",
    ],
}
"""What ``agent …`` says, without markup."""


def pictures() -> dict[str, Picture]:
    """Pictures by their names."""
    forms = Forms(edit_form(reply=DRAFT), reject_form())
    late = (agent("Ana Agent"), " approved it a minute ago, so your edit came too late.")
    made = {name: Picture(card_of(everybody(card))) for name, card in SAMPLES.items()}
    made |= {
        "approver": Picture(card_of(approver(PENDING, forms))),
        "approver_edit": Picture(card_of(approver(PENDING, forms)), press=("Edit",)),
        "approver_reject": Picture(card_of(approver(PENDING, forms)), press=("Reject",)),
        "approver_edited": Picture(card_of(approver(EDITED, forms))),
        "approver_unknown": Picture(card_of(approver(SAMPLES["unknown"], Forms()))),
        "approver_failed": Picture(card_of(approver(SAMPLES["failed"], forms))),
        "approver_handoff": Picture(
            card_of(
                approver(HANDOFF, Forms(edit_form(reply="", approve_now=False), reject_form()))
            ),
            press=("Write reply",),
        ),
        "approver_long": Picture(card_of(approver(LONG, forms)), press=("Show more",)),
        "late": Picture(card_of(everybody(SAMPLES["approved"], first=late))),
        "narrow": Picture(card_of(approver(PENDING, forms)), NARROW),
        "narrow_edit": Picture(card_of(approver(PENDING, forms)), NARROW, ("Edit",)),
        "narrow_handoff": Picture(card_of(everybody(HANDOFF)), NARROW),
    }
    # Every state, those without a sample of their own as an approved one.
    shown = {card.state for card in SAMPLES.values()}
    for state in STATE_WORDS:
        if state not in shown:
            card = replace(SAMPLES["approved"], state=state)
            made[f"state_{state}"] = Picture(card_of(everybody(card)))
    found = tuple(hit.line for hit in SAMPLES["screened"].hits)
    why = ReasonForm(PENDING.proposal, 1, "token", found)
    made["approver_reason"] = Picture(card_of(asking_why(SAMPLES["screened"], why)))
    lead_forms = Forms(leads.form(), reject_form())
    made |= {
        "lead": Picture(card_of(everybody(leads.CARD))),
        "lead_edit": Picture(card_of(approver(leads.CARD, lead_forms)), press=("Edit",)),
        "lead_nothing": Picture(card_of(everybody(leads.NOTHING))),
        "lead_long": Picture(card_of(everybody(leads.long_card()))),
    }
    made |= {
        f"agent_{name}": Picture(card_of(lines_card(name, lines))) for name, lines in SAID.items()
    }
    made["status"] = Picture(card_of(figures_activity(figures.figures("24h"), figures.CHART)))
    made["budget"] = Picture(card_of(lines_activity("Budget", budget_lines(figures.BUDGET))))
    made["show_all"] = Picture(card_of(whole_activities(LONG)[0]))
    return made


def page(picture: Picture, packages: Path) -> str:
    """The card as an HTML page that draws it."""
    given = {"card": picture.card, "press": list(picture.press)}
    parts = {
        "WIDTH": str(picture.width),
        "MARKDOWN": _script(packages, "markdown-it/dist/markdown-it.min.js"),
        "RENDERER": _script(packages, "adaptivecards/dist/adaptivecards.min.js"),
        "GIVEN": json.dumps(given).replace("</", "<\\/"),
    }
    html = (HERE / "teams.html").read_text(encoding="utf-8")
    for name, text in parts.items():
        html = html.replace(f"@{name}@", text)
    return html


def _script(packages: Path, name: str) -> str:
    text = (packages / "node_modules" / name).read_text(encoding="utf-8")
    return text.replace("</script", "<\\/script")


def draw(picture: Picture, packages: Path, file: Path) -> str:
    """Take the picture; the answer is the page as it was drawn."""
    return take(page(picture, packages), file, picture.width + 24)


def main() -> None:
    """Draw the named pictures, or all."""
    parser = argparse.ArgumentParser(prog="tests.pictures.teams", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    browser()
    known = pictures()
    unknown = sorted(set(given.names) - set(known))
    if unknown:
        raise SystemExit(f"no such picture: {', '.join(unknown)}; there are {', '.join(known)}")
    folder = given.folder.resolve()
    packages = installed(folder)
    for name in given.names or known:
        file = folder / f"teams_{name}.png"
        draw(known[name], packages, file)
        sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    main()
