"""The operator's config file as frozen types, and what its parts must agree on.

Nothing here reads a file or the environment: ``bot.config_file`` does. Keys are the outside
interface; every duration is a whole number and one of s, m, h, d; every path is relative to the
file; no secret ever stands in it, only names of environment variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    HttpUrl,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from bot.domain import Frozen
from bot.playbook import Approvers, Duration, Kind, Playbook, Zone
from bot.suggest import nearest

RESEARCH_TOOLS: frozenset[str] = frozenset(
    {"search_kb", "similar_tickets", "fetch_page", "find_in_crm", "company_records"}
)
"""Every research tool there is; a playbook lists the ones it may use."""

ACTION_TOOLS: frozenset[str] = frozenset(
    {"send_reply", "update_crm", "draft_outreach", "post_answer"}
)
"""Every action tool there is; a playbook lists the ones it may propose."""

LEAD_TOOLS: frozenset[str] = frozenset(
    {"fetch_page", "find_in_crm", "company_records", "update_crm", "draft_outreach"}
)
"""Those that know what to do in playbooks of kind ``lead`` alone."""

_READS_ARTICLES: frozenset[Kind] = frozenset({"summary", "screen"})
"""Kinds that know no tickets like the one at hand, and look nobody up."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_SLACK_OPTION = 75
"""Characters in the text of an option of a Slack menu (docs.slack.dev, option object)."""
_SLACK_OPTIONS = 100
"""Options in a Slack menu (docs.slack.dev, select menu element)."""

EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable, never its value."""

_HTTP = TypeAdapter(HttpUrl)


def _http_url(value: str) -> str:
    try:
        url = _HTTP.validate_python(value)
    except ValidationError as unusable:
        raise ValueError("write a whole address, as in https://helpdesk.example/x") from unusable
    if url.username or url.password:
        raise ValueError("an address in this file must not hold a user name or password")
    return value


_HOST = re.compile(
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?)(?::[0-9]{1,5})?"
)


def _host_name(value: str) -> str:
    """The host of a ``Host`` header as one would write it, in small letters, without its port and
    brackets: which port a proxy listens at is its own affair."""
    found = _HOST.fullmatch(value.strip().lower())
    if found is not None and found["v6"] is None:
        return found["name"]
    try:
        return IPv6Address(found["v6"] if found is not None else value.strip()).compressed
    except ValueError:
        raise ValueError(
            f"{value!r} is no host name; write it as desk.internal, 10.1.2.3 or [::1], with "
            "neither scheme nor path"
        ) from None


class Models(Frozen):
    """The models, by their provider's names."""

    name: str = "claude-haiku-5-5"
    """For research steps."""
    draft: str = "claude-sonnet-5-5"
    """For the last step, which writes the answer."""


class Money(Frozen):
    """What models may cost a day, in US dollars, all playbooks and replicas together."""

    usd_per_day: Decimal = Field(Decimal(20), ge=0)
    usd_per_playbook: dict[str, Annotated[Decimal, Field(ge=0)]] = Field(default_factory=dict)
    warn_at: float = Field(0.8, gt=0, le=1)
    """The part of a cap at which the managers are told."""
    at_cap: Literal["local", "wait"] = "local"
    """local: the local model drafts until the next day. wait: tickets wait until then."""
    timezone: Zone = "UTC"
    """Says when a day begins."""


class Knowledge(Frozen):
    """Folders and files with articles: Markdown, text, HTML, PDF, DOCX or JSON lines."""

    paths: tuple[str, ...] = ()


class Webhook(Frozen):
    """A signed intake over HTTP at ``/webhooks/<name>``, and where its replies go."""

    kind: Literal["generic"] = "generic"
    """generic: our own body under a Standard Webhooks signature."""
    secret_env: EnvironmentName
    """Names the variable with the shared secret: ``whsec_`` and base64, else raw bytes."""
    reply_url: str | None = None
    """None: tickets of this webhook cannot be answered there."""
    idempotent: bool = False
    """Does the other side drop a repeated ``Idempotency-Key``?"""
    retention: Duration | None = None
    """For how long it knows a key."""

    @field_validator("reply_url")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        return value if value is None else _http_url(value)

    @model_validator(mode="after")
    def _keys_are_kept_for_some_time(self) -> Webhook:
        if self.idempotent and not self.retention:
            raise ValueError("`idempotent: true` needs `retention`, as in 24h")
        if self.retention is not None and not self.idempotent:
            raise ValueError("`retention` says for how long `idempotent: true` holds: set that too")
        return self


