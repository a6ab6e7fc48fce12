"""All recognisers over one text, with what the ticket and its sources make known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.domain import Hit
from bot.screen.contacts import addresses, digit_runs, digits_of, other_email, other_phone
from bot.screen.found import Found, plain
from bot.screen.keys import secret
from bot.screen.links import foreign_link
from bot.screen.national import national_id
from bot.screen.numbers import iban, payment_card
from bot.screen.policy import NO_POLICY, Policy, Rule
from bot.screen.promises import advice, promise


@dataclass(frozen=True)
class Sieve:
    """What one desk looks for."""

    allowed_domains: tuple[str, ...] = ()
    """Domains that a draft may link to, and whose addresses it may name."""
    own_contacts: tuple[str, ...] = ()
    """E-mail addresses and phone numbers that it may name besides."""
    policy: Policy = NO_POLICY


@dataclass(frozen=True)
class Known:
    """What a draft may rest on."""

    said: tuple[str, ...] = ()
    """Texts of the ticket and its thread, with the addresses of who wrote them."""
    sources: tuple[str, ...] = ()
    """Texts of the articles that the draft cites."""


def look(text: str, sieve: Sieve, known: Known, field: str = "reply") -> tuple[Hit, ...]:
    """Every hit in ``text``, by place and name; ``field`` says where on the card it stands.

    It is read as a person reads it (``Plain``), so that it hides behind no spelling. What lies
    within another passage is that alone: digits of a card are no phone number, a user's name in a
    link is no address, an address's host is no link.
    """
    read = plain(text)
    sources = tuple(plain(one).text for one in known.sources)
    texts = (*(plain(one).text for one in known.said), *sources)
    emails = {address for one in (*texts, *sieve.own_contacts) for _, address in addresses(one)}
    phones = {digits for one in texts for digits in digit_runs(one)}
    phones |= {digits_of(one) for one in sieve.own_contacts if "@" not in one}
    latin = read.latin
    cards, accounts, keys = tuple(payment_card(latin)), tuple(iban(latin)), tuple(secret(latin))
    numbers = tuple(_outside(national_id(latin), (*cards, *accounts, *keys)))
    addressed = tuple(one for one, _ in addresses(read.text))
    links = tuple(
        one
        for one in foreign_link(read.text, sieve.allowed_domains)
        if not any(mail.start < one.start and one.end <= mail.end for mail in addressed)
    )
    mails = tuple(_outside(other_email(read.text, emails, sieve.allowed_domains), links))
    named: list[tuple[str, Iterable[Found]]] = [
        ("payment_card", _outside(cards, accounts)),
        ("iban", accounts),
        ("national_id", numbers),
        ("secret", keys),
        ("other_email", mails),
        ("other_phone", _outside(other_phone(latin, phones), (*cards, *accounts, *numbers))),
        ("promise", promise(latin, sources)),
        ("advice", advice(latin, sources)),
        ("foreign_link", links),
    ]
    hits = {
        Hit(name=name, start=start, end=end, field=field)
        for name, found in named
        for start, end in read.within(found)
    }
    hits |= {
        Hit(name=f"policy:{rule.id}", start=start, end=end, field=field, hint=rule.hint or "")
        for rule, (start, end) in ruled(text, sieve.policy)
    }
    return tuple(sorted(hits, key=lambda hit: (hit.start, hit.end, hit.name)))


def ruled(text: str, policy: Policy) -> Iterator[tuple[Rule, Found]]:
    """Every place where a rule's words or pattern stand, as they are written and as they are read:
    the customer's own words may be in any script, and be meant as they are."""
    yield from policy.found(text)
    read = plain(text)
    for rule, one in policy.found(read.latin):
        for place in read.within((one,)):
            yield rule, place


def _outside(found: Iterable[Found], others: Sequence[Found]) -> Iterator[Found]:
    """Those that touch none of ``others``."""
    for one in found:
        if not any(one.start < other.end and other.start < one.end for other in others):
            yield one
