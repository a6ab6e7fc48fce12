"""What the Messages API refuses, and what it counts.

From platform.claude.com/docs: the Messages reference, structured outputs (schema
limitations, strict tools) and prompt caching.
"""

import hashlib
import re
from collections.abc import Iterator

from tests.standins.anthropic.replies import JsonObject, Request, render_parts

CACHE_BREAKPOINTS_MAX = 4  # prompt caching: "up to 4 cache breakpoints"
LOOKBACK_BLOCKS = 20  # prompt caching: 20-block lookback from each breakpoint
STRICT_TOOLS_MAX = 20  # structured outputs: strict tools per request
NO_FORCED_TOOLS = ("claude-sonnet-5-5",)  # measured: forced tool_choice is refused

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
# Structured outputs, "JSON Schema limitations": not supported in a strict schema.
_UNSUPPORTED = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "maxItems", "uniqueItems", "minProperties", "maxProperties",
    "patternProperties", "propertyNames", "if", "then", "else", "not", "prefixItems",
)  # fmt: skip
_GONE = ("temperature", "top_p", "top_k")


def refusal_of(body: JsonObject) -> str | None:
    """The message of the 400 invalid_request_error for this request, or None."""
    return next(_faults(body), None)


def _faults(body: JsonObject) -> Iterator[str]:
    model, limit, messages = body.get("model"), body.get("max_tokens"), body.get("messages")
    if not isinstance(model, str) or not model:
        yield "model: Field required"
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        yield "max_tokens: Field required"
    for name in _GONE:
        if name in body:
            yield f"{name}: is not supported by this model"
    if not isinstance(messages, list) or not messages:
        yield "messages: at least one message is required"
        return
    yield from _message_faults(messages)
    yield from _tool_faults(body, str(model))
    config = (body.get("output_config") or {}).get("format")
    if config is not None:
        if config.get("type") != "json_schema" or not isinstance(config.get("schema"), dict):
            yield "output_config.format: must be a json_schema with a schema"
        else:
            yield from schema_faults(config["schema"], "output_config.format.schema")
    marks = sum(1 for is_breakpoint, _part in render_parts(body) if is_breakpoint)
    if marks > CACHE_BREAKPOINTS_MAX:
        yield f"A maximum of 4 blocks with cache_control may be provided. Found {marks}."


def _message_faults(messages: list[JsonObject]) -> Iterator[str]:
    if messages[0].get("role") != "user":
        yield "messages: first message must use the user role"
    waiting: set[str] = set()
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        if message.get("role") not in ("user", "assistant"):
            yield f"{where}: role must be user or assistant"
        content = message.get("content")
        blocks = content if isinstance(content, list) else []
        if not content and number < len(messages) - 1:
            yield f"{where}: content must not be empty"
        results = {b.get("tool_use_id") for b in blocks if b.get("type") == "tool_result"}
        if waiting - results:
            yield (
                f"{where}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {', '.join(sorted(waiting - results))}"
            )
        if results - waiting:
            yield f"{where}: unexpected `tool_use_id` found in `tool_result` blocks"
        waiting = {str(b.get("id")) for b in blocks if b.get("type") == "tool_use"}
        for block in blocks:
            if block.get("type") == "text" and not str(block.get("text", "")).strip():
                yield f"{where}: text content blocks must be non-empty"
    if waiting:
        yield "messages: `tool_use` ids were found without `tool_result` blocks at the end"


