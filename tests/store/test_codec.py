"""What lies in the store: small, and the same value again."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.memory import make_case
from bot.domain import Author, Board, Delivery, Message, Proposal, Ticket
from bot.lifecycle import digest
from bot.ports import Versioned
from bot.store.codec import (
    pack,
    pack_bytes,
    pack_document,
    unpack,
    unpack_bytes,
    unpack_document,
)
from bot.store.dictionary import DICTIONARY_1
from bot.store.entries import read_index
from tests.store.make import AT, approved, delivery, proposal, ticket

texts = st.text(st.characters(codec="utf-8"), max_size=300)


@given(st.integers(0, 10**6), st.integers(1, 10**12))
def test_documents_are_the_same_again(seed: int, version: int) -> None:
    opened, drafted, board = make_case(random.Random(seed), seed)
    for document, kind in ((opened, Ticket), (drafted, Proposal), (board, Board)):
        stored = pack_document(document, version)
        assert stored.startswith(f"{version} ".encode())
        assert unpack_document(kind, stored) == Versioned(document, version)  # type: ignore[type-var]


@given(texts, texts, st.lists(texts, max_size=3))
def test_any_text_is_the_same_again(text: str, name: str, files: list[str]) -> None:
    author = Author(surface="teams", id=name, name=name, email=text)
    message = Message(id="1", author=author, text=text, at=AT, files=tuple(files))
    opened = ticket(author=author, messages=(message,), subject=name)
    assert unpack(Ticket, pack(opened)) == opened
    given_ = delivery("Ev1", text, name, thread=(message,), text=text)
    assert unpack(Delivery, pack(given_)) == given_


@given(st.binary(max_size=2000))
def test_any_bytes_are_the_same_again(raw: bytes) -> None:
    assert unpack_bytes(pack_bytes(raw)) == raw


def test_what_is_not_text_is_refused_and_not_mangled() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        pack(delivery(text="\ud83d"))


def test_the_head_is_what_scripts_compare() -> None:
    opened = ticket()
    pending = proposal(opened)
    ready = approved(pending)
    assert pack_document(opened, 3).startswith(b"3 - - ")
    assert pack_document(pending, 1).startswith(b"1 pending - ")
    assert pack_document(ready, 12).startswith(f"12 approved {digest(ready)} ".encode())


def test_what_a_newer_version_wrote_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="newer Deskhand"):
        unpack(Ticket, b"9abc")


@pytest.mark.parametrize("damage", [b"1", b"1\xff\xff\xff", b"0{", b"0{}", b"0null"])
def test_damage_is_a_value_error(damage: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each damage has its own words
        unpack(Ticket, damage)


def test_the_first_dictionary_is_what_it_was() -> None:
    """What was deflated with it can be read with no other: it must never change."""
    assert zlib.crc32(DICTIONARY_1) == 0x114B6414


def test_a_case_takes_little(subtests: pytest.Subtests) -> None:
    opened, drafted, board = make_case(random.Random(1), 1)
    for document, most in ((opened, 500), (drafted, 950), (board, 150)):
        with subtests.test(type(document).__name__):
            assert len(pack_document(document, 1)) <= most


def test_half_an_id_at_the_end_of_an_index_is_left_out() -> None:
    one = (1_795_358_579_168).to_bytes(6, "big") + (7).to_bytes(2, "big")
    assert read_index(one + one[:5]) == ["1795358579168-7"]
