"""Microsoft's Agents Playground in front of the product: its own program, its own page.

One person sits before it. That they can be the customer first and then the one who decides, a door
between it and Deskhand gives what they do another person's name while ``Door.speaker`` says so; all
else passes as it comes, both ways. Everything is on loopback (``loopback.cjs``), without telemetry.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import yaml
from aiohttp import web

from tests.standins.wire import Feed, Signal, serving

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "playground"
"""The files of docs/teams.md, which a newcomer starts with."""
_DONE_BY_SOMEBODY = ("message", "invoke")
_START_SECONDS = 30
_ANSWER_SECONDS = 20


@dataclass(frozen=True)
class Person:
    """Somebody of the Playground's team."""

    id: str
    name: str
    oid: str


def person(name: str) -> Person:
    """Who has this name in the Playground's config."""
    config = yaml.safe_load((DOCS / ".m365agentsplayground.yml").read_text())
    (found,) = (one for one in (config["currentUser"], *config["users"]) if one["name"] == name)
    return Person(found["id"], name, found["aadObjectId"])


ALEX, DANA, MO = person("Alex Agent"), person("Dana Reyes"), person("Mo Manager")
"""Alex sits before it, and may approve. Mo is a manager."""


@dataclass
class Door:
    """What the Playground takes for the bot."""

    desk: str
    session: aiohttp.ClientSession
    speaker: Person = ALEX
    answered: Feed[dict[str, Any]] = field(default_factory=lambda: Feed("answered", Signal()))
    """Activities as Deskhand got them, once it has answered."""
    faults: list[str] = field(default_factory=list)
    """What Deskhand has refused."""

    async def messages(self, request: web.Request) -> web.Response:
        activity = await request.json()
        if activity["type"] in _DONE_BY_SOMEBODY:
            them = {"id": self.speaker.id, "aadObjectId": self.speaker.oid}
            activity["from"] = activity["from"] | them | {"name": self.speaker.name}
        async with self.session.post(f"{self.desk}/api/messages", json=activity) as answer:
            if answer.status >= 300:
                said = await answer.text()
                self.faults.append(f"{answer.status} to {activity['type']}: {said}")
            body = await answer.read()
        self.answered.push(activity)
        return web.Response(status=answer.status, body=body, content_type=answer.content_type)


@dataclass
class Playground:
    """A running one: where its page is, and the door behind it."""

    url: str
    door: Door


