"""A prompt's turns as Anthropic messages.

A turn of the same model goes back verbatim, for its thinking blocks are bound to it. A turn of
another model is told in words instead: what was looked up and found. So the research model's
findings reach the drafting model without a block that it would refuse.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bot.agent.prompting import inert
from bot.ports import Prompt, ToolDescription, ToolResult, Turn, WebHit

Block = dict[str, Any]

_SEARCHED = "web_search_tool_result"

ARGS_LIMIT = 500
"""Characters of a call's arguments that another model is told."""


def tools_of(toolbox: Sequence[ToolDescription]) -> list[Block]:
    """The research tools as strict tool definitions."""
    return [
        {
            "name": tool.name,
            "description": tool.description,
            "input_schema": dict(tool.schema),
            "strict": True,
        }
        for tool in toolbox
    ]


def search_tool(searches: int) -> list[Block]:
    """The provider's own web search, so many times at most; none for 0.

    The version without code execution: nothing but a search may run on the provider's side."""
    if not searches:
        return []
    return [{"type": "web_search_20250305", "name": "web_search", "max_uses": searches}]


def hits_in(content: Sequence[Block]) -> tuple[WebHit, ...]:
    """The pages that web searches have found, in their order; a search that failed found none."""
    results = (block.get("content") for block in content if block["type"] == _SEARCHED)
    return tuple(
        WebHit(one["url"], str(one.get("title") or ""))
        for found in results
        for one in (found if isinstance(found, list) else ())
        if isinstance(one, dict) and isinstance(one.get("url"), str)
    )


def messages_of(prompt: Prompt) -> list[Block]:
    """The ticket, then the turns: user and assistant by turns, beginning and ending with user."""
    open_user: list[Block] = [_text(prompt.ticket_text)]
    messages: list[Block] = []
    for turn in prompt.turns:
        if turn.raw and turn.model == prompt.model:
            messages.append({"role": "user", "content": open_user})
            messages.append({"role": "assistant", "content": turn.raw})
            open_user = [_result(result) for result in turn.results]
        else:
            open_user += _told(turn)
        if turn.note:
            open_user.append(_text(turn.note))
        if not open_user:
            open_user.append(_text("Go on."))
    messages.append({"role": "user", "content": open_user})
    return messages


def _told(turn: Turn) -> list[Block]:
    if not turn.results:
        return []
    told = "\n".join(f"{_asked(result)}\n{_delimited(result)}" for result in turn.results)
    return [_text(f"Looked up for this ticket so far:\n{told}")]


def _asked(result: ToolResult) -> str:
    args = json.dumps(result.call.args, ensure_ascii=False, default=str)
    return inert(f"{result.call.name[:64]} {args[:ARGS_LIMIT]}")


def _result(result: ToolResult) -> Block:
    return {
        "type": "tool_result",
        "tool_use_id": result.call.id,
        "content": [_text(_delimited(result))],
        "is_error": result.failed,
    }


def _delimited(result: ToolResult) -> str:
    if result.failed:
        return f"Error: {result.text}"
    return f"<untrusted_result>\n{result.text}\n</untrusted_result>"


def _text(text: str) -> Block:
    return {"type": "text", "text": text}
