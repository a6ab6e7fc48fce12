"""Writing a CRM behind an HTTP API: read, compare, write once, and look where an answer was lost.

Between the reading and the writing the CRM may change: these APIs know no transaction (Salesforce
refuses it by an ETag where it gives one). It is the shortest time there is, and no write is made on
a value that was already another when the action began.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from bot.commands import Outcome, Refused, Succeeded, Uncertain
from tools.actions.update_crm import UpdateCrmArgs, holds_all, moved, receipt
from tools.crm.dialect import MARK, Dialect
from tools.crm.records import CrmUnavailable
from tools.crm.vendor import Lost, NotSent, Reply
from tools.spec import Grant, Sent, Unanswered

_UNDECIDED = frozenset({408, 425})
"""Client errors that do not say that nothing happened. 429 does: it is refused at the door."""
_KEPT = 1_000


class Spans(Protocol):
    """The clock's reading for spans, in seconds."""

    def monotonic(self) -> float: ...


class HttpWriter:
    """``CrmWriter`` over a ``Dialect`` with the token that can write."""

    def __init__(self, crm: Dialect, clock: Spans) -> None:
        self._crm = crm
        self._clock = clock
        self._sent: OrderedDict[str, UpdateCrmArgs] = OrderedDict()
        """What went out under each key, to know it again when it is looked for."""

    @property
    def place(self) -> str:
        return self._crm.place

    async def write(self, args: UpdateCrmArgs, grant: Grant) -> Outcome:
        crm = self._crm
        if args.kind != crm.kind:
            return Refused(f"{crm.place} holds no record of a {args.kind}")
        unknown = [one.field for one in args.changes if one.field not in crm.names]
        if unknown:
            return Refused(f"{crm.vendor} has no property for {unknown[0]}; name one under crm.map")
        try:
            record = await crm.find(args.record)
        except CrmUnavailable as fault:
            return Refused(str(fault))
        again = grant.earlier_keys or (record is not None and record.proposal == grant.proposal)
        if record is not None and again and holds_all(record, args):
            return Succeeded(f"{receipt(record.id, args)} (written before)")
        why = moved(record, args)
        if why is not None:
            return Refused(why)
        values = {crm.names[one.field]: one.value for one in args.changes}
        if MARK in crm.names:
            values[crm.names[MARK]] = grant.proposal
        left = grant.deadline - self._clock.monotonic()
        if left <= 0:
            return Refused("the time to write it was over before anything was written")
        self._remember(grant.key, args)
        try:
            reply = await crm.put(args.record, record, values, left)
        except NotSent as fault:
            return Refused(f"{crm.vendor}: {fault}")
        except Lost as fault:
            return await self._settle(args, f"{crm.vendor}: {fault}")
        return await self._outcome(args, reply)

    async def look_up(self, sent: Sent) -> Succeeded | None:
        try:
            for key in (sent.key, *sent.earlier_keys):
                args = self._sent.get(key)
                record = await self._crm.find(args.record) if args is not None else None
                if args is not None and record is not None and holds_all(record, args):
                    return Succeeded(f"{receipt(record.id, args)} (found by looking)")
            marked = await self._crm.marked(sent.proposal)
        except CrmUnavailable as fault:
            raise Unanswered(str(fault)) from fault
        return None if marked is None else Succeeded(f"{marked.cited} (found by looking)")

    async def _outcome(self, args: UpdateCrmArgs, reply: Reply) -> Outcome:
        vendor, status = self._crm.vendor, reply.status
        if reply.well:
            ident = self._crm.written(reply)
            if ident is None:
                return Refused(f"{vendor} did not write it: {self._crm.complaint(reply)}")
            return Succeeded(receipt(ident or args.key, args))
        if status == 429:
            wait = reply.headers.get("retry-after", "")
            later = f"in {wait} s" if wait.isdecimal() else "later"
            return Refused(f"{vendor} takes no more requests now (429); try again {later}")
        if status in (409, 412):
            return Refused(
                f"{vendor} says that the record has changed ({status}): "
                f"{self._crm.complaint(reply)}"
            )
        if 300 <= status < 500 and status not in _UNDECIDED:
            return Refused(f"{vendor} refused it ({status}): {self._crm.complaint(reply)}")
        return await self._settle(args, f"{vendor} answered {status}")

    async def _settle(self, args: UpdateCrmArgs, why: str) -> Outcome:
        """It may be there: look once, at once. That it is not there yet proves nothing."""
        try:
            record = await self._crm.find(args.record)
        except CrmUnavailable:
            return Uncertain(why)
        if record is not None and holds_all(record, args):
            return Succeeded(f"{receipt(record.id, args)} (found by looking: {why})")
        return Uncertain(why)

    def _remember(self, key: str, args: UpdateCrmArgs) -> None:
        self._sent[key] = args
        while len(self._sent) > _KEPT:
            self._sent.popitem(last=False)
