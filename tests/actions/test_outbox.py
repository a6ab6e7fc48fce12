"""The outbox: whole files, safe headers, one file a key."""

from __future__ import annotations

import os
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from bot.commands import Refused, Succeeded
from bot.domain import Author
from tests.actions.grants import EARLIER, KEY, TestClock, grant, place, ticket
from tools.actions.outbox import Outbox
from tools.signature import Signatures

HERE = place("terminal")


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox", TestClock(), Signatures({"house": "Verdant {approver}"}))


def mails(outbox: Outbox) -> list[EmailMessage]:
    folder = outbox.path(KEY).parent
    return [
        message_from_bytes(path.read_bytes(), policy=policy.default)  # type: ignore[misc]  # the default policy makes EmailMessage
        for path in sorted(folder.iterdir())
    ]


async def test_one_reply_is_one_mail(outbox: Outbox) -> None:
    text = "Grüße, Dana!\n\n.\nFrom here: 你好\n" + "long " * 300
    author = Author(surface="terminal", id="c1", name="Dana Reyes", email="dana@reyes.example")
    outcome = await outbox.send(grant(HERE, text, author=author), text)
    assert outcome == Succeeded(str(outbox.path(KEY)))
    (mail,) = mails(outbox)
    assert mail["X-Deskhand-Proposal"] == "p_k3v5q2xw7m4bz6ha"
    assert mail["Idempotency-Key"] == KEY
    assert mail["To"] == "Dana Reyes <dana@reyes.example>"
    assert mail["From"] == "Alex Agent <alex@deskhand.example>"
    assert mail["Subject"] == "Re: Charged twice"
    assert mail["Date"] is not None
    assert mail.get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")
    assert outbox.path(KEY).suffix == ".eml"
    raw = outbox.path(KEY).read_bytes()
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998


async def test_sending_again_is_the_same_file(outbox: Outbox) -> None:
    first = await outbox.send(grant(HERE), "Hello")
    content = outbox.path(KEY).read_bytes()
    assert await outbox.send(grant(HERE), "Hello") == first
    assert outbox.path(KEY).read_bytes() == content
    assert [path.name for path in outbox.path(KEY).parent.iterdir()] == [outbox.path(KEY).name]
    assert outbox.resend_seconds(HERE) > 86_400


async def test_look_up_is_by_any_of_the_keys(outbox: Outbox) -> None:
    assert await outbox.look_up(grant(HERE)) is None
    await outbox.send(grant(HERE), "Hello")
    assert await outbox.look_up(grant(HERE)) == Succeeded(str(outbox.path(KEY)))
    from dataclasses import replace

    later = replace(grant(HERE), key=EARLIER)
    assert await outbox.look_up(later) is None
    assert await outbox.look_up(replace(later, earlier_keys=(KEY,))) is not None


@pytest.mark.parametrize(
    "hostile",
    [
        "Dana\r\nBcc: all@example.com",
        "Dana\nX-Deskhand-Proposal: other",
        "Dana\x00\u2028Bcc: x@example.com",
        '"Dana" <x@example.com>, ',
        "=?utf-8?q?=0ABcc:_x?=",
        "D" * 5000,
        "",
    ],
)
async def test_no_text_can_add_a_header(outbox: Outbox, hostile: str) -> None:
    author = Author(surface="terminal", id="c1", name=hostile, email=hostile)
    given = grant(HERE, author=author, subject=hostile, name=hostile or "A")
    assert isinstance(await outbox.send(given, "Bcc: x@example.com\n\nHello"), Succeeded)
    (mail,) = mails(outbox)
    assert mail["Bcc"] is None
    assert sorted({name.lower() for name in mail.keys()}) == [  # noqa: SIM118 - a mail's keys repeat
        "content-transfer-encoding", "content-type", "date", "from", "idempotency-key",
        "message-id", "mime-version", "subject", "to", "x-deskhand-proposal",
    ]  # fmt: skip
    assert len(mail["X-Deskhand-Proposal"].split()) == 1
    assert len(mail["To"].addresses) == 1
    assert "Bcc: x@example.com" in mail.get_content()


async def test_the_signature_is_the_senders_name(outbox: Outbox) -> None:
    await outbox.send(grant(HERE, playbook="house"), "Hello")
    assert mails(outbox)[0]["From"] == "Verdant Alex Agent <alex@deskhand.example>"


async def test_after_the_deadline_nothing_is_written(outbox: Outbox) -> None:
    assert isinstance(await outbox.send(grant(HERE, seconds=-1), "Hello"), Refused)
    assert not outbox.path(KEY).exists()


async def test_a_folder_that_cannot_be_written_is_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    outbox = Outbox(tmp_path / "file", TestClock())
    outcome = await outbox.send(grant(HERE), "Hello")
    assert isinstance(outcome, Refused)
    assert os.listdir(tmp_path) == ["file"]


def test_the_target_names_folder_and_customer(outbox: Outbox, tmp_path: Path) -> None:
    words = outbox.target(ticket(HERE, email="dana@reyes.example"))
    assert words.startswith(f"a file in {tmp_path / 'outbox'}, for dana@reyes.example, signed")


@pytest.mark.parametrize(
    "email", ["not an address", "dana@", "dana@[", "a\n@b.example", "dana@a..b"]
)
def test_the_target_never_names_an_address_that_the_file_would_not_have(
    outbox: Outbox, email: str
) -> None:
    assert "@" not in outbox.target(ticket(HERE, email=email)).partition(", for ")[2]
