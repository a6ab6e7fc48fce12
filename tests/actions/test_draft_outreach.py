"""A first e-mail: one whole file, nothing that breaks out of a header, nothing mailed."""

from __future__ import annotations

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.commands import Refused, Succeeded
from tests.actions.grants import TestClock, grant, place, ticket
from tools.actions.draft_outreach import DraftOutreach, DraftOutreachArgs
from tools.actions.outbox import Outbox
from tools.actions.send_reply import SendReplyArgs

GOOD = {"to": "Dana@acme.example", "subject": "Rockets", "text": "Dear Dana,\n\nGrüße\n"}


def tool(folder: Path) -> DraftOutreach:
    return DraftOutreach(Outbox(folder, TestClock()), TestClock())


def mails(folder: Path) -> list[EmailMessage]:
    return [
        message_from_bytes(path.read_bytes(), policy=policy.default) for path in folder.iterdir()
    ]


async def test_an_approved_draft_is_one_file(tmp_path: Path) -> None:
    outreach, args = tool(tmp_path), DraftOutreachArgs.model_validate(GOOD)
    first = await outreach.apply(args, grant(place()))
    assert isinstance(first, Succeeded)
    assert await outreach.apply(args, grant(place())) == first
    assert await outreach.look_up(grant(place())) == first
    (mail,) = await asyncio.to_thread(mails, tmp_path)
    assert (mail["To"], mail["Subject"]) == ("Dana@acme.example", "Rockets")
    assert mail["X-Deskhand-Proposal"] == "p_k3v5q2xw7m4bz6ha"
    assert "alex@deskhand.example" in mail["From"]
    assert mail.get_content().replace("\r\n", "\n") == GOOD["text"]
    assert "nothing is mailed" in outreach.target(ticket(place()))


async def test_a_subject_cannot_add_a_header(tmp_path: Path) -> None:
    args = DraftOutreachArgs.model_validate(
        {**GOOD, "subject": "Hi\r\nBcc: all@acme.example\r\n\r\nbody =?utf-8?q?=0D=0AX:?="}
    )
    assert isinstance(await tool(tmp_path).apply(args, grant(place())), Succeeded)
    (mail,) = await asyncio.to_thread(mails, tmp_path)
    assert mail["Bcc"] is None
    assert mail["X"] is None
    assert mail.get_content().replace("\r\n", "\n") == GOOD["text"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": "dana"},
        {"to": " dana@acme.example"},
        {"to": "dana@acme.example, all@acme.example"},
        {"to": "dana@acme.example\r\nBcc: x@acme.example"},
        {"subject": " "},
        {"text": ""},
        {"text": "x" * 3_001},
        {"text": "half \ud800"},
        {"cc": "x@acme.example"},
    ],
)
def test_arguments_that_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        DraftOutreachArgs.model_validate({**GOOD, **wrong})


async def test_other_arguments_and_a_late_grant_write_nothing(tmp_path: Path) -> None:
    outreach = tool(tmp_path)
    assert isinstance(await outreach.apply(SendReplyArgs(text="x"), grant(place())), Refused)
    late = grant(place(), seconds=-1)
    done = await outreach.apply(DraftOutreachArgs.model_validate(GOOD), late)
    assert isinstance(done, Refused)
    assert await asyncio.to_thread(mails, tmp_path) == []
