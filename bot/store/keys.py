"""The names of Deskhand's keys: the one place that spells them.

Every key of a tenant carries the tenant as its hash tag, so that on a cluster all of them lie in
one slot and a script may touch any of them. Strings that come from outside (delivery ids,
conversations, authors) are hashed into names, so that no sender chooses a key's length.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

from bot.domain import Place


def fingerprint(*parts: str) -> str:
    """96 bits of BLAKE2b over ``parts``, as 16 characters: a short name for something long."""
    joined = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return urlsafe_b64encode(hashlib.blake2b(joined, digest_size=12).digest()).decode()


class Keys:
    """The keys of one tenant."""

    def __init__(self, tenant: str) -> None:
        if not tenant or any(mark in tenant for mark in "{}"):
            raise ValueError(f"a tenant's name has one character or more and no braces: {tenant!r}")
        self.tenant = tenant
        self.prefix = prefix = f"dh:{{{tenant}}}:"
        self.inbox = prefix + "inbox"
        """Hash: delivery id to delivery, until it is worked in."""
        self.due = prefix + "due"
        """Sorted set: ``kind:id`` by the time to look at it; see ``bot.store.wakes``."""
        self.held = prefix + "held"
        """Hash: ``kind:id`` to who works on it now and until when."""
        self.origins = prefix + "origins"
        """Hash: conversation to ticket id."""
        self.cards = prefix + "cards"
        """Hash: a card's message, as the root of a conversation, to the proposal that it shows.
        Not among the origins: who answers below a card says nothing to its ticket."""
        self.playbooks = prefix + "playbooks"
        """Set: every playbook that ever had a proposal."""
        self.paused = prefix + "paused"
        """Set: names of paused playbooks, ``*`` for everything."""
        self.epoch = prefix + "epoch"
        """Hash: the server's history as last seen; see ``bot.store.epoch``."""
        self.journal = prefix + "journal"
        """Stream: the entries, one field ``e`` with the exact bytes of one."""
        self.chain = prefix + "chain"
        """Stream: the links, under the ids of their entries, one field ``l`` of 32 bytes."""
        self.sealed = prefix + "sealed"
        """Hash: the last sealed entry's id, how many there are, the last link."""
        self.archived = prefix + "archived"
        """Hash: how many entries lie in files, the last one's id and link, whose folder it is."""
        self.kept = prefix + "kept"
        """Hash: proposal id to those archived entries of it that figures may take back."""
        self.texts = prefix + "texts"
        """Hash: entry id to its personal texts and their salts."""
        self.cells = prefix + "cells"
        """Hash: a cell of the figures (``bot.stats.dims``) to its number."""
        self.open = prefix + "open"
        """Sorted set, by name: what waits for a person. ``w<cell>:<since>:<proposal>`` for each,
        ``r<cell>:<reminder>:<proposal>`` for each that is reminded of; times in milliseconds,
        13 digits."""
        self.opened = prefix + "opened"
        """Hash: a proposal to its ``<cell>:<since>:<reminder>`` there."""
        self.belongs = prefix + "belongs"
        """Sorted set, by name: ``p<person><ticket>`` for everyone whose words stand in a ticket
        or whose address a lead names,
        ``<ticket>:<proposal>`` (its ``p_`` left out) for each of its proposals,
        ``s<ticket>:<other ticket>`` for each whose runs were shown its example."""
        self.age = prefix + "age"
        """Sorted set: every ticket that holds texts, by its last activity in milliseconds."""
        self.people = prefix + "people"
        """Hash, field ``key``: the key under which persons are hashed in ``belongs``."""
        self.indexed = prefix + "indexed:3"
        """Exists once ``belongs`` and ``age`` hold the tickets from before they were kept as they
        are now."""
        self.person_key = b""
        """What ``people`` holds, once ``RedisStore.start`` has read it."""
        self.references = prefix + "references"
        """Hash: where a chat service can be spoken to first (``bot.store.references``)."""
        self.reservations = prefix + "reserved"
        """Hash: reservation id to what it holds."""
        self.queue = prefix + "q"
        """The name, and so the prefix of every key, of the queue's own."""

    def document(self, document_id: str) -> str:
        """A ticket (``t_``) or a proposal (``p_``)."""
        return self.prefix + document_id

    def board(self, proposal_id: str) -> str:
        return f"{self.prefix}b:{proposal_id}"

    def seen(self, delivery_id: str) -> str:
        """Exists for seven days after a delivery of this id or alias; an alias's holds the id."""
        return f"{self.prefix}d:{fingerprint(delivery_id)}"

    def burst(self, playbook: str, place: Place, author: str) -> str:
        """The author's newest ticket in this channel, for a day."""
        return f"{self.prefix}u:{fingerprint(playbook, place.surface, place.place, author)}"

    def waiting(self, playbook: str) -> str:
        """Sorted set: proposals that wait for a person, by since when."""
        return f"{self.prefix}waiting:{playbook}"

    def unanswered(self, playbook: str) -> str:
        """Sorted set: proposals that expired with nobody's decision, by since when they waited."""
        return f"{self.prefix}unanswered:{playbook}"

    def for_money(self, playbook: str) -> str:
        """Sorted set: proposals whose runs wait for money, by their beginning."""
        return f"{self.prefix}for-money:{playbook}"

    def said(self, what: str) -> str:
        """Exists while somebody says this to the managers, and after it was said."""
        return f"{self.prefix}said:{what}"

    def told(self, ident: str) -> str:
        """Exists for an hour after lines were written under this id; see ``bot.store.owed``."""
        return f"{self.prefix}told:{ident}"

    def entries(self, case: str) -> str:
        """String: the journal ids of a ticket's entries, 8 bytes each, in order."""
        return f"{self.prefix}e:{case}"

    def gone(self, case: str) -> str:
        """Exists for a day after a ticket's texts were erased: what is still on its way to the
        journal is kept without its texts (``append.lua``)."""
        return f"{self.prefix}e:{case}:gone"

    def reply(self, conversation: str, message: str) -> str:
        """String: the proposal whose reply this message is."""
        return f"{self.prefix}reply:{fingerprint(conversation, message)}"

    def person(self, name: str) -> str:
        """The hash that stands for a person's name (``Author.names``) in ``belongs``."""
        if not self.person_key:
            raise RuntimeError("the store was not started")
        raw = name.encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(raw, digest_size=12, key=self.person_key).digest()
        return urlsafe_b64encode(digest).decode()

    def figures(self, bucket: str) -> str:
        """Hash: what was counted in a minute (``2026-11-22T14:05``, UTC), an hour or a day: a
        cell's number and a figure (``7:approved``) to a sum."""
        return f"{self.prefix}f:{bucket}"

    def signed(self, hour: str) -> str:
        """Exists once a worker has undertaken to sign the journal's head in this hour."""
        return f"{self.prefix}signed:{hour}"

    def swept(self, hour: str) -> str:
        """Exists once a worker has undertaken this hour's sweep."""
        return f"{self.prefix}swept:{hour}"

    def money(self, day: str) -> str:
        """Hash: a day's money in nano-dollars."""
        return f"{self.prefix}m:{day}"

    def run_money(self, run: str) -> str:
        """String: what a run has reserved and spent so far, in nano-dollars."""
        return f"{self.prefix}mr:{run}"

    def author_runs(self, author: str) -> str:
        """Sorted set: the author's runs of the last hour."""
        return f"{self.prefix}a:{fingerprint(author)}"

    def learnt(self, playbook: str) -> str:
        """Stream: what approvals taught, newest last."""
        return f"{self.prefix}learnt:{playbook}"

    def learnt_ids(self, playbook: str) -> str:
        """Hash: ticket to its place in the stream, and ``#`` the last number given."""
        return f"{self.prefix}learnt-ids:{playbook}"
