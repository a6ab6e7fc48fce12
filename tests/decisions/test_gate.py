"""Ways around the gate that were looked for, each shut: twice, too late, unseen, for too few."""

from __future__ import annotations

import pytest

from bot.commands import Claim, Outcome, Refused, Report, Succeeded, Uncertain
from bot.domain import Actor, Content, Person, Proposal, Verb
from bot.forms import EditInput, RejectInput
from bot.journal import Entry
from bot.lifecycle import transition
from bot.ports import Commit, Versioned
from tests.decisions.room import (
    ADA,
    BO,
    People,
    Remote,
    Room,
    actor,
    decided,
    open_room,
    playbook,
    refused,
    said,
    token,
    two_tools,
)
from tests.domain.make import decision, moved
from tools.spec import Grant


async def died_after_sending(room: Room) -> tuple[Proposal, Grant]:
    """The effect is there, and the process that caused it died before it could say so."""
    proposal = await room.approved()
    ready = await room.store.proposal(proposal.id)
    assert ready is not None
    executing = moved(transition(ready.value, Claim(room.clock.now(), 0)))
    entry = Entry(kind="claim", ticket=executing.ticket, proposal=executing.id)
    grant = await room.store.claim(ready, executing, 0, entry)
    assert isinstance(grant, Grant)
    room.remote.takes(grant, "Under Billing.")
    return executing, grant


async def reports(room: Room, proposal: Proposal, grant: Grant, outcome: Outcome) -> None:
    """What a process that held this claim says of it at last."""
    case = await room.store.case(proposal.id)
    assert case is not None
    await room.execute._report(case, 0, proposal.progress[0], outcome)


# --- twice ----------------------------------------------------------------------------------------


async def test_a_resend_that_is_refused_proves_nothing_of_the_first_sending(room: Room) -> None:
    """Called *failed*, it could be retried under a new key: a second effect."""
    room.remote.honours = 3600
    proposal, _ = await died_after_sending(room)
    room.clock.step(seconds=18.1)
    room.remote.answers.append(Refused("answered 401"))
    await room.run(proposal)
    now = await room.now(proposal)
    assert (now.state, now.progress[0].error) == ("unknown", "answered 401")
    assert refused(await room.press(now, "retry")) == "decided"
    # A person who says that it did not arrive settles the first sending by their word, and then
    # a refusal is one.
    room.clock.step(seconds=18.1)
    room.remote.answers.append(Refused("answered 401"))
    decided(await room.press(now, "settle_retry"))
    await room.run(proposal)
    assert (await room.now(proposal)).state == "failed"
    assert len(room.remote.arrived) == 1


async def test_a_key_that_is_forgotten_meanwhile_is_replaced_by_no_other(room: Room) -> None:
    """Paused between the two: the remote forgets, and a key of its own needs a person."""
    room.remote.honours = 60
    proposal, grant = await died_after_sending(room)
    room.clock.step(seconds=18.1)
    await room.store.pause(None, Entry(kind="operator"))
    await room.run(proposal)
    assert (await room.now(proposal)).state == "approved"
    await room.store.resume(None, Entry(kind="operator"))
    room.clock.step(seconds=60)
    await room.run(proposal)
    assert (await room.now(proposal)).state == "unknown"
    assert not room.remote.grants
    assert [key for key, _ in room.remote.arrived] == [grant.key]


async def test_a_key_about_to_be_forgotten_is_not_sent_under_again(room: Room) -> None:
    """The last byte of a claim may leave 8 s after it: by then the key is a new one's."""
    room.remote.honours = 25
    proposal, _ = await died_after_sending(room)
    room.clock.step(seconds=18.1)
    await room.run(proposal)
    assert (await room.now(proposal)).state == "unknown"
    assert not room.remote.grants


@pytest.mark.parametrize("by_a_person", [False, True])
async def test_a_stalled_process_says_nothing_of_another_claim_under_its_key(
    room: Room, by_a_person: bool
) -> None:
    """It wakes up and finds its own time over, while the second sending is under way."""
    room.remote.honours = 3600
    first, grant = await died_after_sending(room)
    room.clock.step(seconds=18.1)

    async def meanwhile(_: Grant) -> Uncertain:
        await reports(room, first, grant, Refused("the claim's time was over"))
        assert (await room.now(first)).state == "executing"
        return Uncertain("the answer was lost")

    if by_a_person:
        await reports(room, first, grant, Uncertain("the answer was lost"))
        decided(await room.press(await room.now(first), "settle_retry"))
    room.remote.answers.append(meanwhile)
    await room.run(first)
    now = await room.now(first)
    assert now.state == "unknown"
    assert now.progress[0].keys == (grant.key,)
    await reports(room, first, grant, Refused("the claim's time was over"))
    assert (await room.now(first)).state == "unknown"
    await reports(room, first, grant, Succeeded("it was there all the time"))
    assert (await room.now(first)).state == "succeeded"


