"""Anthropic's Messages API behind ``bot.ports.Model``; the only module that imports the SDK.

One client per process (a client per call costs 38 ms of CPU, a reused one 2 ms). The SDK and the
price table are imported by ``start``, after the process is up, for they take seconds. The SDK's
own retries are off: each resend may be billed, so the agent owns them. Answers are read from the
raw response: the content goes back verbatim in the next call, and a proxy's HTML page with status
200 is seen for what it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

from bot.budget import Price, Usage
from bot.models.anthropic_messages import hits_in, messages_of, search_tool, tools_of
from bot.ports import Answer, ModelFailed, Prompt, StopReason, ToolCall

if TYPE_CHECKING:
    import anthropic
    import httpx2
    from anthropic._types import OpenTelemetryClientOption

OVERHEAD_TOKENS = 1_200
"""What the provider adds unseen: its own system prompt for tools (346 tokens are documented) and
for structured output, and the frame of each message."""

PROMPT_LIMIT = 100_000
"""Tokens. Longer prompts have a dearer price at some models, so they are never sent."""

SEARCH_USD = Decimal("0.01")
"""One web search: $10 per 1,000 (platform.claude.com/docs, web search tool, pricing)."""

SEARCH_TOKENS = 40_000
"""What the results of one search may be billed as input at most: some ten pages of text."""

CONNECT_SECONDS = 5.0

_STOPS: Mapping[str, StopReason] = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "refusal": "refusal",
    "pause_turn": "pause_turn",
}
_UNBILLED = frozenset({500, 503, 529})
"""Server errors that the API itself answers with, without a message: nothing was generated. A
gateway's 502, 504 or 52x tells nothing of what went on behind it."""

_NOTHING = Usage()


@dataclass(frozen=True)
class _Fixed:
    """The parts of a request that are the same for every ticket, ready to send."""

    tools: list[dict[str, Any]]
    output: dict[str, Any] | None
    tokens: int


