"""openai-agents' side: a tool that needs approval, its ``RunState`` as JSON on the shelf. The run
ends with the tool, so that the model is not called once more after it. Tracing is off."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agents import (
    Agent,
    Model,
    ModelResponse,
    RunConfig,
    Runner,
    RunState,
    StopAtTools,
    Usage,
    function_tool,
    set_tracing_disabled,
)
from openai.types.responses import ResponseFunctionToolCall

from benchmarks.approval import work
from benchmarks.approval.kept import Shelf
from tests.fixtures_redis import short_folder


class AtOnce(Model):
    """A search, then the reply."""

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        given = kwargs["input"]
        if isinstance(given, str) or len(given) == 1:
            name, arguments = "search_kb", {"query": work.QUERY}
        else:
            name = "send_reply"
            arguments = {"text": work.REPLY, "label": work.LABEL, "route": work.ROUTE}
        call = ResponseFunctionToolCall(
            type="function_call", call_id=f"call_{name}", name=name, arguments=json.dumps(arguments)
        )
        usage = Usage(requests=1, input_tokens=900, output_tokens=200, total_tokens=1100)
        return ModelResponse(output=[call], usage=usage, response_id=None)

    def stream_response(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("nothing here streams")


class OpenAIAgentsSide:
    """``work.Side``."""

    store_pid = None

    def __init__(self, folder: Path) -> None:
        set_tracing_disabled(True)
        self.sent: list[str] = []
        self._number = 0
        self._waiting: list[str] = []
        self._shelf = Shelf(folder)
        self._config = RunConfig(tracing_disabled=True)

        @function_tool
        async def search_kb(query: str) -> str:
            """Search the knowledge base."""
            return work.PASSAGE

        @function_tool(needs_approval=True)
        async def send_reply(text: str, label: str, route: str) -> str:
            """Answer the customer."""
            self.sent.append(text)
            return f"receipt {len(self.sent)}"

        self._agent = Agent(
            name="triage",
            instructions=work.SYSTEM,
            model=AtOnce(),
            tools=[search_kb, send_reply],
            tool_use_behavior=StopAtTools(stop_at_tool_names=["send_reply"]),
        )

    async def propose(self, count: int) -> None:
        for _ in range(count):
            self._number += 1
            result = await Runner.run(self._agent, work.TICKET, run_config=self._config)
            assert len(result.interruptions) == 1
            name = f"r{self._number}"
            self._shelf.put(name, json.dumps(result.to_state().to_json()).encode())
            self._waiting.append(name)

    async def show(self) -> None:
        """Nothing: a thread is known by its name."""

    async def resume(self) -> None:
        for name in self._waiting:
            state: Any = await RunState.from_json(self._agent, json.loads(self._shelf.get(name)))
            (asked,) = state.get_interruptions()
            state.approve(asked)
            result = await Runner.run(self._agent, state, run_config=self._config)
            assert str(result.final_output).startswith("receipt"), result.final_output
            self._shelf.put(name, json.dumps({"receipt": result.final_output}).encode())
        self._waiting.clear()


@asynccontextmanager
async def openai_agents_side() -> AsyncIterator[OpenAIAgentsSide]:
    with short_folder() as folder:
        yield OpenAIAgentsSide(folder)


if __name__ == "__main__":
    work.run(openai_agents_side())
