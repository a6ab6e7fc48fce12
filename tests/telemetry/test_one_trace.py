"""One ticket's way as one trace, received by OTLP over HTTP from the running product."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import pytest

from tests.live.product import SECRET, live
from tests.live.steps import Helpdesk, becomes, card_that, config, form, says, ticket
from tests.live.test_webhook import EACH_ITS_AUTHOR
from tests.standins.otlp import OtlpStandin, Seen, otlp_standin
from tests.standins.sink import sink_standin
from tests.telemetry.way import ROOT, WAY, last, only, send_there, traceparent, tree, whole_way

BODY = "Where do I find my invoice of the zebra crossing?"
PERSONAL = ("zebra", "Ada Byron", "ada@customer.example", "Settings, Billing")
"""Words of the ticket, its author and the article that the reply rests on."""
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


async def a_ticket_decided(
    folder: Path, redis_url: str, collector: OtlpStandin, header: str | None = None
) -> tuple[list[Seen], str]:
    """The trace of a webhook's ticket that was approved in Slack, and its proposal."""
    async with sink_standin(secret=SECRET) as sink:
        webhook = {
            "kind": "generic",
            "secret_env": "HELPDESK_SECRET",
            "reply_url": sink.reply_url,
        }
        file = config(EACH_ITS_AUTHOR, webhooks={"helpdesk": webhook})
        async with live(folder, redis_url, config=file) as desk:
            headers = {"traceparent": header} if header else {}
            async with aiohttp.ClientSession(headers=headers) as session:
                sent = await Helpdesk(desk.product.url, session).send(ticket("t-1", BODY))
                assert sent == 200
            card = await card_that(desk, "pending", "zebra")
            assert (await desk.people.click("U0AGENT", card, "deskhand.approve")).ok
            await becomes(desk, card, "succeeded")
            spans = await whole_way(collector)
            proposal = await desk.product.store.proposal(card.payload["proposal"])
            assert proposal is not None
            return spans, proposal.value.id


