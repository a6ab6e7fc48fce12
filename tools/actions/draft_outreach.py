"""``draft_outreach``: an approved first e-mail becomes a file in the outbox. Nothing is mailed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.commands import Outcome, Refused, Succeeded
from bot.domain import REPLY_LIMIT, Ticket
from tools.actions.outbox import Outbox, Times, first_mail
from tools.crm.records import normal_email
from tools.signature import Signatures
from tools.spec import ActionSpec, Grant, Sent


def _address(value: str) -> str:
    if normal_email(value) != value.lower():
        raise ValueError("no e-mail address")
    return value


def _words(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ValueError("holds half a character, which cannot be written")
    return value


class DraftOutreachArgs(BaseModel):
    """The e-mail as it will stand in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    to: Annotated[str, AfterValidator(_address)] = Field(
        max_length=300, description="A work address that stands in a source."
    )
    subject: Annotated[str, AfterValidator(_words)] = Field(max_length=200)
    text: Annotated[str, AfterValidator(_words)] = Field(
        max_length=REPLY_LIMIT, description="The whole e-mail, at most 3,000 characters."
    )


class DraftOutreach:
    """``tools.spec.ActionTool`` over the outbox."""

    spec = ActionSpec(
        name="draft_outreach",
        description="Put a first e-mail to a contact at work into the outbox. Nothing is mailed.",
        args_model=DraftOutreachArgs,
    )

    def __init__(self, outbox: Outbox, clock: Times, signatures: Signatures | None = None) -> None:
        self._outbox = outbox
        self._clock = clock
        self._signatures = signatures or Signatures()

    def target(self, ticket: Ticket) -> str:
        return f"a file in {self._outbox.folder}; nothing is mailed"

    def resend_seconds(self, ticket: Ticket) -> float:
        return self._outbox.resend_seconds(ticket.origin)

    async def apply(self, args: Any, grant: Grant) -> Outcome:
        """``args`` is a ``DraftOutreachArgs``."""
        if not isinstance(args, DraftOutreachArgs):
            return Refused("the arguments are not those of draft_outreach")
        signature = self._signatures.sign(grant.playbook, grant.approved_by)
        now = self._clock.now()
        mail = first_mail(grant, args.to, args.subject, args.text, signature, now)
        return await self._outbox.keep(grant, mail)

    async def look_up(self, sent: Sent) -> Succeeded | None:
        return await self._outbox.look_up(sent)
