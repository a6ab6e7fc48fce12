"""The whole product over real HTTP, between a Slack stand-in, a model stand-in and a sink."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiohttp
import anthropic  # noqa: F401 - seconds, paid before the first test's time runs
import yaml

from bot.app import Running, running
from bot.config_file import load
from bot.settings import from_environment, named_secrets
from tests.standins.anthropic import AnthropicStandin, anthropic_standin, choosing
from tests.standins.slack import Driver, SlackStandin, slack_standin

ARTICLE = """# Invoices

You find every invoice under Settings, Billing, Invoices. Invoices are made on the first of the
month. A refund reaches the card it was paid with within five working days.
"""

CONFIG: dict[str, Any] = {
    "public_url": "http://127.0.0.1:3000",
    "managers": {"slack_users": ["U0MANAGER"]},
    "knowledge": {"paths": ["./kb"]},
    "playbooks": {
        "support": {
            "listen": [{"slack": "C0SUPPORT"}, {"webhook": "helpdesk"}],
            "labels": {"billing": "Invoices, charges, refunds", "bug": "Something broke"},
            "routes": {
                "billing": {
                    "card": {"slack": "C0BILLING"},
                    "approvers": {"slack_users": ["U0AGENT"], "slack_groups": ["S0BILLING"]},
                },
                "refunds": {
                    "card": {"slack": "C0SALES"},
                    "approvers": {"slack_users": ["U0AGENT2"]},
                },
                "default": {
                    "card": {"slack": "C0TRIAGE"},
                    "approvers": {"slack_users": ["U0AGENT"]},
                },
            },
            "quiet": "0s",
        }
    },
    "webhooks": {"helpdesk": {"kind": "generic", "secret_env": "HELPDESK_SECRET"}},
}

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQh"


@dataclass
class Live:
    """Everything that plays along in one test."""

    slack: SlackStandin
    model: AnthropicStandin
    product: Running
    folder: Path
    people: Driver
    """Their events reach the product by the door that the test chose."""


def write_config(folder: Path, config: Mapping[str, Any]) -> Path:
    """A config file with a small knowledge base beside it."""
    (folder / "kb").mkdir(exist_ok=True)
    (folder / "kb" / "invoices.md").write_text(ARTICLE)
    path = folder / "deskhand.yaml"
    path.write_text(yaml.safe_dump(dict(config)))
    return path


@asynccontextmanager
async def live(
    folder: Path,
    redis_url: str,
    *,
    config: Mapping[str, Any] = CONFIG,
    environment: Mapping[str, str] | None = None,
    door: Literal["http", "socket"] = "http",
    script: list[Any] | None = None,
    brain: Any = None,
) -> AsyncIterator[Live]:
    """Start the stand-ins and the product in this process, on loopback."""
    path = write_config(folder, config)
    async with (
        slack_standin() as slack,
        anthropic_standin(
            script or [],
            brain=brain,
            fill=choosing(route="billing", labels=["billing"]),
            research_steps=1,
        ) as model,
    ):
        variables = {
            **slack.environment,
            **model.environment,
            "REDIS_URL": redis_url,
            "DESKHAND_SECRET": "a-secret-of-thirty-two-characters",
            "DESKHAND_DATA": str(folder / "data"),
            "DESKHAND_CONFIG": str(path),
            "HELPDESK_SECRET": SECRET,
            **({"SLACK_APP_TOKEN": slack.app_token} if door == "socket" else {}),
            **(environment or {}),
        }
        settings = from_environment(variables)
        file = load(path, environment=variables)
        secrets = named_secrets(file.config, variables)
        async with running(settings, file, secrets, host="127.0.0.1", port=0) as product:
            await _until_ready(product.url)
            if door == "socket":
                await slack.sockets.wait_connected()
                people = slack.socket_driver()
            else:
                people = slack.driver(product.url)
            yield Live(slack, model, product, folder, people)


async def _until_ready(url: str) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        while True:
            async with session.get(f"{url}/readyz") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.01)
