"""What each button and each form asks for: the use-case behind every surface's clicks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from bot.authority import listed, may_read, required_lists, same_person
from bot.buttons import was_shown
from bot.card import CardView
from bot.commands import Approve, Edit, Reject, Renew, Retry, SettleDone, SettleRetry, Take
from bot.context import Context
from bot.decide.asked import Asked, authorise, read
from bot.decide.leads import crm_moved, hand_form, is_by_hand, typed_lead
from bot.decide.saving import Saving, Step
from bot.decide.words import not_saved, unknown
from bot.domain import (
    REASON_LEAST,
    REASON_LIMIT,
    Action,
    Actor,
    Content,
    Decision,
    Hit,
    Notice,
    Person,
    Proposal,
    SurfaceName,
    Verb,
)
from bot.editing import apply_edit, edit_form, reason_form, reject_form
from bot.forms import (
    ApproveInput,
    Decided,
    EditForm,
    EditInput,
    FieldErrors,
    NotDecided,
    Pressed,
    ReasonForm,
    RejectInput,
    Seen,
    Submitted,
)
from bot.journal import Entry
from bot.lifecycle import digest, next_action
from bot.plain_text import clean
from bot.playbook import Playbook, after
from bot.ports import Commit, Versioned
from bot.projection import view
from bot.runs import drafting, first_wakes, handed_off, over_limit
from bot.screening import screened


class Decide:
    """Implements ``bot.ports.Decisions``. ``texts`` in its journal entries are the person's."""

    def __init__(self, context: Context, place: SurfaceName | None = None) -> None:
        """``place``: where people decide, if that is not the surface they are known on."""
        self._context = context
        self._saving = Saving(context, place)

    def at(self, place: SurfaceName) -> Decide:
        """The same gate, for what is decided there: the journal says so."""
        return Decide(self._context, place)

    async def press(self, token: str, verb: Verb, actor: Actor) -> Pressed:
        """A button was pressed. Forms are returned for edit and reject; all else is decided."""
        if verb == "edit":
            asked = await self._open(token, verb, actor)
            if isinstance(asked, NotDecided):
                return asked
            return self._edit_form(asked)
        if verb == "approve":
            return await self._approve(token, actor, words=None)
        if verb == "reject":
            asked = await self._open(token, verb, actor)
            return asked if isinstance(asked, NotDecided) else reject_form(asked.proposal.value)

        async def plan(asked: Asked, person: Person, now: datetime) -> Step | NotDecided:
            proposal, book = asked.proposal.value, asked.playbook
            decision = _decision(verb, proposal, person, now)
            remind_at = after(now, book.remind_after, book.hours)
            expires_at = after(now, book.expire_after, book.hours)
            needed = approvals_needed(book, proposal.content.actions if proposal.content else ())
            match verb:
                case "take":
                    return Step(Take(decision, remind_at, book.version()))
                case "retry":
                    anew = await crm_moved(self._context, asked, decision, needed)
                    if isinstance(anew, NotDecided):
                        return anew
                    anew = anew or await self._found_since(asked, person, now)
                    return Step(anew or Retry(decision, needed, remind_at, expires_at))
                case "settle_done":
                    return Step(SettleDone(decision, needed, remind_at, expires_at))
                case _:
                    keep_until = self._keeps_key_until(asked, now)
                    return Step(
                        SettleRetry(
                            decision,
                            keep_until,
                            needed,
                            remind_at,
                            expires_at,
                            overtaken=not asked.is_latest,
                        )
                    )

        outcome = await self._saving.decide(token, verb, actor, plan)
        # Only an edit has fields to be wrong.
        return outcome if not isinstance(outcome, FieldErrors) else not_saved()

    async def _found_since(self, asked: Asked, person: Person, now: datetime) -> Renew | None:
        """The card made anew, where it was made before the screen looked for what it does now, and
        more is found in it; None: nothing new stands against it."""
        proposal, playbook, screening = (
            asked.proposal.value,
            asked.playbook,
            self._context.screening,
        )
        content = proposal.content
        if screening is None or content is None or proposal.sieve == screening.version:
            return None
        found = await screened(
            screening, content, asked.ticket.value, proposal.citations, proposal.lead
        )
        known = {(hit.name, hit.field, hit.start, hit.end) for hit in proposal.hits}
        new = [hit for hit in found.hits if (hit.name, hit.field, hit.start, hit.end) not in known]
        if not new and (found.on_hit == proposal.on_hit or not found.hits):
            return None
        return Renew(
            decision=_decision("approve", proposal, person, now),
            content=content,
            lead=proposal.lead,
            notice=_screened(person, found.hits, "would approve this", "look at it once more"),
            approvals_needed=approvals_needed(playbook, content.actions),
            remind_at=after(now, playbook.remind_after, playbook.hours),
            expires_at=after(now, playbook.expire_after, playbook.hours),
            hits=found.hits,
            on_hit=found.on_hit,
            sieve=found.sieve,
        )

    async def submit_approve(self, token: str, actor: Actor, given: ApproveInput) -> Submitted:
        """The form came back that asks why what the screen has found may go out."""
        words = clean(given.reason).strip()
        if not REASON_LEAST <= len(words) <= REASON_LIMIT:
            errors = {"reason": f"Write {REASON_LEAST} to {REASON_LIMIT} characters."}
            return await self._incomplete(token, "approve", actor, FieldErrors(errors))
        pressed = await self._approve(token, actor, words)
        # With a reason of this length the gate asks for no other.
        return not_saved() if isinstance(pressed, ReasonForm) else pressed

    async def _approve(
        self, token: str, actor: Actor, words: str | None
    ) -> Decided | NotDecided | ReasonForm:
        """The gate says whether it needs a reason: then the form is opened, and nothing decided."""

        async def plan(asked: Asked, person: Person, now: datetime) -> Step:
            proposal = asked.proposal.value
            decision = _decision("approve", proposal, person, now)
            given = decision.model_copy(update={"words": words})
            actions = proposal.content.actions if proposal.content else ()
            needed = approvals_needed(asked.playbook, actions)
            if (anew := await self._found_since(asked, person, now)) is not None:
                return Step(anew)
            return Step(Approve(given, _persons(proposal, person), needed))

        match await self._saving.decide(token, "approve", actor, plan):
            case NotDecided("no_reason", _, Proposal() as proposal) if words is None:
                return reason_form(proposal)
            case FieldErrors():
                return not_saved()  # it has no fields that could be wrong
            case outcome:
                return outcome

    async def submit_edit(self, token: str, actor: Actor, given: EditInput) -> Submitted:
        """The edit form came back. Authority is checked again, in the old route and the new."""

        async def plan(
            asked: Asked, person: Person, now: datetime
        ) -> Step | FieldErrors | NotDecided:
            context, proposal, playbook = self._context, asked.proposal.value, asked.playbook
            ticket = asked.ticket.value
            by_hand = is_by_hand(asked)
            edited = (
                await typed_lead(context, asked, given, person)
                if by_hand
                else apply_edit(
                    proposal, ticket, playbook, context.specs, context.target, given, person
                )
            )
            if isinstance(edited, FieldErrors | NotDecided):
                return edited
            found = await screened(
                context.screening,
                edited.content,
                ticket,
                proposal.citations,
                edited.lead,
            )
            against = await self._against_approving(asked, person, edited.content)
            if against is None and found.hits:
                against = _screened(person, found.hits, "changed this", "it is approved apart")
            if against is None and by_hand:
                # Nobody has seen yet what the CRM holds beside it.
                words = "typed these fields. Look at what the CRM holds, then approve."
                against = Notice(kind="crm_read_anew", text=words, actor=person.actor)
            notices: tuple[Notice, ...] = ()
            if given.approve_now and against is not None:
                notices = (against,)
            command = Edit(
                decision=_decision("edit", proposal, person, now),
                content=edited.content,
                marks=edited.marks,
                changes=edited.changes,
                approve=given.approve_now and against is None,
                approvals_needed=approvals_needed(playbook, edited.content.actions),
                remind_at=after(now, playbook.remind_after, playbook.hours),
                expires_at=after(now, playbook.expire_after, playbook.hours),
                notices=notices,
                hits=found.hits,
                on_hit=found.on_hit,
                sieve=found.sieve,
                lead=edited.lead,
            )
            return Step(command)

        return await self._saving.decide(token, "edit", actor, plan)

    async def _against_approving(
        self, asked: Asked, person: Person, edited: Content
    ) -> Notice | None:
        """Why this person may not approve their own edit in the same step. Raises
        ``LookUpFailed``."""
        lists = required_lists(asked.playbook, edited.route, edited.actions)
        for one in lists:
            if await listed(self._context, person.actor, one):
                continue
            words = "changed this; somebody else must approve it."
            if edited.route != asked.route:
                words = (
                    f"moved this to the route {edited.route}; "
                    "somebody of that route must approve it."
                )
            return Notice(kind="new_route", text=words, actor=person.actor)
        before = asked.proposal.value.content
        shown = [action.target for action in before.actions] if before else []
        for was, action in zip(shown, edited.actions, strict=False):
            if action.included and action.target != was:
                # The form has named the old one: nobody has seen yet where it would go.
                words = f"changed this. It would go to another place by now: {action.target}"
                return Notice(kind="new_target", text=words, actor=person.actor)
        return None

    async def submit_reject(
        self, token: str, actor: Actor, given: RejectInput | FieldErrors
    ) -> Submitted:
        """The reject form came back; with *draft again*, a new run gets the reasons."""
        if isinstance(given, FieldErrors):
            return await self._incomplete(token, "reject", actor, given)

        async def plan(asked: Asked, person: Person, now: datetime) -> Step:
            decision = _decision("reject", asked.proposal.value, person, now).model_copy(
                update={"reason": given.reason, "words": clean(given.words).strip() or None}
            )
            command = Reject(decision)
            if not given.draft_again or not asked.is_latest:
                return Step(command)  # of a ticket that has a newer proposal there is no second
            again = _drafted_again(asked, given, now, to_card=self._context.shows_cards)
            return Step(command, again)

        return await self._saving.decide(token, "reject", actor, plan)

    async def show(self, proposal_id: str, actor: Actor) -> CardView | NotDecided:
        """The whole card, for those who may read the ticket's texts (invariant 16)."""
        case = await self._context.store.case(proposal_id)
        if case is None:
            return unknown()
        proposal, ticket, _ = case
        playbook = self._context.playbook(proposal.value.playbook)
        route = proposal.value.content.route if proposal.value.content else "default"
        if not await may_read(self._context, actor, playbook, route):
            return NotDecided("not_allowed", ("Only this route's approvers and managers see it.",))
        return view(proposal.value, proposal.version, ticket.value, playbook)

    async def see(self, proposal_id: str, proof: str, actor: Actor) -> Seen | NotDecided:
        """The card as it is now, and this person's forms: for a surface whose forms stand inside
        the card. Only reads. An id alone shows nothing: it stands in sent replies too."""
        case = await self._context.store.case(proposal_id)
        if case is None or not was_shown(proof, proposal_id, case.proposal.value.secret):
            return unknown()
        playbook = self._context.playbook(case.proposal.value.playbook)
        asked = Asked(case.proposal, case.ticket, case.board, playbook)
        proposal = asked.proposal.value
        card = view(proposal, asked.proposal.version, asked.ticket.value, playbook)
        offered = {button.verb for button in card.buttons}
        if not offered or isinstance(await authorise(self._context, asked, actor), NotDecided):
            return Seen(card, may_decide=False)
        form = self._edit_form(asked) if "edit" in offered else None
        return Seen(
            card,
            may_decide=True,
            edit=form if isinstance(form, EditForm) else None,
            reject=reject_form(proposal) if "reject" in offered else None,
        )

    def _edit_form(self, asked: Asked) -> EditForm | NotDecided:
        by_hand = hand_form(self._context, asked) if is_by_hand(asked) else None
        if isinstance(by_hand, NotDecided):
            return by_hand
        return edit_form(asked.proposal.value, asked.playbook, self._context.specs, by_hand)

    async def _open(self, token: str, verb: Verb, actor: Actor) -> Asked | NotDecided:
        """What is behind a token, if this actor may decide it now: then a form opens."""
        with self._context.spans.decision(verb) as deciding:
            asked = await read(self._context, token, verb, deciding)
            if not isinstance(asked, NotDecided):
                allowed = await authorise(self._context, asked, actor)
                if not isinstance(allowed, NotDecided):
                    return asked
                asked = allowed
            deciding.ended(asked)
            return asked

    async def _incomplete(
        self, token: str, verb: Verb, actor: Actor, errors: FieldErrors
    ) -> NotDecided | FieldErrors:
        """What is wrong with a form, for those who may submit it: others are told that they may
        not, before anything else."""
        asked = await self._open(token, verb, actor)
        return asked if isinstance(asked, NotDecided) else errors

    def _keeps_key_until(self, asked: Asked, now: datetime) -> datetime | None:
        """Until when the remote honours the key of the action that is to be sent again."""
        proposal = asked.proposal.value
        index = next_action(proposal)
        if index is None or proposal.content is None:
            return None
        sent = proposal.progress[index].first_sent_at
        tool = proposal.content.actions[index].tool
        honoured = self._context.resend_seconds(tool, asked.ticket.value)
        if sent is None or honoured <= 0:
            return None
        until = sent + timedelta(seconds=honoured)
        return until if now < until else None


