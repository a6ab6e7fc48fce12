"""``send_reply`` itself: its one argument, and where a ticket's answer goes."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from pydantic import ValidationError

from bot.commands import Outcome, Refused, Succeeded
from bot.domain import Place, Ticket
from tests.actions.grants import grant, place, ticket
from tools.actions.send_reply import SendReply, SendReplyArgs
from tools.spec import ActionTool, Grant, Outlet, Sent


@dataclass
class Recorder:
    """An outlet that keeps what it is given."""

    sent: list[str] = field(default_factory=list)

    def target(self, ticket: Ticket) -> str:
        return f"recorded for {ticket.id}"

    def resend_seconds(self, origin: Place) -> float:
        return 60.0

    async def send(self, grant: Grant, text: str) -> Outcome:
        self.sent.append(text)
        return Succeeded("recorded")

    async def look_up(self, sent: Sent) -> Succeeded | None:
        return Succeeded("found") if self.sent else None


async def test_it_goes_where_the_ticket_came_from() -> None:
    slack, webhook = Recorder(), Recorder()
    outlets: dict[str, Outlet] = {"slack": slack, "webhook": webhook}
    tool: ActionTool = SendReply({"slack": outlets["slack"], "webhook": outlets["webhook"]})
    args = SendReplyArgs(text="Hello Dana, it is done.")
    assert await tool.apply(args, grant(place("webhook"))) == Succeeded("recorded")
    assert (slack.sent, webhook.sent) == ([], ["Hello Dana, it is done."])
    assert tool.target(ticket(place())) == "recorded for t_a2c4e6g7i3k5m2o4"
    assert tool.resend_seconds(ticket(place())) == 60.0
    assert await tool.look_up(grant(place("webhook"))) == Succeeded("found")
    assert await tool.look_up(grant(place())) is None


async def test_a_surface_without_an_outlet_is_refused() -> None:
    tool = SendReply({})
    args = SendReplyArgs(text="Hello Dana, it is done.")
    assert isinstance(await tool.apply(args, grant(place("teams"))), Refused)
    assert tool.target(ticket(place("teams"))).startswith("nowhere")
    assert tool.resend_seconds(ticket(place("teams"))) == 0
    assert await tool.look_up(grant(place("teams"))) is None


async def test_only_the_approved_words_are_sent() -> None:
    outlet = Recorder()
    tool = SendReply({"slack": outlet})
    for args in (SendReplyArgs(text="Something else"), {"text": "Hello Dana, it is done."}, None):
        assert isinstance(await tool.apply(args, grant(place())), Refused)
    assert outlet.sent == []


async def test_no_reply_is_sent_only_to_who_takes_none() -> None:
    outlet = Recorder()
    tool = SendReply({"slack": outlet})
    outcome = await tool.apply(SendReplyArgs(text=None), grant(place(), None))
    assert isinstance(outcome, Refused)
    assert outlet.sent == []


@pytest.mark.parametrize(
    "args",
    [{}, {"text": ""}, {"text": " \n"}, {"text": "x" * 3001}, {"text": 1}, {"text": b"x"},
     {"text": "x", "to": "C0OTHER"}, {"text": "\ud800"}],
)  # fmt: skip
def test_arguments_are_strict(args: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SendReplyArgs.model_validate(args)


def test_the_longest_reply_is_allowed() -> None:
    assert SendReplyArgs.model_validate({"text": "x" * 3000}).text == "x" * 3000
