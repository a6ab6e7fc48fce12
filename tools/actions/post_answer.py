"""``post_answer``: an answer that its asker alone has seen goes into the thread of the ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from bot.commands import Outcome, Refused, Succeeded
from bot.domain import REPLY_LIMIT, SurfaceName, Ticket
from tools.actions.send_reply import can_be_sent
from tools.spec import ActionSpec, Grant, Outlet, Sent


class PostAnswerArgs(BaseModel):
    """What is posted. Where, is the ticket's origin and nobody's choice."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: Annotated[str, AfterValidator(can_be_sent)] = Field(
        max_length=REPLY_LIMIT, description="The whole answer as its readers see it."
    )
    data: dict[str, JsonValue] = Field(description="The same for programs.")


class PostAnswer:
    """``tools.spec.ActionTool``. ``outlets`` says how answers reach each surface's threads."""

    spec = ActionSpec(
        name="post_answer",
        description="Post the answer in the thread where it was asked.",
        args_model=PostAnswerArgs,
    )

    def __init__(self, outlets: Mapping[SurfaceName, Outlet]) -> None:
        self._outlets = dict(outlets)

    def target(self, ticket: Ticket) -> str:
        outlet = self._outlets.get(ticket.origin.surface)
        if outlet is None:
            return f"nowhere: answers cannot be posted in {ticket.origin.surface}"
        return outlet.target(ticket)

    def resend_seconds(self, ticket: Ticket) -> float:
        outlet = self._outlets.get(ticket.origin.surface)
        return outlet.resend_seconds(ticket.origin) if outlet else 0.0

    async def apply(self, args: Any, grant: Grant) -> Outcome:
        """``args`` is a ``PostAnswerArgs``; its text must be the one that was approved."""
        outlet = self._outlets.get(grant.origin.surface)
        if outlet is None:
            return Refused(f"answers cannot be posted in {grant.origin.surface}")
        if not isinstance(args, PostAnswerArgs):
            return Refused("the arguments are not those of post_answer")
        if args.text != grant.content.reply:
            return Refused("the text to post is not the answer that was approved")
        return await outlet.send(grant, args.text)

    async def look_up(self, sent: Sent) -> Succeeded | None:
        outlet = self._outlets.get(sent.origin.surface)
        return await outlet.look_up(sent) if outlet else None
