"""A support desk with something to decide: the sample desk's articles, labels and tickets."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from tests.live.product import CONFIG

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
