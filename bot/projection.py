"""A proposal and its ticket, projected into the card that every surface draws."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from bot import answer_words, buttons
from bot.card import (
    ActionView,
    ButtonView,
    CardView,
    HandoffView,
    HitView,
    Unsupported,
    Who,
    Words,
    arg_text,
)
from bot.domain import (
    Action,
    ActionProgress,
    Actor,
    Content,
    Decision,
    HandoffReason,
    Hit,
    Lead,
    Proposal,
    SurfaceName,
    Ticket,
    Verb,
    repeats_reply,
)
from bot.lead_card import UPDATE_CRM, lead_view
from bot.playbook import Approvers, Playbook

HANDOFF_WORDS: dict[HandoffReason, str] = {
    "steps": "It reached its limit of steps before it had an answer.",
    "money": "It reached its limit of money before it had an answer.",
    "time": "It took too long.",
    "refusal": "The model refused to answer.",
    "model": "The model could not be reached, or gave nothing usable.",
    "no_source": "It has no answer to give from what it found.",
    "fault": "The run failed three times.",
}


_ANSWER = 20_000
"""Characters of an answer where a whole card is read."""
ALONE = "An answer for its asker alone."
ERASED = "erased"
"""Stands where a text was."""


def view(
    proposal: Proposal,
    version: int,
    ticket: Ticket,
    playbook: Playbook,
    notes: tuple[Words, ...] = (),
) -> CardView:
    """The card of ``proposal`` at ``version``, with ``notes`` about its posting before its own
    notices. Where its successor stands is not known here. Pure; texts stay raw."""
    content = proposal.content
    reply = content.reply if content else None
    return CardView(
        proposal=proposal.id,
        ticket=ticket.id,
        revision=proposal.revision,
        version=version,
        state=proposal.state,
        headline=_headline(proposal, ticket, playbook),
        labels=content.labels if content else (),
        route=content.route if content else "default",
        priority=content.priority if content else None,
        confidence=proposal.confidence,
        why=proposal.why,
        subject=ticket.subject,
        quote=ERASED if ticket.erased else ticket.body,
        author=ticket.author,
        files=tuple(name for message in ticket.messages for name in message.files),
        ticket_url=ticket.url,
        draft=draft_of(proposal),
        unsupported=tuple(
            Unsupported(mark.kind, (reply or "")[mark.start : mark.end], mark.start, mark.end)
            for mark in proposal.marks
        ),
        citations=proposal.citations,
        actions=tuple(
            _action(index, action, proposal.progress[index], proposal.lead)
            for index, action in enumerate(content.actions if content else ())
        ),
        handoff=_handoff(proposal, playbook),
        changes=proposal.changes,
        notices=(*notes, *_notices(proposal)),
        outcome=tuple(_outcome(proposal)),
        model=proposal.model,
        cost_usd=proposal.cost_usd,
        expires_at=proposal.expires_at,
        successor_url=None,
        buttons=_buttons(proposal, playbook),
        approvers=playbook.route(content.route if content else "default").approvers,
        seal=buttons.seal(proposal.id, proposal.secret),
        hits=tuple(_hit(hit, content) for hit in proposal.hits) if content else (),
        lead=lead_view(proposal.lead, content)
        if proposal.lead is not None and not proposal.erased
        else None,
        approvals=(len(proposal.approvals), proposal.approvals_needed)
        if proposal.state == "pending" and proposal.approvals
        else None,
        answer=None if proposal.erased else proposal.answer,
        run=proposal.run.id,
    )


def draft_of(proposal: Proposal) -> str | None:
    """The reply, or the answer to an ask, for those who may read the whole card. What is for its
    asker alone is for nobody else: they may read where it is drawn from."""
    if proposal.erased:
        return ERASED if proposal.content or proposal.state == "answered" else None
    if proposal.state == "answered":
        answer = proposal.answer
        if answer is None or answer.private:
            return ALONE
        return answer_words.text(answer, _ANSWER)
    return proposal.content.reply if proposal.content else None


def who_may(approvers: Approvers) -> Words:
    """Those who may decide, as a line of words; says so when it is nobody."""
    persons: list[str | Who] = []
    surfaces: tuple[SurfaceName, ...] = ("slack", "teams")
    for surface in surfaces:
        persons += [
            Who(Actor(surface=surface, team="", id=user), user) for user in approvers.users(surface)
        ]
        persons += [f"the group {group}" for group in approvers.groups(surface)]
    if not persons:
        return ("nobody: this route has no approvers",)
    words: list[str | Who] = [persons[0]]
    for person in persons[1:]:
        words += [", ", person]
    return tuple(words)


def person(decision: Decision) -> Who:
    """Who made a decision."""
    return Who(decision.actor, decision.name)


def at(moment: datetime) -> str:
    """A time on a card, to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _hit(hit: Hit, content: Content) -> HitView:
    where, text = "", content.reply or ""
    if hit.field != "reply":
        _, index, name = hit.field.split(".", 2)
        action = content.actions[int(index)]
        where = f"{action.tool} {name}"
        text = arg_text(action.args.get(name))
    passage = text[hit.start : hit.end]
    return HitView(hit.name, hit.field, where, passage, hit.start, hit.end, hit.hint)


