"""Real browsers on the running product. Needs Chromium and the ``e2e`` dependency group:

    uv sync --group e2e && python -m pytest -m e2e tests/e2e

Nothing here runs with the ordinary tests.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.console.rig import asked_link
from tests.e2e.world import desk_config
from tests.live.product import Live, live

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", type=Path, help="where the Playground's tests put pictures")


def chromium() -> str:
    """The browser's command; the test is skipped with what to install where there is none."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None:
        pytest.skip("needs Chromium on PATH (Debian: apt-get install chromium)")
    return found


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the npm packages of ``package.json``."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm (Debian: apt-get install npm)")
    folder = tmp_path_factory.mktemp("node")
    shutil.copy(Path(__file__).with_name("package.json"), folder)
    subprocess.run([npm, "install", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return folder


@pytest.fixture
async def chrome() -> AsyncIterator[Browser]:
    """A headless Chromium with nothing in its profile."""
    playwright = pytest.importorskip("playwright.async_api", reason="uv sync --group e2e")
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield browser
        await browser.close()


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[Live]:
    """The product with the sample desk's articles, drafting by the local model."""
    async with live(
        tmp_path, redis_url, config=desk_config(), environment={"ANTHROPIC_API_KEY": ""}
    ) as running:
        yield running


@asynccontextmanager
async def window(browser: Browser, **options: Any) -> AsyncIterator[BrowserContext]:
    """A window with cookies of its own. What the page says is wrong fails the test."""
    context = await browser.new_context(**options)
    context.set_default_timeout(15_000)
    try:
        yield context
    finally:
        await context.close()


async def enter(context: BrowserContext, desk: Live, user: str = "U0AGENT") -> Page:
    """Sign this person in by the link of ``/agent console``: a page at the inbox."""
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda said: (
            faults.append(said.text)
            # A refused decision is told by its status, which the browser notes as an error.
            if said.type == "error" and "the server responded with a status of 4" not in said.text
            else None
        ),
    )
    page.faults = faults  # type: ignore[attr-defined]  # read at the test's end
    await page.goto(await asked_link(desk, user))
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/console")
    return page
