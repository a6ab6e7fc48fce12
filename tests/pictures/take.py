"""Pictures of cards as Slack draws them, to be looked at.

    python -m tests.pictures.take FOLDER [NAME ...]

Needs Node 18 or newer, npm and Chromium (Debian: ``apt-get install chromium nodejs npm``). The
packages of ``package.json`` are installed into ``FOLDER/node`` the first time. FOLDER lies outside
the repository: neither pictures nor packages belong into it.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from handlers.slack_blocks import card_message, plain_message, show_view
from handlers.slack_modals import Carried, edit_view
from tests.pictures import answers, figures, leads
from tests.pictures.samples import LONG, PENDING, SAMPLES

HERE = Path(__file__).parent
WIDTH = 760
DATA = {
    "users": [
        {"id": "U0AGENT", "name": "Alex Agent"},
        {"id": "U0AGENT2", "name": "Ana Agent"},
    ],
    "channels": [{"id": "C0SUPPORT", "name": "support"}],
    "user_groups": [],
}
_BROWSER = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--force-device-scale-factor=1",
)  # fmt: skip
_LEAST_HEIGHT = 240
"""In a lower window Chromium draws only a part of the page."""


def drawings() -> dict[str, list[dict[str, Any]]]:
    """Blocks by the picture's name."""
    cards = {name: card_message(card).blocks for name, card in SAMPLES.items()}
    others = {"plain": plain_message(PENDING).blocks, "show_all": show_view(LONG)["blocks"]}
    carried = Carried("token")
    about = {
        "lead": card_message(leads.CARD).blocks,
        "lead_nothing": card_message(leads.NOTHING).blocks,
        "lead_long": card_message(leads.long_card()).blocks,
        "lead_by_hand": card_message(leads.BY_HAND).blocks,
        "lead_form": edit_view(leads.form(), carried)["blocks"],
        "lead_hand_form": edit_view(leads.hand_form(), carried)["blocks"],
    }
    return cards | others | about | answers.drawings() | figures.drawings()


def browser() -> str:
    """The browser's command. Raises ``SystemExit`` with what to install."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if not found or not shutil.which("node") or not shutil.which("npm"):
        raise SystemExit("pictures need chromium, node and npm on PATH")
    return found


def installed(folder: Path) -> Path:
    """The folder with the Node packages, made the first time."""
    packages, wanted = folder / "node", HERE / "package.json"
    named = json.loads(wanted.read_text(encoding="utf-8"))["dependencies"]
    if not all((packages / "node_modules" / name).is_dir() for name in named):
        packages.mkdir(parents=True, exist_ok=True)
        shutil.copy(wanted, packages / "package.json")
        subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=packages, check=True)
    return packages


def page(blocks: list[dict[str, Any]], packages: Path) -> str:
    """Blocks as an HTML page."""
    given = json.dumps({"blocks": blocks, "data": DATA, "width": WIDTH - 60})
    done = subprocess.run(
        ["node", str(HERE / "render.mjs")],
        cwd=packages, input=given, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def take(html: str, picture: Path, width: int = WIDTH) -> str:
    """A screenshot of the page, as high as it is; the answer is the page after its scripts."""
    with tempfile.TemporaryDirectory() as profile:
        source = Path(profile) / "page.html"
        source.write_text(html, encoding="utf-8")

        def browse(height: int, what: str) -> str:
            done = subprocess.run(
                [browser(), *_BROWSER, f"--user-data-dir={profile}/p",
                 f"--window-size={width},{height}", what, source.as_uri()],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            return done.stdout

        dumped = browse(400, "--dump-dom")
        height = re.search(r'data-height="(\d+)"', dumped)
        if height is None:
            raise SystemExit("the page did not say how high it is")
        browse(max(int(height[1]), _LEAST_HEIGHT), f"--screenshot={picture}")
    return dumped


def main() -> None:
    """Draw the named pictures, or all."""
    parser = argparse.ArgumentParser(prog="tests.pictures.take", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    browser()
    known = drawings()
    unknown = sorted(set(given.names) - set(known))
    if unknown:
        raise SystemExit(f"no such picture: {', '.join(unknown)}; there are {', '.join(known)}")
    folder = given.folder.resolve()
    packages = installed(folder)
    for name in given.names or known:
        picture = folder / f"{name}.png"
        take(page(known[name], packages), picture)
        sys.stdout.write(f"{picture}\n")


if __name__ == "__main__":
    main()
