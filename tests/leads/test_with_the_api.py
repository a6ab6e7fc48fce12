"""A lead on the real SDK against a loopback Messages API: its schema is taken, its answer read."""

from __future__ import annotations

from pathlib import Path

from bot.agent.run import Drafted
from bot.models.anthropic import AnthropicModel
from tests.leads.bench import lead_bench
from tests.standins.anthropic import Reply, anthropic_standin, json_reply, tool_reply
from tests.standins.anthropic.replies import Request

HOST = "harborline.example"
FIELDS = [
    {
        "field": "location",
        "value": "Rotterdam",
        "source": f"https://{HOST}/",
        "quote": "headquartered in Rotterdam",
        "confidence": "high",
    },
    {
        "field": "size",
        "value": "5,000",
        "source": f"https://{HOST}/",
        "quote": "It employs 1,250 people",
        "confidence": "high",
    },
]


def answer(request: Request) -> Reply:
    """What a model says that looks twice, then answers; one field of two is made up."""
    if "output_config" not in request.body:
        return tool_reply(
            ("fetch_page", {"url": HOST}), ("find_in_crm", {"query": HOST}), ("company_records", {})
        )
    return json_reply({"fields": FIELDS, "reason": "known", "missing": [], "outreach": None})


async def test_a_paid_model_answers_in_the_leads_form(tmp_path: Path) -> None:
    async with anthropic_standin(brain=answer) as api:
        model = AnthropicModel(api.api_key, api.url)
        await model.start()
        try:
            async with lead_bench(tmp_path, model=model) as bench:
                outcome = await bench.run(f"https://{HOST}/news")
        finally:
            await model.close()
        assert isinstance(outcome, Drafted), outcome
        assert outcome.lead is not None
        assert [(one.name, one.value) for one in outcome.lead.fields] == [("location", "Rotterdam")]
        assert outcome.lead.struck == ("size: its figures do not stand in its quote",)
        assert outcome.steps == 2
        assert outcome.cost_usd > 0
        first, last = (str(one.body) for one in api.requests)
        assert f"Given page, to be fetched first: https://{HOST}/news" in first
        # What a page says goes to the model as a tool's result alone.
        assert "freight forwarding" not in first
        assert "freight forwarding" in last
