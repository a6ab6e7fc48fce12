"""The words of Deskhand as frozen types: what came in, what is proposed, who decides.

Nothing here does I/O, reads a clock or knows a surface's SDK. Every time is aware UTC, every sum
of money is a ``Decimal`` in US dollars, every duration carries its unit in its name.
"""

from bot.domain.boards import (
    Board,
    Copy,
)
from bot.domain.leads import Lead, LeadField
from bot.domain.names import (
    FINAL_STATES,
    REASON_LEAST,
    REASON_LIMIT,
    REPLY_LIMIT,
    WAITING_STATES,
    ActionStatus,
    Confidence,
    Frozen,
    HandoffReason,
    OnHit,
    RejectReason,
    State,
    SurfaceName,
    Verb,
    new_id,
)
from bot.domain.proposals import (
    Action,
    ActionProgress,
    Change,
    Citation,
    Content,
    Decision,
    Handoff,
    Hit,
    Mark,
    Notice,
    Proposal,
    Run,
)
from bot.domain.tickets import (
    Actor,
    Author,
    Delivery,
    Message,
    Person,
    Place,
    Ticket,
)

__all__ = [
    "FINAL_STATES",
    "REASON_LEAST",
    "REASON_LIMIT",
    "REPLY_LIMIT",
    "WAITING_STATES",
    "Action",
    "ActionProgress",
    "ActionStatus",
    "Actor",
    "Author",
    "Board",
    "Change",
    "Citation",
    "Confidence",
    "Content",
    "Copy",
    "Decision",
    "Delivery",
    "Frozen",
    "Handoff",
    "HandoffReason",
    "Hit",
    "Lead",
    "LeadField",
    "Mark",
    "Message",
    "Notice",
    "OnHit",
    "Person",
    "Place",
    "Proposal",
    "RejectReason",
    "Run",
    "State",
    "SurfaceName",
    "Ticket",
    "Verb",
    "new_id",
]
