"""What Deskhand needs from the outside, as protocols; adapters stand in the rooms above.

Every method may raise ``StoreUnavailable`` where it speaks to the store.

``store``: the store, and ``saved``: what goes into it. ``model``: a language model. ``surfaces``:
cards, people, and the decisions that handlers pass on. ``clock``: time.
"""

from bot.ports.clock import (
    Clock,
)
from bot.ports.model import (
    Answer,
    Model,
    ModelFailed,
    Prompt,
    StopReason,
    ToolCall,
    ToolDescription,
    ToolResult,
    Turn,
    WebHit,
)
from bot.ports.saved import (
    Arrival,
    Case,
    Commit,
    Conflict,
    Document,
    Lesson,
    Newest,
    NotClaimed,
    NotStarted,
    Queued,
    Start,
    StoreUnavailable,
    TooLate,
    Versioned,
    Wake,
    WakeKind,
)
from bot.ports.store import (
    Store,
)
from bot.ports.surfaces import (
    AskButtons,
    AskedBack,
    Choice,
    Decisions,
    Directory,
    LookUpFailed,
    MaybePosted,
    MessageGone,
    NotPosted,
    NotRead,
    Private,
    Progress,
    Surface,
    SurfaceError,
    Surfaces,
)

__all__ = [
    "Answer",
    "Arrival",
    "AskButtons",
    "AskedBack",
    "Case",
    "Choice",
    "Clock",
    "Commit",
    "Conflict",
    "Decisions",
    "Directory",
    "Document",
    "Lesson",
    "LookUpFailed",
    "MaybePosted",
    "MessageGone",
    "Model",
    "ModelFailed",
    "Newest",
    "NotClaimed",
    "NotPosted",
    "NotRead",
    "NotStarted",
    "Private",
    "Progress",
    "Prompt",
    "Queued",
    "Start",
    "StopReason",
    "Store",
    "StoreUnavailable",
    "Surface",
    "SurfaceError",
    "Surfaces",
    "TooLate",
    "ToolCall",
    "ToolDescription",
    "ToolResult",
    "Turn",
    "Versioned",
    "Wake",
    "WakeKind",
    "WebHit",
]