class AnthropicModel:
    """``base_url`` None is the public API. ``telemetry``: the SDK's ``open_telemetry`` option."""

    def __init__(
        self,
        api_key: str,
        base_url: str | None = None,
        *,
        telemetry: Mapping[str, Any] | Literal[False] = False,
    ) -> None:
        self._api_key = api_key
        self._base_url = base_url
        self._telemetry = telemetry
        self._client: anthropic.AsyncAnthropic | None = None
        self._starting = asyncio.Lock()
        self._prices: dict[str, Price | None] = {}
        self._fixed: dict[tuple[str, bool, bool], _Fixed] = {}

    @property
    def name(self) -> str:
        return "anthropic"

    async def start(self) -> None:
        """Import the SDK and the prices in a thread and make the client. Safe to call again."""
        async with self._starting:
            if self._client is None:
                self._client = await asyncio.to_thread(self._make_client)

    async def close(self) -> None:
        """Close the connections; the next call makes a new client."""
        async with self._starting:
            if self._client is not None:
                client, self._client = self._client, None
                await client.close()

    def price(self, model: str) -> Price | None:
        """By the price table that comes with genai-prices, offline; None for unknown models."""
        if model not in self._prices:
            self._prices[model] = _price(model)
        return self._prices[model]

    def worst_case_tokens(self, prompt: Prompt) -> int:
        """An upper bound of the input tokens that the call is billed for.

        A byte-level tokenizer makes at most one token of a byte, so what strangers wrote counts
        its UTF-8 bytes. Our own English and JSON never fall below two bytes a token, so they count
        half. ``OVERHEAD_TOKENS`` stand for what the provider adds.
        """
        untrusted = _bytes(prompt.ticket_text) + sum(
            _bytes(result.text) + _bytes(json.dumps(result.call.args, default=str)) + 100
            for turn in prompt.turns
            for result in turn.results
        )
        untrusted += sum(_bytes(turn.note) + _raw_bytes(turn.raw) for turn in prompt.turns)
        own = OVERHEAD_TOKENS + self._parts(prompt).tokens + _own(prompt.system)
        return own + untrusted + prompt.searches * SEARCH_TOKENS

    async def answer(self, prompt: Prompt) -> Answer:
        """One request, never resent. Raises ``ModelFailed``."""
        if self._client is None:
            await self.start()
        client = self._client
        assert client is not None  # start has just made it
        if self.worst_case_tokens(prompt) > PROMPT_LIMIT:
            raise ModelFailed("rejected", "The prompt is too long.", usage=_NOTHING)
        fixed = self._parts(prompt)
        request: dict[str, Any] = {
            "model": prompt.model,
            "max_tokens": prompt.max_tokens,
            # Marked, so that tools and system text are read from the cache at the next ticket.
            "system": [
                {"type": "text", "text": prompt.system, "cache_control": {"type": "ephemeral"}}
            ],
            "messages": messages_of(prompt),
        }
        if fixed.tools or prompt.searches:
            request["tools"] = [*fixed.tools, *search_tool(prompt.searches)]
        if fixed.output is not None:
            request["output_config"] = fixed.output
        return await self._send(client, prompt, request)

    async def _send(
        self, client: anthropic.AsyncAnthropic, prompt: Prompt, request: dict[str, Any]
    ) -> Answer:
        import anthropic
        import httpx2

        seconds = prompt.timeout_seconds
        timeout = httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
        try:
            # The SDK's time-out is for each read; an answer that trickles in has one of its own.
            async with asyncio.timeout(seconds):
                response = await client.messages.with_raw_response.create(
                    **request, timeout=timeout
                )
        except anthropic.APIStatusError as failure:
            raise _of_status(prompt.model, failure) from failure
        except anthropic.APIConnectionError as failure:
            raise _of_connection(prompt.model, failure) from failure
        except anthropic.APIError as failure:
            raise ModelFailed("malformed", f"{prompt.model}: an unreadable answer.") from failure
        except TimeoutError as failure:
            words = f"{prompt.model} did not answer in {seconds:.0f} s."
            raise ModelFailed("connection", words) from failure
        http: httpx2.Response = response.http_response
        return _read(prompt.model, http, _hash(request))

    def _parts(self, prompt: Prompt) -> _Fixed:
        # The version covers tools and schema, so two prompts of one version share their parts.
        key = (prompt.prompt_version, bool(prompt.toolbox), prompt.schema is not None)
        found = self._fixed.get(key)
        if found is None:
            tools = tools_of(prompt.toolbox)
            output: dict[str, Any] | None = None
            if prompt.schema is not None:
                output = {"format": {"type": "json_schema", "schema": dict(prompt.schema)}}
            tokens = _own(json.dumps(tools, ensure_ascii=False)) if tools else 0
            tokens += _own(json.dumps(output, ensure_ascii=False)) if output else 0
            found = self._fixed[key] = _Fixed(tools, output, tokens)
        return found

    def _make_client(self) -> anthropic.AsyncAnthropic:
        import anthropic
        import httpx2

        self.price("claude-sonnet-5-5")
        http = httpx2.AsyncClient(
            # A proxy for the outside has no business with this machine's own addresses.
            trust_env=not _is_loopback(self._base_url),
            timeout=httpx2.Timeout(60.0, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=200, max_keepalive_connections=50),
            follow_redirects=False,
        )
        return anthropic.AsyncAnthropic(
            api_key=self._api_key,
            # Given even where it is the default: else the SDK reads the environment.
            base_url=self._base_url or "https://api.anthropic.com",
            max_retries=0,
            http_client=http,
            open_telemetry=cast("OpenTelemetryClientOption", self._telemetry),
        )


def _read(model: str, http: httpx2.Response, request_hash: str) -> Answer:
    body = http.content
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise ModelFailed("malformed", f"{model}: the answer is not JSON.") from fault
    usage = _usage(message)
    content = message.get("content") if isinstance(message, dict) else None
    if usage is None or not isinstance(content, list):
        raise ModelFailed("malformed", f"{model}: the answer is not a message.", usage=usage)
    if not all(isinstance(block, dict) and "type" in block for block in content):
        raise ModelFailed("malformed", f"{model}: the answer's content is broken.", usage=usage)
    if b"\\ud" in body.lower() and not _encodable(content):
        # Lone surrogates: parsed well, and impossible to store or to send back.
        raise ModelFailed("malformed", f"{model}: the answer is not Unicode text.", usage=usage)
    calls = tuple(
        ToolCall(str(block.get("id", "")), str(block.get("name", "")), block.get("input"))
        for block in content
        if block["type"] == "tool_use"
    )
    text = "".join(str(block.get("text", "")) for block in content if block["type"] == "text")
    stop = _STOPS.get(str(message.get("stop_reason")), "other")
    request_id = http.headers.get("request-id")
    return Answer(
        model, text, calls, stop, usage, content, request_id, request_hash, hits_in(content)
    )


