"""A playbook: a named bounded job, as the operator's file describes it.

Everything here is data. What a playbook may do is exactly what it lists: labels, routes, research
tools, action tools, approvers; a name that is not listed does not exist for it.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from bot.domain import Frozen, Place, SurfaceName

_DURATION = re.compile(r"(\d+)([smhd])\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SOMEBODY = re.compile(r"\S+\.\S+")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def duration(value: Any) -> timedelta:
    """``"30m"`` and the like: a whole number and one of s, m, h, d."""
    if isinstance(value, timedelta):
        return value
    found = _DURATION.match(value) if isinstance(value, str) else None
    if not found:
        raise ValueError("a duration is a whole number and one of s, m, h, d, as in 30m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as unknown:
        raise ValueError(f"{value!r} is not a time zone such as Europe/Berlin") from unknown
    return value


Zone = Annotated[str, AfterValidator(_known_zone)]
"""A time zone's name in the IANA database."""

_DurationText = Annotated[str, Field(pattern=r"^\d+[smhd]$")]
Duration = Annotated[
    timedelta,
    BeforeValidator(duration, json_schema_input_type=_DurationText),
    Field(examples=["30m"]),
]


class Approvers(Frozen):
    """Who may decide. All empty: nobody."""

    slack_users: tuple[str, ...] = ()
    slack_groups: tuple[str, ...] = ()
    teams_users: tuple[str, ...] = ()
    teams_groups: tuple[str, ...] = ()

    @field_validator("teams_users", "teams_groups")
    @classmethod
    def _without_case(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # Object ids are compared without it.
        return tuple(ident.lower() for ident in value)

    def users(self, surface: SurfaceName) -> tuple[str, ...]:
        """The people named one by one, in that surface's ids."""
        return {"slack": self.slack_users, "teams": self.teams_users}.get(surface, ())

    def groups(self, surface: SurfaceName) -> tuple[str, ...]:
        return {"slack": self.slack_groups, "teams": self.teams_groups}.get(surface, ())

    @property
    def empty(self) -> bool:
        return not (self.slack_users or self.slack_groups or self.teams_users or self.teams_groups)


class CardTarget(Frozen):
    """Where a route's cards go; a copy on each surface named."""

    slack: str | None = None
    teams: str | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        named: tuple[tuple[SurfaceName, str | None], ...] = (
            ("slack", self.slack),
            ("teams", self.teams),
        )
        return tuple(Place(surface=surface, place=place) for surface, place in named if place)


class Route(Frozen):
    """Where cards of this kind go, and who decides them."""

    card: CardTarget = CardTarget()
    approvers: Approvers = Approvers()


class Limits(Frozen):
    """What one run may use, and how many runs there may be."""

    steps: int = Field(8, ge=1, le=50)
    """Model calls answered."""
    usd: Decimal = Field(Decimal("0.05"), ge=0)
    """0.25 for kinds ``summary`` and ``screen``, unless set."""
    seconds: int = Field(60, ge=1, le=3600)
    runs_per_ticket: int = Field(5, ge=1)
    runs_per_author_hour: int = Field(20, ge=1)


class Hours(Frozen):
    """Working hours: reminders and expiry count only these."""

    days: str = "mon-fri"
    from_: Annotated[time, Field(alias="from")] = time(9)
    to: time = time(18)
    timezone: Zone = "UTC"

    @field_validator("days")
    @classmethod
    def _known_days(cls, value: str) -> str:
        _weekdays(value)
        return value

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Hours:
        if self.from_ >= self.to:
            raise ValueError("`from` must be earlier than `to`")
        return self


class Listen(Frozen):
    """One place a playbook listens to; exactly one of the three."""

    slack: str | None = None
    teams: str | None = None
    webhook: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Listen:
        if sum(value is not None for value in (self.slack, self.teams, self.webhook)) != 1:
            raise ValueError("name exactly one of slack, teams, webhook")
        return self

    @property
    def place(self) -> Place:
        if self.slack is not None:
            return Place(surface="slack", place=self.slack)
        if self.teams is not None:
            return Place(surface="teams", place=self.teams)
        return Place(surface="webhook", place=self.webhook or "")


class ActionUse(Frozen):
    """One action tool that a playbook allows; its own approvers are required too."""

    tool: str
    approvers: Approvers | None = None
    approvals: int = Field(1, ge=1, le=2)


_USD_OF_A_THREAD = "0.25"
"""What a run that reads a thread may cost unless the file says otherwise."""


def _action_use(value: Any) -> Any:
    return {"tool": value} if isinstance(value, str) else value


Kind = Literal["triage", "lead", "screen", "research", "summary"]
"""triage: tickets become proposals. The others are asked for, by a mention. lead: a card with what
was found, to be approved. screen, research, summary: an answer, in the thread of the ask."""

ANSWERED_KINDS: frozenset[Kind] = frozenset({"screen", "research", "summary"})
"""Those whose runs end in an answer."""


class Playbook(Frozen):
    """One playbook, complete and validated. ``name`` is its key in the file."""

    name: str = ""
    kind: Kind = "triage"
    description: str = ""
    """What it is for, in words by which a mention in free words finds it; its kind's if empty."""
    listen: tuple[Listen, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)
    """Label to what it means, in words that a model and a person understand."""
    priorities: tuple[str, ...] = ("low", "normal", "high", "urgent")
    routes: dict[str, Route] = Field(default_factory=dict)
    research: tuple[str, ...] = ("search_kb", "similar_tickets")
    actions: tuple[Annotated[ActionUse, BeforeValidator(_action_use)], ...] = (
        ActionUse(tool="send_reply"),
    )
    limits: Limits = Field(default_factory=lambda: Limits())
    quiet: Duration = timedelta(seconds=3)
    hours: Hours | None = None
    remind_after: Duration = timedelta(minutes=30)
    expire_after: Duration = timedelta(hours=24)
    reply_as: str = "{approver}"
    examples: str | None = None
    """A JSON lines file of ``{"text", "label"}``, relative to the config file."""
    approvals: int = Field(1, ge=1, le=2)
    asker_may_approve: bool = False
    """May who asked decide, where they are an approver? True unless set for ``lead``."""
    prompt: str | None = None
    """A prompt file of the operator's own, relative to the config file."""
    askers: Approvers = Approvers()
    """Who may ask by a mention (all kinds but triage); empty: nobody."""
    do_not_enrich: tuple[str, ...] = ()
    """lead: domains (subdomains included) and e-mail addresses that are refused."""
    fetch_pages: int = Field(5, ge=1, le=20)
    """lead: pages that one run may fetch."""
    web_search: bool = False
    """lead: look a bare company name up on the web?"""
    corpus: tuple[str, ...] = ()
    """research: folders and files, relative to the config file."""
    passages: int = Field(3, ge=1, le=20)
    """research: passages in an answer."""
    policy: str | None = None
    """screen: a policy file, relative to the config file."""

    @field_validator("do_not_enrich")
    @classmethod
    def _names_somebody(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # A name of a company, say, would bar nobody and look as if it did.
        for entry in value:
            if _SOMEBODY.fullmatch(entry.strip()) is None:
                raise ValueError(f"{entry!r} is neither a domain nor an e-mail address")
        return value

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_its_kind(cls, value: Any) -> Any:
        kind = value.get("kind", "triage") if isinstance(value, dict) else "triage"
        if kind == "triage":
            return value
        if kind in ("summary", "screen") and isinstance(value.get("limits", {}), dict):
            # They read a whole thread at once, which is reserved at its worst case.
            value = {**value, "limits": {"usd": _USD_OF_A_THREAD, **value.get("limits", {})}}
        # The allowlists of the other kinds start empty: what they may do is what the file lists.
        # An answer may be shared where others read it, after approval.
        actions = ("post_answer",) if kind in ANSWERED_KINDS else ()
        return {"asker_may_approve": kind == "lead", "research": (), "actions": actions, **value}

    @model_validator(mode="after")
    def _complete(self) -> Playbook:
        if self.kind == "triage":
            if not self.labels:
                raise ValueError("labels: a triage playbook needs at least one label")
            if not self.routes:
                raise ValueError("routes: a triage playbook needs at least one route")
            if "default" not in self.routes:
                raise ValueError("routes: name one of them `default`")
            if not self.priorities:
                raise ValueError("priorities: name at least one")
        return self

    def route(self, name: str) -> Route:
        """The named route, or the default one for a name that is gone from the file."""
        return self.routes.get(name) or self.routes.get("default") or Route()

    @property
    def about(self) -> str:
        """What it is for, in words."""
        return self.description or _ABOUT[self.kind]

    def action(self, tool: str) -> ActionUse | None:
        """How this playbook allows ``tool``; None: it does not."""
        return next((use for use in self.actions if use.tool == tool), None)

    def version(self, prompt: str = "") -> str:
        """Twelve hexadecimal digits of this playbook and its prompt's text; of the playbook alone
        for what no prompt had a part in."""
        whole = self.model_dump_json() + "\0" + prompt
        return hashlib.sha256(whole.encode()).hexdigest()[:12]


_ABOUT: dict[Kind, str] = {
    "triage": "labels a customer's request in this thread, routes it and drafts a reply",
    "lead": "finds facts about a company or a person at work, with sources, for the CRM",
    "screen": "checks a thread or a text against a checklist of rules, rule by rule",
    "research": "finds the passages in a collection of files that answer a question",
    "summary": "says what changed, what was decided, what is open and who owes what in a thread",
}


def after(start: datetime, span: timedelta, hours: Hours | None) -> datetime:
    """The moment ``span`` after ``start``, counting only working hours where there are any."""
    if hours is None:
        return start + span
    zone, weekdays = ZoneInfo(hours.timezone), _weekdays(hours.days)
    local, left = start.astimezone(zone), span
    for _ in range(3660):
        opens = local.replace(
            hour=hours.from_.hour, minute=hours.from_.minute, second=0, microsecond=0
        )
        closes = local.replace(hour=hours.to.hour, minute=hours.to.minute, second=0, microsecond=0)
        begin = max(local, opens)
        if local.weekday() in weekdays and begin < closes:
            # Through UTC, for a wall clock's difference is wrong across a change of summer time.
            room = closes.astimezone(start.tzinfo) - begin.astimezone(start.tzinfo)
            if left <= room:
                return begin.astimezone(start.tzinfo) + left
            left -= room
        local = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    raise ValueError("no working hours within ten years")


def _weekdays(text: str) -> frozenset[int]:
    chosen: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"{text!r}: days are mon to sun, as in mon-fri or mon,wed")
        begin = _DAYS.index(first)
        end = _DAYS.index(last) if dash else begin
        chosen.update(day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))
    return frozenset(chosen)
