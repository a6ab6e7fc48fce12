"""Who may decide: the route's approvers, and those whom an action names besides."""

from __future__ import annotations

from typing import Any

import pytest

from bot import buttons
from bot.card import CardView
from bot.domain import Action, Author, Verb
from bot.forms import (
    ApproveInput,
    EditForm,
    EditInput,
    FieldErrors,
    RejectForm,
    RejectInput,
    Seen,
)
from bot.playbook import ActionUse, Approvers, Route
from tests.decisions.room import (
    ADA,
    BO,
    CY,
    People,
    Room,
    actor,
    approvers,
    decided,
    open_room,
    playbook,
    refused,
    said,
    token,
)
from tests.store.make import AUTHOR, ticket

OWN_APPROVERS = (ActionUse(tool="send_reply", approvers=approvers(BO)),)
"""Ada and Bo stand in the route's list; of them only Bo may approve a reply."""


def left_out(room: Room) -> Action:
    """A reply that is not to be sent: nobody's list but the route's is asked for yet."""
    return room.reply().model_copy(update={"included": False})


BY_HAND = EditInput(reply="By hand.", include=(0,), approve_now=True)


# --- an action with approvers of its own ----------------------------------------------------------


async def test_a_plain_approval_needs_the_actions_own_approvers_too(redis_url: str) -> None:
    async with open_room(redis_url, playbook(actions=OWN_APPROVERS)) as room:
        card = await room.card()
        outcome = await room.press(card, "approve", ADA)
        assert refused(outcome) == "not_approver"
        assert BO in said(outcome), "they are told who may"
        assert (await room.now(card)).state == "pending"
        assert decided(await room.press(card, "approve", BO)).state == "approved"


async def test_an_edit_with_approve_now_needs_the_actions_own_approvers_too(
    redis_url: str,
) -> None:
    """The action comes in by the edit itself: whoever wrote it may edit, and not approve it."""
    async with open_room(redis_url, playbook(actions=OWN_APPROVERS)) as room:
        card = await room.card(left_out(room))
        waiting = decided(await room.edit(card, BY_HAND, ADA))
        assert (waiting.state, waiting.approvals) == ("pending", ())
        assert "somebody else must approve it" in waiting.notices[-1].text
        await room.run(card)
        assert not room.remote.arrived
        assert refused(await room.press(waiting, "approve", ADA)) == "not_approver"
        assert refused(await room.edit(waiting, BY_HAND, ADA)) == "not_approver"
        decided(await room.press(waiting, "approve", BO))
        await room.run(card)
        assert [text for _, text in room.remote.arrived] == ["By hand."]


async def test_who_stands_in_both_lists_edits_and_approves_in_one_step(redis_url: str) -> None:
    async with open_room(redis_url, playbook(actions=OWN_APPROVERS)) as room:
        card = await room.card(left_out(room))
        assert decided(await room.edit(card, BY_HAND, BO)).state == "approved"


async def test_standing_in_the_actions_list_alone_is_not_enough(redis_url: str) -> None:
    uses = (ActionUse(tool="send_reply", approvers=approvers(CY)),)
    async with open_room(redis_url, playbook(actions=uses)) as room:
        card = await room.card()
        for who in (ADA, CY):
            assert refused(await room.press(card, "approve", who)) == "not_approver"


# --- the route ------------------------------------------------------------------------------------


async def test_a_new_route_is_saved_and_waits_for_somebody_of_it(room: Room) -> None:
    card = await room.card()
    moved = decided(await room.edit(card, EditInput(route="refunds", approve_now=True)))
    assert (moved.state, moved.approvals) == ("pending", ())
    assert "the route refunds" in moved.notices[-1].text
    assert refused(await room.press(moved, "approve", ADA)) == "not_approver"
    assert decided(await room.press(moved, "approve", CY)).state == "approved"


async def test_an_empty_list_denies_everybody(redis_url: str) -> None:
    book = playbook(routes={"default": Route(), "billing": Route(approvers=Approvers())})
    async with open_room(redis_url, book) as room:
        outcome = await room.press(await room.card(), "approve")
        assert refused(outcome) == "not_approver"
        assert "nobody" in said(outcome)


async def test_a_playbook_that_is_gone_lets_nobody_decide(room: Room) -> None:
    card = await room.card(playbook="another")
    assert refused(await room.press(card, "approve")) == "not_approver"