async def test_a_stalled_process_that_sent_nothing_may_still_say_so(room: Room) -> None:
    """Its claim is called unknown by now and nobody has sent again: it is the one who knows."""
    proposal, grant = await died_after_sending(room)
    room.remote.arrived.clear()
    room.clock.step(seconds=18.1)
    await room.run(proposal)
    assert (await room.now(proposal)).state == "unknown"
    await reports(room, proposal, grant, Refused("the claim's time was over"))
    assert (await room.now(proposal)).state == "failed"


class Interrupted(People):
    """People of whom one is looked up while somebody else is faster."""

    room: Room
    card: Proposal

    async def person(self, actor: Actor) -> Person:
        found = await self.room.store.ticket(self.card.ticket)
        assert found is not None
        if found.value.proposal == self.card.id:
            newer = found.value.model_copy(update={"proposal": "p_bbbbbbbbbbbbbbbb"})
            change = Commit(tickets=(Versioned(newer, found.version),))
            assert await self.room.store.commit(change) == "committed"
        return await super().person(actor)


@pytest.mark.parametrize("verb", ["retry", "edit"])
async def test_an_old_reply_is_not_revived_while_a_newer_card_comes_up(
    redis_url: str, verb: str
) -> None:
    """What failed is not superseded: two live cards would answer one customer twice."""
    people = Interrupted()
    async with open_room(redis_url, more_people={"slack": people}) as room:
        card = await room.card()
        people.room, people.card = room, card.model_copy(update={"id": "p_nobody"})
        room.remote.answers.append(Refused("no such thread"))
        decided(await room.press(card, "approve"))
        await room.run(card)
        failed = await room.now(card)
        people.card = card
        if verb == "retry":
            outcome: object = await room.press(failed, "retry")
        else:
            outcome = await room.edit(failed, EditInput(reply="Again.", approve_now=True))
        assert refused(outcome) == "newer_proposal"
        assert "newer card" in said(outcome)
        assert await room.now(card) == failed
        await room.run(card)
        assert len(room.remote.grants) == 1


async def doubtful_card(room: Room) -> Proposal:
    """Two must approve by now; the answer to the first sending was lost, and Ada has said that it
    did not arrive: the card asks anew. The room's file asks for two from here on."""
    card = await room.card()
    decided(await room.press(card, "approve"))
    room.remote.answers.append(Uncertain("the answer was lost"))
    await room.run(card)
    room.clock.step(seconds=18.1)
    asks_two = room.under(playbook(approvals=2))
    again = decided(await asks_two.press(await room.now(card), "settle_retry", ADA))
    assert (again.state, again.approvals_needed) == ("pending", 2)
    return again


async def test_a_doubtful_card_is_not_approved_beside_a_newer_one(room: Room) -> None:
    """The customer's newer words cannot supersede what may have arrived."""
    waiting = await doubtful_card(room)
    await newer_card(room, waiting)
    assert refused(await room.press(waiting, "approve", BO)) == "newer_proposal"
    edited = await room.edit(waiting, EditInput(reply="Again.", approve_now=True), BO)
    assert refused(edited) == "newer_proposal"
    assert await room.now(waiting) == waiting


async def newer_card(room: Room, card: Proposal) -> None:
    found = await room.store.ticket(card.ticket)
    assert found is not None
    newer = found.value.model_copy(update={"proposal": "p_bbbbbbbbbbbbbbbb"})
    assert await room.store.commit(Commit(tickets=(Versioned(newer, found.version),)))


async def test_what_is_unknown_is_not_sent_again_beside_a_newer_card(room: Room) -> None:
    card = await room.card()
    decided(await room.press(card, "approve"))
    room.remote.answers.append(Uncertain("the answer was lost"))
    await room.run(card)
    await newer_card(room, card)
    room.clock.step(seconds=18.1)
    asked = decided(await room.press(await room.now(card), "settle_retry"))
    await room.run(card)
    assert (asked.state, len(room.remote.grants)) == ("pending", 1)
    assert refused(await room.press(asked, "approve", BO)) == "newer_proposal"
    closing = await room.decide.submit_reject(
        token(asked, "reject"), actor(BO), RejectInput("duplicate")
    )
    assert decided(closing).state == "rejected"


