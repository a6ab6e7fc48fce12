"""What every use-case is handed by the composition root: ports, playbooks and descriptions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from bot.domain import Ticket
from bot.playbook import Approvers, Playbook, Route
from bot.ports import Clock, Store, Surfaces
from bot.ports.spans import NO_SPANS, Spans
from bot.screening import Screening
from tools.crm.records import CrmReader
from tools.spec import ActionSpec


@dataclass(frozen=True)
class Context:
    """One running Deskhand, as its use-cases see it. Nothing in it can act on a customer."""

    tenant: str
    store: Store
    clock: Clock
    surfaces: Surfaces
    playbooks: Mapping[str, Playbook]
    managers: Approvers
    specs: Mapping[str, ActionSpec]
    """Descriptions of the action tools, by name."""
    target: Callable[[str, Ticket], str]
    """Where an action of this tool on this ticket goes, in words."""
    resend_seconds: Callable[[str, Ticket], float]
    """How long this tool's remote honours an idempotency key; 0: it does not."""
    tells_no_request: Callable[[Ticket], bool]
    """Whether the other side wants to hear of a ticket that asks for nothing, too."""
    vocabulary: Collection[str] = frozenset()
    """Words of the desk's own articles and labels: all that masking lets stay in an example."""
    spans: Spans = NO_SPANS
    screening: Screening | None = None
    """What drafts are screened for; None: for nothing."""
    crm: CrmReader | None = None
    """The CRM as it is read, where there are leads."""

    @property
    def shows_cards(self) -> bool:
        """Whether any surface does: without one, people decide where they look for themselves."""
        return bool(self.surfaces.shown)

    def playbook(self, name: str) -> Playbook:
        """The playbook, or, where its name is gone from the file, a closed one: nobody may decide
        what it left behind, and only the managers may read it."""
        return self.playbooks.get(name) or _closed(name)


def _closed(name: str) -> Playbook:
    return Playbook(
        name=name,
        labels={"none": "its playbook is no longer in the file"},
        routes={"default": Route()},
        actions=(),
        research=(),
    )
