"""Values walked from a JSON schema: what a model could answer to it."""

from collections.abc import Callable
from typing import Any

JsonObject = dict[str, Any]
Path = tuple[str, ...]
"""Property names from the root; array items add nothing."""


class _Unset:
    """No choice of the hook's own: the walker decides."""


UNSET = _Unset()
Fill = Callable[[Path, JsonObject], object]
"""Asked at every node first; returns the value, or UNSET."""


def unfilled(path: Path, schema: JsonObject) -> object:
    """The hook that chooses nothing."""
    del path, schema
    return UNSET


def resolve(schema: JsonObject, root: JsonObject) -> JsonObject:
    """The schema behind local `$ref`s."""
    seen = 0
    while "$ref" in schema and seen < 20:
        target: Any = root
        for step in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[step]
        schema = {**target, **{key: v for key, v in schema.items() if key != "$ref"}}
        seen += 1
    return schema


def walk(
    schema: JsonObject,
    *,
    text: Callable[[Path, JsonObject], str],
    fill: Fill = unfilled,
    root: JsonObject | None = None,
    path: Path = (),
) -> Any:
    """A value for the schema: every property filled, enums by their first value, arrays
    with one item, strings by `text`; `fill` overrides any of it."""
    top = schema if root is None else root
    node = resolve(schema, top)
    chosen = fill(path, node)
    if chosen is not UNSET:
        return chosen
    if "const" in node:
        return node["const"]
    if node.get("enum"):
        return node["enum"][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if node.get(word):
            branches = [resolve(branch, top) for branch in node[word]]
            branch = next((b for b in branches if b.get("type") != "null"), branches[0])
            return walk(branch, text=text, fill=fill, root=top, path=path)
    kind = node.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    match kind:
        case "object" | None if "properties" in node or kind == "object":
            return {
                name: walk(child, text=text, fill=fill, root=top, path=(*path, name))
                for name, child in (node.get("properties") or {}).items()
            }
        case "array":
            items = node.get("items")
            if not isinstance(items, dict):
                return []
            return [walk(items, text=text, fill=fill, root=top, path=path)]
        case "string":
            return text(path, node)
        case "integer":
            return max(1, int(node.get("minimum", 1)))
        case "number":
            return float(node.get("minimum", 0.5))
        case "boolean":
            return True
        case _:
            return None
