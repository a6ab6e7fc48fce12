"""Decisions about a lead in which the CRM has a word: a retry, and fields that a person types."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.agent.lead import compared_anew
from bot.agent.wanted import Unwanted, wanted_in
from bot.commands import Renew
from bot.context import Context
from bot.decide.asked import Asked
from bot.decide.words import crm_away, denied
from bot.domain import Content, Decision, Notice, Person
from bot.editing import Edited
from bot.forms import ActionForm, EditInput, FieldErrors, NotDecided
from bot.lead_by_hand import hand_fields, names_of, typed, typed_fields
from bot.lead_card import UPDATE_CRM, chosen_in
from bot.lead_edit import lead_changes, update_action
from bot.lifecycle import next_action
from bot.playbook import after
from bot.screening import screened
from tools.crm.records import CrmReader, CrmUnavailable, Key, Record

_CRM_SECONDS = 1.2
"""For the CRM's answer: the person waits, and the press has its own limit."""


async def crm_moved(
    context: Context, asked: Asked, decision: Decision, needed: int
) -> Renew | NotDecided | None:
    """Of a retry: the card made anew, where the CRM holds something else by now than it showed.
    None: it holds the same, or the card is about something else."""
    proposal, playbook, crm = asked.proposal.value, asked.playbook, context.crm
    lead, content, index = proposal.lead, proposal.content, next_action(proposal)
    if lead is None or content is None or index is None or crm is None:
        return None
    if content.actions[index].tool != UPDATE_CRM:
        return None
    record = await _read(crm, Key(lead.kind, lead.key))
    if isinstance(record, NotDecided):
        return record
    fresh = compared_anew(lead, record, crm)
    if fresh == lead:
        return None
    empty = tuple(one.name for one in fresh.fields if not one.overwrites)
    was = chosen_in(content.actions[index])
    chosen = tuple(name for name in was if name in empty)
    anew = update_action(fresh, chosen, content.actions[index].target)
    actions = (*content.actions[:index], anew, *content.actions[index + 1 :])
    renewed = content.model_copy(update={"actions": actions})
    ticket = asked.ticket.value
    found = await screened(context.screening, renewed, ticket, proposal.citations, fresh)
    return Renew(
        decision=decision,
        content=renewed,
        lead=fresh,
        notice=Notice(
            kind="crm_read_anew",
            text="read the CRM anew. Look at what it holds by now, then approve again.",
            actor=decision.actor,
        ),
        approvals_needed=needed,
        remind_at=after(decision.at, playbook.remind_after, playbook.hours),
        expires_at=after(decision.at, playbook.expire_after, playbook.hours),
        hits=found.hits,
        on_hit=found.on_hit,
        sieve=found.sieve,
    )


def is_by_hand(asked: Asked) -> bool:
    """Whether an edit types what no run has found."""
    proposal = asked.proposal.value
    return asked.playbook.kind == "lead" and proposal.lead is None and proposal.state == "handoff"


def hand_form(context: Context, asked: Asked) -> ActionForm | NotDecided:
    """The fields that may be typed."""
    offered = _offered(context, asked)
    if isinstance(offered, NotDecided):
        return offered
    return hand_fields(offered.key, offered.names, context.target(UPDATE_CRM, asked.ticket.value))


async def typed_lead(
    context: Context, asked: Asked, given: EditInput, editor: Person
) -> Edited | FieldErrors | NotDecided:
    """What was typed, beside what the CRM holds now. As in every lead, what is empty there is
    chosen, and what would overwrite is not."""
    offered = _offered(context, asked)
    if isinstance(offered, NotDecided):
        return offered
    found = typed(offered.key, offered.names, given, asked.playbook.do_not_enrich)
    if isinstance(found, FieldErrors):
        return found
    record = await _read(offered.crm, found.key)
    if isinstance(record, NotDecided):
        return record
    lead = typed_fields(found, record, editor)
    empty = tuple(one.name for one in lead.fields if not one.overwrites)
    target = context.target(UPDATE_CRM, asked.ticket.value)
    action = update_action(lead, empty, target)
    if given.include is not None and 0 not in given.include:
        action = action.model_copy(update={"included": False})
    actions = (action,) if lead.fields else ()
    content = Content(labels=(), route=asked.route, actions=actions)
    return Edited(content, lead_changes(None, lead), (), lead)


@dataclass(frozen=True)
class _Offered:
    """``key`` is None where the lead names nobody that a CRM knows by one."""

    crm: CrmReader
    key: Key | None
    names: tuple[str, ...]


def _offered(context: Context, asked: Asked) -> _Offered | NotDecided:
    proposal, playbook, crm = asked.proposal.value, asked.playbook, context.crm
    if crm is None or playbook.action(UPDATE_CRM) is None:
        return denied("wrong_state", proposal)
    found = wanted_in(asked.ticket.value, playbook.do_not_enrich)
    if isinstance(found, Unwanted):
        return NotDecided("not_wanted", (found.words,), proposal)
    names = names_of(found.key, crm)
    if not names:
        words = "The CRM has no place for it (crm.map), so that nothing can be typed."
        return NotDecided("no_place", (words,), proposal)
    return _Offered(crm, found.key, names)


async def _read(crm: CrmReader, key: Key) -> Record | NotDecided | None:
    try:
        async with asyncio.timeout(_CRM_SECONDS):
            return await crm.find(key)
    except CrmUnavailable as away:
        return crm_away(str(away))
    except TimeoutError:
        return crm_away("it did not answer in time")
