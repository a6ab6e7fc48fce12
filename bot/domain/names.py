"""The names that stand everywhere: states, verbs, reasons, limits, ids."""

from __future__ import annotations

import re
import secrets
from itertools import islice
from typing import Literal

from pydantic import BaseModel, ConfigDict

REPLY_LIMIT = 3000
"""Characters in a reply, everywhere: schema, modal, card. Slack's modal input is what bounds it."""

REASON_LEAST, REASON_LIMIT = 3, 500
"""Characters in the reason for approving what the screen has found."""

SurfaceName = Literal["slack", "teams", "webhook", "terminal", "console"]
"""slack, teams: chat. webhook: a signed HTTP intake. terminal: the demo. console: the web page."""

REPLY_TOOLS = frozenset({"send_reply", "post_answer"})
"""Actions whose ``text`` is the proposal's reply, which stands on the card once."""


def repeats_reply(tool: str, field: str) -> bool:
    """Whether an argument only says again what the reply says: ``post_answer`` sends, for programs,
    of its ``data`` what stands in the approved text."""
    return tool in REPLY_TOOLS and field in ("text", "data")


_ADDRESS = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")


ADDRESSES_MOST = 200
"""Addresses of one text that are looked at: each is a place in an index."""


def addresses_in(text: str) -> frozenset[str]:
    """The e-mail addresses in a text, in small letters."""
    found = islice(_ADDRESS.finditer(text), ADDRESSES_MOST)
    return frozenset(one[0].strip("'").casefold() for one in found)


Confidence = Literal["low", "medium", "high"]
"""low: a guess. medium: likely. high: meant to be right 95 times in a hundred."""

State = Literal[
    "drafting",
    "handoff",
    "pending",
    "approved",
    "executing",
    "succeeded",
    "failed",
    "unknown",
    "rejected",
    "expired",
    "superseded",
    "answered",
]
"""
drafting: a run works on it; nothing to decide yet.
handoff: the run stopped; a person takes it, writes by hand or closes it.
pending: a proposal waits for a decision on its current revision.
approved: a decision is recorded; the next action may be claimed.
executing: one action is claimed; its effect may be on the way.
succeeded: every included action succeeded (or there was none).
failed: an action was refused before it had an effect.
unknown: an action may or may not have had its effect; a person or a look-up settles it.
rejected, expired, superseded: final, nothing was or will be done.
answered: final; a person's ask has its answer, or was declined. Nothing was decided or done.
"""

FINAL_STATES: frozenset[State] = frozenset(
    {"rejected", "expired", "superseded", "succeeded", "answered"}
)
"""States that no command leaves."""

WAITING_STATES: frozenset[State] = frozenset({"handoff", "pending"})
"""States in which a person is waited for."""

ActionStatus = Literal["waiting", "executing", "succeeded", "failed", "unknown"]
"""Of one action: not begun, claimed, receipt saved, refused before the effect, cannot be known."""

HandoffReason = Literal["steps", "money", "time", "refusal", "model", "no_source", "fault"]
"""
steps, money, time: that limit of the run was reached.
refusal: the model refused. model: it could not be reached or gave nothing usable.
no_source: nothing was found to answer from. fault: the run died three times.
"""

OnHit = Literal["reason", "second"]
"""What an approval needs where the screen has found something. reason: each approver writes why.
second: a second approver."""

Verb = Literal["approve", "edit", "reject", "take", "retry", "settle_done", "settle_retry"]
"""What a button asks for. settle_done: it arrived. settle_retry: it did not, send again."""

RejectReason = Literal[
    "wrong_label",
    "wrong_route",
    "wrong_facts",
    "wrong_tone",
    "not_a_request",
    "duplicate",
    "other",
]
"""Why a person rejected a draft; the words beside it are theirs."""


_BASE_32 = b"abcdefghijklmnopqrstuvwxyz234567" * 8
"""A sign for each of a byte's 256 values, every sign as often: five random bits of its eight."""


def new_id(prefix: str) -> str:
    """A new id: ``prefix``, an underscore and 80 random bits in lower-case base 32."""
    return f"{prefix}_{secrets.token_bytes(16).translate(_BASE_32).decode()}"


class Frozen(BaseModel):
    """A value: immutable, compared by content, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