@asynccontextmanager
async def playground(packages: Path, folder: Path, desk: str) -> AsyncIterator[Playground]:
    """Start it with ``packages`` (a folder with ``node_modules``), in ``folder``, for the Deskhand
    at ``desk``."""
    node = _prepared(folder)
    async with aiohttp.ClientSession() as session:
        door = Door(desk, session)
        app = web.Application()
        app.router.add_post("/api/messages", door.messages)
        async with serving(app) as port:
            program = await asyncio.create_subprocess_exec(
                node, "--require", str(HERE / "loopback.cjs"),
                str(packages / "node_modules/@microsoft/m365agentsplayground/cli.js"),
                "start", "--app-endpoint", f"http://127.0.0.1:{port}/api/messages",
                "--channel-id", "msteams", "--port", "0", "--disable-telemetry",
                cwd=folder,
                env={"PATH": os.environ["PATH"], "HOME": str(folder),
                     "TEAMSAPPTESTER_BROWSER": "none"},
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                yield Playground(f"http://127.0.0.1:{await _port(program)}", door)
            finally:
                if program.returncode is None:
                    program.terminate()
                await program.communicate()


def _prepared(folder: Path) -> str:
    """Its working folder with its config; Node's command."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(DOCS / ".m365agentsplayground.yml", folder)
    node = shutil.which("node")
    assert node is not None, "needs Node (Debian: apt-get install nodejs)"
    return node


async def _port(program: asyncio.subprocess.Process) -> int:
    assert program.stdout is not None
    async with asyncio.timeout(_START_SECONDS):
        async for line in program.stdout:
            if line.startswith(b"Listening on "):
                return int(line.split()[-1])
    raise AssertionError("the Playground ended before it listened: is its config right?")


_STILL = """() => new Promise((done) => {
  let timer = setTimeout(done, 400);
  new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, 400); })
    .observe(document.body, { childList: true, subtree: true });
})"""


class Screen:
    """The Playground's page, as the person before it uses it."""

    def __init__(self, page: Page, door: Door, pictures: Path | None = None) -> None:
        self.page = page
        self._door = door
        self._pictures = pictures

    async def look(self, name: str) -> None:
        """A picture of what is to be seen now, where pictures are wanted."""
        await self.page.evaluate(_STILL)
        if self._pictures is not None:
            await self.page.screenshot(path=self._pictures / f"{name}.png")

    async def open(self, conversation: str) -> None:
        """``General``, ``Triage``, ``Helpers`` (the group chat) or ``Personal Chat``."""
        await self.page.get_by_role("treeitem").filter(has_text=conversation).click()
        in_channel = conversation in ("General", "Triage")
        empty = "Start a new post" if in_channel else "Type a message..."
        await self.page.get_by_text(empty).first.wait_for()

    async def write(self, text: str, *, to_us: bool = True, speaker: Person = ALEX) -> None:
        """Into the open conversation: a new post in a channel, a message in a chat. ``to_us``: with
        a mention of the bot, which is told of nothing else here but in the personal chat."""
        send = await self._typed(text, mention=to_us)
        async with self.answered(speaker):
            await send.click()

    async def murmur(self, text: str) -> None:
        """Write what the Playground does not tell the bot."""
        send = await self._typed(text, mention=False)
        await send.click()
        await self.said(text)

    async def _typed(self, text: str, *, mention: bool) -> Locator:
        """The button that sends what has been typed."""
        page = self.page
        await page.locator("[role=textbox][data-lexical-editor=true]").first.click()
        if mention:
            await page.keyboard.type("@")
            named = page.get_by_role("menuitem").or_(page.get_by_role("option"))
            await named.filter(has_text="Deskhand").click()
            await page.keyboard.type(" ")
        await page.keyboard.type(text)
        send = page.get_by_role("button", name="Post", exact=True)
        return send.or_(page.get_by_role("button", name="Send Message")).first

    async def card(self, *words: str) -> Locator:
        """The card with all these words in the open conversation, once it is there."""
        found = self.page.locator(".ac-preview-panel")
        for one in words:
            found = found.filter(has_text=one)
        await found.first.wait_for()
        return found.first

    async def said(self, words: str) -> Locator:
        """The messages with these words in the open conversation, once there is one."""
        found = self.page.locator(f"span:text({json.dumps(words)})")
        await found.first.wait_for()
        return found

    async def press(self, card: Locator, button: str, *, speaker: Person = ALEX) -> None:
        """Press what asks Deskhand, the innermost such button, and wait until the page has drawn
        the answer: it does so more than once, and folds forms each time."""
        async with self.answered(speaker):
            await card.get_by_role("button", name=button, exact=True).last.click()
        await self.page.evaluate(_STILL)

    async def unfold(self, card: Locator, button: str) -> None:
        """Press what opens in the card itself, and does it at once."""
        await card.get_by_role("button", name=button, exact=True).click()

    async def choose(self, card: Locator, field_: str, option: str) -> None:
        """One of a form's choices."""
        await card.get_by_role("combobox", name=field_).click()
        await self.page.get_by_role("option", name=option, exact=True).click()

    @asynccontextmanager
    async def answered(self, speaker: Person) -> AsyncIterator[None]:
        """What is done here is this person's; it ends when Deskhand has answered it."""
        self._door.speaker = speaker
        since = len(self._door.answered)
        yield
        await self._door.answered.wait_for(
            lambda activity: activity["type"] in _DONE_BY_SOMEBODY,
            since=since,
            timeout=_ANSWER_SECONDS,
        )
        self._door.speaker = ALEX
