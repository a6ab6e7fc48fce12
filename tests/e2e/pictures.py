"""Pictures of every page of the console, light, dark and narrow, to be looked at.

    python -m tests.e2e.pictures FOLDER [NAME ...]

FOLDER lies outside the repository: pictures do not belong into it.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.console.rig import asked_link, signed_in
from tests.e2e.conftest import FLAGS, chromium, enter, window
from tests.e2e.world import desk_config, sample_tickets
from tests.fixtures_redis import STRICT, ServerProcess
from tests.live.product import Live, live
from tests.live.steps import Helpdesk, eventually
from tests.standins.sink import sink_standin

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}
TICKETS = 12


async def busy(desk: Live) -> list[str]:
    """Tickets come in and some are decided; the proposals, oldest first."""
    async with signed_in(desk) as agent:
        helpdesk = Helpdesk(desk.product.url, agent.session)
        for number, one in enumerate(sample_tickets()[:TICKETS]):
            assert await helpdesk.send({**one, "id": f"HD-{4700 + number}"}) == 200

        async def all_there() -> list[str] | None:
            waits = list(await desk.product.store.waiting())
            return waits if len(waits) >= TICKETS else None

        waits = await eventually(all_there, 60)
        cards = (await agent.get("/console")).cards()
        mine = [one for one in waits if one in cards]
        await agent.decide(
            mine[1], "edit", reply="Hello,\n\nthank you for writing. You find it under Settings.",
            approve_now="",
        )  # fmt: skip
        await agent.decide(mine[2], "reject", reason="wrong_facts", words="Not our plan.")
        await agent.decide(mine[3], "approve")
    return mine


async def take(page: Page, folder: Path, name: str) -> None:
    await page.screenshot(path=folder / f"{name}.png", full_page=True)


async def pages(desk: Live, browser: Browser, folder: Path, mine: list[str], look: str) -> None:
    async with window(browser, **LOOKS[look]) as context:
        page = await context.new_page()
        await page.goto(f"{desk.product.url}/console/login")
        await take(page, folder, f"login-{look}")
        await page.goto(await asked_link(desk, "U0MANAGER"))
        await take(page, folder, f"link-{look}")
    async with window(browser, **LOOKS[look]) as context:
        page = await enter(context, desk)
        await page.wait_for_selector("#live[data-state=on]")
        await page.keyboard.press("j")
        await page.screenshot(path=folder / f"inbox-{look}.png")
        await page.keyboard.press("e")
        await page.wait_for_selector("#sheet[open] textarea")
        await page.screenshot(path=folder / f"edit-{look}.png")
        await page.keyboard.press("Escape")
        await page.keyboard.press("r")
        await page.wait_for_selector("#sheet[open] select")
        await page.screenshot(path=folder / f"reject-{look}.png")
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        await page.screenshot(path=folder / f"help-{look}.png")
        for number, ident in enumerate((mine[1], mine[0])):
            await page.goto(f"{desk.product.url}/console/tickets/{ident}")
            await take(page, folder, f"ticket{number}-{look}")
        await page.goto(f"{desk.product.url}/console/trace/{mine[1]}")
        await page.get_by_role("link", name="Prompt and answer").first.click()
        await page.wait_for_selector(".texts > pre")
        await take(page, folder, f"trace-{look}")
        await page.goto(f"{desk.product.url}/console/status")
        await take(page, folder, f"status-{look}")
        await page.goto(f"{desk.product.url}/console/nowhere")
        await take(page, folder, f"error-{look}")
    async with window(browser, **LOOKS[look]) as context:
        page = await enter(context, desk, "U0MANAGER")
        await page.screenshot(path=folder / f"inbox-manager-{look}.png")
        await page.goto(f"{desk.product.url}/console/journal")
        await take(page, folder, f"journal-{look}")
    async with window(browser, **LOOKS[look]) as context:
        page = await enter(context, desk, "U0AGENT")
        await page.goto(f"{desk.product.url}/console/journal?q=nothing")
        await take(page, folder, f"journal-refused-{look}")


async def draw(folder: Path, looks: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="dh") as made:
        server = ServerProcess(Path(made) / "r", *STRICT).start()
        try:
            async with (
                sink_standin() as sink,
                live(
                    Path(made),
                    server.url,
                    config=desk_config(sink.reply_url),
                    environment={"ANTHROPIC_API_KEY": ""},
                ) as desk,
                async_playwright() as driver,
            ):
                mine = await busy(desk)
                browser = await driver.chromium.launch(executable_path=chromium(), args=list(FLAGS))
                for look in looks:
                    await pages(desk, browser, folder, mine, look)
                await browser.close()
        finally:
            server.stop()


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="tests.e2e.pictures", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("looks", nargs="*", default=list(LOOKS))
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(draw(given.folder, given.looks))


if __name__ == "__main__":
    main()