async def test_the_whole_way_is_one_trace_with_its_parents_and_names(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, trace, span = traceparent()
    async with otlp_standin() as collector:
        send_there(monkeypatch, collector)
        spans, proposal = await a_ticket_decided(tmp_path, redis_url, collector, header)
        print(f"\n{tree(spans)}")
        assert tree(spans).count("\n") == len(spans) - 1, "every span stands below the first"
        assert {one.name for one in spans} == set(WAY)
        assert {one.trace for one in collector.spans} == {spans[0].trace}
        root, agent = only(spans, ROOT), only(spans, "invoke_agent support")
        assert spans[0] is root
        assert not root.parent
        assert root.links == ((trace, span),)
        assert root.trace != trace, "an incoming trace is a link, not ours"
        by_id = {one.id: one for one in spans}
        parents = {one.name: by_id[one.parent].name for one in spans if one.parent}
        assert parents == {
            agent.name: ROOT,
            "chat claude-haiku-5-5": agent.name,
            "execute_tool search_kb": agent.name,
            "chat claude-sonnet-5-5": agent.name,
            "deskhand.card": ROOT,
            "POST /slack/events": ROOT,
            "deskhand.decision": "POST /slack/events",
            "deskhand.execute": ROOT,
            "execute_tool send_reply": "deskhand.execute",
        }
        ours = {"deskhand.ticket", "deskhand.run", "deskhand.proposal"}
        for one in spans:
            assert ours <= one.attributes.keys(), one.name
            assert one.attributes["deskhand.proposal"] == proposal
            assert one.resource["service.name"] == "deskhand"
            assert one.ended_ns >= one.started_ns
            assert not one.error
            if one.parent and one.name not in ("POST /slack/events", "deskhand.card"):
                assert one.started_ns >= by_id[one.parent].started_ns, one.name


async def test_what_the_spans_say_and_that_no_text_is_in_them(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with otlp_standin() as collector:
        send_there(monkeypatch, collector, OTEL_SERVICE_NAME="desk-7")
        spans, _ = await a_ticket_decided(tmp_path, redis_url, collector)
        assert {one.resource["service.name"] for one in spans} == {"desk-7"}
        chats = [one for one in spans if one.name.startswith("chat ")]
        for span in chats:
            said, model = span.attributes, span.name.removeprefix("chat ")
            assert span.kind == "client"
            assert said["gen_ai.operation.name"] == "chat"
            assert said["gen_ai.provider.name"] == "anthropic"
            assert said["gen_ai.request.model"] == said["gen_ai.response.model"] == model
            assert said["gen_ai.usage.input_tokens"] > 0
            assert said["gen_ai.usage.output_tokens"] > 0
            assert said["deskhand.prompt.name"] == "triage"
            assert len(said["deskhand.prompt.version"]) > 8
            assert isinstance(said["deskhand.cost_usd"], float)
            assert said["deskhand.cost_usd"] > 0
            # What the SDK's own instrumentation knows.
            assert said["anthropic.request.id"]
            assert said["anthropic.message.stop_reason"]
            assert said["http.response.status_code"] == 200
        agent = only(spans, "invoke_agent support").attributes
        assert agent["gen_ai.operation.name"] == "invoke_agent"
        assert agent["gen_ai.agent.name"] == "support"
        assert agent["deskhand.outcome"] == "drafted"
        for tool in ("search_kb", "send_reply"):
            done = last(spans, f"execute_tool {tool}").attributes
            assert done["gen_ai.operation.name"] == "execute_tool"
            assert done["gen_ai.tool.name"] == tool
        decision = only(spans, "deskhand.decision").attributes
        assert decision["deskhand.decision.verb"] == "approve"
        assert decision["deskhand.outcome"] == "approved"
        click = only(spans, "POST /slack/events")
        assert click.kind == "server"
        assert click.attributes["http.response.status_code"] == 200
        for one in spans:
            assert not [word for word in (*PERSONAL, "U0AGENT", SECRET) if word in one.texts]
            assert not one.events
            assert not {
                name for name in one.attributes if "messages" in name or "call." in name
            } - {"gen_ai.tool.call.id"}


async def test_content_is_captured_where_it_is_asked_for(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with otlp_standin() as collector:
        send_there(monkeypatch, collector, **{CAPTURE: "true"})
        spans, _ = await a_ticket_decided(tmp_path, redis_url, collector)
        said = last(spans, "chat claude-sonnet-5-5").attributes
        assert "zebra" in said["gen_ai.input.messages"]
        assert json.loads(said["gen_ai.output.messages"])[0]["role"] == "assistant"
        assert said["gen_ai.system_instructions"]
        looked_up = last(spans, "execute_tool search_kb").attributes
        assert json.loads(looked_up["gen_ai.tool.call.arguments"])["query"]
        assert "invoice" in looked_up["gen_ai.tool.call.result"]
        acted = only(spans, "execute_tool send_reply").attributes
        assert json.loads(acted["gen_ai.tool.call.arguments"])["text"]
        for name in ("deskhand.delivery", "deskhand.card", "deskhand.decision"):
            assert not [
                word for word in PERSONAL for one in spans if one.name == name if word in one.texts
            ]


async def test_a_second_message_an_edit_and_a_refused_click_stand_in_the_same_trace(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with otlp_standin() as collector:
        send_there(monkeypatch, collector)
        async with live(tmp_path, redis_url) as desk:
            first = await says(desk, "Where is my invoice of May?", user="U0CUSTOMER")
            before = await card_that(desk, "pending", "of May")
            await says(desk, "I mean the one of June!", user="U0CUSTOMER", thread_ts=first.ts)
            card = await card_that(desk, "pending", "of June", but=before)
            assert (await desk.people.click("U0CUSTOMER2", card, "deskhand.approve")).ok
            view = await form(desk, "U0AGENT", card, "edit")
            await desk.people.submit(
                view, {"reply": "It is under Billing.", "approve_now": ["approve_now"]}
            )
            await becomes(desk, card, "succeeded")
            spans = await whole_way(collector)
            deliveries = [one for one in spans if one.name == ROOT]
            assert [one.parent for one in deliveries] == ["", deliveries[0].id]
            agents = [one for one in spans if one.name == "invoke_agent support"]
            assert len({one.attributes["deskhand.proposal"] for one in agents}) == 2
            assert len({one.attributes["deskhand.ticket"] for one in spans}) == 1
            decisions = [one.attributes for one in spans if one.name == "deskhand.decision"]
            assert [
                (one["deskhand.decision.verb"], one["deskhand.outcome"]) for one in decisions
            ] == [("approve", "not_approver"), ("edit", "approved")]


async def test_a_press_that_decides_nothing_is_a_decision_of_the_trace_that_says_why(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with otlp_standin() as collector:
        send_there(monkeypatch, collector)
        async with live(tmp_path, redis_url) as desk:
            await says(desk, "Where is my invoice of May?", user="U0CUSTOMER")
            card, people = await card_that(desk, "pending", "of May"), desk.people
            await people.click("U0CUSTOMER2", card, "deskhand.edit")
            view = await form(desk, "U0AGENT", card, "edit")
            await people.submit(view, {"reply": "By hand.", "approve_now": []})
            for verb in ("approve", "reject"):  # on the message as it was before the edit
                await people.click("U0AGENT", card, f"deskhand.{verb}")
            shown = await card_that(desk, "pending", "By hand.")
            await people.submit(await form(desk, "U0AGENT", shown, "reject"), {"reason": "other"})
            for verb in ("approve", "edit"):
                await people.click("U0AGENT", shown, f"deskhand.{verb}")
            wanted = [
                *(("edit", "not_approver"), ("edit", "pending")),
                *(("approve", "stale"), ("reject", "stale"), ("reject", "rejected")),
                *(("approve", "decided"), ("edit", "decided")),
            ]
            await collector.signal.until(lambda: len(_decisions(collector)) >= 7, timeout=20)
        said = [one.attributes for one in _decisions(collector)]
        assert [(one["deskhand.decision.verb"], one["deskhand.outcome"]) for one in said] == wanted
        assert len({one.trace for one in collector.spans}) == 1
        assert len({one["deskhand.proposal"] for one in said}) == 1


def _decisions(collector: OtlpStandin) -> list[Seen]:
    return [one for one in collector.spans if one.name == "deskhand.decision"]
