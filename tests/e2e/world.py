"""A support desk with something to decide: the sample desk's articles, labels and tickets."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from bot.clock import SystemClock
from tests.console.rig import signed_in
from tests.live.product import CONFIG, Live
from tests.live.steps import Helpdesk, eventually
from tools.actions.crm_sqlite import import_rows
from tools.crm.records import Key
from tools.crm.rows import Row

DESK = Path(__file__).parents[2] / "bot" / "desk"


def desk_config(reply_url: str | None = None) -> dict[str, Any]:
    """The usual config with the sample desk's playbook in Slack. ``reply_url``: where replies to
    the webhook's tickets go."""
    sample = yaml.safe_load((DESK / "desk.yaml").read_text())["playbooks"]["support"]
    config = copy.deepcopy(CONFIG)
    agents = {"slack_users": ["U0AGENT", "U0AGENT2"]}
    config["knowledge"] = {"paths": [str(DESK / "articles")]}
    config["playbooks"]["support"] |= {
        "labels": sample["labels"],
        "priorities": sample["priorities"],
        "examples": str(DESK / "examples.jsonl"),
        "routes": {
            "billing": {"card": {"slack": "C0BILLING"}, "approvers": agents},
            "shipping": {"card": {"slack": "C0BILLING"}, "approvers": agents},
            "technical": {
                "card": {"slack": "C0SALES"},
                "approvers": {"slack_users": ["U0AGENT2"]},
            },
            "default": {"card": {"slack": "C0TRIAGE"}, "approvers": agents},
        },
        "limits": {**sample["limits"], "runs_per_author_hour": 1000},
    }
    if reply_url is not None:
        config["webhooks"]["helpdesk"]["reply_url"] = reply_url
    return config


def sample_tickets() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DESK / "tickets.jsonl").read_text().splitlines()]


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}
TICKETS = 12


KESTREL = "kestrel-robotics.example"
KNOWN = Row(Key("company", KESTREL), {"name": "Kestrel Robotics", "industry": "Toys"})
"""What the CRM holds of the company that the lead is about."""


def with_leads(config: dict[str, Any], fetch: Mapping[str, object], crm: Path) -> dict[str, Any]:
    """The same desk with a sales team: leads come in by the webhook ``forms``. ``fetch``: where
    their sites are; ``crm``: the file, which is filled."""
    import_rows(crm, [KNOWN], SystemClock().now())
    agents = {"slack_users": ["U0AGENT", "U0AGENT2"]}
    config["crm"] = {"kind": "sqlite", "path": str(crm)}
    config["fetch"] = dict(fetch)
    config["webhooks"]["forms"] = {"kind": "generic", "secret_env": "HELPDESK_SECRET"}
    config["playbooks"]["sales"] = {
        "kind": "lead",
        "listen": [{"webhook": "forms"}],
        "routes": {"default": {"card": {"slack": "C0SALES"}, "approvers": agents}},
        "research": ["fetch_page", "find_in_crm"],
        "actions": ["update_crm", "draft_outreach"],
    }
    return config


async def lead(desk: Live) -> str:
    """A lead comes in; its proposal."""
    known = set(await desk.product.store.waiting())
    async with aiohttp.ClientSession() as session:
        one = {
            "id": "FORM-1",
            "subject": "Arms for our warehouse",
            "body": f"We pack by hand still. Who can show us https://{KESTREL} in Graz?",
            "author": {"id": "f-1", "name": "Dana Weir"},
        }
        assert await Helpdesk(desk.product.url, session).send(one, name="forms") == 200

        async def there() -> str | None:
            fresh = [one for one in await desk.product.store.waiting() if one not in known]
            return fresh[0] if fresh else None

        return await eventually(there, 60)


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
