"""The Anthropic adapter against a loopback Messages API: requests, answers, faults, prices."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bot.budget import Usage
from bot.models.anthropic import AnthropicModel
from bot.ports import ModelFailed, Prompt, ToolCall, ToolDescription, ToolResult, Turn
from tests.agent.make import ticket
from tests.patience import WAIT_SECONDS
from tests.standins.anthropic import (
    AnthropicStandin,
    ApiFailure,
    Disconnect,
    Html,
    Reply,
    Silence,
    Step,
    Truncated,
    anthropic_standin,
    json_reply,
    overloaded,
    rate_limited,
    refusal,
    server_error,
    text_reply,
    tool_reply,
)

SEARCH = ToolDescription(
    "search_kb",
    "Search the articles.",
    {
        "type": "object",
        "properties": {"query": {"type": "string"}},
        "required": ["query"],
        "additionalProperties": False,
    },
)
SCHEMA = {
    "type": "object",
    "properties": {"reply": {"type": "string"}},
    "required": ["reply"],
    "additionalProperties": False,
}


def prompt(**changes: Any) -> Prompt:
    whole = Prompt(
        model="claude-sonnet-5-5",
        system="You are the triage hand. " * 20,
        ticket_text="<untrusted_ticket>\nWhere is my refund?\n</untrusted_ticket>",
        ticket=ticket(),
        feedback=(),
        turns=(),
        toolbox=(SEARCH,),
        schema=SCHEMA,
        max_tokens=900,
        timeout_seconds=5.0,
        prompt_name="triage",
        prompt_version="v1",
        playbook="support",
    )
    return replace(whole, **changes)


@asynccontextmanager
async def model_for(*script: Step) -> AsyncIterator[tuple[AnthropicModel, AnthropicStandin]]:
    async with anthropic_standin(script) as api:
        model = AnthropicModel(api.api_key, api.url)
        await model.start()
        try:
            yield model, api
        finally:
            await model.close()


async def test_a_request_is_what_the_api_takes_and_nothing_more() -> None:
    async with model_for(json_reply({"reply": "Soon."})) as (model, api):
        answer = await model.answer(prompt())
        assert json.loads(answer.text) == {"reply": "Soon."}
        assert (answer.stop, answer.calls, answer.request_id) == ("end_turn", (), "req_00000001")
        assert len(answer.request_hash) == 64
        body = api.requests[0].body
        assert set(body) == {
            "model", "max_tokens", "system", "messages", "tools", "output_config",
        }  # fmt: skip
        assert body["tools"][0]["strict"] is True
        assert body["system"][-1]["cache_control"] == {"type": "ephemeral"}
        assert body["output_config"]["format"]["type"] == "json_schema"


async def test_the_prefix_is_the_same_bytes_and_is_read_from_the_cache() -> None:
    async with model_for() as (model, api):
        for words in ("Where is my refund?", "Wie kündige ich?"):
            answer = await model.answer(prompt(ticket_text=f"<untrusted_ticket>{words}"))
        first, second = api.requests
        assert first.prefix_before("Where is my refund") == second.prefix_before("Wie kündige")
        assert answer.usage.cache_read_tokens > 100
        assert answer.usage.cache_write_tokens == 0


async def test_tool_calls_and_parameters_come_back_as_data() -> None:
    calls = (("search_kb", {"query": "refund"}), ("nonsense", {"a": [1, None]}))
    async with model_for(tool_reply(*calls, text="Looking.")) as (model, _):
        answer = await model.answer(prompt(schema=None))
        assert answer.stop == "tool_use"
        assert [(c.name, c.args) for c in answer.calls] == list(calls)
        assert len({c.id for c in answer.calls}) == 2


def turn_of(answer_model: str, raw: list[dict[str, Any]]) -> Turn:
    call = ToolCall("toolu_1", "search_kb", {"query": "refund"})
    return Turn(answer_model, raw, (call,), (ToolResult(call, "Refunds take 5 days."),))


RAW: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "Hm.", "signature": "sig=="},
    {"type": "tool_use", "id": "toolu_1", "name": "search_kb", "input": {"query": "refund"}},
]


async def test_a_turn_of_the_same_model_goes_back_verbatim() -> None:
    async with model_for() as (model, api):
        note = replace(turn_of("claude-sonnet-5-5", RAW), note="Be shorter.")
        await model.answer(prompt(turns=(note,)))
        user, assistant, results = api.requests[0].messages
        assert assistant == {"role": "assistant", "content": RAW}
        result, words = results["content"]
        assert (result["type"], result["tool_use_id"]) == ("tool_result", "toolu_1")
        assert "<untrusted_result>\nRefunds take 5 days." in result["content"][0]["text"]
        assert words["text"] == "Be shorter."
        assert user["role"] == "user"


async def test_a_turn_of_another_model_is_told_in_words() -> None:
    async with model_for() as (model, api):
        await model.answer(prompt(turns=(turn_of("claude-haiku-5-5", RAW),)))
        (user,) = api.requests[0].messages
        whole = json.dumps(user)
        assert "Refunds take 5 days." in whole
        assert "sig==" not in whole
        assert "tool_use" not in whole


async def test_an_answer_that_was_not_whole_is_followed_by_our_words() -> None:
    async with model_for() as (model, api):
        cut = Turn("", None, (), (), note="Be shorter.")
        paused = Turn("claude-sonnet-5-5", [{"type": "text", "text": "Let me"}], (), (), "Go on.")
        await model.answer(prompt(turns=(cut, paused)))
        roles = [message["role"] for message in api.requests[0].messages]
        assert roles == ["user", "assistant", "user"]


@pytest.mark.parametrize(
    ("step", "stop"),
    [
        (refusal(), "refusal"),
        (text_reply("half", stop_reason="max_tokens"), "max_tokens"),
        (text_reply("half", stop_reason="model_context_window_exceeded"), "max_tokens"),
        (text_reply("on", stop_reason="pause_turn"), "pause_turn"),
        (text_reply("on", stop_reason="stop_sequence"), "other"),
        (text_reply("on", stop_reason="one_of_tomorrow"), "other"),
        (Reply([{"type": "text", "text": "x"}], None), "other"),
    ],
)
async def test_every_stop_reason_has_a_name(step: Step, stop: str) -> None:
    async with model_for(step) as (model, _):
        assert (await model.answer(prompt())).stop == stop


NOTHING = Usage()


@pytest.mark.parametrize(
    ("step", "kind", "wait", "usage"),
    [
        (rate_limited(7), "overloaded", 7.0, NOTHING),
        (overloaded(), "overloaded", None, NOTHING),
        (server_error(), "server", None, NOTHING),
        (ApiFailure(503, "api_error", retry_after_s=1.5), "server", 1.5, NOTHING),
        (ApiFailure(502, "api_error"), "server", None, None),
        (ApiFailure(504, "timeout_error"), "server", None, None),
        (ApiFailure(408, "timeout_error"), "server", None, None),
        (ApiFailure(400, "invalid_request_error"), "rejected", None, NOTHING),
        (ApiFailure(401, "authentication_error"), "rejected", None, NOTHING),
        (ApiFailure(402, "billing_error"), "rejected", None, NOTHING),
        (ApiFailure(404, "not_found_error"), "rejected", None, NOTHING),
        (ApiFailure(413, "request_too_large"), "rejected", None, NOTHING),
        (ApiFailure(302, "moved"), "malformed", None, None),
        (Html(), "malformed", None, None),
        (Truncated(), "connection", None, None),
        (Disconnect(), "connection", None, None),
        (Silence(), "connection", None, None),
    ],
)
async def test_every_fault_has_a_kind_and_says_what_it_may_have_cost(
    step: Step, kind: str, wait: float | None, usage: Usage | None
) -> None:
    # Silence alone lasts as long as it may.
    patience = 0.5 if isinstance(step, Silence) else WAIT_SECONDS
    async with model_for(step) as (model, api):
        with pytest.raises(ModelFailed) as failed:
            await model.answer(prompt(timeout_seconds=patience))
        assert failed.value.kind == kind
        assert failed.value.retry_after_seconds == wait
        assert failed.value.usage == usage
        assert "sk-ant" not in failed.value.words
        # The adapter itself never sends again.
        assert len(api.requests) == 1


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "\ud83d alone"}],
        [{"type": "tool_use", "id": "t", "name": "search_kb", "input": {"query": "\udc00"}}],
        [{"text": "no type"}],
    ],
)
async def test_content_that_could_not_go_back_is_malformed_and_billed(content: Any) -> None:
    async with model_for(Reply(content, output_tokens=9)) as (model, _):
        with pytest.raises(ModelFailed) as failed:
            await model.answer(prompt())
        assert failed.value.kind == "malformed"
        assert failed.value.usage is not None
        assert failed.value.usage.output_tokens == 9


@pytest.mark.parametrize(
    ("body", "output_tokens"),
    [
        ('"a string"', None),
        ("null", None),
        ("[" * 100_000, None),
        ('{"content": []}', None),
        ('{"content": [], "usage": {"output_tokens": "many"}}', None),
        ('{"content": [], "usage": {"output_tokens": -3}}', None),
        ('{"content": ["no block"], "usage": {"output_tokens": 3}}', 3),
        ('{"content": "text", "usage": {"output_tokens": 3}}', 3),
    ],
)
async def test_a_200_that_is_no_message_is_malformed(body: str, output_tokens: int | None) -> None:
    async with model_for(Html(body)) as (model, _):
        with pytest.raises(ModelFailed) as failed:
            await model.answer(prompt())
    assert failed.value.kind == "malformed"
    usage = failed.value.usage
    assert (usage.output_tokens if usage else None) == output_tokens


async def test_real_pairs_of_surrogates_are_text() -> None:
    async with model_for(text_reply("Danke 😀")) as (model, _):
        assert (await model.answer(prompt(schema=None))).text == "Danke 😀"


async def test_nothing_listens_there_so_nothing_is_billed() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    model = AnthropicModel("sk-ant-x", f"http://127.0.0.1:{port}")
    try:
        with pytest.raises(ModelFailed) as failed:
            await model.answer(prompt())
    finally:
        await model.close()
    assert (failed.value.kind, failed.value.usage) == ("connection", NOTHING)


async def test_an_answer_that_trickles_in_is_cut_off_in_time() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
            writer.write(b"content-length: 100000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.wait_for(asyncio.shield(reader.read(1)), 0.05)
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    model = AnthropicModel("sk-ant-x", f"http://127.0.0.1:{port}")
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            with pytest.raises(ModelFailed) as failed:
                await model.answer(prompt(timeout_seconds=0.4))
    finally:
        await model.close()
        server.close()
    assert (failed.value.kind, failed.value.usage) == ("connection", None)


async def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "other")
    async with model_for() as (model, api):
        await model.answer(prompt())
        assert len(api.requests) == 1


async def test_a_prompt_beyond_the_known_price_is_not_sent() -> None:
    async with model_for() as (model, api):
        with pytest.raises(ModelFailed) as failed:
            await model.answer(prompt(ticket_text="x" * 120_000))
        assert (failed.value.kind, failed.value.usage) == ("rejected", NOTHING)
        assert len(api.requests) == 0


async def test_many_calls_at_once_share_one_client() -> None:
    async with model_for() as (model, api):
        answers = await asyncio.gather(*(model.answer(prompt()) for _ in range(50)))
        assert len(api.requests) == len(answers) == 50


def test_prices_are_known_offline_and_unknown_models_have_none() -> None:
    model = AnthropicModel("sk-ant-x")
    sonnet, haiku = model.price("claude-sonnet-5-5"), model.price("claude-haiku-5-5")
    assert sonnet is not None
    assert (sonnet.input, sonnet.output) == (Decimal(2), Decimal(10))
    assert (sonnet.cache_read, sonnet.cache_write) == (Decimal("0.1"), Decimal("2.5"))
    assert haiku is not None
    assert (haiku.input, haiku.output) == (Decimal("0.1"), Decimal("0.5"))
    assert model.price("gpt-unheard-of") is None


def test_the_worst_case_counts_every_byte_that_is_not_ours() -> None:
    model = AnthropicModel("sk-ant-x")
    base = model.worst_case_tokens(prompt())
    for text in ("a" * 500, "ü" * 500, "😀" * 500, "\ud83d"):
        longer = model.worst_case_tokens(prompt(ticket_text=prompt().ticket_text + text))
        assert longer - base == len(text.encode("utf-8", "replace"))
    told = model.worst_case_tokens(prompt(turns=(turn_of("claude-haiku-5-5", RAW),)))
    assert told - base >= len("Refunds take 5 days.")
    chinese = model.worst_case_tokens(prompt(system="退款" * 100))
    english = model.worst_case_tokens(prompt(system="ab" * 100))
    assert chinese - english == 600 - 100 + 1
