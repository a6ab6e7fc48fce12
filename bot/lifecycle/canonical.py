"""What exactly an approval approves, and under which key it is sent: bytes and their hashes."""

from __future__ import annotations

import hashlib
import json

from bot.domain import Proposal


def digest(proposal: Proposal) -> str:
    """SHA-256, in hexadecimal, of everything that an approval approves.

    Canonical JSON: keys sorted, no white space, UTF-8, numbers as JSON writes them. Excluded
    actions are not covered, for they are not done; their order among the included ones is. Hits
    are, where there are any: a reason is given for what was shown.
    """
    content = proposal.content
    if content is None:
        return ""
    covered: dict[str, object] = {
        "tenant": proposal.tenant,
        "proposal": proposal.id,
        "revision": proposal.revision,
        "playbook_version": proposal.playbook_version,
        "labels": list(content.labels),
        "priority": content.priority,
        "route": content.route,
        "reply": content.reply,
        "actions": [
            {"index": index, "tool": action.tool, "args": action.args, "target": action.target}
            for index, action in enumerate(content.actions)
            if action.included
        ],
    }
    if proposal.hits:
        covered["on_hit"] = proposal.on_hit
        covered["hits"] = [[hit.name, hit.field, hit.start, hit.end] for hit in proposal.hits]
    return hashlib.sha256(canonical_json(covered)).hexdigest()


_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical_json(value: object) -> bytes:
    """The one byte form of a JSON value. NaN and lone surrogates raise ``ValueError``."""
    return _CANONICAL.encode(value).encode("utf-8", "strict")


def idempotency_key(proposal: Proposal, index: int, attempt: int) -> str:
    """The key of one attempt at one action: SHA-256 in hexadecimal."""
    return hashlib.sha256(
        canonical_json([proposal.id, proposal.revision, index, attempt])
    ).hexdigest()
