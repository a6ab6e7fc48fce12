"""The chain as a value: whatever is done to it afterwards shows, at the first place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.journal import (
    GENESIS,
    Broken,
    Stored,
    Verified,
    link,
    read_head,
    salted,
    sign_head,
    verify,
)

SECRET = "not a real secret"
raws = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=12)


def chain(raws_: list[bytes]) -> list[Stored]:
    stored, last = [], GENESIS
    for number, raw in enumerate(raws_):
        entry_id = f"1700000000000-{number}"
        last = link(last, entry_id, raw)
        stored.append(Stored(entry_id, raw, last))
    return stored


@given(raws)
def test_a_chain_as_it_was_made_holds(given_: list[bytes]) -> None:
    stored = chain(given_)
    assert verify(stored) == Verified(len(stored), stored[-1].link or b"")


def test_an_empty_chain_holds() -> None:
    assert verify([]) == Verified(0, GENESIS)


@given(raws, st.data())
def test_it_can_be_followed_in_pieces(given_: list[bytes], data: st.DataObject) -> None:
    stored = chain(given_)
    cut = data.draw(st.integers(0, len(stored)))
    first = verify(stored[:cut])
    assert isinstance(first, Verified)
    rest = verify(stored[cut:], first.head)
    assert isinstance(rest, Verified)
    assert rest.head == stored[-1].link


@given(raws, st.data())
def test_one_altered_byte_is_found_where_it_is(given_: list[bytes], data: st.DataObject) -> None:
    stored = chain(given_)
    place = data.draw(st.integers(0, len(stored) - 1))
    one = stored[place]
    at = data.draw(st.integers(0, len(one.raw) - 1))
    raw = bytes([*one.raw[:at], one.raw[at] ^ data.draw(st.integers(1, 255)), *one.raw[at + 1 :]])
    stored[place] = Stored(one.id, raw, one.link)
    assert verify(stored) == Broken(one.id, place, "altered")


@given(raws, st.data())
def test_what_was_taken_out_breaks_what_follows(given_: list[bytes], data: st.DataObject) -> None:
    stored = chain([*given_, b"the last"])
    place = data.draw(st.integers(0, len(stored) - 2))
    following = stored[place + 1]
    del stored[place]
    assert verify(stored) == Broken(following.id, place, "altered")


@given(raws, st.data())
def test_the_order_is_covered(given_: list[bytes], data: st.DataObject) -> None:
    stored = chain([*given_, b"the last"])
    place = data.draw(st.integers(0, len(stored) - 2))
    stored[place], stored[place + 1] = stored[place + 1], stored[place]
    found = verify(stored)
    assert isinstance(found, Broken)
    assert found.position == place


def test_an_entry_under_another_id_is_altered() -> None:
    (one,) = chain([b"x"])
    assert verify([Stored("1700000000000-9", one.raw, one.link)]) == Broken(
        "1700000000000-9", 0, "altered"
    )


def test_a_missing_half_is_named() -> None:
    one, two = chain([b"x", b"y"])
    assert verify([one, Stored(two.id, two.raw, None)]) == Broken(two.id, 1, "missing")
    assert verify([Stored(one.id, b"", one.link), two]) == Broken(one.id, 0, "missing")


def test_id_and_bytes_cannot_be_shifted_into_each_other() -> None:
    assert link(GENESIS, "1-1", b"1x") != link(GENESIS, "1-11", b"x")


def test_a_hash_depends_on_its_salt_and_takes_any_text() -> None:
    assert salted(b"a", "text") != salted(b"b", "text")
    assert len(salted(b"", "\ud83d and \U0001f600")) == 64


@given(st.integers(0, 2**50), st.binary(min_size=32, max_size=32))
def test_a_signed_head_says_what_was_signed(entries: int, head: bytes) -> None:
    signed = sign_head(SECRET, entries, head)
    assert read_head(SECRET, f" {signed}\n") == (entries, head)
    assert read_head("another", signed) is None


def test_a_head_that_nobody_signed_is_none() -> None:
    signed = sign_head(SECRET, 7, GENESIS)
    for forged in (
        "",
        "7",
        "a:b:c",
        "7:zz:00",
        signed.replace("7:", "8:", 1),
        signed[:-1],
        signed + ":x",
        signed.upper(),
    ):
        assert read_head(SECRET, forged) is None
