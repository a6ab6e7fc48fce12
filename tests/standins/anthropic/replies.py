"""What the stand-in answers: model replies, faults, and the request they answer."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.standins.wire import Hold

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """A finished model turn: content blocks and why it stopped.

    Stop reasons known to the SDK: end_turn, max_tokens, stop_sequence, tool_use, pause_turn,
    refusal, model_context_window_exceeded; any other string plays one from the future.
    """

    content: Sequence[JsonObject]
    stop_reason: str | None = "end_turn"
    stop_details: JsonObject | None = None
    output_tokens: int | None = None
    """None: counted from the content."""


@dataclass(frozen=True)
class ApiFailure:
    """An error answer of the API, such as 429 rate_limit_error or 529 overloaded_error."""

    status: int
    kind: str
    message: str = "scripted"
    retry_after_s: float | None = None


@dataclass(frozen=True)
class Html:
    """A 200 with a page instead of JSON, as a proxy in between may send."""

    body: str = "<html><body>Sign in to continue</body></html>"


@dataclass(frozen=True)
class Truncated:
    """The answer's headers and the first part of its body, then the connection closes."""

    reply: Reply | None = None
    keep: float = 0.5


@dataclass(frozen=True)
class CutStream:
    """A stream that ends cleanly after some events, without message_delta or message_stop.

    Without streaming in the request it is the same as `Truncated`.
    """

    reply: Reply | None = None
    after_events: int = 3


@dataclass(frozen=True)
class StreamFailure:
    """A stream that breaks off with an `error` event (overload in the middle of an answer)."""

    kind: str = "overloaded_error"
    after_events: int = 3


@dataclass(frozen=True)
class Disconnect:
    """The connection closes without an answer, though the call may be billed."""


@dataclass(frozen=True)
class Silence:
    """No answer while the stand-in lives."""


@dataclass(frozen=True)
class Slow:
    """Wait `seconds`, then answer with `reply` (None: the default behaviour)."""

    seconds: float
    reply: Reply | None = None


@dataclass(frozen=True)
class Held:
    """Wait until a test opens `hold.gate`, then answer."""

    hold: Hold = field(default_factory=Hold)
    reply: Reply | None = None


Failure = ApiFailure | Html | Truncated | CutStream | StreamFailure | Disconnect | Silence
Step = Reply | Failure | Slow | Held
"""One scripted answer."""


@dataclass(frozen=True)
class Request:
    """One `POST /v1/messages`. `n` counts from 1; `raw` is the body as it came."""

    n: int
    raw: bytes
    body: JsonObject
    headers: dict[str, str]
    """Names in lower case."""

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def messages(self) -> list[JsonObject]:
        found = self.body.get("messages")
        return found if isinstance(found, list) else []

    @property
    def tools(self) -> list[JsonObject]:
        """The tools offered; empty under tool_choice `none`."""
        choice = self.body.get("tool_choice")
        if isinstance(choice, dict) and choice.get("type") == "none":
            return []
        return [tool for tool in self.body.get("tools") or [] if isinstance(tool, dict)]

    @property
    def tool_names(self) -> list[str]:
        return [str(tool.get("name")) for tool in self.tools]

    @property
    def output_schema(self) -> JsonObject | None:
        """The schema of output_config.format, where structured output is asked for."""
        found = (self.body.get("output_config") or {}).get("format") or {}
        schema = found.get("schema")
        return schema if isinstance(schema, dict) else None

    @property
    def streams(self) -> bool:
        return self.body.get("stream") is True

    @property
    def system_text(self) -> str:
        return "\n".join(_texts(self.body.get("system")))

    @property
    def texts(self) -> list[str]:
        """Every text in system, messages and tool results, in order."""
        return [
            *_texts(self.body.get("system")),
            *(text for message in self.messages for text in _texts(message.get("content"))),
        ]

    @property
    def last_user_text(self) -> str:
        """The last text a user turn holds (not a tool's result)."""
        for message in reversed(self.messages):
            content = message.get("content")
            if message.get("role") != "user":
                continue
            if isinstance(content, str):
                return content
            for block in reversed(content or []):
                if isinstance(block, dict) and block.get("type") == "text":
                    return str(block.get("text", ""))
        return ""

    @property
    def tool_rounds(self) -> int:
        """How many assistant turns with tool calls the conversation holds."""
        return sum(
            1
            for message in self.messages
            if message.get("role") == "assistant"
            and any(
                isinstance(block, dict) and block.get("type") == "tool_use"
                for block in message.get("content") or []
            )
        )

    def rendered(self) -> bytes:
        """The prompt as the API caches it: model, output format, tools, system, messages.

        Two requests share a cached prefix exactly as far as these bytes agree. Keys keep
        the order in which they were sent, cache_control is left out.
        """
        return b"\n".join(part for _is_breakpoint, part in render_parts(self.body))

    def prefix_before(self, marker: str) -> bytes:
        """`rendered()` up to the first occurrence of a text, such as the ticket's words.

        Raises ValueError when the prompt does not hold it.
        """
        needle = json.dumps(marker, ensure_ascii=False)[1:-1].encode()
        whole = self.rendered()
        position = whole.find(needle)
        if position < 0:
            raise ValueError(f"the prompt does not hold {marker!r}")
        return whole[:position]


