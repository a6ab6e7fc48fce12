"""A bare company name is searched for on the web: its site is read, and nothing else found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.live.product import Live, live
from tests.live.sales import KESTREL, SALES, TABULA
from tests.live.steps import alone, card_that, config, words
from tests.standins.anthropic import Reply, Request, json_reply, searched_reply, tool_reply
from tests.standins.companies import SITES
from tests.standins.company_sites import company_sites

HOME = f"https://{KESTREL}/"
FIELD = {
    "field": "name",
    "value": "Kestrel Robotics",
    "source": HOME,
    "quote": "Kestrel Robotics builds picking arms that see what they grip.",
    "confidence": "high",
}


def searching(request: Request) -> Reply | None:
    """Searches, reads the domain and a page that the search has found, and answers."""
    if "web_search" in request.tool_names:
        pages = [(f"https://{TABULA}/list", "Robot makers"), (f"{HOME}about", "About Kestrel")]
        return searched_reply(pages, text=KESTREL)
    if request.output_schema is None:
        return tool_reply(
            ("fetch_page", {"url": HOME}), ("fetch_page", {"url": f"https://{TABULA}/list"})
        )
    mine = request.output_schema["properties"]["fields"]["items"]["properties"]
    field = {name: FIELD.get("field" if name not in FIELD else name) for name in mine}
    return json_reply(
        {"fields": [field], "reason": "It was found.", "missing": [], "outreach": None}
    )


async def asks(desk: Live, text: str, user: str) -> None:
    for one in await desk.people.mention(text, user=user, channel="C0SALES"):
        await desk.people.insist(one)


async def test_a_bare_name_is_searched_for_and_only_its_own_site_is_read(
    tmp_path: Path, redis_url: str
) -> None:
    async with company_sites({host: SITES[host] for host in (KESTREL, TABULA)}) as sites:
        file: dict[str, Any] = config(
            crm={"kind": "sqlite", "path": str(tmp_path / "crm.sqlite")}, fetch=sites.fetch
        )
        sales = {**SALES, "listen": [], "web_search": True, "limits": {"usd": "0.20"}}
        file["playbooks"] |= {"sales": sales}
        async with live(tmp_path, redis_url, config=file, brain=searching) as desk:
            await asks(desk, "enrich Kestrel Robotics", "U0AGENT")
            card = await card_that(desk, "pending", "Kestrel", timeout=30)
            assert "Kestrel Robotics" in words(card)
            assert HOME in words(card)
            assert {host for host, _ in sites.asked} == {KESTREL}
            search = desk.model.requests[0]
            assert search.tool_names == ["web_search"]
            assert f"{TABULA}/list" in words(card), "a page that was refused is named"
            assert "off_host" in words(card)
            await asks(desk, "enrich Kestrel", "U0NOBODY")
            await alone(desk, "U0NOBODY", "may not")