async def test_a_group_is_asked_of_the_directory_at_the_click(redis_url: str) -> None:
    book = playbook(routes={"default": Route(approvers=Approvers(slack_groups=("S1",)))})
    async with open_room(redis_url, book) as room:
        card = await room.card()
        assert refused(await room.press(card, "approve")) == "not_approver"
        room.people.groups["S1"] = (ADA,)
        room.people.groups_away = True
        outcome = await room.press(card, "approve")
        assert refused(outcome) == "look_up_failed"
        assert "press again" in said(outcome)
        room.people.groups_away = False
        assert decided(await room.press(card, "approve")).state == "approved"


async def test_groups_that_cannot_be_asked_after_an_edit_save_nothing(redis_url: str) -> None:
    """The present route's people are named; those of the new one are a group."""
    routes = {
        "default": Route(approvers=approvers(ADA)),
        "refunds": Route(approvers=Approvers(slack_groups=("S1",))),
    }
    async with open_room(redis_url, playbook(routes=routes)) as room:
        card = await room.card()
        room.people.groups_away = True
        given = EditInput(route="refunds", approve_now=True)
        assert refused(await room.edit(card, given)) == "look_up_failed"
        assert await room.now(card) == card


# --- the person -----------------------------------------------------------------------------------


@pytest.mark.parametrize("standing", ["guest", "external", "bot", "deleted"])
async def test_only_full_members_decide(room: Room, standing: str) -> None:
    room.people.standings[ADA] = standing
    card = await room.card()
    for verb in ("approve", "edit", "reject"):
        assert refused(await room.press(card, verb)) == standing
    assert refused(await room.edit(card, BY_HAND)) == standing
    assert await room.now(card) == card


async def test_who_cannot_be_looked_up_decides_nothing(room: Room) -> None:
    card = await room.card()
    assert refused(await room.press(card, "approve", surface="teams")) == "unknown_surface"
    room.people.away = True
    assert refused(await room.press(card, "approve")) == "look_up_failed"
    assert refused(await room.decide.show(card.id, actor(ADA))) == "not_allowed"
    assert await room.now(card) == card


async def test_the_author_decides_nothing_about_their_own_words(room: Room) -> None:
    """By their id, and elsewhere by their e-mail address, whatever its case."""
    own = ticket(author=AUTHOR.model_copy(update={"id": ADA}))
    card = await room.card(of=own)
    assert refused(await room.press(card, "approve")) == "author"
    by_mail = await room.card(of=ticket())
    room.people.emails[BO] = "ADA@customer.example"
    assert refused(await room.press(by_mail, "approve", BO)) == "author"
    assert decided(await room.press(by_mail, "approve", ADA)).state == "approved"


async def test_who_asked_may_decide_only_where_the_playbook_says_so(redis_url: str) -> None:
    async with open_room(redis_url) as room:
        card = await room.card(of=ticket(asker=actor(ADA), also_asked=(actor(BO),)))
        for who in (ADA, BO):
            assert refused(await room.press(card, "approve", who)) == "asker"
        lenient = room.under(playbook(asker_may_approve=True))
        assert decided(await lenient.press(card, "approve")).state == "approved"


async def test_who_asked_on_one_surface_does_not_decide_on_another(redis_url: str) -> None:
    """By the address that each surface knows; where there is none, it is not refused."""
    named = Approvers(slack_users=(ADA,), teams_users=("ada-in-teams",))
    book = playbook(routes={"default": Route(approvers=named)})
    teams = People(emails={"ada-in-teams": "Ada@desk.example"})
    async with open_room(redis_url, book, more_people={"teams": teams}) as room:
        card = await room.card(of=ticket(asker=actor(BO), also_asked=(actor(ADA),)))

        async def elsewhere() -> Any:
            return await room.press(card, "approve", "ada-in-teams", surface="teams")

        room.people.emails[ADA] = "ada@desk.example "
        assert refused(await elsewhere()) == "asker"
        room.people.away = True
        assert refused(await elsewhere()) == "look_up_failed"
        assert await room.now(card) == card
        room.people.away = False
        room.people.emails.clear()
        assert decided(await elsewhere()).state == "approved"


async def test_who_asked_is_known_whatever_team_their_press_names(room: Room) -> None:
    """An organisation of several workspaces names its people's team now as one, now as another."""
    asker = actor(ADA).model_copy(update={"team": "E0ORG"})
    card = await room.card(of=ticket(asker=asker))
    assert refused(await room.press(card, "approve")) == "asker"


