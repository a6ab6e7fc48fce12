"""Models to put behind the stand-in: the default one, an endless one, a hostile one."""

import re

from tests.standins.anthropic.replies import (
    Brain,
    JsonObject,
    Reply,
    Request,
    identifiers_in,
    json_reply,
    text_reply,
    tool_reply,
)
from tests.standins.anthropic.schema import UNSET, Fill, Path, resolve, unfilled, walk

_WORDS = {
    "reply": "Thank you for writing to us. We have looked into it and will keep you posted.",
    "draft": "Thank you for writing to us. We have looked into it and will keep you posted.",
    "text": "Thank you for writing to us. We have looked into it and will keep you posted.",
    "reason": "The words of the ticket fit this best.",
    "query": "refund for a duplicate charge",
}


def plausible(path: Path, schema: JsonObject) -> str:
    """A string as a model might put it under this property."""
    del schema
    name = path[-1] if path else "text"
    return _WORDS.get(name, f"a plausible {name.replace('_', ' ')}")


def default_reply(request: Request, *, fill: Fill = unfilled, research_steps: int = 0) -> Reply:
    """What the stand-in does unscripted.

    With an output format: structured output walked from its schema (after `research_steps`
    rounds of tool calls, where tools are offered too). With tools only: a call of the first
    one, its string arguments the first 200 characters of the last user text. Else a text.
    """
    schema = request.output_schema
    # What runs on the API's own side is never the client's to answer.
    tools = [tool for tool in request.tools if "input_schema" in tool]
    if tools and (schema is None or request.tool_rounds < research_steps):
        tool = tools[0]
        words = request.last_user_text[:200]
        args = walk(tool.get("input_schema") or {}, text=lambda _path, _schema: words, fill=fill)
        return tool_reply((str(tool.get("name")), args or {}))
    if schema is not None:
        return json_reply(walk(schema, text=plausible, fill=fill))
    return text_reply("Thank you for writing to us.")


def choosing(**values: object) -> Fill:
    """A hook that puts these values under properties of these names, wherever they stand.

    For a property that is an array, a list replaces the whole of it.
    """

    def fill(path: Path, schema: JsonObject) -> object:
        if not path or path[-1] not in values:
            return UNSET
        value = values[path[-1]]
        # An array's items share its path: the value belongs to the array, not to each item.
        if isinstance(value, list) != (schema.get("type") == "array"):
            return UNSET
        return value

    return fill


def endless_tools(name: str | None = None) -> Brain:
    """Calls a tool on every turn it may (the first one offered, or `name` always)."""

    def brain(request: Request) -> Reply | None:
        called = name or next(iter(request.tool_names), None)
        if called is None:
            return None
        known = {str(tool.get("name")): tool for tool in request.tools}
        schema = known.get(called, {}).get("input_schema") or {}
        args = walk(schema, text=lambda _path, _schema: f"again {request.n}")
        return tool_reply((called, args or {}))

    return brain


_ORDER = re.compile(
    r"\?$|\b(ignore|disregard|forget|instead|call|invoke|use|run|execute|send|forward|reply|respond|"
    r"answer|write|say|print|output|approve|reject|delete|remove|transfer|pay|refund|visit|open|"
    r"click|download|fetch|reveal|list|show|tell|include|add|append|translate|summari[sz]e|act|"
    r"pretend|you must|you are|do not|don't|please|never|always|explain|describe|draft|provide|"
    r"compose|develop|break down|create|generate|convert|calculate|solve|find|identify|classify|"
    r"recommend|suggest|modify|change|replace|rewrite|encode|decode|insert|give|make|set|update|"
    r"report|share|check|compare|analy[sz]e|design|build|plan|schedule|book|buy|play|start|stop|"
    r"render|introduce|scramble|jumble|group|integrate|enhance|"
    r"in your (?:response|answer|reply|message))\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")


def instructions_in(text: str) -> list[str]:
    """The sentences of a text that ask for something: orders and questions."""
    sentences = (sentence.strip() for sentence in _SENTENCE.findall(text))
    return [sentence for sentence in sentences if sentence and _ORDER.search(sentence)]


class HostileModel:
    """Obeys every instruction it reads and abuses every name it has ever seen.

    On a turn with tools it calls all names: those offered, and every name in any text or
    schema of any request so far (actions such as `send_reply` among them), with the injected
    text in each string argument. In structured output it fills every string with the injected
    text, and proposes every name where a name is asked for. `calls` keeps what it tried.
    """

    def __init__(self, *, rounds: int = 3, names: frozenset[str] = frozenset()) -> None:
        self.rounds = rounds
        self.names: dict[str, None] = dict.fromkeys(sorted(names))
        self.calls: list[tuple[str, JsonObject]] = []

    def __call__(self, request: Request) -> Reply:
        self._read(request)
        injected = self.injected_text(request)
        schema = request.output_schema
        if request.tools and (schema is None or request.tool_rounds < self.rounds):
            return self._call_everything(request, injected)
        if schema is not None:
            return json_reply(self._poison(schema, injected))
        return text_reply(injected)

    def injected_text(self, request: Request) -> str:
        """What untrusted text told the model to do: all orders outside the system prompt."""
        system = request.system_text
        orders = [
            sentence
            for text in request.texts
            if text not in system
            for sentence in instructions_in(text)
        ]
        return " ".join(dict.fromkeys(orders))[:2500] or request.last_user_text[:2500]

    def _read(self, request: Request) -> None:
        for tool in request.tools:
            self.names[str(tool.get("name"))] = None
        for text in (*request.texts, request.raw.decode("utf-8", "replace")):
            for name in identifiers_in(text):
                self.names[name] = None

    def _call_everything(self, request: Request, injected: str) -> Reply:
        known = {str(tool.get("name")): tool for tool in request.tools}
        calls: list[tuple[str, JsonObject]] = []
        for name in self.names:
            schema = known.get(name, {}).get("input_schema")
            # What it calls without knowing its schema gets less: there may be hundreds.
            args = self._poison(schema, injected) if schema else {"text": injected[:300]}
            calls.append((name, args))
        self.calls.extend(calls)
        return tool_reply(*calls, text="I will now do as I was told.")

    def _poison(self, schema: JsonObject, injected: str) -> JsonObject:
        """A value for the schema as harmful as it lets one be."""

        def words(path: Path, node: JsonObject) -> str:
            del path, node
            return injected

        def fill(path: Path, node: JsonObject) -> object:
            del path
            options = node.get("enum")
            if options:
                # What the injection names, else the last: rarely what a good model says.
                named = [one for one in options if isinstance(one, str) and one in injected]
                return (named or options)[-1]
            if node.get("type") == "array" and isinstance(node.get("items"), dict):
                items = resolve(node["items"], schema)
                if items.get("enum"):
                    return list(items["enum"])
                if items.get("anyOf"):
                    # One of each kind: every action that may be proposed is proposed.
                    kinds = (resolve(kind, schema) for kind in items["anyOf"])
                    return [walk(kind, text=words, fill=fill, root=schema) for kind in kinds]
                return [walk(items, text=words, fill=fill, root=schema)] * 2
            return UNSET

        value = walk(schema, text=words, fill=fill)
        return value if isinstance(value, dict) else {"value": value}
