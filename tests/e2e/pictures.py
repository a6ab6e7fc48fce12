"""Pictures of every page of the console, light, dark and narrow, to be looked at.

    python -m tests.e2e.pictures FOLDER [NAME ...]

FOLDER lies outside the repository: pictures do not belong into it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from bot.stats.windows import buckets_of
from tests.console.rig import asked_link
from tests.e2e.conftest import FLAGS, chromium, enter, window
from tests.e2e.world import KESTREL, LOOKS, busy, desk_config, lead, with_leads
from tests.fixtures_redis import STRICT, ServerProcess
from tests.live.product import Live, live
from tests.standins.companies import SITES
from tests.standins.company_sites import company_sites
from tests.standins.sink import sink_standin


async def month(desk: Live) -> None:
    """Figures of a month behind them, so that the plots have something to draw."""
    store, chance = desk.product.store, random.Random(7)
    cells = await store.wire.command("HGETALL", store.keys.cells)
    numbers = [int(number) for number in cells.values()]
    now = datetime.now(UTC)
    for hour in range(1, 24 * 30):
        at = now - timedelta(hours=hour)
        load = (1 + (8 <= at.hour <= 18) * 5) * (0.4 if at.weekday() > 4 else 1)
        cell = chance.choice(numbers)
        tickets = round(load * chance.uniform(0.6, 1.4))
        edited, rejected = chance.randint(0, tickets // 3), chance.randint(0, tickets // 5)
        counts = {
            "tickets": tickets, "proposals": tickets, "run_tickets": tickets,
            "approved": max(0, tickets - edited - rejected - tickets // 6),
            "edited": edited, "rejected": rejected, "reject:wrong_facts": rejected,
            "handoffs": tickets // 6, "handoff:no_source": tickets // 6,
            "kept": 1000 * tickets - 180 * edited, "kept_of": tickets,
            "calls": 2 * tickets, "nano_usd": tickets * chance.randint(2, 5) * 10**6,
            "tokens_in": 4200 * tickets, "tokens_out": 320 * tickets,
            "tokens_cached": 2600 * tickets, "action:succeeded": tickets,
            f"card_ms:{chance.randint(50, 53)}": tickets, f"card_ms:{chance.randint(56, 62)}": 1,
            f"decision_ms:{chance.randint(66, 76)}": tickets,
        }  # fmt: skip
        await store.wire.commands(
            *(
                ("HINCRBY", store.keys.figures(bucket), f"{cell}:{figure}", by)
                for bucket, _ in buckets_of(at)
                for figure, by in counts.items()
                if by
            )
        )


async def take(page: Page, folder: Path, name: str) -> None:
    await page.screenshot(path=folder / f"{name}.png", full_page=True)


async def pages(
    desk: Live, browser: Browser, folder: Path, mine: list[str], about: str, look: str
) -> None:
    """``mine``: proposals, oldest first; ``about``: a lead's."""
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
        await page.goto(f"{desk.product.url}/console/tickets/{about}")
        await take(page, folder, f"lead-{look}")
        await page.get_by_role("button", name="Edit").click()
        await page.wait_for_selector("#sheet[open] fieldset")
        await page.screenshot(path=folder / f"lead-edit-{look}.png")
        await page.goto(f"{desk.product.url}/console/trace/{mine[1]}")
        await page.get_by_role("link", name="Prompt and answer").first.click()
        await page.wait_for_selector(".texts > pre")
        await take(page, folder, f"trace-{look}")
        await page.goto(f"{desk.product.url}/console/status")
        await take(page, folder, f"status-{look}")
        await page.goto(f"{desk.product.url}/console/status?window=30d")
        await take(page, folder, f"status30-{look}")
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
                company_sites({KESTREL: SITES[KESTREL]}) as sites,
                live(
                    Path(made),
                    server.url,
                    config=with_leads(
                        desk_config(sink.reply_url), sites.fetch, Path(made) / "crm.sqlite"
                    ),
                    environment={"ANTHROPIC_API_KEY": ""},
                ) as desk,
                async_playwright() as driver,
            ):
                mine, about = await busy(desk), await lead(desk)
                await month(desk)
                browser = await driver.chromium.launch(executable_path=chromium(), args=list(FLAGS))
                for look in looks:
                    await pages(desk, browser, folder, mine, about, look)
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
