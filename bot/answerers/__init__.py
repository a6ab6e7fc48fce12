"""The answerers there are, one a kind of playbook, opened by what the file asks for.

``research``: passages of files. ``summary`` and ``screen``: what people have said, summed up or
held against a policy; ``sources`` says whose thread or pull request is read for whom, ``material``
makes it what a model reads, ``kind`` is what the two have in common, and ``cues`` stands in for a
summary where no model can be had. Another kind is a file beside these and a line below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from pydantic import SecretStr

from bot.agent.prompting import PromptFile, built_in_prompt, load_prompt
from bot.answerers.research import ResearchAnswers
from bot.answerers.screen import ScreenAnswers, checklist
from bot.answerers.sources import Sources
from bot.answerers.summary import SummaryAnswers, summary_kit
from bot.answering import Answerer
from bot.config_file import ConfigFile
from bot.domain import SurfaceName
from bot.playbook import Kind, Playbook
from bot.ports.conversations import PullRequests, Threads
from bot.screen import NO_POLICY
from tools.crm.vendor import vendor_session
from tools.research.corpus import Corpus
from tools.research.github import GithubPulls
from tools.spec import ReadTool


async def open_answerers(
    stack: AsyncExitStack,
    data: Path,
    file: ConfigFile,
    secrets: Mapping[str, SecretStr],
    threads: Mapping[SurfaceName, Threads],
    tools: Sequence[ReadTool],
) -> dict[Kind, Answerer]:
    """What answers the asks of this file's playbooks; ``stack`` closes it. Nothing is read yet.

    ``data``: the data folder. ``secrets``: as ``settings.named_secrets`` gives them. ``threads``:
    by the service where people ask. ``tools``: read tools that a playbook may list. Raises
    ``PromptError``, ``ConfigError``, ``ValueError``."""
    answerers: dict[Kind, Answerer] = {}
    if books := _of(file, "research"):
        corpora = {}
        for name, book in books.items():
            roots = [file.resolve(path) for path in book.corpus]
            corpora[name] = Corpus(roots, corpus_folder(data, name))
            stack.callback(corpora[name].close)
        answerers["research"] = ResearchAnswers(corpora)
    summaries, lists = _of(file, "summary"), _of(file, "screen")
    if not summaries and not lists:
        return answerers
    sources = Sources(threads, await _pulls(stack, file, secrets))
    models = {"research_model": file.config.model.name, "draft_model": file.config.model.draft}
    if summaries:
        kits = {
            name: summary_kit(book, _prompt(file, book), tools, **models)
            for name, book in summaries.items()
        }
        answerers["summary"] = SummaryAnswers(kits, sources)
    if lists:
        made = {}
        for name, book in lists.items():
            policy = file.policy(book.policy) if book.policy else NO_POLICY
            made[name] = checklist(book, policy, _prompt(file, book), tools, **models)
        answerers["screen"] = ScreenAnswers(made, sources)
    return answerers


def corpus_folder(data: Path, playbook: str) -> Path:
    """Where the index of a research playbook's corpus lies."""
    return data / "corpus" / playbook


def _of(file: ConfigFile, kind: Kind) -> dict[str, Playbook]:
    return {name: book for name, book in file.config.playbooks.items() if book.kind == kind}


async def _pulls(
    stack: AsyncExitStack, file: ConfigFile, secrets: Mapping[str, SecretStr]
) -> PullRequests | None:
    """Pull requests are read only where the file has ``github``."""
    github = file.config.github
    if github is None:
        return None
    session = await stack.enter_async_context(vendor_session())
    token = secrets.get(github.token_env)
    return GithubPulls(
        session,
        github.api_url.rstrip("/"),
        github.repositories,
        token.get_secret_value() if token is not None else None,
    )


def _prompt(file: ConfigFile, playbook: Playbook) -> PromptFile:
    if playbook.prompt:
        return load_prompt(file.resolve(playbook.prompt))
    return built_in_prompt(playbook.kind)