def _headline(proposal: Proposal, ticket: Ticket, playbook: Playbook) -> str:
    name = ticket.author.name or "the author"
    content = proposal.content
    about = ", ".join(content.labels) if content and content.labels else "this ticket"
    if proposal.erased:
        return f"Erased: {about}"
    match proposal.state:
        case "drafting" if playbook.kind == "lead":
            return f"Looking up a lead: {_asked_for(ticket)}"
        case "handoff" if playbook.kind == "lead":
            return f"A person is needed: the lead {_asked_for(ticket)}"
        case "drafting":
            return f"Drafting an answer to {name}"
        case "answered":
            return f"Answer to {name}"
        case "handoff":
            return f"A person is needed: {about}, from {name}"
        case (
            "pending"
            | "approved"
            | "executing"
            | "succeeded"
            | "failed"
            | "unknown"
            | "rejected"
            | "expired"
            | "superseded"
        ):
            if playbook.kind == "lead" and proposal.lead is None:
                return f"Lead: {_asked_for(ticket)}"
            if proposal.lead is not None:
                named = proposal.lead.field("name")
                known = f"{named.value} ({proposal.lead.key})" if named else proposal.lead.key
                return f"Lead: {known}"
            if content is None or content.reply is None:
                return f"File as {about}, send nothing to {name}"
            if any(action.tool == "post_answer" for action in content.actions):
                return f"Post the answer to {name} in the thread"
            return f"Reply to {name} about {about}"
        case _:
            assert_never(proposal.state)


def _asked_for(ticket: Ticket) -> str:
    """What a lead names, on one line."""
    return " ".join((ticket.subject or ticket.body).split())[:80] or "without words"


def _action(index: int, action: Action, done: ActionProgress, lead: Lead | None) -> ActionView:
    shown = tuple(
        (field, arg_text(value) or "–")
        for field, value in action.args.items()
        # The draft, and a lead's fields, are shown by themselves.
        if not repeats_reply(action.tool, field)
        and not (lead is not None and action.tool == UPDATE_CRM)
    )
    return ActionView(
        index=index,
        tool=action.tool,
        target=action.target,
        args=shown,
        included=action.included,
        status=_status(action, done),
    )


def _status(action: Action, done: ActionProgress) -> Words:
    if not action.included:
        return ("left out",)
    match done.status:
        case "waiting":
            return ()
        case "executing":
            return ("being carried out",)
        case "succeeded":
            return (f"done: {done.receipt or 'confirmed'}",)
        case "failed":
            return (f"refused, nothing happened: {done.error}",)
        case "unknown":
            return (f"may or may not have happened: {done.error}",)
        case _:
            assert_never(done.status)


def _handoff(proposal: Proposal, playbook: Playbook) -> HandoffView | None:
    handoff = proposal.handoff
    if handoff is None or proposal.state not in ("handoff", "superseded", "rejected"):
        return None
    route = proposal.content.route if proposal.content else "default"
    return HandoffView(
        reason=handoff.reason,
        words=HANDOFF_WORDS[handoff.reason],
        tried=handoff.tried,
        found=handoff.found,
        missing=handoff.missing,
        who=who_may(playbook.route(route).approvers),
    )


