"""The answerers there are, one a kind of playbook, opened by what the file asks for.

Another kind is a file beside this one and a line below.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from bot.answerers.research import ResearchAnswers
from bot.answering import Answerer
from bot.config_file import ConfigFile
from bot.playbook import Kind
from tools.research.corpus import Corpus


def open_answerers(stack: ExitStack, data: Path, file: ConfigFile) -> dict[Kind, Answerer]:
    """What answers the asks of this file's playbooks; ``stack`` closes it. Nothing is read yet.
    ``data``: the data folder."""
    answerers: dict[Kind, Answerer] = {}
    books = {name: book for name, book in file.config.playbooks.items() if book.kind == "research"}
    if books:
        corpora = {}
        for name, book in books.items():
            roots = [file.resolve(path) for path in book.corpus]
            corpora[name] = Corpus(roots, corpus_folder(data, name))
            stack.callback(corpora[name].close)
        answerers["research"] = ResearchAnswers(corpora)
    return answerers


def corpus_folder(data: Path, playbook: str) -> Path:
    """Where the index of a research playbook's corpus lies."""
    return data / "corpus" / playbook
