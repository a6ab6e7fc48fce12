"""Who may decide: asked of the directory at the moment of the click, never of the card.

Everything that is not clearly allowed is refused: an unknown surface, a failed look-up, a guest,
a person of another team, the ticket's own author, an empty list of approvers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.card import Who, Words
from bot.context import Context
from bot.domain import Action, Actor, Decision, Person, Proposal, Ticket
from bot.playbook import Approvers, Playbook
from bot.ports import Case, LookUpFailed
from bot.projection import who_may
from bot.queue import route_of


@dataclass(frozen=True)
class Allowed:
    """This person may decide."""

    person: Person


@dataclass(frozen=True)
class NotAllowed:
    """Not this one, and why; ``kind`` is for logs and tests."""

    kind: str
    words: Words


async def look_up(context: Context, actor: Actor) -> Person | NotAllowed:
    """The person behind a verified actor, if they are a full member who is a human."""
    directory = context.surfaces.directories.get(actor.surface)
    if directory is None:
        return NotAllowed("unknown_surface", ("Deskhand does not know people there.",))
    try:
        person = await directory.person(actor)
    except LookUpFailed:
        return NotAllowed(
            "look_up_failed",
            ("Deskhand could not look you up just now. Nothing was decided: please press again.",),
        )
    match person.standing:
        case "member":
            return person
        case "guest":
            return NotAllowed("guest", ("Guests may not decide here.",))
        case "external":
            return NotAllowed("external", ("People of other organisations may not decide here.",))
        case "bot":
            return NotAllowed("bot", ("Bots may not decide.",))
        case _:
            return NotAllowed("deleted", ("This account has been deactivated; it may not decide.",))


async def listed(context: Context, actor: Actor, approvers: Approvers) -> bool:
    """Whether the list names this actor, or a group that holds them. Raises ``LookUpFailed``."""
    if actor.id in approvers.users(actor.surface):
        return True
    groups = approvers.groups(actor.surface)
    if not groups:
        return False
    return await context.surfaces.directories[actor.surface].in_groups(actor, groups)


async def may_decide(
    context: Context, actor: Actor, proposal: Proposal, ticket: Ticket, route: str
) -> Allowed | NotAllowed:
    """Whether ``actor`` may decide this proposal in ``route``."""
    playbook = context.playbook(proposal.playbook)
    person = await look_up(context, actor)
    if isinstance(person, NotAllowed):
        return person
    actions = proposal.content.actions if proposal.content else ()
    try:
        wrote = await _wrote_it(context, person, ticket)
        # A lead's author is nobody but its sender: who writes one down in a chat asks for it.
        asks = playbook.kind == "lead" and ticket.origin.surface != "webhook"
        if wrote and not asks:
            return NotAllowed(
                "author",
                ("You wrote this ticket, so somebody else must decide. ", *_who(playbook, route)),
            )
        if not playbook.asker_may_approve and (
            wrote or await _asked_for_it(context, person, ticket)
        ):
            return NotAllowed(
                "asker",
                ("You asked for this, so somebody else must decide. ", *_who(playbook, route)),
            )
        for approvers in required_lists(playbook, route, actions):
            if not await listed(context, actor, approvers):
                return NotAllowed(
                    "not_approver",
                    ("You may not decide this. It may be decided by ", *who_may(approvers), "."),
                )
    except LookUpFailed:
        return NotAllowed(
            "look_up_failed",
            ("Deskhand could not look up the approvers just now. Please press again.",),
        )
    return Allowed(person)


def required_lists(
    playbook: Playbook, route: str, actions: Sequence[Action]
) -> tuple[Approvers, ...]:
    """Every list that an approver must stand in: the route's, and those of included actions."""
    lists = [playbook.route(route).approvers]
    for action in actions:
        use = playbook.action(action.tool)
        if action.included and use is not None and use.approvers is not None:
            lists.append(use.approvers)
    return tuple(lists)