def _usage(message: Any) -> Usage | None:
    """The tokens billed, or None where the answer does not say so in whole numbers."""
    found = message.get("usage") if isinstance(message, dict) else None
    if not isinstance(found, dict):
        return None
    counts = [
        found.get(key) or 0
        for key in (
            "input_tokens",
            "output_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
        )
    ]
    server = found.get("server_tool_use")
    counts.append((server.get("web_search_requests") or 0) if isinstance(server, dict) else 0)
    if not all(type(count) is int and count >= 0 for count in counts):
        return None
    return Usage(*counts)


def _of_status(model: str, failure: anthropic.APIStatusError) -> ModelFailed:
    status = failure.status_code
    words = f"{model}: HTTP {status} {failure.type or ''}".strip()
    if failure.request_id:
        words += f", request {failure.request_id}"
    wait = _retry_after(failure.response.headers)
    if status in (429, 529):
        return ModelFailed("overloaded", words, wait, usage=_NOTHING)
    if status >= 500:
        return ModelFailed("server", words, wait, usage=_NOTHING if status in _UNBILLED else None)
    if status in (408, 409):
        return ModelFailed("server", words, wait)
    if status < 400:
        return ModelFailed("malformed", words)
    return ModelFailed("rejected", words, usage=_NOTHING)


def _of_connection(model: str, failure: anthropic.APIConnectionError) -> ModelFailed:
    import httpx2

    cause = failure.__cause__
    if isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)):
        # No connection, so nobody has seen the request.
        return ModelFailed("connection", f"{model} cannot be reached.", usage=_NOTHING)
    return ModelFailed("connection", f"{model}: the connection broke before the answer.")


def _retry_after(headers: httpx2.Headers) -> float | None:
    """Seconds to wait, from ``retry-after-ms`` or ``retry-after`` (seconds or a date)."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "")
        try:
            seconds = float(value) / scale
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        at = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    zoned = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (zoned - datetime.now(UTC)).total_seconds())


def _price(model: str) -> Price | None:
    from genai_prices import Usage as Priced
    from genai_prices import calc_price

    def per_million(usage: Priced, tokens: int) -> Decimal:
        found = calc_price(usage, model, provider_id="anthropic")
        return found.total_price * 1_000_000 / tokens

    try:
        short = per_million(Priced(input_tokens=1_000), 1_000)
        price = Price(
            input=short,
            output=per_million(Priced(output_tokens=1_000), 1_000),
            cache_read=per_million(Priced(input_tokens=1_000, cache_read_tokens=1_000), 1_000),
            cache_write=per_million(Priced(input_tokens=1_000, cache_write_tokens=1_000), 1_000),
            search=SEARCH_USD,
        )
        longest = per_million(Priced(input_tokens=PROMPT_LIMIT - 1), PROMPT_LIMIT - 1)
    except LookupError:
        return None
    # A price that rises below our own limit would make the worst case a lie.
    if longest != short or not (price.input and price.output and price.cache_write):
        return None
    return price


def _hash(request: Mapping[str, Any]) -> str:
    whole = json.dumps(request, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


def _own(text: str) -> int:
    """Tokens of our own text at most: half its ASCII characters, every other byte in full."""
    if text.isascii():
        return (len(text) + 1) // 2
    return sum(1 if char < "\x80" else 2 * len(char.encode()) for char in text) // 2 + 1


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _raw_bytes(raw: Any) -> int:
    return 0 if raw is None else _bytes(json.dumps(raw, ensure_ascii=False, default=str))


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_loopback(url: str | None) -> bool:
    host = urlsplit(url).hostname if url else None
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
