"""Microsoft's own client in front of the product: the Agents Playground, used with mouse and keys.

What it cannot do stands in ``docs/teams.md``. With ``--pictures FOLDER`` each test leaves pictures
of what it saw, to be looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from bot.app import Running, running
from bot.config_file import load
from bot.settings import from_environment, named_secrets
from tests.e2e.conftest import window
from tests.e2e.playground import (
    DANA,
    DOCS,
    MO,
    Playground,
    Screen,
    playground,
)

if TYPE_CHECKING:
    from playwright.async_api import Browser, Route

pytestmark = pytest.mark.e2e

INVOICE = "Where do I find my invoices? I need them for my tax return."
PROBE = "The app shows a grey dot for my probe. How do I get it working again?"
PASSWORD = "I have forgotten my password, how do I set a new one?"


@dataclass
class Desk:
    """The product, the Playground before it, and its page."""

    product: Running
    playground: Playground
    screen: Screen


@asynccontextmanager
async def emulated(folder: Path, redis_url: str) -> AsyncIterator[Running]:
    """The product in emulator mode with the config of the docs, drafting by the local model."""
    variables = {
        "REDIS_URL": redis_url,
        "DESKHAND_SECRET": "a-secret-of-thirty-two-characters",
        "DESKHAND_DATA": str(folder / "data"),
    }
    file = load(DOCS / "deskhand.yaml", environment=variables)
    async with running(
        from_environment(variables),
        file,
        named_secrets(file.config, variables),
        host="127.0.0.1",
        port=0,
        teams_emulator=True,
    ) as product:
        yield product


@pytest.fixture
async def desk(
    tmp_path: Path,
    redis_url: str,
    packages: Path,
    chrome: Browser,
    pytestconfig: pytest.Config,
) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        product = await stack.enter_async_context(emulated(tmp_path, redis_url))
        there = await stack.enter_async_context(
            playground(packages, tmp_path / "playground", product.url)
        )
        look = {"viewport": {"width": 1280, "height": 1500}}
        context = await stack.enter_async_context(window(chrome, **look))
        await context.route(re.compile(r"^https?://(?!(localhost|127\.0\.0\.1)[:/])"), _refuse)
        page = await context.new_page()
        await page.goto(there.url)
        await page.get_by_title("Hide log panel").click()
        pictures = pytestconfig.getoption("--pictures", default=None)
        yield Desk(product, there, Screen(page, there.door, pictures))
        assert there.door.faults == []


async def _refuse(route: Route) -> None:
    """The page asks for fonts and pictures on the net."""
    await route.abort()


async def test_a_channel_ticket_is_edited_approved_and_answered_in_its_thread(desk: Desk) -> None:
    screen = desk.screen
    await screen.open("General")
    await screen.write(INVOICE, speaker=DANA)
    await screen.open("Triage")
    card = await screen.card(INVOICE, "Waiting for a decision")
    assert await screen.page.get_by_text("AI generated").is_visible()
    await screen.look("channel-1-card")

    await screen.press(card, "Decide", speaker=MO)
    # She manages, and is no approver: the card stays as it was.
    assert await card.get_by_role("button", name="Approve").count() == 0
    await screen.press(card, "Decide")
    await screen.unfold(card, "Edit")
    reply = card.get_by_role("textbox", name="Reply")
    assert "Settings" in await reply.input_value()
    await reply.fill("Hello Dana,\n\nunder *Settings*, then <b>Billing</b>.")
    await screen.choose(card, "Priority", "high")
    await screen.look("channel-2-edit")
    await screen.press(card, "Save")

    card = await screen.card(INVOICE, "Done · revision 2")
    said = await card.inner_text()
    assert "Edited and approved by Alex Agent" in said
    assert "under *Settings*, then <b>Billing</b>." in said
    assert await card.get_by_role("button", name=re.compile("Decide|Approve")).count() == 0
    await screen.look("channel-3-done")

    await screen.open("General")
    thread = screen.page.get_by_role("group").filter(has_text=INVOICE)
    answer = thread.get_by_text("under *Settings*, then <b>Billing</b>.")
    await answer.wait_for()
    assert await answer.count() == 1
    assert (await answer.text_content() or "").endswith("— Alex Agent")
    await screen.look("channel-4-thread")


async def test_a_group_chats_ticket_is_approved_and_answered_there(desk: Desk) -> None:
    screen = desk.screen
    await screen.open("Helpers")
    await screen.write(PROBE, speaker=DANA)
    await screen.open("Triage")
    card = await screen.card(PROBE)
    await screen.press(card, "Decide")
    await screen.look("group-1-approver")
    await screen.press(card, "Approve")
    await screen.card(PROBE, "Done", "Approved by Alex Agent")
    await screen.open("Helpers")
    answer = await screen.said("A probe gets a grey dot")
    assert await answer.count() == 1
    await screen.look("group-2-answer")


async def test_a_personal_chats_ticket_is_answered_and_its_reply_is_liked(desk: Desk) -> None:
    screen, page = desk.screen, desk.screen.page
    await screen.open("Personal Chat")
    await screen.write(PASSWORD, to_us=False, speaker=DANA)
    await screen.open("Triage")
    card = await screen.card(PASSWORD)
    await screen.press(card, "Decide")
    await screen.press(card, "Approve")
    await screen.card(PASSWORD, "Done")
    await screen.open("Personal Chat")
    await screen.said("Forgot password")
    await screen.look("personal-1-answer")
    await page.get_by_role("button", name=re.compile("like", re.IGNORECASE)).first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("textbox").fill("That was quick.")
    async with screen.answered(DANA):
        await dialog.get_by_role("button", name="Submit").click()
    liked = desk.playground.door.answered[-1]
    assert liked["name"] == "message/submitAction"
    # Teams says what is liked; the Playground does not, so nothing is kept of it.
    assert "replyToId" not in liked


async def test_a_draft_is_rejected_with_a_reason_and_nobody_is_answered(desk: Desk) -> None:
    screen = desk.screen
    await screen.open("General")
    await screen.write(INVOICE, speaker=DANA)
    await screen.open("Triage")
    card = await screen.card(INVOICE)
    await screen.press(card, "Decide")
    await screen.unfold(card, "Reject")
    await screen.choose(card, "Why", "Not a request")
    await card.get_by_role("textbox", name="In your words").fill("She has called meanwhile.")
    await screen.look("reject-1-form")
    await screen.press(card, "Reject")
    card = await screen.card("Rejected by Alex Agent")
    assert "Reason: not a request. She has called meanwhile." in await card.inner_text()
    await screen.look("reject-2-rejected")
    await screen.open("General")
    thread = screen.page.get_by_role("group").filter(has_text=INVOICE)
    assert await thread.get_by_text("Deskhand", exact=True).count() == 1  # her own mention of it


async def test_nobody_decides_on_their_own_words(desk: Desk) -> None:
    screen = desk.screen
    await screen.open("General")
    await screen.write(INVOICE)
    await screen.open("Triage")
    card = await screen.card(INVOICE)
    await screen.press(card, "Decide")
    assert await card.get_by_role("button", name="Approve").count() == 0


async def test_the_ticket_of_the_docs_is_answered_in_the_group_chat(desk: Desk) -> None:
    """``curl -d @ticket.json``, as docs/teams.md says."""
    screen = desk.screen
    ticket = json.loads((DOCS / "ticket.json").read_text())
    ticket["serviceUrl"] = f"{desk.playground.url}/_connector"
    address = f"{desk.product.url}/api/messages"
    async with aiohttp.ClientSession() as session, session.post(address, json=ticket) as answer:
        assert answer.status == 200
    await screen.open("Triage")
    card = await screen.card(ticket["text"], "Dana Reyes")
    await screen.press(card, "Decide")
    await screen.press(card, "Approve")
    await screen.card(ticket["text"], "Done")
    await screen.open("Helpers")
    await screen.said("Settings > Billing > Invoices")


async def test_a_message_is_triaged_by_the_action_in_its_menu(desk: Desk) -> None:
    screen, page = desk.screen, desk.screen.page
    await screen.open("General")
    await screen.murmur(INVOICE)
    await page.get_by_label("Show more information").first.click()
    await page.get_by_role("menuitem", name="Action Command").click()
    dialog = page.get_by_role("dialog")
    # The Playground reads no manifest: it is told the command, and that nothing is fetched first.
    await dialog.get_by_role("textbox").fill("deskhand.triage")
    await dialog.get_by_text("Static list of parameters").click()
    await dialog.get_by_role("button", name="Create").click()
    async with screen.answered(MO):
        await dialog.get_by_role("button", name="Submit").click()
    # An empty answer closes it in Teams; here somebody has to.
    await dialog.get_by_role("button", name="Close").click()
    await dialog.wait_for(state="hidden")
    await screen.open("Triage")
    card = await screen.card(INVOICE)
    await screen.press(card, "Decide")
    await screen.look("action-1-card")
    await screen.press(card, "Approve")
    await screen.card(INVOICE, "Done")
    await screen.open("General")
    thread = page.get_by_role("group").filter(has_text=INVOICE)
    await thread.get_by_text("Settings > Billing > Invoices").wait_for()


async def test_commands_are_answered_with_cards(desk: Desk) -> None:
    screen = desk.screen
    await screen.open("Personal Chat")
    await screen.write("agent status", to_us=False)
    card = await screen.card("Deskhand, the last 24 hours")
    assert re.search(r"waiting: 0\b", await card.inner_text())
    await screen.look("status-1-personal")
    for command in ("queue", "budget", "help", "tools"):
        await screen.write(f"agent {command}", to_us=False)
    await screen.card("What you can ask")
    await screen.card("acts, after approval, by send_reply")
    await screen.look("status-2-others")
    await screen.open("General")
    await screen.write("agent status", speaker=MO)
    await screen.card("Deskhand, the last 24 hours")
    await screen.look("status-3-channel")
