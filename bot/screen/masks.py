"""Cards and secrets out of what a customer wrote, before a model reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.domain import Message, Run, Ticket
from bot.screen.found import Found, plain
from bot.screen.keys import secret
from bot.screen.numbers import payment_card

_MASKED: tuple[tuple[str, Callable[[str], Iterator[Found]]], ...] = (
    ("[payment card]", payment_card),
    ("[secret]", secret),
)


def masked(text: str) -> str:
    """``text`` with words in the place of each card number and secret."""
    for words, recogniser in _MASKED:
        made, at = [], 0
        read = plain(text)
        for start, end in read.within(recogniser(read.latin)):
            made += [text[at:start], words]
            at = end
        text = "".join([*made, text[at:]])
    return text


def masked_ticket(ticket: Ticket) -> Ticket:
    """The same of all words of a ticket and its thread."""
    return ticket.model_copy(
        update={
            "subject": masked(ticket.subject),
            "messages": tuple(map(_message, ticket.messages)),
            "thread": tuple(map(_message, ticket.thread)),
        }
    )


def masked_run(run: Run) -> Run:
    """The same of what a person said of an earlier draft."""
    return run.model_copy(update={"feedback": tuple(map(masked, run.feedback))})


def _message(message: Message) -> Message:
    return message.model_copy(
        update={"text": masked(message.text), "files": tuple(map(masked, message.files))}
    )
