"""What nobody sees is neither approved nor sent: hidden characters in every field of every form."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from bot.commands import Outcome, Succeeded
from bot.domain import Action, Proposal
from bot.forms import ApproveInput, EditForm, EditInput, FieldErrors, RejectInput, Seen
from bot.lifecycle import digest
from bot.playbook import ActionUse
from tests.decisions.room import (
    Remote,
    Room,
    actor,
    decided,
    open_room,
    playbook,
    token,
)
from tools.spec import ActionSpec, Grant

HIDDEN = "\u202e\u2066\u200b\U000e0041\U000e0042\x1b\ud83d"
"""Order turned, no width, tags, an escape, half a character."""


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    subject: str
    changes: list[dict[str, str]]
    share: float = 0.0


class Records(Remote):
    """A tool whose arguments are more than one text."""

    def __init__(self) -> None:
        super().__init__("file_record")
        self.spec = ActionSpec("file_record", "Writes a record.", Record)
        self.written: list[Record] = []

    async def apply(self, args: Any, grant: Grant) -> Outcome:
        self.written.append(args)
        return Succeeded("written")


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[tuple[Room, Records]]:
    records = Records()
    async with open_room(
        redis_url,
        playbook(actions=(ActionUse(tool="send_reply"), ActionUse(tool="file_record"))),
        remotes=(Remote(), records),
    ) as opened:
        yield opened, records


async def record_card(room: Room) -> Proposal:
    args = {"subject": "Acme", "changes": [{"field": "phone", "value": "1"}]}
    action = Action(tool="file_record", args={**args}, target=room.remotes["file_record"].where)
    return await room.card(action)


async def test_a_field_is_saved_and_sent_without_what_nobody_sees(
    desk: tuple[Room, Records],
) -> None:
    room, records = desk
    card = await record_card(room)
    given = EditInput(fields={"action.0.subject": f"Ac{HIDDEN}me Ltd"}, approve_now=True)
    edited = decided(await room.edit(card, given))
    assert len(digest(edited)) == 64
    await room.run(card)
    assert [one.subject for one in records.written] == ["Ac\ufffdme Ltd"]


async def test_a_list_comes_back_from_its_form_as_it_was(desk: tuple[Room, Records]) -> None:
    room, records = desk
    card = await record_card(room)
    form = await room.press(card, "edit")
    assert isinstance(form, EditForm)
    fields = {field.id: field.value for field in form.actions[0].fields}
    unchanged = decided(await room.edit(card, EditInput(fields=fields)))
    assert unchanged.content is not None
    assert card.content is not None
    assert unchanged.content.actions[0] == card.content.actions[0]
    assert unchanged.changes == ()
    fields["action.0.changes"] = '[{"field": "phone", "value": "+49 \\u202e30"}]'
    edited = decided(await room.edit(unchanged, EditInput(fields=fields, approve_now=True)))
    assert [change.field for change in edited.changes] == ["file_record changes"]
    await room.run(card)
    assert records.written[0].changes == [{"field": "phone", "value": "+49 30"}]


@pytest.mark.parametrize(
    "written",
    ["", "phone", "[" * 50_000, '[{"a": NaN}]', '{"a": 1}', '[{"a": "b", "a": "c"}]'],
)
async def test_what_is_no_such_list_is_told_at_its_field(
    desk: tuple[Room, Records], written: str
) -> None:
    room, _ = desk
    card = await record_card(room)
    outcome = await room.edit(card, EditInput(fields={"action.0.changes": written}))
    assert isinstance(outcome, FieldErrors)
    assert set(outcome.errors) == {"action.0.changes"}
    assert await room.now(card) == card


@pytest.mark.parametrize("written", ["nan", "inf", "-Infinity", "1e999"])
async def test_a_number_that_has_no_digest_is_told_at_its_field(
    desk: tuple[Room, Records], written: str
) -> None:
    room, _ = desk
    card = await record_card(room)
    given = EditInput(fields={"action.0.share": written}, approve_now=True)
    outcome = await room.edit(card, given)
    assert isinstance(outcome, FieldErrors)
    assert set(outcome.errors) == {"action.0.share"}


async def test_the_screen_reads_a_list_as_the_card_shows_it(desk: tuple[Room, Records]) -> None:
    room = desk[0].screened()
    card = await record_card(room)
    spaced = "4111\u200d 1111\u200d 1111\u200d 1111"
    changes = f'[{{"field": "note", "value": "{spaced}"}}]'
    given = EditInput(fields={"action.0.changes": changes}, approve_now=True)
    edited = decided(await room.edit(card, given))
    assert edited.state == "pending"
    (hit,) = edited.hits
    assert (hit.name, hit.field) == ("payment_card", "action.0.changes")
    seen = await room.decide.see(card.id, token(card, "approve"), actor("U0ADA"))
    assert isinstance(seen, Seen)
    assert [one.text for one in seen.card.hits] == [spaced]


async def test_words_of_a_rejection_are_what_is_seen(room: Room) -> None:
    card = await room.card()
    given = RejectInput("other", words=f"No{HIDDEN}.", draft_again=True)
    rejected = decided(
        await room.decide.submit_reject(token(card, "reject"), actor("U0ADA"), given)
    )
    assert rejected.decision is not None
    assert rejected.decision.words == "No\ufffd."
    found = await room.store.ticket(card.ticket)
    assert found is not None
    assert found.value.proposal is not None
    again = await room.store.proposal(found.value.proposal)
    assert again is not None
    assert again.value.run.feedback == ("other", "No\ufffd.")


@pytest.mark.parametrize(
    "words", ["\u200d\u200d\u200d", "\u200c \u200c \u200c", "\u3164\u3164 \u3164"]
)
async def test_a_reason_that_nobody_sees_is_none(room: Room, words: str) -> None:
    room = room.screened()
    card = await room.card()
    edited = decided(await room.edit(card, EditInput(reply="Card 4111 1111 1111 1111")))
    outcome = await room.decide.submit_approve(
        token(edited, "approve"), actor("U0ADA"), ApproveInput(words)
    )
    assert isinstance(outcome, FieldErrors)
    assert await room.now(card) == edited
