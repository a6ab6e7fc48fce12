"""``send_reply``: the approved reply goes to where the ticket came from, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Protocol, runtime_checkable

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.commands import Outcome, Refused, Succeeded
from bot.domain import REPLY_LIMIT, Place, SurfaceName, Ticket
from tools.spec import ActionSpec, Grant, Outlet, Sent

_HALF = re.compile("[\ud800-\udfff]")


def can_be_sent(text: str) -> str:
    """The text itself. Raises ``ValueError`` for one that no surface takes."""
    if not text.strip():
        raise ValueError("the reply is empty")
    if _HALF.search(text):
        raise ValueError("the reply holds half a character, which cannot be sent")
    return text


class SendReplyArgs(BaseModel):
    """The one argument of ``send_reply``; where it goes is not the model's choice."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: Annotated[str, AfterValidator(can_be_sent)] | None = Field(
        max_length=REPLY_LIMIT,
        description="The whole reply as the customer will read it, at most 3,000 characters."
        " null only where the ticket asks for nothing and the other side is told so.",
    )


@runtime_checkable
class TakesNoReply(Protocol):
    """An outlet whose other side wants to hear of a ticket that needs no reply, too."""

    def knows(self, origin: Place) -> bool:
        """Whether it can reach that ticket's other side."""
        ...

    async def send_without_reply(self, grant: Grant) -> Outcome: ...


class SendReply:
    """``tools.spec.ActionTool``. ``outlets`` says how tickets of each surface are answered."""

    spec = ActionSpec(
        name="send_reply",
        description="Answer the customer where the ticket came from.",
        args_model=SendReplyArgs,
    )

    def __init__(self, outlets: Mapping[SurfaceName, Outlet]) -> None:
        self._outlets = dict(outlets)

    def target(self, ticket: Ticket) -> str:
        outlet = self._outlets.get(ticket.origin.surface)
        if outlet is None:
            return f"nowhere: tickets from {ticket.origin.surface} cannot be answered"
        return outlet.target(ticket)

    def tells_no_request(self, ticket: Ticket) -> bool:
        """Whether a ticket that asks for nothing is told to the other side, with a null text."""
        outlet = self._outlets.get(ticket.origin.surface)
        return isinstance(outlet, TakesNoReply) and outlet.knows(ticket.origin)

    def resend_seconds(self, ticket: Ticket) -> float:
        outlet = self._outlets.get(ticket.origin.surface)
        return outlet.resend_seconds(ticket.origin) if outlet else 0.0

    async def apply(self, args: Any, grant: Grant) -> Outcome:
        """``args`` is a ``SendReplyArgs``; its text must be the reply that was approved."""
        outlet = self._outlets.get(grant.origin.surface)
        if outlet is None:
            return Refused(f"tickets from {grant.origin.surface} cannot be answered")
        if not isinstance(args, SendReplyArgs):
            return Refused("the arguments are not those of send_reply")
        if args.text != grant.content.reply:
            return Refused("the text to send is not the reply that was approved")
        if args.text is not None:
            return await outlet.send(grant, args.text)
        if isinstance(outlet, TakesNoReply):
            return await outlet.send_without_reply(grant)
        return Refused("there is no reply to send")

    async def look_up(self, sent: Sent) -> Succeeded | None:
        outlet = self._outlets.get(sent.origin.surface)
        return await outlet.look_up(sent) if outlet else None
