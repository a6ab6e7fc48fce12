"""What people think of a reply, by the buttons below it: kept beside its decision.

Shape: learn.microsoft.com, *Bot messages with AI-generated content*, feedback buttons.
"""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.domain import Actor
from bot.journal import Entry
from bot.plain_text import clean
from bot.ports import Store
from bot.ports.references import References
from handlers.teams_activity import Activity

_LONGEST = 2000


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    reaction: Literal["like", "dislike"]
    feedback: str | None = None


class _Submitted(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    actionName: Literal["feedback"]
    actionValue: _Value


async def keep_feedback(
    store: Store, references: References, activity: Activity, actor: Actor
) -> None:
    """Write it to the journal of the reply's ticket. What is no feedback, or on no reply of ours,
    is passed over. Raises ``StoreUnavailable``."""
    try:
        given = _Submitted.model_validate(activity.value).actionValue
    except ValidationError:
        return
    if activity.reply_to_id is None:
        return
    proposal = await references.proposal_of(activity.place, activity.reply_to_id)
    found = await store.proposal(proposal) if proposal is not None else None
    if found is None:
        return
    words = _words(given.feedback or "")
    entry = Entry(
        kind="card",
        ticket=found.value.ticket,
        run=found.value.run.id,
        proposal=found.value.id,
        playbook=found.value.playbook,
        actor=actor.key,
        data={"what": "feedback", "surface": "teams", "reaction": given.reaction},
        texts={"feedback": words} if words else {},
    )
    await store.record((entry,))


def _words(feedback: str) -> str:
    """The words in it: Teams sends them as JSON within a text."""
    try:
        inner = json.loads(feedback)
    except (ValueError, RecursionError):
        inner = None
    text = inner.get("feedbackText") if isinstance(inner, dict) else None
    return clean(text if isinstance(text, str) else "")[:_LONGEST].strip()