async def test_an_author_whose_address_was_not_known_is_looked_up_at_the_click(
    redis_url: str,
) -> None:
    named = Approvers(slack_users=(ADA,), teams_users=("ada-in-teams",))
    book = playbook(routes={"default": Route(approvers=named)})
    teams = People(emails={"ada-in-teams": "ada@desk.example"})
    async with open_room(redis_url, book, more_people={"teams": teams}) as room:
        own = ticket(author=Author(surface="slack", team="T1", id=ADA, name="Ada"))
        card = await room.card(of=own)
        room.people.emails[ADA] = "ada@desk.example"
        pressed = await room.press(card, "approve", "ada-in-teams", surface="teams")
        assert refused(pressed) == "author"


# --- two people -----------------------------------------------------------------------------------


async def test_a_second_approval_is_another_persons(redis_url: str) -> None:
    async with open_room(redis_url, playbook(approvals=2)) as room:
        card = await room.card(approvals_needed=2)
        first = await room.press(card, "approve", ADA)
        assert decided(first).state == "pending"
        assert "second person" in said(first)
        await room.run(card)
        assert not room.remote.arrived
        assert refused(await room.press(card, "approve", ADA)) == "already_approved_by_them"
        assert decided(await room.press(card, "approve", BO)).state == "approved"
        await room.run(card)
        assert len(room.remote.arrived) == 1


async def test_on_another_surface_only_a_mail_address_tells_two_people_apart(
    redis_url: str,
) -> None:
    named = Approvers(slack_users=(ADA,), teams_users=("ada-in-teams",))
    book = playbook(approvals=2, routes={"default": Route(approvers=named)})
    teams = People()
    async with open_room(redis_url, book, more_people={"teams": teams}) as room:

        async def second() -> Any:
            return await room.press(card, "approve", "ada-in-teams", surface="teams")

        room.people.emails[ADA] = "ada@desk.example"
        card = await room.card(approvals_needed=2)
        decided(await room.press(card, "approve", ADA))
        assert refused(await second()) == "cannot_tell_persons_apart"
        teams.emails["ada-in-teams"] = "Ada@Desk.example"
        assert refused(await second()) == "already_approved_by_them"
        teams.emails["ada-in-teams"] = "bo@desk.example"
        assert decided(await second()).state == "approved"


async def test_two_accounts_with_one_address_are_one_person(redis_url: str) -> None:
    async with open_room(redis_url, playbook(approvals=2)) as room:
        room.people.emails |= {ADA: "ada@desk.example", BO: "ada@desk.example"}
        card = await room.card(approvals_needed=2)
        decided(await room.press(card, "approve", ADA))
        assert refused(await room.press(card, "approve", BO)) == "already_approved_by_them"


async def test_an_action_may_ask_for_two_people_and_an_edit_may_bring_it_in(
    redis_url: str,
) -> None:
    uses = (ActionUse(tool="send_reply", approvals=2),)
    async with open_room(redis_url, playbook(actions=uses)) as room:
        card = await room.card(left_out(room))
        waiting = decided(await room.edit(card, BY_HAND))
        assert (waiting.state, waiting.approvals_needed, waiting.approvals) == ("pending", 2, ())
        decided(await room.press(waiting, "approve", ADA))
        assert decided(await room.press(waiting, "approve", BO)).state == "approved"


# --- what is behind a button ----------------------------------------------------------------------


async def test_a_token_is_of_one_proposal_one_revision_and_one_verb(room: Room) -> None:
    card = await room.card()
    other = await room.card()
    forged = card.model_copy(update={"secret": other.secret})
    gone = card.model_copy(update={"id": "p_aaaaaaaaaaaaaaaa"})
    decide, ada = room.decide, actor(ADA)
    assert refused(await decide.press(token(forged, "approve"), "approve", ada)) == "unknown_token"
    assert refused(await decide.press(token(gone, "approve"), "approve", ada)) == "unknown_token"
    assert refused(await decide.press(token(card, "reject"), "approve", ada)) == "unknown_token"
    assert refused(await decide.press("no token", "approve", ada)) == "unknown_token"
    newer = card.model_copy(update={"revision": 2})
    assert refused(await room.press(newer, "approve")) == "stale"
    for verb in ("take", "retry", "settle_done", "settle_retry"):
        assert refused(await room.press(card, verb)) == "decided"
    assert await room.now(card) == card


