"""``deskhand research``: the passages of a corpus that answer a question. It acts on nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import output
from bot.cli.options import ConfigOption, JsonOption, read_config, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.config_file import ConfigFile
    from bot.playbook import Playbook
    from tools.research.corpus import Answer, Corpus
    from tools.research.knowledge import NotRead, Refreshed

_LONG = 20
"""Files to read from which on their progress is worth a bar."""
_NAMED_FILES = 10


def register(app: typer.Typer) -> None:
    @app.command()
    def research(
        question: Annotated[
            str | None, typer.Argument(metavar="QUESTION", help="In plain words.")
        ] = None,
        config: ConfigOption = None,
        playbook: Annotated[
            str | None,
            typer.Option("--playbook", help="[default: the first of kind research]"),
        ] = None,
        passages: Annotated[
            int | None,
            typer.Option("-n", min=1, max=20, help="Passages. [default: the playbook's, or 3]"),
        ] = None,
        index: Annotated[
            bool,
            typer.Option("--index", help="Only bring the index up to date, unread files too."),
        ] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Find the passages of a corpus that answer a question, with file, page and exact quote."""
        from bot.answerers import corpus_folder
        from bot.faults import OperatorError
        from tools.research.corpus import QUESTION_CHARACTERS, Corpus

        if (question is None) is not index:
            raise typer.BadParameter("ask a QUESTION, or use --index")
        if question is not None and not 0 < len(question.strip()) <= QUESTION_CHARACTERS:
            raise typer.BadParameter(f"a QUESTION has 1 to {QUESTION_CHARACTERS:,} characters")
        settings = read_settings(config)
        loaded = read_config(settings)
        book = research_playbook(loaded, playbook)
        roots = [loaded.resolve(path) for path in book.corpus]
        corpus = Corpus(roots, corpus_folder(settings.data, book.name), max_age_seconds=3600)
        try:
            # Looked at once, now: what is asked next is asked of the files as they are.
            done = _refreshed(corpus, again=index)
            if question is None:
                _tell_index(done, as_json=as_json)
            else:
                answer = corpus.ask(question, passages or book.passages)
                _tell_answer(answer, as_json=as_json)
        except OSError as fault:
            raise OperatorError(
                f"DESKHAND_DATA: the index cannot be written ({fault.strerror}); name another "
                "folder, or make room"
            ) from fault
        finally:
            corpus.close()


def research_playbook(file: ConfigFile, wanted: str | None) -> Playbook:
    """The playbook of that name, or the first. Raises ``OperatorError``."""
    from bot.faults import OperatorError

    books = {name: book for name, book in file.config.playbooks.items() if book.kind == "research"}
    if not books:
        raise OperatorError(
            f"{file.path}: there is no playbook of kind research; add one, such as "
            "`contracts: {kind: research, corpus: [./corpus]}`"
        )
    if wanted is None:
        return next(iter(books.values()))
    if wanted not in books:
        raise OperatorError(
            f"--playbook: {wanted!r} is no playbook of kind research; {file.path} has "
            + ", ".join(books)
        )
    return books[wanted]


def _refreshed(corpus: Corpus, *, again: bool) -> Refreshed:
    from bot.cli.progress import Progress

    bar: Progress | None = None

    def tell(_done: int, count: int) -> None:
        nonlocal bar
        if bar is None and count >= _LONG:
            bar = Progress("reading", count)
            bar.__enter__()
        if bar is not None:
            bar.done()

    try:
        return corpus.refresh(again=again, tell=tell)
    finally:
        if bar is not None:
            bar.__exit__(None, None, None)


def _tell_index(done: Refreshed, *, as_json: bool) -> None:
    not_read = [{"file": each.path, "why": each.why} for each in done.not_read]
    if as_json:
        output.as_json(
            {
                "articles": done.articles,
                "read": done.read,
                "removed": done.removed,
                "not_read": not_read,
            }
        )
        return
    output.line(f"{done.articles} articles, {done.read} files read, {done.removed} removed")
    for line in _unread(done.not_read):
        output.line(line)


def _tell_answer(answer: Answer, *, as_json: bool) -> None:
    from bot.terminal_text import inert_line

    if as_json:
        output.as_json(
            {
                "passages": [vars(each) for each in answer.passages],
                "model": "local",
                "cost_usd": 0.0,
                "not_read": [{"file": each.path, "why": each.why} for each in answer.not_read],
            }
        )
        return
    if not answer.passages:
        output.line("nothing found")
    for number, each in enumerate(answer.passages, start=1):
        page = f", page {each.page}" if each.page is not None else ""
        output.line(f"{number}. {inert_line(each.file)}{page}  ({each.score:.2f})")
        output.line(f"   “{inert_line(each.quote)}”")
        output.line(f"   {inert_line(each.why)}")
    for line in _unread(answer.not_read):
        output.complain(line)


def _unread(not_read: Sequence[NotRead]) -> Iterator[str]:
    from bot.terminal_text import inert_line

    for each in not_read[:_NAMED_FILES]:
        yield f"not read: {inert_line(each.path)}: {inert_line(each.why)}"
    if len(not_read) > _NAMED_FILES:
        more = len(not_read) - _NAMED_FILES
        yield f"not read: {more} more; `deskhand research --index --json` names all"
