"""People at the console with a mouse, with the keyboard, on a phone, and without scripts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.rig import asked_link
from tests.e2e.conftest import enter, window
from tests.live.product import Live
from tests.live.steps import becomes, card_that, replies, says

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Locator, Page

pytestmark = pytest.mark.e2e

INVOICE = "Where do I find my invoices? I need them for my tax return."
PASSWORD = "I have forgotten my password, how do I set a new one?"


def card_of(page: Page, proposal: str) -> Locator:
    return page.locator(f'[data-proposal="{proposal}"]')


async def live_now(page: Page) -> None:
    await page.wait_for_selector("#live[data-state=on]")


def unharmed(page: Page) -> None:
    """Nothing on the page was refused by its own policy, and no script of it failed."""
    assert page.faults == []  # type: ignore[attr-defined]  # see enter


async def asked(desk: Live, text: str = INVOICE) -> tuple[Any, str]:
    await says(desk, text)
    card = await card_that(desk, "pending", timeout=20)
    return card, str(card.payload["proposal"])


async def test_by_mouse_approve_edit_and_reject(desk: Live, chrome: Browser) -> None:
    async with window(chrome) as context:
        page = await enter(context, desk)
        await live_now(page)
        assert await page.get_by_text("All decided").is_visible()

        card, proposal = await asked(desk)
        shown = card_of(page, proposal)
        await shown.wait_for()  # by itself, without a reload
        assert INVOICE in await shown.inner_text()
        await page.wait_for_function("document.title === '(1) Inbox · Deskhand'")
        await shown.get_by_role("button", name="Approve").click()
        await page.get_by_text("Approved; it is being carried out.").wait_for()
        await shown.wait_for(state="detached")
        await becomes(desk, card, "succeeded")
        assert len(replies(desk)) == 1

        card, proposal = await asked(desk, PASSWORD)
        await card_of(page, proposal).get_by_role("button", name="Edit").click()
        sheet = page.get_by_role("dialog", name="Edit the draft")
        await sheet.get_by_label("Reply", exact=True).fill(
            "Press *Forgot password*.\nThen read your mail."
        )
        await sheet.get_by_role("button", name="Save").click()
        await card_of(page, proposal).wait_for(state="detached")
        assert not await sheet.is_visible()
        await becomes(desk, card, "succeeded")
        assert "Then read your mail." in replies(desk)[-1].block_text

        card, proposal = await asked(desk, INVOICE + " Again.")
        await card_of(page, proposal).get_by_role("button", name="Reject").click()
        sheet = page.get_by_role("dialog", name="Reject the draft")
        await sheet.get_by_label("Why").select_option("duplicate")
        await sheet.get_by_label("In your words").fill("Answered already.")
        await sheet.get_by_role("button", name="Reject").click()
        await card_of(page, proposal).wait_for(state="detached")
        await becomes(desk, card, "rejected")
        await page.get_by_text("All decided").wait_for()
        unharmed(page)


async def test_by_keyboard_alone(desk: Live, chrome: Browser) -> None:
    first, one = await asked(desk)
    second, two = await asked_besides(desk, PASSWORD, one)
    third, three = await asked_besides(desk, "Do you deliver to Norway?", one, two)
    async with window(chrome) as context:
        page = await enter(context, desk)
        await live_now(page)
        order = await page.eval_on_selector_all(
            "[data-proposal]", "cards => cards.map(card => card.dataset.proposal)"
        )
        assert set(order) == {one, two, three}
        cards = {one: first, two: second, three: third}
        await page.keyboard.press("a")  # nothing is selected, so nothing happens
        await page.keyboard.press("?")
        await page.get_by_role("dialog", name="Keyboard").wait_for()
        await page.keyboard.press("Escape")
        for key, at in (("j", 0), ("j", 1), ("j", 2), ("j", 2), ("k", 1), ("k", 0), ("k", 0)):
            await page.keyboard.press(key)
            assert await selected(page) == order[at]

        await page.keyboard.press("a")
        await card_of(page, order[0]).wait_for(state="detached")
        await becomes(desk, cards[order[0]], "succeeded")
        assert await selected(page) == order[1]

        await page.wait_for_timeout(600)  # what has just moved up takes no key for half a second
        await page.keyboard.press("e")
        await page.get_by_role("dialog", name="Edit the draft").wait_for()
        assert await page.evaluate("document.activeElement.name") == "reply"
        await page.keyboard.press("Control+A")
        await page.keyboard.type("Typed, with a j and an a in it.")
        for _ in range(40):
            if await page.evaluate("document.activeElement.textContent") == "Save":
                break
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await card_of(page, order[1]).wait_for(state="detached")
        await becomes(desk, cards[order[1]], "succeeded")
        assert "with a j and an a" in replies(desk)[-1].block_text

        await page.wait_for_timeout(600)
        await page.keyboard.press("r")
        await page.get_by_role("dialog", name="Reject the draft").wait_for()
        await page.keyboard.press("Escape")
        assert await selected(page) == order[2]
        await page.keyboard.press("r")
        await page.get_by_role("dialog", name="Reject the draft").wait_for()
        await page.keyboard.press("w")  # the first reason that begins so
        await page.keyboard.press("Tab")
        await page.keyboard.type("No.")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await card_of(page, order[2]).wait_for(state="detached")
        await becomes(desk, cards[order[2]], "rejected")
        assert len(replies(desk)) == 2
        unharmed(page)


async def asked_besides(desk: Live, text: str, *others: str) -> tuple[Any, str]:
    await says(desk, text, user="U0CUSTOMER2")

    def new() -> Any:
        for card in desk.slack.space.cards():
            if card.card_state == "pending" and card.payload["proposal"] not in others:
                return card
        return None

    card = await desk.slack.signal.until(new, timeout=20)
    return card, str(card.payload["proposal"])


async def selected(page: Page) -> str | None:
    found = await page.query_selector("article.selected")
    return await found.get_attribute("data-proposal") if found is not None else None


async def test_what_is_decided_in_slack_leaves_the_page_at_once(
    desk: Live, chrome: Browser
) -> None:
    card, proposal = await asked(desk)
    async with window(chrome) as context, window(chrome) as other:
        page, ticket = await enter(context, desk), await enter(other, desk, "U0AGENT2")
        await ticket.goto(f"{desk.product.url}/console/tickets/{proposal}")
        await live_now(page)
        await live_now(ticket)
        await card_of(page, proposal).wait_for()
        await desk.people.click("U0AGENT2", card, "deskhand.approve")
        await card_of(page, proposal).wait_for(state="detached")
        await ticket.locator('[data-proposal][data-state="succeeded"]').wait_for()
        await ticket.get_by_text("Approved by Ana Agent").first.wait_for()
        assert await ticket.get_by_role("button", name="Approve").count() == 0
        unharmed(page)
        unharmed(ticket)


async def test_a_second_browser_loses_the_race_and_is_told(desk: Live, chrome: Browser) -> None:
    card, proposal = await asked(desk)
    async with window(chrome) as context, window(chrome) as late:
        await late.route("**/console/events", lambda route: route.abort())
        first, second = await enter(context, desk), await late_page(late, desk)
        await second.bring_to_front()
        await card_of(second, proposal).get_by_role("button", name="Edit").click()
        sheet = second.get_by_role("dialog", name="Edit the draft")
        await sheet.get_by_label("Reply", exact=True).fill("Words that must not be lost.")
        await card_of(first, proposal).get_by_role("button", name="Approve").click()
        await becomes(desk, card, "succeeded")

        await sheet.get_by_role("button", name="Save").click()
        told = sheet.get_by_role("alert")
        await told.wait_for()
        assert "Alex Agent has already approved this" in await told.inner_text()
        assert (
            await sheet.get_by_label("Reply", exact=True).input_value()
            == "Words that must not be lost."
        )
        await second.keyboard.press("Escape")
        await card_of(second, proposal).wait_for(state="detached")
        assert len(replies(desk)) == 1
        unharmed(first)


async def late_page(context: BrowserContext, desk: Live) -> Page:
    """A page whose events do not reach it."""
    page = await context.new_page()
    await page.goto(await asked_link(desk, "U0AGENT2"))
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_selector("[data-proposal]")
    return page


async def test_a_stale_press_is_told_and_the_card_drawn_anew(desk: Live, chrome: Browser) -> None:
    card, proposal = await asked(desk)
    async with window(chrome) as late:
        await late.route("**/console/events", lambda route: route.abort())
        page = await late_page(late, desk)
        found = await desk.product.store.proposal(proposal)
        assert found is not None
        assert found.value.content is not None
        from tests.live.steps import form

        view = await form(desk, "U0AGENT", card, "edit")
        await desk.people.submit(view, {"reply": "Changed in Slack.", "approve_now": []})
        await card_of(page, proposal).get_by_role("button", name="Approve").click()
        await page.get_by_text("This card has changed since").wait_for()
        await page.locator(f'[data-proposal="{proposal}"][data-revision="2"]').wait_for()
        assert "Changed in Slack." in await card_of(page, proposal).inner_text()
        assert replies(desk) == []


async def test_without_scripts_everything_can_be_decided(desk: Live, chrome: Browser) -> None:
    card, proposal = await asked(desk)
    async with window(chrome, java_script_enabled=False) as context:
        page = await context.new_page()
        await page.goto(await asked_link(desk))
        await page.get_by_role("button", name="Sign in").click()
        await card_of(page, proposal).get_by_role("button", name="Edit").click()
        await page.get_by_label("Reply", exact=True).fill("By hand.")
        await page.get_by_label("Approve now").uncheck()
        await page.get_by_role("button", name="Save").click()
        await page.locator(f'[data-proposal="{proposal}"][data-revision="2"]').wait_for()
        assert await page.get_by_text("Saved.").is_visible()
        await card_of(page, proposal).get_by_role("button", name="Approve").click()
        await page.get_by_text("Approved; it is being carried out.").wait_for()
        await becomes(desk, card, "succeeded")
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url(re.compile("/console/login$"))
        await page.goto(f"{desk.product.url}/console")
        assert page.url.endswith("/console/login")


async def test_signing_out_elsewhere_brings_this_page_to_the_door(
    desk: Live, chrome: Browser
) -> None:
    async with window(chrome) as context:
        page, twin = await enter(context, desk), await context.new_page()
        await live_now(page)
        await twin.goto(f"{desk.product.url}/console/status")
        await twin.get_by_role("button", name="Sign out").click()
        await twin.wait_for_url(re.compile("/console/login$"))
        await says(desk, INVOICE)
        await page.wait_for_url(re.compile("/console/login$"))