async def may_read(context: Context, actor: Actor, playbook: Playbook, route: str) -> bool:
    """Whether texts of this route may be shown to ``actor``: its approvers and the managers."""
    if isinstance(await look_up(context, actor), NotAllowed):
        return False
    try:
        return await listed(context, actor, context.managers) or await listed(
            context, actor, playbook.route(route).approvers
        )
    except LookUpFailed:
        return False


async def ticket_route(context: Context, case: Case) -> tuple[Playbook, str]:
    """By whose route a ticket is read: that of its newest proposal, whichever one was asked for.

    Who names an earlier one would see the same ticket: what was said, drafted and decided since.
    """
    newest = case.proposal.value
    current = case.ticket.value.proposal
    if current is not None and current != newest.id:
        found = await context.store.proposal(current)
        newest = found.value if found is not None else newest
    name, route = route_of(newest)
    return context.playbook(name), route


async def may_read_anything(context: Context, actor: Actor) -> bool:
    """Whether there is any route whose texts may be shown to ``actor``."""
    for playbook in context.playbooks.values():
        for route in playbook.routes:
            if await may_read(context, actor, playbook, route):
                return True
    return False


async def _wrote_it(context: Context, person: Person, ticket: Ticket) -> bool:
    """Whether the ticket is made of this person's own words: by id, or by e-mail elsewhere. Raises
    ``LookUpFailed``."""
    author = ticket.author
    if author.email or not author.id:
        return is_author(person, ticket)
    # Nobody knew the address when the ticket was opened; who has none is nobody elsewhere.
    actor = Actor(surface=author.surface, team=author.team, id=author.id)
    return await _is_same(context, actor, person)


async def _asked_for_it(context: Context, person: Person, ticket: Ticket) -> bool:
    """Whether this person is among those who asked, here or elsewhere. Raises ``LookUpFailed``."""
    for asker in ticket.askers:
        if await _is_same(context, asker, person):
            return True
    return False


async def _is_same(context: Context, actor: Actor, person: Person) -> bool:
    """Whether an actor is this person: by id on one surface, else by the e-mail address that their
    surface knows now; where either has none, they are two. Raises ``LookUpFailed``."""
    if actor.surface == person.actor.surface:
        return actor.id == person.actor.id
    directory = context.surfaces.directories.get(actor.surface)
    if directory is None or not person.email:
        return False
    return _same_address((await directory.person(actor)).email, person.email)


def is_author(person: Person, ticket: Ticket) -> bool:
    """Whether the ticket is made of this person's own words: by id, or by e-mail elsewhere."""
    author = ticket.author
    if (author.surface, author.id) == (person.actor.surface, person.actor.id):
        return True
    return _same_address(author.email, person.email)


def same_person(first: Decision, second: Person) -> bool | None:
    """Whether a second approver is the first one. None: on two surfaces, and cannot be told."""
    if _same_address(first.email, second.email):
        return True
    if first.actor.surface == second.actor.surface:
        return first.actor.id == second.actor.id
    return False if first.email and second.email else None


def _same_address(one: str | None, other: str | None) -> bool:
    return (
        bool(one and other) and (one or "").strip().casefold() == (other or "").strip().casefold()
    )


def decided_words(proposal: Proposal) -> Words:
    """What became of it and who decided, for one who came late."""
    decision = proposal.decision or proposal.owner
    if decision is None:
        return (f"This is {proposal.state} by now; nothing was changed.",)
    done = {
        "approve": "approved",
        "edit": "edited",
        "reject": "rejected",
        "take": "taken",
        "retry": "retried",
        "settle_done": "settled",
        "settle_retry": "sent again",
    }[decision.verb]
    who = Who(decision.actor, decision.name)
    return (who, f" has already {done} this; it is {proposal.state} now. Nothing was changed.")


def _who(playbook: Playbook, route: str) -> Words:
    return ("It may be decided by ", *who_may(playbook.route(route).approvers), ".")
