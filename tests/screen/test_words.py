"""Secrets, other people's contacts, links, promises and advice; and all of them together."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.screen import Known, Sieve, look, masked
from bot.screen.contacts import digits_of, other_email, other_phone
from bot.screen.found import plain
from bot.screen.keys import entropy, secret
from bot.screen.links import foreign_link, is_within
from bot.screen.promises import advice, promise

LETTERS = string.ascii_letters + string.digits
OURS = ("acme.example", "acme.com")


def passages(found: object, text: str) -> list[str]:
    return [text[start:end] for start, end in found]  # type: ignore[attr-defined]  # any recogniser


TOKENS = [
    ("ghp_", 36),
    ("github_pat_", 40),
    ("glpat-", 20),
    ("xoxb-", 24),
    ("sk_live_", 24),
    ("sk-ant-api03-", 40),
    ("AIza", 35),
    ("npm_", 36),
    ("hf_", 34),
    ("whsec_", 32),
]


@given(st.sampled_from(TOKENS), st.data(), st.sampled_from(["", "the key is ", "`", "(", "KEY="]))
def test_a_token_is_found_by_what_it_begins_with(
    kind: tuple[str, int], data: st.DataObject, before: str
) -> None:
    first, count = kind
    token = first + data.draw(st.text(LETTERS, min_size=count, max_size=count))
    text = f"{before}{token} "
    assert passages(secret(text), text) == [token]


@given(st.text(LETTERS, min_size=8, max_size=30).filter(lambda t: any(c.isdigit() for c in t)))
def test_what_is_called_a_password_is_one(word: str) -> None:
    if not any(char.isalpha() for char in word) or word[:1].lower() in "xytmnsed":
        return  # may begin like a placeholder
    text = f"Your password: {word}."
    assert passages(secret(text), text) == [word]


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAbc=\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "AKIAIOSFODNN7EXAMPLE",
        "postgres://app:s3cr3t@db.internal:5432/app",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYzEXAMPLEKEY",
        "The key was q7Zt4Wm9XcV2bN8kLp3RsD6fGh1JyT0u, as you said",
        "https://acme.example/reset?token=8f3A9kQ2LmZ7xW1pR5tY",
    ],
)
def test_a_secret_is_found_by_its_shape(text: str) -> None:
    assert len(list(secret(text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Your password is case-sensitive.",
        "The token is valid for one hour.",
        "Password: at least 8 characters",
        "Set api_key: YOUR_API_KEY_HERE",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "id 123e4567-e89b-12d3-a456-426614174000",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "ORDER_CONFIRMATION_2024_NOVEMBER_5",
        "password: ********",
        "https://acme.example/docs/getting-started/with-the-new-dashboard-2024",
    ],
)
def test_what_is_no_secret(text: str) -> None:
    assert not list(secret(text))


@given(st.text(LETTERS, min_size=1))
def test_entropy_is_bounded_by_the_alphabet(text: str) -> None:
    assert 0 <= entropy(text) <= 5.96


names = st.from_regex(r"[a-z]{2,8}(\.[a-z]{2,8})?", fullmatch=True)


@given(names, names)
def test_an_address_is_anothers_unless_it_is_known(name: str, host: str) -> None:
    address = f"{name}@{host}.org"
    text = f"Write to {address}."
    assert passages(other_email(text, (), OURS), text) == [address]
    assert not list(other_email(text, {address}, OURS))
    assert not list(other_email(text, (), (f"{host}.org",)))
    assert not list(other_email(f"Write to {name}@help.acme.example", (), OURS))


@pytest.mark.parametrize(
    "address", ["bo(at)other.example", "bo{at}other(dot)com", "bo[@]other.com"]
)
def test_an_address_in_words_is_an_address_and_no_link(address: str) -> None:
    text = f"Write to {address} now."
    (hit,) = look(text, Sieve(OURS), Known())
    assert (hit.name, text[hit.start : hit.end]) == ("other_email", address)
    plainly = address.replace("{at}", "@").replace("(dot)", ".").replace("[@]", "@")
    known = Known((f"I am {plainly.replace('(at)', '@')}",))
    assert not look(text, Sieve(OURS), known)


@pytest.mark.parametrize(
    "number", ["+49 (0) 30 / 12 34 567", "1-800-356-9377", "+44 20 - 7946 0958", "030 1234567"]
)
@pytest.mark.parametrize("before", ["Call ", "tel:", "Phone:", "Tel.: "])
def test_a_number_is_found_behind_its_label(number: str, before: str) -> None:
    text = f"{before}{number}."
    assert passages(other_phone(text, ()), text) == [number]


@given(st.integers(2, 9), st.integers(0, 99), st.integers(100, 199))
def test_a_number_is_anothers_unless_it_is_known_in_some_spelling(a: int, b: int, c: int) -> None:
    national = f"(20{a}) 555-0{c}" if a != 0 else ""
    text = f"Call +1 20{a} 555 0{c} please"
    known = {digits_of(national)}
    assert len(list(other_phone(text, ()))) == 1
    assert not list(other_phone(text, known))


@pytest.mark.parametrize(
    "text",
    [
        "invoice 1002-3004-5567",
        "on 2026-11-22 12:30",
        "order 4021 and 4022",
        "version 10.15.7.2",
        "EUR 1.250.000,00",
        "10.0.0.1 to 10.0.0.254",
    ],
)
def test_what_is_no_number_of_a_phone(text: str) -> None:
    assert not list(other_phone(text, ()))


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/x",
        "http://evil.example:8080",
        "HTTPS://EVIL.EXAMPLE",
        "www.evil.com",
        "evil.com",
        "https://acme.example@evil.example/",
        "https://evil.example\\@acme.example",
        "https://acme.example.evil.example",
        "https://notacme.example",
        "https://\u0430cme.example",
        "https:/evil.example",
        "ftp://evil.example",
        "javascript:alert",
        "http://127.0.0.1/",
        "hxxps://evil[.]example",
        "evil[.]com",
        "evil(dot)com/login",
        "evil [.] co[.]uk",
        "evil\u3002com",
        "https://acme.example\u2044@evil.example",
        "https://acme.example\uff0f@evil.example",
        "10.1.2.3:8080",
        "203.0.113.9/login",
        "evil.tk",
        "\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444",
        "evil.berlin/login",
    ],
)
def test_a_link_away_is_found_as_a_browser_reads_it(link: str) -> None:
    for text in (f"See ({link}).", f"See {link}\nand come."):
        assert passages(foreign_link(plain(text).text, OURS), text) == [link]


def test_a_link_without_a_scheme_leads_away_too() -> None:
    for text in ("[ours](//evil.com/a)", "//evil.com", 'href="//evil.com"'):
        assert passages(foreign_link(text, OURS), text)[0].startswith("evil.com")


@pytest.mark.parametrize(
    "text",
    [
        "https://acme.example/a?b=c#d",
        "https://docs.acme.example.",
        "http://ACME.example:443/x",
        "acme.com",
        "README.md, node.js, a.b, e.g. this, main.py, 3.5, v1.2.3",
        "tel:+49301234",
        "Yes.No way.So be it",
        "it is paid.Today we ship.Bank it(.)",
        "10.0.0.0/8, version 10.15.7.2, acme[.]com",
    ],
)
def test_what_is_no_link_away(text: str) -> None:
    assert not list(foreign_link(text, OURS))


@given(names, names)
def test_within_is_the_domain_or_below_it(one: str, other: str) -> None:
    assert is_within(f"{one}.acme.example", OURS)
    assert is_within("ACME.example.", OURS)
    assert not is_within(f"{one}acme.example", OURS)
    assert not is_within(f"acme.example.{other}", OURS)


SOURCE = "Refunds are paid within 5 working days. We refund a yearly plan in full within 14 days."


@pytest.mark.parametrize(
    "text",
    [
        "We will refund you $250 by Friday.",
        "You'll receive a full refund.",
        "I have approved a credit of 40 EUR.",
        "Your parcel will arrive on 3 December.",
        "We guarantee delivery within 2 days.",
        "We'll get back to you tomorrow.",
        "Wir erstatten Ihnen 50 Euro.",
        "Nous allons vous rembourser 30 €.",
        "Le reembolsaremos 20 euros.",
        "You will receive a hundred and fifty pounds.",
        "$40 will be refunded to you.",
        "We will send you 50 kr.",
        "We'll have it fixed in 24h.",
    ],
)
def test_a_promise_without_a_source_is_found(text: str) -> None:
    assert passages(promise(text, ()), text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "Refunds take 5 working days.",
        "We will look into it.",
        "Unfortunately we cannot refund this order.",
        "Your invoice of 3 March shows 49 EUR.",
        "You will find the invoice under Billing.",
        "Would you like us to refund 20 EUR?",
        "You may cancel at any time.",
    ],
)
def test_what_is_no_promise(text: str) -> None:
    assert not list(promise(text, ()))


@given(st.integers(2, 400))
def test_a_promise_stands_only_on_a_source_with_its_figures(days: int) -> None:
    text = f"We will refund you within {days} days."
    assert bool(list(promise(text, (SOURCE,)))) == (days not in (5, 14))


AMOUNTS = "We will refund you $40 within 5 hours, and 150 pounds in 2 to 3 weeks."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("We will refund you $40 within 5 hours.", True),
        ("We will refund you forty dollars.", True),
        ("We will refund you USD 40.", True),
        ("We will refund a hundred and fifty pounds.", True),
        ("We will refund it in two weeks.", True),
        ("We will refund you $40 within 5 days.", False),
        ("We will refund you 40 euros.", False),
        ("We will refund you fifty dollars.", False),
        ("We will refund you $5 within 40 hours.", False),
        ("We will refund a hundred and sixty pounds.", False),
    ],
)
def test_a_figure_stands_on_a_source_with_its_unit(text: str, said: bool) -> None:
    assert bool(list(promise(text, (AMOUNTS,)))) is not said


@pytest.mark.parametrize(
    "text",
    [
        "You are legally entitled to damages.",
        "You should take them to court.",
        "Under EU law you can withhold payment.",
        "That clause is void.",
        "Take 400 mg of ibuprofen twice a day.",
        "Your symptoms suggest an infection.",
        "You can stop taking the antibiotics.",
    ],
)
def test_advice_is_found_unless_a_source_says_so(text: str) -> None:
    assert passages(advice(text, ()), text) == [text]
    assert not list(advice(text, (f"Our leaflet: {text}",)))


@pytest.mark.parametrize(
    "text",
    [
        "Please ask a lawyer.",
        "We cannot give legal advice.",
        "Our legal department has your letter.",
        "Take the cable out and put it in again.",
        "Your doctor's appointment is at 3.",
    ],
)
def test_what_is_no_advice(text: str) -> None:
    assert not list(advice(text, ()))


@given(st.text(max_size=400), st.text(max_size=40))
def test_every_place_lies_in_its_text_and_moves_with_it(text: str, before: str) -> None:
    hits = look(text, Sieve(OURS), Known())
    assert all(0 <= hit.start < hit.end <= len(text) for hit in hits)
    moved = look(f"{before}\n\n{text}", Sieve(OURS), Known())
    by = len(before) + 2
    assert {(h.name, h.start + by, h.end + by) for h in hits if h.name == "payment_card"} <= {
        (h.name, h.start, h.end) for h in moved
    }


def test_no_text_holds_the_recognisers_up() -> None:
    """Three thousand characters made to be slow; a generous limit, for a machine is shared."""
    for piece in (
        "+1 (0",
        "1 ",
        "a@a.",
        "1-",
        "eyJ",
        "you are ",
        "password is ",
        "we ",
        "(at)",
        "a.",
        "a [.] ",
        "a(dot)",
        "D E",
        "4 . ",
        "forty ",
        "$1 to ",
    ):
        begun = time.process_time()
        look(piece * (3000 // len(piece)), Sieve(OURS), Known())
        assert time.process_time() - begun < 1.0, piece


@given(st.text(max_size=200))
def test_masking_takes_out_cards_and_secrets_and_nothing_else(text: str) -> None:
    whole = f"{text}\n4111 1111 1111 1111\nghp_{'a1B2' * 9}\n"
    assert "4111" not in masked(whole).removeprefix(masked(text))
    assert "ghp_" not in masked(whole).removeprefix(masked(text))
    assert masked("Nothing here, but 42 and me@acme.example.") == (
        "Nothing here, but 42 and me@acme.example."
    )
