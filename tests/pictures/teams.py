"""Pictures of cards as a Teams client draws them, wide and narrow, to be looked at.

    python -m tests.pictures.teams FOLDER [NAME ...]

What it needs and where its packages go: see ``take``. Drawn by npm ``adaptivecards``, which is what
Teams' own clients stand on; the colours are ours, near to theirs.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from handlers.figures import budget_lines
from handlers.teams_card import Forms, approver, card_of, everybody
from handlers.teams_figures import figures_activity, lines_activity
from handlers.teams_inert import Json
from handlers.teams_whole import whole_activities
from tests.handlers.forms import edit_form, reject_form
from tests.pictures import figures
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
