"""Masking: what one customer wrote never reaches another's draft.

Earlier tickets and replies are masked before they are stored as examples. It works the safe way
round: not a hunt for secrets, which always misses one, but a list of what may stay. A word stays
only if it is a common word, or a word of the desk's own articles and labels, and no name of anyone
in the conversation; every other token (names, addresses, links, numbers, ids, code names, words
nobody has heard of) becomes a placeholder. Common words can make a secret too: numbers that are
spelled out, and names such as Hope White, known by their capitals within a sentence. What is left
is a secret of common words in small letters. The price is a poorer text; labels and routes are
what an example is for.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace

from bot.domain import Content, Ticket
from bot.words import COMMON_WORDS, STOP_WORDS
from tools.spec import SimilarTicket

TEXT_LIMIT = 2_000
"""Characters of a masked ticket that are kept; of a masked reply too."""

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t]*\n[ \t\n]*|[ \t]+)
  | (?P<plain>[^\W_]++(?=\s|\Z))
  | (?P<email>[\w.+'-]+@[\w-]+(?:\.[\w-]+)*)
  | (?P<url>(?i:[a-z][a-z0-9+.-]{1,15}://|www\.)\S+)
  | (?P<handle>[@\#]\w\S*)
  | (?P<path>(?:[~.]{0,2}[/\\])[\w.-]+(?:[/\\][\w.-]+)+)
  | (?P<word>[^\W_]+(?:['’.:,_+/=*&$%-]+[^\W_]+)*)
  | (?P<mark>[.,;:!?()"“”‘’'-])
  | (?P<rest>.)
    """,
    re.VERBOSE,
)
"""``plain``: a word with nothing but white space behind it, as most are, found without a look for
what is longer."""


def _one_of(words: str) -> str:
    """A pattern for one of ``words``. What they begin with comes first: most words of a text are
    done with at their first letter."""
    rests = defaultdict[str, list[str]](list)
    for word in words.split():
        rests[word[0]].append(word[1:])
    grouped = "|".join(f"{first}(?:{'|'.join(rest)})" for first, rest in rests.items())
    return f"(?=[{''.join(rests)}])(?:{grouped})"


_NUMBER = _one_of(
    """
    zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
    hundred thousand double triple
    null eins zwei drei vier fünf sechs sieben acht neun
    deux trois quatre cinq sept huit neuf cero uno dos tres cuatro cinco seis siete ocho nueve
    """
)
_SPELLED = re.compile(rf"\b{_NUMBER}(?:[\s,.;-]+{_NUMBER})+\b", re.IGNORECASE)
"""A number as it is read out: two of these words or more. One alone says nothing."""
_ENDS = frozenset(".!?:")
_PARTS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_PLACEHOLDER = {
    "email": "[email]",
    "url": "[link]",
    "handle": "[name]",
    "path": "[path]",
    "rest": " ",
}
_BLANKS = re.compile(r" {2,}")
_REPEATED = re.compile(r"(\[[a-z]+\])(?:[ ,.'’-]*\1)+")


def mask(text: str, known: Collection[str], persons: Iterable[str] = ()) -> str:
    """``text`` with every token that is not a known word replaced by a placeholder.

    ``known`` holds case-folded words of the desk's own articles and labels. ``persons`` are names
    and addresses of whoever takes part: none of their words stays, common ones included unless
    they are function words. Numbers never stay, however short.
    """
    named = _names(persons)
    # Compatibility forms (full-width digits, ligatures) would otherwise be words of their own.
    plain = _SPELLED.sub("0", unicodedata.normalize("NFKC", text))
    made: list[str] = []
    within = name = False
    for found in _TOKEN.finditer(plain):
        token, kind = found[0], found.lastgroup or "rest"
        match kind:
            case "space":
                broken = "\n" in token
                within = within and not broken
                made.append("\n" if broken else " ")
            case "mark":
                within, name = within and token not in _ENDS, False
                made.append(token)
            case "plain" | "word":
                name = within and token[0].isupper() and _is_name(token, known, name)
                within = True
                made.append("[word]" if name else _masked_word(token, known, named))
            case _:
                within, name = True, False
                made.append(_PLACEHOLDER[kind])
    masked = "".join(made)
    return _BLANKS.sub(" ", _REPEATED.sub(r"\1", masked)).strip()


def example_of(
    ticket: Ticket, content: Content, known: Collection[str], persons: Iterable[str] = ()
) -> SimilarTicket:
    """What an approval teaches: the ticket's text and the reply, masked, and the final choice.

    ``persons`` are names beside those of the ticket (the approver's, say).
    """
    everyone = [*persons, ticket.author.name, ticket.author.email or ""]
    for message in (*ticket.messages, *ticket.thread):
        everyone += [message.author.name, message.author.email or ""]
    whole = f"{ticket.subject}\n{ticket.body}" if ticket.subject else ticket.body
    return SimilarTicket(
        text=mask(whole[: TEXT_LIMIT * 2], known, everyone)[:TEXT_LIMIT],
        labels=content.labels,
        route=content.route,
        priority=content.priority,
        reply=(
            mask(content.reply[: TEXT_LIMIT * 2], known, everyone)[:TEXT_LIMIT]
            if content.reply
            else None
        ),
        score=0.0,
    )


def known_words(texts: Iterable[str]) -> frozenset[str]:
    """The case-folded words of the desk's own texts, figures left out."""
    words: set[str] = set()
    for text in texts:
        for found in _PARTS.findall(unicodedata.normalize("NFKC", text)):
            if not any(char.isdigit() for char in found):
                words.add(_plain(found))
    return frozenset(words)


def rescored(example: SimilarTicket, score: float) -> SimilarTicket:
    """The same example with how alike it is."""
    return replace(example, score=score)


def _masked_word(text: str, known: Collection[str], named: frozenset[str]) -> str:
    if text.isalpha():
        return text if _stays(text, known, named) else "[word]"
    if any(char.isdigit() for char in text):
        return "[number]" if not any(char.isalpha() for char in text) else "[id]"
    parts = _PARTS.findall(text)
    if all(_stays(part, known, named) for part in parts):
        return text
    if len(parts) == 1 or re.search(r"[:_+/=*&$%]", text):
        # A token of several words with odd signs between them looks like a secret: all of it goes.
        return "[word]"
    return "-".join(part if _stays(part, known, named) else "[word]" for part in parts)


def _stays(word: str, known: Collection[str], named: frozenset[str]) -> bool:
    folded = _folded(word)
    if folded in STOP_WORDS:
        return True
    return folded not in named and (folded in COMMON_WORDS or folded in known)


def _is_name(word: str, known: Collection[str], after_name: bool) -> bool:
    """Whether the capital letter that it begins with within a sentence makes it a name: it is none
    of the desk's own words, or follows a name."""
    if not word[1:].islower():
        return False
    folded = _folded(word)
    return folded not in STOP_WORDS and (after_name or folded not in known)


def _names(persons: Iterable[str]) -> frozenset[str]:
    return frozenset(
        _plain(part) for person in persons for part in _PARTS.findall(person) if len(part) > 1
    )


def _plain(word: str) -> str:
    return _folded(unicodedata.normalize("NFKC", word))


def _folded(word: str) -> str:
    """``_plain`` of a word from a text that is normalised already."""
    return word.replace("’", "'").casefold()
