"""A company's domain by its name, from the provider's web search: a candidate, and nothing more.

What a search finds is no source of any field, and no address that it names is fetched: only the
domain is taken, if a result stands on it, and the run then reads that site as it would a given one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.agent.kind import NotSearched, Search, Searched
from bot.agent.prompting import PromptFile, built_in_prompt, version_of
from tools.crm.records import normal_domain

NAME_LIMIT = 200
_WORD = re.compile(r"[^\s`*<>\"'()\[\]]+")


@dataclass(frozen=True)
class WebSearch:
    """The search's prompt, read once."""

    prompt: PromptFile
    version: str

    async def domain_of(self, name: str, search: Search) -> str | NotSearched | None:
        """The domain of the company of that name; None: the web does not say."""
        line = " ".join(name.split())[:NAME_LIMIT]
        found = await search(self.prompt, self.version, line)
        return found if isinstance(found, NotSearched) else domain_in(found)


def web_search() -> WebSearch:
    """Raises ``PromptError``."""
    prompt = built_in_prompt("web_search")
    return WebSearch(prompt, version_of(prompt.text, {}, {}))


def domain_in(found: Searched) -> str | None:
    """The last thing that the model said, if it is a domain on which a result stands."""
    lines = found.text.strip().splitlines()
    words = [word for word in _WORD.findall(lines[-1]) if word.strip(".")] if lines else []
    domain = normal_domain(words[0]) if len(words) == 1 else None
    if domain is None:
        return None
    # Not a domain above a result's: ``co.uk`` is nobody's own.
    hosts = (normal_domain(_host(hit.url)) for hit in found.hits)
    return domain if domain in hosts else None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # a broken address in square brackets
        return ""