def _tool_faults(body: JsonObject, model: str) -> Iterator[str]:
    tools = body.get("tools") or []
    names = [str(tool.get("name")) for tool in tools]
    if len(set(names)) != len(names):
        yield "tools: Tool names must be unique."
    strict = 0
    for number, tool in enumerate(tools):
        where = f"tools.{number}"
        if not _TOOL_NAME.fullmatch(str(tool.get("name", ""))):
            yield f"{where}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
        if "type" in tool and tool["type"] != "custom":
            yield from _server_tool_faults(tool, where)
            continue
        schema = tool.get("input_schema")
        if not isinstance(schema, dict) or schema.get("type") != "object":
            yield f"{where}.input_schema.type: must be object"
        elif tool.get("strict"):
            strict += 1
            yield from schema_faults(schema, f"{where}.input_schema")
    if strict > STRICT_TOOLS_MAX:
        yield f"tools: at most {STRICT_TOOLS_MAX} strict tools"
    choice = (body.get("tool_choice") or {}).get("type")
    if choice in ("any", "tool") and model.startswith(NO_FORCED_TOOLS):
        yield "tool_choice: forced tool use is not supported by this model"


def _server_tool_faults(tool: JsonObject, where: str) -> Iterator[str]:
    """Web search, the one server tool that is known here (web search tool, "Tool definition")."""
    known = {"type", "name", "max_uses", "allowed_domains", "blocked_domains", "user_location"}
    if tool["type"] != "web_search_20250305" or tool.get("name") != "web_search":
        yield f"{where}: Input tag '{tool['type']}' does not match any of the expected tags"
    for name in set(tool) - known - {"cache_control"}:
        yield f"{where}.{name}: Extra inputs are not permitted"
    uses = tool.get("max_uses")
    if uses is not None and (isinstance(uses, bool) or not isinstance(uses, int) or uses < 1):
        yield f"{where}.max_uses: Input should be greater than 0"
    if tool.get("allowed_domains") and tool.get("blocked_domains"):
        yield f"{where}: Only one of allowed_domains and blocked_domains may be given"


def schema_faults(schema: object, at: str) -> Iterator[str]:
    """What structured outputs and strict tools do not support in a schema."""
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            yield from schema_faults(item, f"{at}.{number}")
        return
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        yield f"{at}: For 'object' type, 'additionalProperties' must be explicitly set to false"
    for word in _UNSUPPORTED:
        if word in schema:
            yield f"{at}: property '{word}' is not supported"
    if schema.get("minItems", 0) not in (0, 1):
        yield f"{at}: For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    for word in ("properties", "$defs", "definitions"):
        for name, child in (schema.get(word) or {}).items():
            yield from schema_faults(child, f"{at}.{name}")
    for word in ("items", "anyOf", "allOf", "oneOf"):
        yield from schema_faults(schema.get(word), f"{at}.{word}")


def tokens_in(data: bytes) -> int:
    """About four bytes a token: plausible, not exact."""
    return max(1, (len(data) + 3) // 4)


class PromptCache:
    """Prompt caching as documented: written at breakpoints, read as the longest known prefix.

    `min_tokens` is the shortest prefix that is cached. Entries do not expire.
    """

    def __init__(self, *, min_tokens: int = 0) -> None:
        self.min_tokens = min_tokens
        self._known: set[bytes] = set()

    def usage(self, request: Request) -> JsonObject:
        """input_tokens, cache_creation_input_tokens and cache_read_input_tokens."""
        digest = hashlib.sha256()
        sizes: list[int] = []
        hashes: list[bytes] = []
        marks: list[int] = []
        total = 0
        for position, (is_breakpoint, part) in enumerate(render_parts(request.body)):
            digest.update(part + b"\n")
            total += len(part)
            sizes.append((total + 3) // 4)
            hashes.append(digest.copy().digest())
            if is_breakpoint and sizes[-1] >= self.min_tokens:
                marks.append(position)
        read = written = 0
        for mark in reversed(marks):
            window = range(mark, max(-1, mark - LOOKBACK_BLOCKS), -1)
            hit = next((at for at in window if hashes[at] in self._known), None)
            if hit is not None:
                read = sizes[hit]
                break
        if marks:
            written = max(0, sizes[marks[-1]] - read)
            self._known.update(hashes[mark] for mark in marks)
        whole = sizes[-1] if sizes else 1
        return {
            "input_tokens": max(0, whole - read - written),
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
        }
