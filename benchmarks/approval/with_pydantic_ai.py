"""pydantic-ai's side: a tool that requires approval, its messages as JSON on the shelf. After the
tool it calls the model once more, which its loop does not let one leave out; that call is free."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    TextPart,
    ToolCallPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

from benchmarks.approval import work
from benchmarks.approval.kept import Shelf
from tests.fixtures_redis import short_folder


async def at_once(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """A search, then the reply, then a last word."""
    usage = RequestUsage(input_tokens=900, output_tokens=200)
    match len(messages):
        case 1:
            part = ToolCallPart("search_kb", {"query": work.QUERY}, tool_call_id="call_1")
        case 3:
            args = {"text": work.REPLY, "label": work.LABEL, "route": work.ROUTE}
            part = ToolCallPart("send_reply", args, tool_call_id="call_2")
        case _:
            return ModelResponse(parts=[TextPart("Sent.")], usage=usage)
    return ModelResponse(parts=[part], usage=usage)


class PydanticAISide:
    """``work.Side``."""

    store_pid = None

    def __init__(self, folder: Path) -> None:
        self.sent: list[str] = []
        self._number = 0
        self._waiting: list[str] = []
        self._shelf = Shelf(folder)
        self._agent = Agent(
            FunctionModel(at_once),
            system_prompt=work.SYSTEM,
            output_type=[str, DeferredToolRequests],
        )

        @self._agent.tool_plain
        async def search_kb(query: str) -> str:
            """Search the knowledge base."""
            return work.PASSAGE

        @self._agent.tool_plain(requires_approval=True)
        async def send_reply(text: str, label: str, route: str) -> str:
            """Answer the customer."""
            self.sent.append(text)
            return f"receipt {len(self.sent)}"

    async def propose(self, count: int) -> None:
        for _ in range(count):
            self._number += 1
            result = await self._agent.run(work.TICKET)
            assert isinstance(result.output, DeferredToolRequests)
            name = f"r{self._number}"
            self._shelf.put(name, ModelMessagesTypeAdapter.dump_json(result.all_messages()))
            self._waiting.append(name)

    async def show(self) -> None:
        """Nothing: a thread is known by its name."""

    async def resume(self) -> None:
        for name in self._waiting:
            messages = ModelMessagesTypeAdapter.validate_json(self._shelf.get(name))
            approved = DeferredToolResults(approvals={"call_2": True})
            result = await self._agent.run(message_history=messages, deferred_tool_results=approved)
            assert isinstance(result.output, str)
            self._shelf.put(name, json.dumps({"receipt": result.output}).encode())
        self._waiting.clear()


@asynccontextmanager
async def pydantic_ai_side() -> AsyncIterator[PydanticAISide]:
    with short_folder() as folder:
        yield PydanticAISide(folder)


if __name__ == "__main__":
    work.run(pydantic_ai_side())
