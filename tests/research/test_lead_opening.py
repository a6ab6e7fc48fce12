"""The lead's tools as the config file asks for them, by the names that playbooks use."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.clock import SystemClock
from bot.config import RESEARCH_TOOLS, Fetch
from bot.lead_tools import lead_tools
from bot.playbook import Playbook
from tests.actions.grants import place, ticket
from tests.research.fetch.net import dns_server, site
from tools.crm.sqlite_file import SqliteReader
from tools.spec import Findings, ReadContext

BOOK = Playbook(name="sales", kind="lead", fetch_pages=1)
HERE = ReadContext("T0TEAM", "sales", ticket(place()), "r_1")


async def test_a_run_reads_its_company_and_no_more_pages_than_its_playbook_allows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    zone = {("acme.example", "NS"): [["ns1.acme.example."]]}
    async with site({"/": "<title>Acme</title>Rockets"}) as acme, dns_server(zone) as (_, where):
        fetch = Fetch(hosts={"acme.example": acme.address}, resolver=where)
        leads = lead_tools(fetch, SqliteReader(tmp_path / "crm.sqlite"), SystemClock())
        assert "acme.example" in caplog.text
        tools = {tool.name: tool for tool in leads.tools}
        assert set(tools) <= RESEARCH_TOOLS

        async def use(name: str, **given: str) -> Findings:
            tool = tools[name]
            return await tool.read(tool.args_model.model_validate(given), HERE)

        assert (await use("fetch_page", url="acme.example")).failed == "refused: off_host"
        visit = leads.begin("r_1", BOOK, "acme.example")
        assert "Rockets" in (await use("fetch_page", url="acme.example")).text
        assert (await use("fetch_page", url="acme.example")).failed == "refused: pages"
        assert "ns1.acme.example" in (await use("company_records")).text
        assert (await use("find_in_crm", query="acme.example")).text == ""
    assert [miss.said for miss in visit.missed] == ["refused: pages"]
    source = leads.source("r_1", "https://acme.example/")
    assert source is not None
    assert "Rockets" in source.text
    leads.end("r_1")
    assert leads.source("r_1", "https://acme.example/") is None


@pytest.mark.parametrize(
    "resolver", ["dns.example:53", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1"]
)
def test_a_resolver_is_an_address_and_a_port(resolver: str) -> None:
    with pytest.raises(ValidationError):
        Fetch(resolver=resolver)
    assert Fetch(resolver="[::1]:5353").resolver == "[::1]:5353"