def _notices(proposal: Proposal) -> list[Words]:
    lines: list[Words] = []
    if proposal.state in ("pending", "handoff") and proposal.owner:
        lines.append(("Taken by ", person(proposal.owner), f", {at(proposal.owner.at)}"))
    if proposal.state == "pending" and proposal.edited and proposal.decision:
        lines.append(("Edited by ", person(proposal.decision), f", {at(proposal.decision.at)}"))
    if proposal.state == "pending" and proposal.approvals:
        first = proposal.approvals[0]
        lines.append(("Approved by ", person(first), "; a second person's approval is needed"))
        lines += _reason(first)
    for notice in proposal.notices:
        who: tuple[str | Who, ...] = (
            (Who(notice.actor, notice.actor.id), " ") if notice.actor else ()
        )
        lines.append((*who, notice.text))
    return lines


_DONE_WORDS: dict[Verb, str] = {
    "approve": "Approved by ",
    "edit": "Edited by ",
    "reject": "Rejected by ",
    "take": "Taken by ",
    "retry": "Sent again by ",
    "settle_done": "Settled as arrived by ",
    "settle_retry": "Sent again by ",
}


def _reason(approval: Decision) -> list[Words]:
    """Why what the screen has found may go out, in the approver's words."""
    given = approval.verb == "approve" and approval.words
    return [(f"Reason: {approval.words}",)] if given else []


def _outcome(proposal: Proposal) -> list[Words]:
    lines: list[Words] = []
    decision = proposal.decision
    if decision and proposal.state not in ("pending", "handoff", "drafting"):
        if decision.verb != "approve" and proposal.approvals:
            first = proposal.approvals[-1]
            lines.append((_DONE_WORDS["approve"], person(first), f", {at(first.at)}"))
            lines += _reason(first)
        for earlier in proposal.approvals[:-1]:
            lines.append((_DONE_WORDS["approve"], person(earlier), f", {at(earlier.at)}"))
            lines += _reason(earlier)
        verb = _DONE_WORDS[decision.verb]
        if decision.verb == "approve" and proposal.edited:
            verb = "Edited and approved by "
        lines.append((verb, person(decision), f", {at(decision.at)}"))
        lines += _reason(decision)
        if decision.reason:
            reason = decision.reason.replace("_", " ")
            lines.append((f"Reason: {reason}" + (f". {decision.words}" if decision.words else ""),))
    match proposal.state:
        case "expired":
            lines.append(("Nobody decided in time. The ticket has not been answered by Deskhand.",))
        case "superseded" if proposal.erased:
            pass  # its notice says it
        case "superseded":
            lines.append(("The customer's words have changed, so this draft is void.",))
        case "unknown":
            lines.append(("Look whether it arrived, then say so with a button.",))
        case _:
            pass
    return lines


def _by_hand(proposal: Proposal, playbook: Playbook) -> str | None:
    """What a person may do by hand where a run has found nothing."""
    if playbook.kind != "lead":
        return "Write reply"
    refused = proposal.handoff is not None and proposal.handoff.reason == "refusal"
    # Who is not to be looked up is not to be written down either.
    return None if refused or playbook.action(UPDATE_CRM) is None else "Type fields"


def _buttons(proposal: Proposal, playbook: Playbook) -> tuple[ButtonView, ...]:
    def button(verb: Verb, label: str, style: str = "plain") -> ButtonView:
        token = buttons.mint(
            proposal.id, proposal.secret, proposal.revision, verb, proposal.claimed_at
        )
        match style:
            case "primary":
                return ButtonView(verb, label, "primary", token)
            case "danger":
                return ButtonView(verb, label, "danger", token)
            case _:
                return ButtonView(verb, label, "plain", token)

    if proposal.erased:
        return ()
    match proposal.state:
        case "pending":
            return (
                button("approve", "Approve", "primary"),
                button("edit", "Edit"),
                button("reject", "Reject", "danger"),
            )
        case "drafting":
            return (button("take", "Take it"),)
        case "handoff":
            take = () if proposal.owner else (button("take", "Take it", "primary"),)
            write = _by_hand(proposal, playbook)
            return (*take, *((button("edit", write),) if write else ()), button("reject", "Close"))
        case "failed":
            return (
                button("retry", "Retry", "primary"),
                button("edit", "Edit"),
                button("reject", "Reject", "danger"),
            )
        case "unknown":
            return (
                button("settle_done", "It arrived", "primary"),
                button("settle_retry", "It did not: send again"),
            )
        case (
            "approved"
            | "executing"
            | "succeeded"
            | "rejected"
            | "expired"
            | "superseded"
            | "answered"
        ):
            return ()
        case _:
            assert_never(proposal.state)
