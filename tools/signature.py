"""How a reply names who approved it: the playbook's ``reply_as``.

The name is not part of the approved arguments, for before the approval nobody knows it. The card's
target line says in words how the reply will be signed, and the target is covered by the digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain import Decision

APPROVER = "{approver}"
DEFAULT = APPROVER
_LONGEST = 200


@dataclass(frozen=True)
class Signatures:
    """``reply_as`` of each playbook, by its name; a playbook that is not named has the default."""

    by_playbook: Mapping[str, str] = field(default_factory=dict)

    def words(self, playbook: str) -> str:
        """For the card: how a reply of this playbook is signed, as the end of a sentence."""
        template = self._template(playbook)
        if not template:
            return "unsigned"
        if template == APPROVER:
            return "signed by whoever approves it"
        return f"signed “{template.replace(APPROVER, 'name of whoever approves it')}”"

    def sign(self, playbook: str, approved_by: Decision) -> str:
        """For the reply: one line of text, or nothing. As untrusted as the approver's name is."""
        name = " ".join(approved_by.name.split()) or approved_by.actor.id
        return self._template(playbook).replace(APPROVER, name)[:_LONGEST]

    def _template(self, playbook: str) -> str:
        return " ".join(self.by_playbook.get(playbook, DEFAULT).split())
