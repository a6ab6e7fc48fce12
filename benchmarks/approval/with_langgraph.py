"""LangGraph's side: a graph of plain functions over a plain state, its SQLite checkpointer, and
``interrupt`` where a person decides. No message classes and no prebuilt agent, which cost more."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from benchmarks.approval import work
from tests.fixtures_redis import short_folder


class State(TypedDict, total=False):
    messages: list[dict[str, Any]]
    reply: str
    receipt: str


class LangGraphSide:
    """``work.Side``."""

    store_pid = None

    def __init__(self, folder: Path) -> None:
        self.sent: list[str] = []
        self._number = 0
        self._waiting: list[str] = []
        self._db = sqlite3.connect(folder / "checkpoints.db", check_same_thread=False)
        graph = StateGraph(State)
        graph.add_node("model", self._model)
        graph.add_node("search", self._search)
        graph.add_node("send", self._send)
        graph.add_edge(START, "model")
        graph.add_conditional_edges("model", self._next, ["search", "send"])
        graph.add_edge("search", "model")
        graph.add_edge("send", END)
        self._graph = graph.compile(checkpointer=SqliteSaver(self._db))

    def _model(self, state: State) -> State:
        messages = state["messages"]
        if len(messages) == 2:
            call = {"id": "call_1", "name": "search_kb", "args": {"query": work.QUERY}}
        else:
            args = {"text": work.REPLY, "label": work.LABEL, "route": work.ROUTE}
            call = {"id": "call_2", "name": "send_reply", "args": args}
        return {"messages": [*messages, {"role": "assistant", "tool_calls": [call]}]}

    def _next(self, state: State) -> str:
        name = state["messages"][-1]["tool_calls"][0]["name"]
        return "search" if name == "search_kb" else "send"

    def _search(self, state: State) -> State:
        call = state["messages"][-1]["tool_calls"][0]
        result = {"role": "tool", "tool_call_id": call["id"], "content": work.PASSAGE}
        return {"messages": [*state["messages"], result]}

    def _send(self, state: State) -> State:
        call = state["messages"][-1]["tool_calls"][0]
        if interrupt({"send_reply": call["args"]}) != "approve":
            return {"receipt": "rejected"}
        self.sent.append(call["args"]["text"])
        return {"receipt": f"receipt {len(self.sent)}"}

    async def propose(self, count: int) -> None:
        for _ in range(count):
            self._number += 1
            thread = f"t{self._number}"
            messages = [
                {"role": "system", "content": work.SYSTEM},
                {"role": "user", "content": work.TICKET},
            ]
            config: Any = {"configurable": {"thread_id": thread}}
            paused = self._graph.invoke({"messages": messages}, config, durability="sync")
            assert paused["__interrupt__"]
            self._waiting.append(thread)

    async def show(self) -> None:
        """Nothing: a thread is known by its name."""

    async def resume(self) -> None:
        for thread in self._waiting:
            config: Any = {"configurable": {"thread_id": thread}}
            done = self._graph.invoke(Command(resume="approve"), config, durability="sync")
            assert done["receipt"].startswith("receipt")
        self._waiting.clear()


@asynccontextmanager
async def langgraph_side() -> AsyncIterator[LangGraphSide]:
    with short_folder() as folder:
        yield LangGraphSide(folder)


if __name__ == "__main__":
    work.run(langgraph_side())