Brain = Callable[[Request], Step | None]
"""Answers a request; None: the default behaviour."""


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        yield from _texts(value.get("content"))


def render_parts(body: JsonObject) -> Iterator[tuple[bool, bytes]]:
    """(ends at a cache breakpoint, bytes) of each cacheable block, in the API's order."""
    yield False, str(body.get("model", "")).encode()
    # Structured outputs: "changing the output_config.format parameter will invalidate any
    # prompt cache", so the format belongs to the prefix, ahead of everything else.
    wanted = (body.get("output_config") or {}).get("format")
    if wanted is not None:
        yield _part(wanted)
    for tool in body.get("tools") or []:
        yield _part(tool)
    system = body.get("system")
    for block in [system] if isinstance(system, str) else system or []:
        yield _part(block)
    for message in body.get("messages") or []:
        content = message.get("content")
        yield False, str(message.get("role")).encode()
        for block in [content] if isinstance(content, str) else content or []:
            yield _part(block)


def _part(block: object) -> tuple[bool, bytes]:
    marked = isinstance(block, dict) and block.get("cache_control") is not None
    if isinstance(block, dict):
        block = {key: value for key, value in block.items() if key != "cache_control"}
    return marked, json.dumps(block, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


# ---- making replies ------------------------------------------------------------------


def text_reply(text: str, *, stop_reason: str = "end_turn") -> Reply:
    """One text block. With stop_reason `max_tokens` the text plays one that was cut."""
    return Reply([{"type": "text", "text": text}], stop_reason)


def json_reply(value: object, *, stop_reason: str = "end_turn") -> Reply:
    """Structured output: one text block of JSON."""
    return text_reply(json.dumps(value, ensure_ascii=False), stop_reason=stop_reason)


def tool_reply(*calls: tuple[str, JsonObject], text: str | None = None) -> Reply:
    """Tool calls by name and input, known to the request or not."""
    said: list[JsonObject] = [{"type": "text", "text": text}] if text else []
    uses = [{"type": "tool_use", "name": name, "input": args} for name, args in calls]
    return Reply([*said, *uses], "tool_use")


def searched_reply(*searches: Sequence[tuple[str, str]] | str, text: str) -> Reply:
    """Web searches that the API has carried out, then a text: each search is its pages (url,
    title), or the code of its error."""
    content: list[JsonObject] = []
    for number, found in enumerate(searches):
        ident = f"srvtoolu_{number:06d}"
        query = {"query": f"search {number}"}
        content.append(
            {"type": "server_tool_use", "id": ident, "name": "web_search", "input": query}
        )
        pages: object = (
            {"type": "web_search_tool_result_error", "error_code": found}
            if isinstance(found, str)
            else [
                {
                    "type": "web_search_result",
                    "url": url,
                    "title": title,
                    "encrypted_content": "ZW5jcnlwdGVk",
                    "page_age": None,
                }
                for url, title in found
            ]
        )
        content.append({"type": "web_search_tool_result", "tool_use_id": ident, "content": pages})
    return Reply([*content, {"type": "text", "text": text}])


def refusal() -> Reply:
    """A refusal: no content, stop reason and details."""
    details = {"type": "refusal", "category": "general_harms", "explanation": None}
    return Reply([], "refusal", details)


def rate_limited(retry_after_s: float = 1.0) -> ApiFailure:
    return ApiFailure(429, "rate_limit_error", retry_after_s=retry_after_s)


def overloaded() -> ApiFailure:
    return ApiFailure(529, "overloaded_error", "Overloaded")


def server_error() -> ApiFailure:
    return ApiFailure(500, "api_error", "Internal server error")


_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+")


def identifiers_in(text: str) -> list[str]:
    """Names in snake_case, in order, once each: what a tool's name looks like in a text."""
    return list(dict.fromkeys(_IDENTIFIER.findall(text)))
