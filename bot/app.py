"""The composition root of ``deskhand serve``: the only place where everything meets.

The environment, the config file and the wheel of adapters come together here. Write credentials
(the Slack token, webhook secrets) go to surfaces and action tools; the agent gets read tools.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr
from starlette.routing import Route

from bot import collector, event_loop
from bot.answerers import open_answerers
from bot.assembly import Desk
from bot.clock import SystemClock
from bot.config import Config
from bot.config_file import ConfigFile
from bot.console import OpenConsole, open_console, slack_openid
from bot.domain import SurfaceName
from bot.findings import misplaced, unpriced
from bot.lead_side import open_leads
from bot.logs import configure_logging
from bot.metrics import Meter
from bot.models.anthropic import AnthropicModel
from bot.money_watch import Members, MoneyWatch
from bot.opening import (
    Brains,
    OpenStore,
    SlackSide,
    build_desk,
    open_brains,
    open_slack,
    open_store,
)
from bot.overview import Overview
from bot.ports import Directory, Model, Surface, Surfaces
from bot.ports.conversations import Threads
from bot.settings import Settings, named_secrets
from bot.store.state import RedisStore
from bot.store.sweep import sweep_of
from bot.store.worker import Worker
from bot.telemetry import open_telemetry
from handlers.agent_command import AgentCommand
from handlers.console.parts import SlackOpenId
from handlers.slack import SlackInbound
from handlers.slack_client import SlackFault, slack_client, slack_session
from handlers.slack_home import SlackHome
from handlers.slack_socket import SlackSocket
from handlers.web import (
    ReadinessCheck,
    listening_socket,
    stop_on_signals,
    store_check,
    web_app,
    worker_app,
)
from handlers.web import serve as serve_http
from handlers.webhooks import webhooks_of
from tools.actions.outbox import Outbox
from tools.actions.reply_url import Endpoint, ReplyUrl, reply_session
from tools.signature import Signatures
from tools.spec import Outlet

if TYPE_CHECKING:
    from bot.teams import Microsoft, TeamsSide

log = logging.getLogger("deskhand.app")

Role = Literal["all", "web", "worker"]


def serve(
    settings: Settings,
    file: ConfigFile,
    *,
    host: str,
    port: int,
    role: Role,
    teams_emulator: bool = False,
) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    configure_logging(settings.log_level, settings.log_form)
    for finding in misplaced(file.config):
        log.warning("deskhand: %s", finding.line)
    if teams_emulator:
        log.warning(
            "deskhand: --teams-emulator: requests to /api/messages are taken without any proof of "
            "who sends them; only this machine can send them"
        )
    secrets = named_secrets(file.config, os.environ)
    return event_loop.run(_serve(settings, file, secrets, host, port, role, teams_emulator))


async def _serve(
    settings: Settings,
    file: ConfigFile,
    secrets: Mapping[str, SecretStr],
    host: str,
    port: int,
    role: Role,
    teams_emulator: bool,
) -> int:
    stop = asyncio.Event()
    with stop_on_signals(stop):
        async with running(
            settings,
            file,
            secrets,
            host=host,
            port=port,
            role=role,
            teams_emulator=teams_emulator,
        ) as serving:
            print(f"Deskhand serves on {serving.url}", file=sys.stderr, flush=True)  # noqa: T201 - for the operator
            serving.warmed.add_done_callback(_begun)
            await stop.wait()
    return 0


def _begun(_warmed: asyncio.Task[None]) -> None:
    count = collector.leave_out_what_is()
    log.debug("deskhand: %d objects of the start are left out of garbage collection", count)


@dataclass(frozen=True)
class Running:
    """A Deskhand that serves."""

    url: str
    desk: Desk
    store: RedisStore
    warmed: asyncio.Task[None]
    """Done when what is imported after the start is there, too."""


@asynccontextmanager
async def running(
    settings: Settings,
    file: ConfigFile,
    secrets: Mapping[str, SecretStr],
    *,
    host: str,
    port: int,
    role: Role = "all",
    teams_emulator: bool = False,
    microsoft: Microsoft | None = None,
) -> AsyncIterator[Running]:
    """A Deskhand that serves for as long as the block lasts, then drains: first the door, then the
    work, then the store. Port 0 takes a free one. ``microsoft``: where it is, for tests."""
    async with AsyncExitStack() as stack:
        at = listening_socket(host, port)
        stack.callback(at.close)
        telemetry = await stack.enter_async_context(open_telemetry(os.environ))
        meter = Meter(SystemClock())
        opened = await open_store(stack, settings, file, meter=meter)
        meter.watch(opened.store)
        signatures = Signatures(
            {name: book.reply_as for name, book in file.config.playbooks.items()}
        )
        slack = await open_slack(stack, settings, file, signatures)
        teams: TeamsSide | None = None
        if teams_emulator or settings.teams:
            # Teams' library takes half a second to import, so that only its users pay for it.
            from bot.teams import open_teams

            teams = await open_teams(
                stack,
                settings,
                opened.store,
                signatures,
                microsoft,
                emulator=teams_emulator,
                others={"slack": slack.people} if slack is not None else {},
            )
        brains = await open_brains(stack, settings, file, opened.store, telemetry)
        outlets = await _outlets(stack, settings, file, secrets, slack, signatures)
        answers: dict[SurfaceName, Outlet] = {}
        if slack is not None:
            answers["slack"] = slack.answer
        if teams is not None:
            outlets["teams"], answers["teams"] = teams.reply, teams.answer
        surfaces = _surfaces(slack, teams)
        leads = await open_leads(stack, settings, file, secrets, SystemClock(), signatures)
        threads: dict[SurfaceName, Threads] = {"slack": slack.threads} if slack is not None else {}
        desk = build_desk(
            file,
            opened,
            brains,
            outlets,
            surfaces,
            spans=telemetry.spans,
            answers=answers,
            answerers=await open_answerers(
                stack, settings.data, file, secrets, threads, (brains.search,)
            ),
            leads=leads,
        )
        checks: list[ReadinessCheck] = [store_check(opened.store)]
        worker: Worker | None = None
        if role != "web":
            secret = settings.secret().get_secret_value()
            store, clock = opened.store, SystemClock()
            sweep = sweep_of(settings, file.config.retention, store, clock, secret)
            worker = Worker(opened.queue, store, desk.jobs, clock, secret=secret, sweep=sweep)
            working = asyncio.create_task(worker.run(), name="deskhand-worker")
            stack.push_async_callback(_ended, worker, working)
            members: dict[SurfaceName, Members] = {}
            if slack is not None:
                members["slack"] = slack.people.members
            if teams is not None:
                members["teams"] = teams.people.members
            watch = MoneyWatch(desk.context, opened.store, members)
            looking = asyncio.create_task(watch.run(), name="deskhand-money")
            stack.push_async_callback(_cancelled, looking)
        console: OpenConsole | None = None
        if role == "worker":
            app = worker_app(checks, meter.registry, meter.refresh)
        else:
            console = await _console(stack, settings, file, desk, opened, slack, brains)
            inbound = await _inbound(stack, settings, file, desk, opened, slack, console)
            if inbound is not None:
                checks.append(inbound.not_ready)
            routes = _teams_routes(stack, teams, desk, opened, file, console)
            app = web_app(
                checks,
                meter.registry,
                slack=inbound,
                webhooks=webhooks_of(file.config, secrets, opened.store, SystemClock()),
                routes=routes,
                refresh_gauges=meter.refresh,
                console=console.console,
                spans=telemetry.spans,
            )
        warming = asyncio.create_task(_warmed(brains.model, file.config), name="deskhand-warming")
        stack.callback(warming.cancel)
        stop = asyncio.Event()
        serving = asyncio.create_task(serve_http(app, at, stop), name="deskhand-http")
        stack.push_async_callback(_closed, stop, serving, console, worker)
        name, number = at.getsockname()[:2]
        url = f"http://[{name}]:{number}" if ":" in name else f"http://{name}:{number}"
        log.info("deskhand: role %s on %s", role, url)
        yield Running(url, desk, opened.store, warming)


async def _warmed(model: Model, config: Config) -> None:
    """Import the model's SDK, which takes seconds: after the rest is up, before the first ticket
    needs it."""
    if isinstance(model, AnthropicModel):
        await model.start()
        for finding in unpriced(config, model.price):
            log.warning("deskhand: %s", finding.line)


async def _closed(
    stop: asyncio.Event,
    serving: asyncio.Task[None],
    console: OpenConsole | None,
    worker: Worker | None,
) -> None:
    """The door and the work drain at the same time: each may take what the process has left."""
    stop.set()
    stopping = asyncio.create_task(worker.stop()) if worker is not None else None
    if console is not None:
        await console.close()  # its streams would hold up the drain
    await serving
    if stopping is not None:
        await stopping


async def _ended(worker: Worker, working: asyncio.Task[None]) -> None:
    await worker.stop()
    await working


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _surfaces(slack: SlackSide | None, teams: TeamsSide | None) -> Surfaces:
    shown: dict[SurfaceName, Surface] = {}
    directories: dict[SurfaceName, Directory] = {}
    if slack is not None:
        shown["slack"] = slack.surface
        directories["slack"] = slack.people
    if teams is not None:
        shown["teams"] = teams.surface
        directories["teams"] = teams.people
    return Surfaces(shown, directories)


async def _outlets(
    stack: AsyncExitStack,
    settings: Settings,
    file: ConfigFile,
    secrets: Mapping[str, SecretStr],
    slack: SlackSide | None,
    signatures: Signatures,
) -> dict[SurfaceName, Outlet]:
    """Where replies go: the only objects with write credentials for customers."""
    clock = SystemClock()
    outlets: dict[SurfaceName, Outlet] = {
        "terminal": Outbox(settings.data / "outbox", clock, signatures)
    }
    if slack is not None:
        outlets["slack"] = slack.reply
    endpoints = {
        name: Endpoint(
            url=webhook.reply_url,
            secret=secrets[webhook.secret_env].get_secret_value(),
            retention=webhook.retention if webhook.idempotent else None,
        )
        for name, webhook in file.config.webhooks.items()
        if webhook.reply_url
    }
    if endpoints:
        session = await stack.enter_async_context(reply_session())
        outlets["webhook"] = ReplyUrl(endpoints, session, clock)
    return outlets


async def _console(
    stack: AsyncExitStack,
    settings: Settings,
    file: ConfigFile,
    desk: Desk,
    opened: OpenStore,
    slack: SlackSide | None,
    brains: Brains,
) -> OpenConsole:
    openid: SlackOpenId | None = None
    if slack is not None:
        identity = slack.identity

        async def team() -> str:
            try:
                return (await identity.us()).team
            except SlackFault as fault:
                raise OSError(f"Slack does not say who we are: {fault}") from fault

        session = await stack.enter_async_context(slack_session())
        openid = slack_openid(settings, session, team)
    console = open_console(
        desk,
        opened.store,
        opened.url,
        Overview(opened.store, SystemClock(), opened.facts.durability),
        secret=settings.secret().get_secret_value(),
        public_url=file.config.public_url,
        hosts=file.config.console.hosts,
        source=brains.search.source,
        openid=openid,
    )
    stack.push_async_callback(console.close)
    return console


def _teams_routes(
    stack: AsyncExitStack,
    teams: TeamsSide | None,
    desk: Desk,
    opened: OpenStore,
    file: ConfigFile,
    console: OpenConsole,
) -> list[Route]:
    """Teams' door; none without credentials, so that it answers 404."""
    if teams is None:
        return []
    overview = Overview(opened.store, SystemClock(), opened.facts.durability)
    command = AgentCommand(desk.context, overview, console.console.link)
    inbound = teams.inbound(desk, opened.store, file, command)
    stack.push_async_callback(inbound.close)
    return [Route("/api/messages", inbound.endpoint, methods=["POST"])]