class Screen(Frozen):
    """What is looked for in a draft before a person may approve it. Without it, nothing is."""

    policy: str | None = None
    """A YAML file of rules."""
    allowed_domains: tuple[str, ...] = ()
    """Domains that a draft may link to."""
    own_contacts: tuple[str, ...] = ()
    """E-mail addresses and phone numbers that a draft may name."""
    on_hit: Literal["reason", "second"] = "reason"
    """reason: the approver writes why. second: a second approver is needed."""
    mask_inbound: bool = True
    """Mask payment cards and secrets in a ticket before a model sees it?"""

    @field_validator("allowed_domains")
    @classmethod
    def _bare_domains(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for domain in value:
            if not re.fullmatch(r"[^\s/:@*]+\.[^\s/:@*.]+|localhost", domain):
                raise ValueError(
                    f"{domain!r} is no domain; write it bare, as acme.example (what lies below it "
                    "is allowed too)"
                )
        return value


class SqliteCrm(Frozen):
    """A CRM in one file."""

    kind: Literal["sqlite"] = "sqlite"
    path: str | None = None
    """None: ``crm.sqlite`` in the data folder; with ``REDIS_URL`` it must be given."""
    map: dict[str, str] = Field(default_factory=dict)


class HubspotCrm(Frozen):
    """HubSpot, by its API."""

    kind: Literal["hubspot"]
    base_url: str = "https://api.hubapi.com"
    token_env: EnvironmentName = Field("HUBSPOT_TOKEN")
    read_token_env: EnvironmentName | None = None
    """A token that can only read, for the read tool; None: ``token_env``'s."""
    object: str = "companies"
    map: dict[str, str] = Field(default_factory=dict)
    """Our field to theirs."""

    _an_address = field_validator("base_url")(_http_url)


class SalesforceCrm(Frozen):
    """Salesforce, by its REST API."""

    kind: Literal["salesforce"]
    base_url: str
    token_env: EnvironmentName = Field("SALESFORCE_TOKEN")
    read_token_env: EnvironmentName | None = None
    api_version: str = Field("v62.0", pattern=r"^v\d+\.\d+$")
    object: str = "Account"
    external_id: str = "Domain__c"
    map: dict[str, str] = Field(default_factory=dict)

    _an_address = field_validator("base_url")(_http_url)


Crm = Annotated[SqliteCrm | HubspotCrm | SalesforceCrm, Field(discriminator="kind")]


class Fetch(Frozen):
    """Where the fetch guard makes an exception, by the operator's word alone."""

    hosts: dict[str, str] = Field(default_factory=dict)
    """An exact host name to the one address that its URLs are sent to, in plain HTTP."""
    resolver: str | None = Field(None, pattern=r"^\S+:\d{1,5}$")
    """The DNS server that is asked over UDP, as ``127.0.0.1:5353``."""
    also: tuple[str, ...] = ()
    """Hosts that any run may fetch."""

    @field_validator("resolver")
    @classmethod
    def _an_address_and_port(cls, value: str | None) -> str | None:
        host, _, port = (value or "").rpartition(":")
        try:
            if value is not None:
                ip_address(host.removeprefix("[").removesuffix("]"))
        except ValueError as name:
            raise ValueError("name the server by its address, as in 127.0.0.1:5353") from name
        if value is not None and not 0 < int(port) < 65_536:
            raise ValueError(f"{port} is no port")
        return value

    @field_validator("hosts")
    @classmethod
    def _exact_names(cls, value: dict[str, str]) -> dict[str, str]:
        for host, address in value.items():
            if not re.fullmatch(r"(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)*", host):
                raise ValueError(f"{host!r} is not an exact host name in small letters")
            if not re.fullmatch(r"http://[^/@\s]+", address):
                raise ValueError(f"{host}: write the address as http://127.0.0.1:8123")
        return value


class Github(Frozen):
    """The GitHub whose pull requests may be summarized."""

    api_url: str = "https://api.github.com"
    token_env: EnvironmentName = Field("GITHUB_TOKEN")
    repositories: tuple[Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")], ...] = ()
    """As ``org/name``."""

    _an_address = field_validator("api_url")(_http_url)


class Console(Frozen):
    """The web console."""

    hosts: tuple[Annotated[str, AfterValidator(_host_name)], ...] = ()
    """Hosts that ``/console`` answers to, besides that of ``public_url``."""


class Retention(Frozen):
    """For how long texts and journal entries are kept; None: until they are erased."""

    texts: Duration | None = None
    journal: Duration | None = None

    @field_validator("texts", "journal")
    @classmethod
    def _longer_than_nothing(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value < timedelta(days=1):
            raise ValueError("keep for 1d at least, or leave it out to keep for good")
        return value


class Config(Frozen):
    """The whole file."""

    public_url: str = "http://127.0.0.1:3000"
    """Where people reach this Deskhand in a browser; without a last slash."""
    model: Models = Models()
    budget: Money = Field(default_factory=lambda: Money())
    managers: Approvers = Approvers()
    knowledge: Knowledge = Knowledge()
    durability: Literal["strict", "relaxed"] = "relaxed"
    """strict: refuse a store that could lose an acknowledged write. relaxed: warn."""
    playbooks: dict[str, Playbook] = Field(min_length=1)
    webhooks: dict[str, Webhook] = Field(default_factory=dict)
    screen: Screen | None = None
    """None: drafts are not screened and tickets not masked."""
    crm: Crm | None = None
    fetch: Fetch = Field(default_factory=lambda: Fetch())
    github: Github | None = None
    console: Console = Console()
    retention: Retention = Retention()

    @field_validator("public_url")
    @classmethod
    def _no_last_slash(cls, value: str) -> str:
        return _http_url(value).rstrip("/")

    @field_validator("playbooks", mode="before")
    @classmethod
    def _named_by_their_keys(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            key: {"name": key, **given} if isinstance(given, dict) else given
            for key, given in value.items()
        }

    def secret_names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Every environment variable that the file says holds a secret, with its path."""
        for name, webhook in self.webhooks.items():
            yield ("webhooks", name, "secret_env"), webhook.secret_env
        if self.crm is not None and self.crm.kind != "sqlite":
            yield ("crm", "token_env"), self.crm.token_env
            if self.crm.read_token_env:
                yield ("crm", "read_token_env"), self.crm.read_token_env
        if self.github is not None and "token_env" in self.github.model_fields_set:
            yield ("github", "token_env"), self.github.token_env

    @property
    def masks_inbound(self) -> bool:
        """Whether card numbers and secrets in a ticket are kept from models."""
        return self.screen is not None and self.screen.mask_inbound

    def cards(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Every Slack channel that cards are posted to, with its path in the file."""
        for name, playbook in self.playbooks.items():
            for route, target in playbook.routes.items():
                if target.card.slack:
                    yield ("playbooks", name, "routes", route, "card", "slack"), target.card.slack

    def listened(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Every Slack channel that is listened to, with its path in the file."""
        for name, playbook in self.playbooks.items():
            for index, listen in enumerate(playbook.listen):
                if listen.slack:
                    yield ("playbooks", name, "listen", index, "slack"), listen.slack


Problem = tuple[tuple[str | int, ...], str]
"""Where in the file, and what to do about it."""


def contradictions(config: Config) -> Iterator[Problem]:
    """What does not fit together: names used and not defined, places listened to twice."""
    heard: dict[str, str] = {}
    for name, playbook in config.playbooks.items():
        here = ("playbooks", name)
        if not _NAME.match(name):
            yield here, "a playbook's name is made of letters, digits, _ and -"
        for index, listen in enumerate(playbook.listen):
            if listen.webhook is not None and listen.webhook not in config.webhooks:
                hint = nearest(listen.webhook, config.webhooks)
                yield (
                    (*here, "listen", index, "webhook"),
                    f"there is no webhook {listen.webhook!r} under webhooks:{hint}",
                )
            if (first := heard.setdefault(listen.place.key, name)) != name:
                yield (
                    (*here, "listen", index),
                    f"{first} listens there already; take it out of one of the two",
                )
        for kind, used, known in (
            ("research", playbook.research, RESEARCH_TOOLS),
            ("actions", tuple(use.tool for use in playbook.actions), ACTION_TOOLS),
        ):
            for index, tool in enumerate(used):
                if tool not in known:
                    yield (
                        (*here, kind, index),
                        f"there is no such tool as {tool!r}{nearest(tool, known)}; "
                        "`deskhand tools list` names those there are",
                    )
                elif (
                    kind == "research" and playbook.kind in _READS_ARTICLES and tool != "search_kb"
                ):
                    yield (
                        (*here, kind, index),
                        f"a playbook of kind {playbook.kind} may list search_kb alone; take it out",
                    )
                if tool in used[:index]:
                    yield (*here, kind, index), f"{tool} is listed twice; take one out"
        yield from _menu((*here, "labels"), tuple(playbook.labels))
        yield from _menu((*here, "priorities"), playbook.priorities)
        yield from _menu((*here, "routes"), tuple(playbook.routes))
        if re.search(r"[{}]", playbook.reply_as.replace("{approver}", "")):
            yield (*here, "reply_as"), "the only placeholder is {approver}"
        if playbook.expire_after <= playbook.remind_after:
            yield (*here, "expire_after"), "must be longer than remind_after"
    for name in config.webhooks:
        if not _NAME.match(name):
            yield ("webhooks", name), "a webhook's name is made of letters, digits, _ and -"
    for name in config.budget.usd_per_playbook:
        if name not in config.playbooks:
            yield (
                ("budget", "usd_per_playbook", name),
                f"there is no playbook {name!r}{nearest(name, config.playbooks)}",
            )
    for where, approvers in everyone(config):
        for key in ("teams_users", "teams_groups"):
            for index, ident in enumerate(getattr(approvers, key)):
                if not _GUID.match(ident):
                    yield (
                        (*where, key, index),
                        f"{ident!r} is no Entra object id (a GUID); copy it from the Entra admin "
                        "centre",
                    )


def everyone(config: Config) -> Iterator[tuple[tuple[str | int, ...], Approvers]]:
    """Every list of people in the file, with its path."""
    yield ("managers",), config.managers
    for name, playbook in config.playbooks.items():
        here = ("playbooks", name)
        yield (*here, "askers"), playbook.askers
        for route, target in playbook.routes.items():
            yield (*here, "routes", route, "approvers"), target.approvers
        for index, use in enumerate(playbook.actions):
            if use.approvers is not None:
                yield (*here, "actions", index, "approvers"), use.approvers


def _menu(where: tuple[str | int, ...], names: tuple[str, ...]) -> Iterator[Problem]:
    """What the edit form could not offer in a menu."""
    if len(names) > _SLACK_OPTIONS:
        yield where, f"{len(names)} are too many for a menu; {_SLACK_OPTIONS} is the most"
    for index, name in enumerate(names):
        step: str | int = index if where[-1] == "priorities" else name
        if not name.strip() or len(name) > _SLACK_OPTION:
            yield (*where, step), f"a name has 1 to {_SLACK_OPTION} characters"
        elif name in names[:index]:
            yield (*where, step), f"{name} is listed twice; take one out"


def json_schema() -> dict[str, Any]:
    """The file's JSON Schema, draft 2020-12."""
    schema = Config.model_json_schema(by_alias=True)
    schema["$defs"]["Playbook"]["properties"].pop("name")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Deskhand's config file",
        **{key: value for key, value in schema.items() if key != "title"},
    }