async def test_forms_are_opened_for_those_who_may_decide_and_cards_for_readers(room: Room) -> None:
    card = await room.card()
    assert isinstance(await room.press(card, "edit"), EditForm)
    assert isinstance(await room.press(card, "reject"), RejectForm)
    assert refused(await room.press(card, "edit", CY)) == "not_approver"
    assert refused(await room.press(card, "reject", CY)) == "not_approver"
    for reader in (ADA, "U0MANAGER"):
        assert isinstance(await room.decide.show(card.id, actor(reader)), CardView)
    assert refused(await room.decide.show(card.id, actor(CY))) == "not_allowed"
    assert refused(await room.decide.show("p_aaaaaaaaaaaaaaaa", actor(ADA))) == "unknown_token"


async def test_a_rejection_needs_the_same_authority_when_it_comes_back(room: Room) -> None:
    card = await room.card()
    given = RejectInput("wrong_tone", "Too stiff.")
    reject = token(card, "reject")
    assert refused(await room.decide.submit_reject(reject, actor(CY), given)) == "not_approver"
    rejected = decided(await room.decide.submit_reject(reject, actor(ADA), given))
    assert (rejected.state, rejected.decision and rejected.decision.words) == (
        "rejected",
        "Too stiff.",
    )
    late = await room.decide.submit_reject(reject, actor(BO), given)
    assert refused(late) == "decided"
    assert ADA in said(late), "who comes late is told who was first"


async def test_what_a_form_lacks_is_told_to_those_who_may_submit_it(room: Room) -> None:
    """Whoever may not decide hears that, and not what they should have filled in."""
    card = await room.card()
    verbs: tuple[Verb, ...] = ("reject", "approve")
    for verb in verbs:

        async def submitted(who: str, verb: Verb = verb) -> Any:
            pressed, person = token(card, verb), actor(who)
            if verb == "approve":
                return await room.decide.submit_approve(pressed, person, ApproveInput("x"))
            lacking = FieldErrors({"reason": "Choose a reason."})
            return await room.decide.submit_reject(pressed, person, lacking)

        assert refused(await submitted(CY)) == "not_approver"
        wrong = await submitted(ADA)
        assert isinstance(wrong, FieldErrors)
        assert set(wrong.errors) == {"reason"}
    assert await room.now(card) == card


async def test_drafting_again_stops_at_the_tickets_limit_of_runs(room: Room) -> None:
    limit = playbook().limits.runs_per_ticket
    given = RejectInput("wrong_facts", draft_again=True)
    for runs, state in ((limit - 1, "drafting"), (limit, "handoff")):
        card = await room.card(of=ticket(runs=runs))
        await room.decide.submit_reject(token(card, "reject"), actor(ADA), given)
        known = await room.store.ticket(card.ticket)
        assert known is not None
        assert known.value.proposal not in (None, card.id)
        assert known.value.runs == runs + 1
        fresh = await room.store.proposal(known.value.proposal)
        assert fresh is not None
        assert (fresh.value.state, fresh.value.run.feedback) == (state, ("wrong_facts",))


async def test_a_reply_by_hand_is_of_a_playbook_however_the_handoff_came_about(
    room: Room,
) -> None:
    """The digest names it: taken while it was drafted, or handed off at the limit of runs."""
    version = playbook().version()
    drafting = await room.card(state="drafting", content=None, progress=(), playbook_version="")
    taken = decided(await room.press(drafting, "take"))
    assert (taken.state, taken.playbook_version) == ("handoff", version)
    card = await room.card(of=ticket(runs=playbook().limits.runs_per_ticket))
    again = RejectInput("wrong_facts", draft_again=True)
    await room.decide.submit_reject(token(card, "reject"), actor(ADA), again)
    known = await room.store.ticket(card.ticket)
    assert known is not None
    assert known.value.proposal is not None
    limited = await room.store.proposal(known.value.proposal)
    assert limited is not None
    for handoff in (taken, limited.value):
        given = EditInput(reply="By hand.", labels=("billing",), approve_now=True)
        written = decided(await room.edit(handoff, given))
        assert (written.state, written.playbook_version) == ("approved", version)


async def test_an_id_alone_shows_nobody_a_card(room: Room) -> None:
    """It stands in what is sent to customers; what stood on a card shows it again as it is now."""
    card, another = await room.card(), await room.card()
    seal = buttons.seal(card.id, card.secret)
    for proof in ("", card.id, buttons.seal(another.id, another.secret), token(another, "edit")):
        assert refused(await room.decide.see(card.id, proof, actor(CY))) == "unknown_token"
    decided(await room.edit(card, EditInput(reply="Better.")))
    for proof in (seal, token(card, "approve")):
        seen = await room.decide.see(card.id, proof, actor(CY))
        assert isinstance(seen, Seen)
        assert (seen.card.revision, seen.may_decide) == (2, False)