async def _inbound(
    stack: AsyncExitStack,
    settings: Settings,
    file: ConfigFile,
    desk: Desk,
    opened: OpenStore,
    slack: SlackSide | None,
    console: OpenConsole,
) -> SlackInbound | None:
    if slack is None or settings.slack_bot_token is None:
        return None
    session = await stack.enter_async_context(slack_session())
    client = slack_client(
        settings.slack_bot_token.get_secret_value(), settings.slack_api_url, session
    )
    listens = {
        listen.slack: name
        for name, playbook in file.config.playbooks.items()
        for listen in playbook.listen
        if listen.slack is not None
    }
    triage = next(
        (name for name, book in file.config.playbooks.items() if book.kind == "triage"), None
    )
    signing = settings.slack_signing_secret
    overview = Overview(opened.store, SystemClock(), opened.facts.durability)
    command = AgentCommand(desk.context, overview, console.console.link)
    inbound = SlackInbound(
        store=opened.store,
        decisions=desk.decide,
        clock=SystemClock(),
        client=client,
        session=session,
        identity=slack.identity,
        api_url=settings.slack_api_url,
        listens=listens,
        triage_playbook=triage,
        kinds=desk.kinds,
        ask_buttons=desk.ask_buttons,
        signing_secret=signing.get_secret_value() if signing is not None else None,
        agent_command=command.answer,
        agent_share=command.share,
        home=SlackHome(desk.context, overview, client).opened,
    )
    inbound.start()
    stack.push_async_callback(inbound.close)
    if settings.slack_app_token is not None:
        socket = SlackSocket(inbound, client, settings.slack_app_token.get_secret_value())
        socket.start()
        stack.push_async_callback(socket.close)
    return inbound
