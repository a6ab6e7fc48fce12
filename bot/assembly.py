"""The use-cases, put together on their ports. No environment, no network, no files here.

``bot.app`` and the demo bring the ports: a store, surfaces, tools, models. Action tools go to the
executor and nowhere else; what runs with the model gets read tools and descriptions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.agent.draft_check import Source
from bot.agent.kind import Kind as AgentKind
from bot.agent.kit import AnyKit, make_kit
from bot.agent.lead import Reads, lead_kind
from bot.agent.prompting import built_in_prompt, load_prompt
from bot.agent.run import AgentPorts, Drafted
from bot.agent.triage import triage_kind
from bot.answering import Answerer
from bot.ask_buttons import AskButtons
from bot.ask_routing import Chooser
from bot.budget import AtCap
from bot.config_file import ConfigFile
from bot.context import Context
from bot.decide import Decide
from bot.domain import Ticket
from bot.execute import Execute
from bot.intake import Intake
from bot.playbook import Approvers, Kind, Playbook
from bot.ports import AskedBack, Clock, Model, Store, Surfaces, WakeKind
from bot.ports.spans import NO_SPANS, Spans
from bot.publish import Publish
from bot.screening import Screening
from bot.timers import Timers
from bot.triage import Triage
from tools.crm.records import CrmReader
from tools.spec import ActionSpec, ActionTool, ReadTool

Job = Callable[[str], Awaitable[datetime | None]]
"""Works on one id; a time in its answer means: look again then."""


@dataclass(frozen=True)
class Parts:
    """What a Deskhand is made of."""

    tenant: str
    store: Store
    clock: Clock
    surfaces: Surfaces
    playbooks: Mapping[str, Playbook]
    kits: Mapping[str, AnyKit[Drafted]]
    managers: Approvers
    model: Model
    fallback: Model | None
    source: Callable[[str], Awaitable[Source | None]]
    action_tools: Sequence[ActionTool]
    tells_no_request: Callable[[Ticket], bool]
    vocabulary: Collection[str] = frozenset()
    at_cap: AtCap = "local"
    spans: Spans = NO_SPANS
    screening: Screening | None = None
    mask_inbound: bool = False
    crm: CrmReader | None = None
    """The CRM as it is read, where there are leads."""
    answerers: Mapping[Kind, Answerer] = field(default_factory=dict)
    """What answers asks, by kind."""
    names: Sequence[str] = ()
    """Of the models in use; the cheapest of them tells what free words mean."""
    asked_back: AskedBack | None = None


@dataclass(frozen=True)
class Desk:
    """One running Deskhand: what handlers call, and what the worker does for each wake."""

    context: Context
    decide: Decide
    intake: Intake
    triage: Triage
    execute: Execute
    publish: Publish
    timers: Timers
    jobs: Mapping[WakeKind, Job] = field(default_factory=dict)
    ask_buttons: AskButtons | None = None
    kinds: frozenset[Kind] = frozenset()
    """Of the playbooks that this desk serves."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """The system text of each prompt version in use."""


def assemble(parts: Parts) -> Desk:
    """Wire the use-cases."""
    tools = {tool.spec.name: tool for tool in parts.action_tools}

    def target(tool: str, ticket: Ticket) -> str:
        known = tools.get(tool)
        return known.target(ticket) if known is not None else "nowhere: the tool is gone"

    def resend_seconds(tool: str, ticket: Ticket) -> float:
        known = tools.get(tool)
        return known.resend_seconds(ticket) if known is not None else 0.0

    context = Context(
        tenant=parts.tenant,
        store=parts.store,
        clock=parts.clock,
        surfaces=parts.surfaces,
        playbooks=parts.playbooks,
        managers=parts.managers,
        specs={name: tool.spec for name, tool in tools.items()},
        target=target,
        resend_seconds=resend_seconds,
        tells_no_request=parts.tells_no_request,
        vocabulary=parts.vocabulary,
        spans=parts.spans,
        screening=parts.screening,
        crm=parts.crm,
    )
    publish = Publish(context)
    agent = AgentPorts(
        model=parts.model,
        fallback=parts.fallback,
        money=parts.store,
        clock=parts.clock,
        source=parts.source,
        record=parts.store.record,
        at_cap=parts.at_cap,
        spans=parts.spans,
        mask_inbound=parts.mask_inbound,
    )
    intake = Intake(context, _chooser(parts), parts.asked_back)
    triage = Triage(context, parts.kits, agent, publish, parts.answerers)
    execute = Execute(context, tools)
    timers = Timers(context, publish)
    jobs: dict[WakeKind, Job] = {
        "deliver": intake.receive,
        "run": triage.run,
        "execute": execute.run,
        "card": publish.show,
        "timer": timers.run,
    }
    prompts = {kit.prompt_version: kit.system for kit in parts.kits.values()}
    return Desk(
        context=context,
        decide=Decide(context),
        intake=intake,
        triage=triage,
        execute=execute,
        publish=publish,
        timers=timers,
        jobs=jobs,
        ask_buttons=AskButtons(context, parts.asked_back),
        kinds=frozenset(
            book.kind
            for name, book in parts.playbooks.items()
            if name in parts.kits or book.kind in parts.answerers
        ),
        prompts=prompts,
    )


def _chooser(parts: Parts) -> Chooser | None:
    """The local model knows labels and no asks: with it, people choose themselves."""
    if parts.model.name == "local" or not parts.names:
        return None
    return Chooser(
        parts.model, parts.names, parts.store, parts.clock, parts.store.record, parts.spans
    )


def kits_of(
    file: ConfigFile,
    tools: Sequence[ReadTool],
    specs: Sequence[ActionSpec],
    leads: tuple[Reads, CrmReader] | None = None,
) -> dict[str, AnyKit[Drafted]]:
    """Every playbook of the file whose runs end in a card for a person, made ready. ``leads``: what
    such runs read, and the CRM; None: playbooks of that kind are left out. Raises ``PromptError``,
    ``ValueError``."""
    kits: dict[str, AnyKit[Drafted]] = {}
    for name, playbook in file.config.playbooks.items():
        kind: AgentKind[Any, Drafted]
        match playbook.kind:
            case "triage":
                kind = triage_kind(playbook, specs)
            case "lead" if leads is not None:
                kind = lead_kind(playbook, specs, *leads)
            case _:
                continue
        prompt = (
            load_prompt(file.resolve(playbook.prompt))
            if playbook.prompt
            else built_in_prompt(playbook.kind)
        )
        kits[name] = make_kit(
            playbook,
            prompt,
            tools,
            kind,
            research_model=file.config.model.name,
            draft_model=file.config.model.draft,
        )
    return kits


def screening_of(
    file: ConfigFile, source: Callable[[str], Awaitable[Source | None]]
) -> Screening | None:
    """The file's screen, its policy read; None: it has none. Raises ``ConfigError``."""
    screen, sieve = file.config.screen, file.sieve()
    if screen is None or sieve is None:
        return None
    return Screening(sieve, screen.on_hit, source)


def knowledge_folder(data: Path) -> Path:
    """Where the index of the articles lies."""
    return data / "knowledge"


def _silent(work: Callable[[str], Awaitable[None]]) -> Job:
    """A job that makes its own appointments, in the commits that it saves."""

    async def job(ident: str) -> datetime | None:
        await work(ident)
        return None

    return job