async def test_an_unknown_is_not_sent_again_while_a_newer_card_comes_up(redis_url: str) -> None:
    people = Interrupted()
    async with open_room(redis_url, more_people={"slack": people}) as room:
        card = await room.card()
        people.room, people.card = room, card.model_copy(update={"id": "p_nobody"})
        decided(await room.press(card, "approve"))
        room.remote.answers.append(Uncertain("the answer was lost"))
        await room.run(card)
        room.clock.step(seconds=18.1)
        unknown = await room.now(card)
        people.card = card
        asked = decided(await room.press(unknown, "settle_retry"))
        await room.run(card)
        assert (asked.state, len(room.remote.grants)) == ("pending", 1)


async def test_an_edit_takes_no_doubt_away(room: Room) -> None:
    waiting = await doubtful_card(room)
    edited = decided(await room.edit(waiting, EditInput(reply="Again.")))
    assert edited.progress[0].unsettled
    assert edited.progress[0].keys == waiting.progress[0].keys


async def test_an_answer_that_comes_late_ends_what_is_asked_for_anew(room: Room) -> None:
    """The process that sent it could not reach the store; a person was told nothing of an answer
    and has said that it did not arrive. It has."""
    waiting = await doubtful_card(room)
    sent = room.remote.grants[0]
    case = await room.store.case(waiting.id)
    assert case is not None
    report = Report(room.clock.now(), 0, sent.key, Succeeded("received"))
    saved = await room.execute._save(case, report)
    assert saved is not None
    now = await room.now(waiting)
    assert (now.state, now.progress[0].receipt) == ("succeeded", "received")
    assert (now.remind_at, now.expires_at) == (None, None)
    assert refused(await room.press(waiting, "approve", BO)) == "decided"


async def test_an_answer_that_comes_late_ends_what_failed_the_second_time(room: Room) -> None:
    card = await room.card()
    decided(await room.press(card, "approve"))
    room.remote.answers += [Uncertain("the answer was lost"), Refused("no such thread")]
    await room.run(card)
    first = room.remote.grants[0]
    room.clock.step(seconds=18.1)
    decided(await room.press(await room.now(card), "settle_retry"))
    await room.run(card)
    case = await room.store.case(card.id)
    assert case is not None
    assert case.proposal.value.state == "failed"
    for outcome in (Uncertain("?"), Refused("too late")):
        assert (
            await room.execute._save(case, Report(room.clock.now(), 0, first.key, outcome)) is None
        )
    assert await room.execute._save(
        case, Report(room.clock.now(), 0, first.key, Succeeded("received"))
    )
    assert (await room.now(card)).state == "succeeded"


# --- for too few, or too late ---------------------------------------------------------------------


async def lapsed_after_a_doubt(room: Room) -> Proposal:
    """Two people approved two actions. The first one's answer was lost, sending it again was
    approved and not acted on for too long: the card asks anew."""
    card = await room.card(room.reply(), room.reply("to the crm", "update_crm"), approvals_needed=2)
    decided(await room.press(card, "approve", ADA))
    decided(await room.press(card, "approve", BO))
    room.remote.answers.append(Uncertain("the answer was lost"))
    await room.run(card)
    room.clock.step(seconds=18.1)
    decided(await room.press(await room.now(card), "settle_retry", ADA))
    room.clock.step(minutes=15)
    await room.run(card)
    now = await room.now(card)
    assert (now.state, now.approvals) == ("unknown", ())
    return now


@pytest.mark.parametrize("verb", ["settle_done", "settle_retry"])
async def test_one_persons_word_carries_on_nothing_that_needs_two(
    redis_url: str, verb: Verb
) -> None:
    """The two's approval has lapsed with its revision, so that what is left needs two again."""
    book = playbook(approvals=2, actions=two_tools())
    remotes = (Remote(), Remote("update_crm"))
    async with open_room(redis_url, book, remotes=remotes) as room:
        doubtful = await lapsed_after_a_doubt(room)
        dispatched = len(room.remote.grants)
        outcome = await room.press(doubtful, verb, ADA)
        waiting = decided(outcome)
        assert (waiting.state, waiting.approvals) == ("pending", ())
        assert waiting.revision == doubtful.revision + 1
        assert waiting.expires_at is not None
        assert "approved anew" in waiting.notices[-1].text
        assert "waits for approval" in said(outcome)
        await room.run(waiting)
        assert (len(room.remote.grants), remotes[1].grants) == (dispatched, [])
        decided(await room.press(waiting, "approve", ADA))
        decided(await room.press(waiting, "approve", BO))
        await room.run(waiting)
        assert (await room.now(waiting)).state == "succeeded"
        assert len(remotes[1].arrived) == 1
        assert len(room.remote.arrived) == (1 if verb == "settle_retry" else 0)


