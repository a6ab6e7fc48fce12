"""A loopback Messages API: `POST /v1/messages` (JSON and streaming), count_tokens, models."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import assert_never

from aiohttp import web

from tests.standins.anthropic.brains import default_reply
from tests.standins.anthropic.replies import (
    ApiFailure,
    Brain,
    CutStream,
    Disconnect,
    Held,
    Html,
    JsonObject,
    Reply,
    Request,
    Silence,
    Slow,
    Step,
    StreamFailure,
    Truncated,
)
from tests.standins.anthropic.rules import PromptCache, refusal_of, tokens_in
from tests.standins.anthropic.schema import Fill, unfilled
from tests.standins.wire import (
    CallLog,
    Delay,
    Entry,
    Feed,
    Hang,
    Pauses,
    Signal,
    answer,
    drop,
    serving,
)

API_KEY = "sk-ant-test-key"


class AnthropicStandin:
    """A running Messages API.

    `script` is consumed first, one step a request; then `brain` (or None) answers, and where
    it returns None the default behaviour does, with `fill` choosing values and
    `research_steps` rounds of tool calls before a final answer that is asked for together
    with tools. `requests` holds every request with its raw bytes.
    """

    def __init__(
        self,
        script: Sequence[Step] = (),
        *,
        brain: Brain | None = None,
        fill: Fill = unfilled,
        research_steps: int = 0,
        api_key: str = API_KEY,
        min_cache_tokens: int = 0,
        log_path: Path | None = None,
    ) -> None:
        self.script: list[Step] = list(script)
        self.brain = brain
        self.fill = fill
        self.research_steps = research_steps
        self.api_key = api_key
        self.signal = Signal()
        self.requests: Feed[Request] = Feed("requests", self.signal)
        self.replies: Feed[JsonObject] = Feed("replies", self.signal)
        self.log = CallLog(self.signal, log_path)
        self.cache = PromptCache(min_tokens=min_cache_tokens)
        self.url = ""
        self._pauses = Pauses()

    @property
    def environment(self) -> dict[str, str]:
        """What the product needs to talk to this stand-in."""
        return {"ANTHROPIC_API_KEY": self.api_key, "ANTHROPIC_BASE_URL": self.url}

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator["AnthropicStandin"]:
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.add_routes(
            [
                web.post("/v1/messages", self._messages),
                web.post("/v1/messages/count_tokens", self._count),
                web.get("/v1/models/{model}", self._model),
            ]
        )
        async with serving(app, port) as at:
            self.url = f"http://127.0.0.1:{at}"
            try:
                yield self
            finally:
                self._pauses.close()
                self.log.close()

    # ---- requests --------------------------------------------------------------------

    async def _parse(self, http: web.Request) -> Request | web.Response:
        """The request, or the error answer to it."""
        raw = await http.read()
        headers = {name.lower(): value for name, value in http.headers.items()}
        # anthropic 2.12 sends the key as a bearer token, older ones as x-api-key.
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if self.api_key not in (bearer, headers.get("x-api-key")):
            return self._error(ApiFailure(401, "authentication_error", "invalid x-api-key"))
        if "anthropic-version" not in headers:
            message = "anthropic-version: header is required"
            return self._error(ApiFailure(400, "invalid_request_error", message))
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            message = "The request body is not valid JSON"
            return self._error(ApiFailure(400, "invalid_request_error", message))
        return Request(len(self.requests) + 1, raw, body, headers)

    async def _messages(self, http: web.Request) -> web.StreamResponse:
        request = await self._parse(http)
        if isinstance(request, web.Response):
            return request
        self.requests.push(request)
        refused = refusal_of(request.body)
        if refused is not None:
            return await self._send(
                http, request, ApiFailure(400, "invalid_request_error", refused)
            )
        return await self._send(http, request, self._next_step(request))

    def _next_step(self, request: Request) -> Step:
        if self.script:
            return self.script.pop(0)
        step = self.brain(request) if self.brain is not None else None
        return self._default(request) if step is None else step

    def _default(self, request: Request) -> Reply:
        return default_reply(request, fill=self.fill, research_steps=self.research_steps)

    async def _send(self, http: web.Request, request: Request, step: Step) -> web.StreamResponse:
        match step:
            case Reply():
                return await self._reply(http, request, step)
            case Slow(seconds=seconds, reply=reply):
                await self._pauses.before_effect(Delay(seconds))
                return await self._reply(http, request, reply or self._default(request))
            case Held(hold=hold, reply=reply):
                await self._pauses.before_effect(hold)
                return await self._reply(http, request, reply or self._default(request))
            case ApiFailure():
                self._record(request, {"error": step.kind}, step.status, "ApiFailure")
                return self._error(step)
            case Html(body=body):
                self._record(request, {}, 200, "Html")
                return web.Response(text=body, content_type="text/html")
            case Truncated(reply=reply, keep=keep):
                return await self._cut(http, request, reply, keep)
            case CutStream(reply=reply, after_events=count):
                if not request.streams:
                    return await self._cut(http, request, reply, 0.5)
                message = self._message(request, reply or self._default(request))
                self._record(request, message, 200, "CutStream")
                return await self._stream(http, list(_events(message))[:count])
            case StreamFailure(kind=kind, after_events=count):
                if not request.streams:
                    self._record(request, {"error": kind}, 529, "StreamFailure")
                    return self._error(ApiFailure(529, kind))
                message = self._message(request, self._default(request))
                self._record(request, message, 200, "StreamFailure")
                error = {"type": "error", "error": {"type": kind, "message": "Overloaded"}}
                return await self._stream(http, [*list(_events(message))[:count], error])
            case Disconnect():
                self._record(request, {}, 0, "Disconnect")
                return drop(http)
            case Silence():
                self._record(request, {}, 0, "Silence")
                await self._pauses.before_effect(Hang())
                return drop(http)
            case _:
                assert_never(step)

    async def _reply(self, http: web.Request, request: Request, reply: Reply) -> web.StreamResponse:
        message = self._message(request, reply)
        entry = self._record(request, message, 200, None)
        self.replies.push(message)
        if request.streams:
            return await self._stream(http, list(_events(message)))
        response = web.json_response(message, headers=self._headers())
        self.log.mark_delivered(entry, await answer(http, response))
        return response

    async def _cut(
        self, http: web.Request, request: Request, reply: Reply | None, keep: float
    ) -> web.StreamResponse:
        """A body shorter than its Content-Length, then the end of the connection."""
        message = self._message(request, reply or self._default(request))
        self._record(request, message, 200, "Truncated")
        data = json.dumps(message).encode()
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Content-Length": str(len(data))}
        )
        await response.prepare(http)
        await response.write(data[: int(len(data) * keep)])
        if http.transport is not None:
            http.transport.close()
        return response

    async def _stream(self, http: web.Request, events: list[JsonObject]) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream; charset=utf-8", **self._headers()}
        )
        try:
            await response.prepare(http)
            for event in events:
                data = json.dumps(event, ensure_ascii=False)
                await response.write(f"event: {event['type']}\ndata: {data}\n\n".encode())
            await response.write_eof()
        except ConnectionError:
            # The client may go away in the middle of a stream; the log has the reply.
            return response
        return response

    # ---- answers ---------------------------------------------------------------------

    def _message(self, request: Request, reply: Reply) -> JsonObject:
        content = [
            {**block, "id": f"toolu_{request.n:06d}{position:02d}"}
            if block.get("type") == "tool_use" and "id" not in block
            else dict(block)
            for position, block in enumerate(reply.content)
        ]
        written = tokens_in(json.dumps(content).encode())
        # Web search tool, "Usage and pricing": each search is counted, one that failed is not.
        searched = sum(
            block.get("type") == "web_search_tool_result" and isinstance(block["content"], list)
            for block in content
        )
        return {
            "id": f"msg_{request.n:08d}",
            "type": "message",
            "role": "assistant",
            "model": request.model,
            "content": content,
            "stop_reason": reply.stop_reason,
            "stop_sequence": None,
            "stop_details": reply.stop_details,
            "usage": {
                **self.cache.usage(request),
                "output_tokens": reply.output_tokens or written,
                "service_tier": "standard",
                **({"server_tool_use": {"web_search_requests": searched}} if searched else {}),
            },
        }

    def _record(
        self, request: Request, answer_: JsonObject, status: int, fault: str | None
    ) -> Entry:
        return self.log.record(
            "call",
            "/v1/messages",
            {"raw": request.raw.decode("utf-8", "replace")},
            answer=answer_,
            status=status,
            fault=fault,
        )

    def _headers(self) -> dict[str, str]:
        return {"request-id": f"req_{len(self.requests):08d}"}

    def _error(self, failure: ApiFailure) -> web.Response:
        headers = self._headers()
        if failure.retry_after_s is not None:
            headers["retry-after"] = f"{failure.retry_after_s:g}"
        body = {
            "type": "error",
            "error": {"type": failure.kind, "message": failure.message},
            "request_id": headers["request-id"],
        }
        return web.json_response(body, status=failure.status, headers=headers)

    async def _count(self, http: web.Request) -> web.StreamResponse:
        request = await self._parse(http)
        if isinstance(request, web.Response):
            return request
        return web.json_response({"input_tokens": tokens_in(request.rendered())})

    async def _model(self, http: web.Request) -> web.StreamResponse:
        model = http.match_info["model"]
        if not model.startswith("claude-"):
            return self._error(ApiFailure(404, "not_found_error", f"model: {model}"))
        return web.json_response(
            {
                "type": "model",
                "id": model,
                "display_name": model,
                "created_at": "2026-01-01T00:00:00Z",
            }
        )


def _events(message: JsonObject) -> Iterator[JsonObject]:
    """The stream of a message: docs, streaming messages, event types."""
    usage = message["usage"]
    start = {**message, "content": [], "stop_reason": None, "stop_details": None}
    start["usage"] = {**usage, "output_tokens": 1}
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(message["content"]):
        yield from _block_events(index, block)
    yield {
        "type": "message_delta",
        "delta": {
            "stop_reason": message["stop_reason"],
            "stop_sequence": None,
            "stop_details": message["stop_details"],
        },
        "usage": {"output_tokens": usage["output_tokens"]},
    }
    yield {"type": "message_stop"}


def _block_events(index: int, block: JsonObject) -> Iterator[JsonObject]:
    kind, name, shell, whole = "", "", block, ""
    if block["type"] == "text":
        kind, name = "text_delta", "text"
        shell, whole = {**block, "text": ""}, str(block["text"])
    elif block["type"] == "tool_use":
        kind, name = "input_json_delta", "partial_json"
        shell, whole = {**block, "input": {}}, json.dumps(block["input"], ensure_ascii=False)
    yield {"type": "content_block_start", "index": index, "content_block": shell}
    for at in range(0, len(whole), 40):
        delta = {"type": kind, name: whole[at : at + 40]}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


@asynccontextmanager
async def anthropic_standin(
    script: Sequence[Step] = (),
    *,
    brain: Brain | None = None,
    fill: Fill = unfilled,
    research_steps: int = 0,
    port: int = 0,
    log_path: Path | None = None,
) -> AsyncIterator[AnthropicStandin]:
    """A Messages API on 127.0.0.1."""
    standin = AnthropicStandin(
        script, brain=brain, fill=fill, research_steps=research_steps, log_path=log_path
    )
    async with standin.running(port):
        yield standin
