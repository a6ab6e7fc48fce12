"""Every page for everybody: axe-core finds nothing serious, and nothing hangs over at 360 px."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.rig import asked_link
from tests.e2e.conftest import enter, window
from tests.e2e.world import LOOKS, busy
from tests.live.product import Live

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="session")
def axe(packages: Path) -> str:
    """axe-core's source, from npm."""
    return (packages / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
async def decided(desk: Live) -> list[str]:
    """A desk with cards in several states; their proposals, oldest first."""
    return await busy(desk)


async def faults(page: Page, axe: str) -> list[str]:
    """What axe-core holds for serious or worse, one line each."""
    await page.evaluate(axe)
    found: dict[str, Any] = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{page.url}: {one['id']} ({one['impact']}): {one['help']}: {node['target']}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical", "moderate")
        for node in one["nodes"]
    ]


async def overhang(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return int(
        await page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
    )


@pytest.mark.parametrize("look", LOOKS)
async def test_every_page(
    desk: Live, chrome: Browser, decided: list[str], axe: str, look: str
) -> None:
    found: list[str] = []
    wide: dict[str, int] = {}

    async def look_at(page: Page, what: str) -> None:
        found.extend(await faults(page, axe))
        if over := await overhang(page):
            wide[what] = over

    async with window(chrome, **LOOKS[look]) as context:
        page = await context.new_page()
        await page.goto(f"{desk.product.url}/console/login")
        await look_at(page, "login")
        await page.goto(await asked_link(desk))
        await look_at(page, "link")
        await page.goto(f"{desk.product.url}/console/login?token=forged")
        await look_at(page, "forged")
    async with window(chrome, **LOOKS[look]) as context:
        page = await enter(context, desk)
        await page.wait_for_selector("#live[data-state=on]")
        await look_at(page, "inbox")
        await page.keyboard.press("j")
        await look_at(page, "inbox, selected")
        for key in ("e", "r"):
            await page.keyboard.press(key)
            await page.wait_for_selector("#sheet[open] form")
            await look_at(page, key)
            await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        await look_at(page, "help")
        for path in (
            *(f"tickets/{proposal}" for proposal in decided[:4]),
            f"proposals/{decided[0]}/edit",
            "status",
            "status?window=30d",
            "journal",
            "nowhere",
        ):
            await page.goto(f"{desk.product.url}/console/{path}")
            await look_at(page, path)
        await page.goto(f"{desk.product.url}/console/trace/{decided[1]}")
        links = page.get_by_role("link", name="Prompt and answer")
        for left in range(await links.count(), 0, -1):
            there = await page.locator(".texts > a").count()
            await links.first.click()
            await page.wait_for_function(
                "there => document.querySelectorAll('.texts > a').length < there", arg=there
            )
            assert await links.count() == left - 1
        await look_at(page, "trace")
        assert page.faults == []  # type: ignore[attr-defined]  # see enter
    async with window(chrome, **LOOKS[look]) as context:
        page = await enter(context, desk, "U0MANAGER")
        await look_at(page, "inbox of a manager")
        await page.goto(f"{desk.product.url}/console/journal")
        await look_at(page, "journal of a manager")
    assert not found, "\n".join(found)
    assert wide == {}


async def test_every_control_has_a_name(desk: Live, chrome: Browser, decided: list[str]) -> None:
    async with window(chrome) as context:
        page = await enter(context, desk)
        for path in ("", f"/tickets/{decided[0]}", "/status", "/journal"):
            await page.goto(f"{desk.product.url}/console{path}")
            for role in ("button", "link", "textbox", "combobox", "checkbox"):
                for control in await page.get_by_role(role).all():  # type: ignore[arg-type]  # each is a role
                    snapshot = await control.aria_snapshot()
                    assert '"' in snapshot, f"{path}: {role} without a name: {snapshot}"
