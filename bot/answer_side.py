"""Summaries and checklists of the operator's file, opened: their readers, and who answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from pydantic import SecretStr

from bot.agent.prompting import PromptFile, built_in_prompt, load_prompt
from bot.answerers.screen import ScreenAnswerer, checklist
from bot.answerers.sources import Sources
from bot.answerers.summary import SummaryAnswerer, summary_kit
from bot.answering import Answerer, AnswerKind
from bot.config_file import ConfigFile
from bot.domain import SurfaceName
from bot.playbook import Playbook
from bot.ports.conversations import Threads
from bot.screen import NO_POLICY
from tools.crm.vendor import vendor_session
from tools.research.github import GithubPulls
from tools.spec import ReadTool


async def open_sources(
    stack: AsyncExitStack,
    file: ConfigFile,
    secrets: Mapping[str, SecretStr],
    threads: Mapping[SurfaceName, Threads],
) -> Sources:
    """What asks may be about; pull requests only where the file has ``github``. ``secrets`` as
    ``settings.named_secrets`` gives them. Nothing is asked yet."""
    github = file.config.github
    if github is None:
        return Sources(threads)
    session = await stack.enter_async_context(vendor_session())
    token = secrets.get(github.token_env)
    pulls = GithubPulls(
        session,
        github.api_url.rstrip("/"),
        github.repositories,
        token.get_secret_value() if token is not None else None,
    )
    return Sources(threads, pulls)


def answerers_of(
    file: ConfigFile, sources: Sources, tools: Sequence[ReadTool]
) -> dict[AnswerKind, Answerer]:
    """Who answers asks of these two kinds, every playbook of theirs made ready.

    Raises ``PromptError``, ``ConfigError``, ``ValueError``."""
    models = {"research_model": file.config.model.name, "draft_model": file.config.model.draft}
    summaries = {
        name: summary_kit(playbook, _prompt(file, playbook), tools, **models)
        for name, playbook in file.config.playbooks.items()
        if playbook.kind == "summary"
    }
    lists = {
        name: checklist(
            playbook,
            file.policy(playbook.policy) if playbook.policy else NO_POLICY,
            _prompt(file, playbook),
            tools,
            **models,
        )
        for name, playbook in file.config.playbooks.items()
        if playbook.kind == "screen"
    }
    return {
        "summary": SummaryAnswerer(summaries, sources),
        "screen": ScreenAnswerer(lists, sources),
    }


def _prompt(file: ConfigFile, playbook: Playbook) -> PromptFile:
    if playbook.prompt:
        return load_prompt(file.resolve(playbook.prompt))
    return built_in_prompt(playbook.kind)