def approvals_needed(playbook: Playbook, actions: tuple[Action, ...]) -> int:
    """How many people must approve: the most that the playbook or an included action asks for."""
    needed = playbook.approvals
    for action in actions:
        use = playbook.action(action.tool)
        if use is not None and action.included:
            needed = max(needed, use.approvals)
    return needed


def _decision(verb: Verb, proposal: Proposal, person: Person, now: datetime) -> Decision:
    return Decision(
        verb=verb,
        actor=person.actor,
        name=person.name,
        email=person.email,
        revision=proposal.revision,
        digest=digest(proposal),
        at=now,
    )


def _screened(person: Person, hits: tuple[Hit, ...], did: str, so: str) -> Notice:
    names = ", ".join(dict.fromkeys(hit.name for hit in hits))
    words = f"{did}. The screen has found {names}, so {so}."
    return Notice(kind="screened", text=words, actor=person.actor)


def _persons(
    proposal: Proposal, person: Person
) -> Literal["first", "different", "same", "cannot_tell"]:
    if not proposal.approvals:
        return "first"
    known = [same_person(earlier, person) for earlier in proposal.approvals]
    if any(same is True for same in known):
        return "same"
    return "cannot_tell" if any(same is None for same in known) else "different"


def _drafted_again(asked: Asked, given: RejectInput, now: datetime, *, to_card: bool) -> Commit:
    """A new run of the rejected proposal's ticket, or a handoff where there were enough."""
    ticket, words = asked.ticket.value, clean(given.words).strip()
    feedback = (given.reason, words) if words else (given.reason,)
    fresh = drafting(ticket, now, not_before=now, feedback=feedback)
    limit = asked.playbook.limits.runs_per_ticket
    if ticket.runs >= limit:
        fresh = over_limit(fresh, now, asked.playbook, f"This ticket has had {limit} runs.")
    moved = ticket.model_copy(update={"proposal": fresh.id, "runs": ticket.runs + 1})
    begun = Entry(
        kind="run",
        ticket=ticket.id,
        run=fresh.run.id,
        proposal=fresh.id,
        playbook=ticket.playbook,
        data={"why": "draft_again"},
    )
    return Commit(
        tickets=(Versioned(moved, asked.ticket.version),),
        proposals=(Versioned(fresh, 0),),
        wakes=first_wakes(fresh, now),
        entries=(begun, *handed_off(fresh, to_card=to_card)),
    )