@pytest.mark.parametrize(
    ("answer", "verb"), [(Refused("no"), "retry"), (Uncertain("lost"), "settle_retry")]
)
async def test_what_is_sent_again_needs_as_many_as_the_file_asks_for_by_now(
    room: Room, answer: Outcome, verb: Verb
) -> None:
    """One person approved it when one was enough; a new approval is by the rules of its day."""
    card = await room.card()
    decided(await room.press(card, "approve", ADA))
    room.remote.answers.append(answer)
    await room.run(card)
    room.clock.step(seconds=18.1)
    strict = room.under(playbook(approvals=2))
    waiting = decided(await strict.press(await room.now(card), verb, BO))
    assert (waiting.state, waiting.approvals_needed, waiting.approvals) == ("pending", 2, ())
    assert waiting.expires_at is not None
    assert "approved anew" in waiting.notices[-1].text
    await strict.run(waiting)
    assert len(room.remote.grants) == 1
    decided(await strict.press(waiting, "approve", BO))
    decided(await strict.press(waiting, "approve", ADA))
    await strict.run(waiting)
    assert (await room.now(card)).state == "succeeded"
    assert len(room.remote.arrived) == 1


async def test_what_remains_after_a_persons_word_needs_as_many_as_the_file_asks_for_by_now(
    redis_url: str,
) -> None:
    remotes = (Remote(), Remote("update_crm"))
    async with open_room(redis_url, playbook(actions=two_tools()), remotes=remotes) as room:
        card = await room.card(room.reply(), room.reply("to the crm", "update_crm"))
        decided(await room.press(card, "approve"))
        room.remote.answers.append(Uncertain("the answer was lost"))
        await room.run(card)
        strict = room.under(playbook(actions=two_tools(approvals=2)))
        waiting = decided(await strict.press(await room.now(card), "settle_done"))
        assert (waiting.state, waiting.approvals_needed) == ("pending", 2)
        await strict.run(waiting)
        assert remotes[1].grants == []


async def test_where_one_is_enough_ones_word_carries_on(redis_url: str) -> None:
    remotes = (Remote(), Remote("update_crm"))
    async with open_room(redis_url, playbook(actions=two_tools()), remotes=remotes) as room:
        card = await room.card(room.reply(), room.reply("to the crm", "update_crm"))
        decided(await room.press(card, "approve"))
        room.remote.answers.append(Uncertain("the answer was lost"))
        await room.run(card)
        assert decided(await room.press(await room.now(card), "settle_done")).state == "approved"
        await room.run(card)
        assert (await room.now(card)).state == "succeeded"
        assert len(remotes[1].arrived) == 1


# --- unseen ---------------------------------------------------------------------------------------


async def test_the_replys_words_are_written_in_its_own_field_only(room: Room) -> None:
    """A field that the form does not have must not send other words than the card's draft."""
    card = await room.card()
    given = EditInput(fields={"action.0.text": "Send money."}, approve_now=True)
    edited = decided(await room.edit(card, given))
    assert content(edited).actions[0].args == {"text": "Under Billing."}
    await room.run(card)
    assert [text for _, text in room.remote.arrived] == ["Under Billing."]


def content(proposal: Proposal) -> Content:
    assert proposal.content is not None
    return proposal.content


@pytest.mark.parametrize("verb", ["edit", "reject", "take"])
async def test_no_other_decision_stands_for_an_approval(room: Room, verb: Verb) -> None:
    card = await room.card()
    forged = card.model_copy(update={"state": "approved"})
    given = decision(forged, verb, at=room.clock.now())
    forged = forged.model_copy(update={"decision": given})
    denied = transition(forged, Claim(room.clock.now(), 0))
    assert getattr(denied, "kind", None) == "not_approved"


async def test_a_report_on_an_action_that_is_not_there_changes_nothing(room: Room) -> None:
    proposal, grant = await died_after_sending(room)
    for index, key in ((1, grant.key), (0, "0" * 64)):
        report = Report(room.clock.now(), index, key, Succeeded("x"))
        assert getattr(transition(proposal, report), "kind", None) in ("not_next", "wrong_attempt")
