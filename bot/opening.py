"""What `serve`, the demo and the commands open alike: the store, Slack, the models; and the desk
that is made of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import MappingProxyType
from zoneinfo import ZoneInfo

from bot.answering import Answerer
from bot.assembly import Desk, Parts, assemble, kits_of, knowledge_folder, screening_of
from bot.clock import SystemClock
from bot.config_file import ConfigFile
from bot.domain import SurfaceName
from bot.lead_side import LeadSide
from bot.masking import known_words
from bot.metrics import Meter
from bot.models.anthropic import AnthropicModel
from bot.models.local.brain import local_model
from bot.models.local.model import LocalModel
from bot.playbook import Kind
from bot.ports import Model, Surfaces
from bot.ports.spans import NO_SPANS, Spans
from bot.settings import TENANT, Settings
from bot.store.asked_back import RedisAskedBack
from bot.store.connect import ServerFacts, check_server, open_redis
from bot.store.embedded import EmbeddedServer
from bot.store.errors import StoreRefused
from bot.store.keys import Keys
from bot.store.metered import MeteredStore, uncounted
from bot.store.queue import Queue
from bot.store.state import RedisStore
from bot.telemetry import Telemetry
from handlers.slack_client import SlackIdentity, slack_client, slack_session
from handlers.slack_people import SlackPeople
from handlers.slack_reply import ANSWER, SlackReply
from handlers.slack_surface import SlackSurface
from handlers.slack_threads import SlackThreads
from tools.actions.post_answer import PostAnswer
from tools.actions.send_reply import SendReply
from tools.research.knowledge import KnowledgeIndex
from tools.research.search_kb import SearchKb
from tools.research.similar_tickets import SimilarTickets
from tools.signature import Signatures
from tools.spec import ActionTool, Outlet, ReadTool

log = logging.getLogger("deskhand.app")


@dataclass(frozen=True)
class OpenStore:
    """A store that answers, and what it said of itself."""

    store: RedisStore
    queue: Queue
    facts: ServerFacts
    url: str


async def open_store(
    stack: AsyncExitStack,
    settings: Settings,
    file: ConfigFile,
    tenant: str = TENANT,
    meter: Meter | None = None,
) -> OpenStore:
    """Connect to ``REDIS_URL``, or start the embedded server in the data folder.

    Raises ``EmbeddedServerError``, ``StoreRefused``, ``StoreUnavailable``: one line each.
    """
    if settings.redis_url is not None:
        url = settings.redis_url.get_secret_value()
    else:
        server = await stack.enter_async_context(EmbeddedServer(settings.data))
        url = server.url
    redis = open_redis(url, decode_responses=False)
    stack.push_async_callback(redis.aclose)
    facts = await check_server(redis, epoch_key=Keys(tenant).epoch)
    if facts.durability == "relaxed":
        if file.config.durability == "strict":
            raise StoreRefused(f"durability: strict is configured, but {facts.why}")
        log.warning("deskhand: durability is relaxed: %s", facts.why)
    queue = await stack.enter_async_context(Queue(url, tenant))
    budget = file.config.budget
    store = MeteredStore(
        meter.count if meter is not None else uncounted,
        redis,
        tenant,
        SystemClock(),
        queue.wake_soon,
        usd_per_day=budget.usd_per_day,
        playbook_usd_per_day=budget.usd_per_playbook,
        warn_at=budget.warn_at,
        at_cap=budget.at_cap,
        timezone=ZoneInfo(budget.timezone),
        replicas=min(facts.replicas, 1),
    )
    epoch = await store.start()
    stack.push_async_callback(store.close)
    if not epoch.accepted:
        log.error(
            "deskhand: the store's history has forked: nothing is dispatched until a manager says"
            " `/agent resume`, or somebody here runs `deskhand doctor --resume`"
        )
    return OpenStore(store, queue, facts, url)


@dataclass(frozen=True)
class SlackSide:
    """Everything that speaks to Slack."""

    identity: SlackIdentity
    surface: SlackSurface
    people: SlackPeople
    reply: SlackReply
    answer: SlackReply
    """Posts answers that are shared."""
    threads: SlackThreads
    """Reads what asks are about."""


async def open_slack(
    stack: AsyncExitStack, settings: Settings, file: ConfigFile, signatures: Signatures
) -> SlackSide | None:
    """Clients for Slack; None without credentials. Nothing is sent yet."""
    if settings.slack_bot_token is None:
        return None
    token, clock = settings.slack_bot_token.get_secret_value(), SystemClock()
    session = await stack.enter_async_context(slack_session())
    fresh = await stack.enter_async_context(slack_session(kept_alive=False))
    client = slack_client(token, settings.slack_api_url, session)
    identity = SlackIdentity(client)
    people = SlackPeople(client, identity, clock)
    replies = slack_client(token, settings.slack_api_url, fresh)
    return SlackSide(
        identity=identity,
        surface=SlackSurface(client, identity, people),
        people=people,
        reply=SlackReply(replies, identity, clock, signatures),
        answer=SlackReply(replies, identity, clock, signatures, form=ANSWER),
        threads=SlackThreads(client, identity, people),
    )


@dataclass(frozen=True)
class Brains:
    """The models and what they read."""

    model: Model
    fallback: Model | None
    local: LocalModel
    knowledge: KnowledgeIndex
    search: SearchKb
    vocabulary: frozenset[str]


async def open_brains(
    stack: AsyncExitStack,
    settings: Settings,
    file: ConfigFile,
    store: RedisStore | None,
    telemetry: Telemetry | None = None,
) -> Brains:
    """The configured model, the local one behind it, and the index of the articles."""
    folder = knowledge_folder(settings.data)
    folder.mkdir(parents=True, exist_ok=True)
    knowledge = KnowledgeIndex(file.knowledge_paths, folder)
    stack.callback(knowledge.close)
    for unread in (await knowledge.arefresh()).not_read:
        log.warning("deskhand: %s is not in the knowledge base: %s", unread.path, unread.why)
    local = await local_model(file, folder)
    vocabulary = known_words(await asyncio.to_thread(_texts, file, knowledge))
    search = SearchKb(knowledge)
    if settings.anthropic_api_key is None:
        log.warning("deskhand: ANTHROPIC_API_KEY is not set; the local model drafts")
        return Brains(local, None, local, knowledge, search, vocabulary)
    anthropic = AnthropicModel(
        settings.anthropic_api_key.get_secret_value(),
        settings.anthropic_base_url,
        telemetry=telemetry.of_the_model_sdk if telemetry is not None else False,
    )
    stack.push_async_callback(anthropic.close)
    return Brains(anthropic, local, local, knowledge, search, vocabulary)


def _texts(file: ConfigFile, knowledge: KnowledgeIndex) -> list[str]:
    texts = [article.title + "\n" + article.text for article in knowledge.articles()]
    for playbook in file.config.playbooks.values():
        texts += [f"{label} {words}" for label, words in playbook.labels.items()]
    return texts


def build_desk(
    file: ConfigFile,
    opened: OpenStore,
    brains: Brains,
    outlets: Mapping[SurfaceName, Outlet],
    surfaces: Surfaces,
    tenant: str = TENANT,
    spans: Spans = NO_SPANS,
    answers: Mapping[SurfaceName, Outlet] = MappingProxyType({}),
    answerers: Mapping[Kind, Answerer] = MappingProxyType({}),
    leads: LeadSide | None = None,
) -> Desk:
    """The use-cases of this process. ``outlets``: where replies go; ``answers``: where answers
    that are shared go. ``leads``: None where no playbook is about them."""
    clock = SystemClock()
    research: list[ReadTool] = [brains.search, SimilarTickets(opened.store.examples, clock)]
    reply = SendReply(outlets)
    actions: list[ActionTool] = [reply, PostAnswer(answers)]
    if leads is not None:
        research += leads.research.tools
        actions += leads.actions
    specs = [tool.spec for tool in actions]
    kits = kits_of(file, research, specs, (leads.research, leads.crm) if leads else None)
    return assemble(
        Parts(
            tenant=tenant,
            store=opened.store,
            clock=clock,
            surfaces=surfaces,
            playbooks=file.config.playbooks,
            kits=kits,
            managers=file.config.managers,
            model=brains.model,
            fallback=brains.fallback,
            source=brains.search.source,
            action_tools=actions,
            tells_no_request=reply.tells_no_request,
            vocabulary=brains.vocabulary,
            at_cap=file.config.budget.at_cap,
            spans=spans,
            screening=screening_of(file, brains.search.source),
            mask_inbound=file.config.masks_inbound,
            crm=leads.crm if leads is not None else None,
            answerers=answerers,
            names=(file.config.model.name, file.config.model.draft),
            asked_back=RedisAskedBack(opened.store.wire, opened.store.keys),
        )
    )
