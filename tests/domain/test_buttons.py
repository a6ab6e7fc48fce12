"""Button tokens: read only when well formed, true only when this proposal's secret made them."""

from __future__ import annotations

import base64
import string
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.buttons import Button, claim_mark, mint, new_secret, read, seal, verify, was_shown
from bot.domain import Verb, new_id

VERBS = get_args(Verb)
proposals = st.binary(min_size=10, max_size=10).map(
    lambda raw: "p_" + base64.b32encode(raw).decode().lower()
)
secrets_ = st.binary(min_size=16, max_size=16).map(bytes.hex)
revisions = st.integers(0, 2**32 - 1)
claims = st.none() | st.integers(1, 2**41).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))


@given(proposals, secrets_, revisions, st.sampled_from(VERBS), claims)
def test_a_token_says_what_it_was_made_for(
    proposal: str, secret: str, revision: int, verb: Verb, claimed_at: datetime | None
) -> None:
    token = mint(proposal, secret, revision, verb, claimed_at)
    assert len(token) == 47
    assert set(token) <= set(string.ascii_letters + string.digits + "-_")
    button = read(token)
    assert button is not None
    assert (button.proposal, button.revision, button.verb) == (proposal, revision, verb)
    assert button.claim == claim_mark(claimed_at)
    assert verify(button, secret)


@given(proposals, secrets_, secrets_, revisions, st.sampled_from(VERBS))
def test_another_proposals_secret_verifies_nothing(
    proposal: str, secret: str, other: str, revision: int, verb: Verb
) -> None:
    button = read(mint(proposal, secret, revision, verb))
    assert button is not None
    assert verify(button, other) == (secret == other)


@given(proposals, secrets_, revisions, st.sampled_from(VERBS), st.data())
def test_a_token_that_was_altered_anywhere_is_no_token(
    proposal: str, secret: str, revision: int, verb: Verb, data: st.DataObject
) -> None:
    token = mint(proposal, secret, revision, verb)
    raw = bytearray(base64.urlsafe_b64decode(token + "="))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    button = read(base64.urlsafe_b64encode(raw).decode().rstrip("="))
    assert button is None or not verify(button, secret)


@given(st.text(max_size=60))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    button = read(text)
    assert button is None or not verify(button, new_secret())


@pytest.mark.parametrize(
    "token",
    ["", "x", "=" * 47, "Ä" * 47, "A" * 46, "A" * 48, "A" * 400, "+" * 47],
)
def test_what_has_not_the_form_is_none(token: str) -> None:
    assert read(token) is None


def test_an_unknown_verb_is_none() -> None:
    raw = bytes(18) + bytes([len(VERBS)]) + bytes(16)
    assert read(base64.urlsafe_b64encode(raw).decode().rstrip("=")) is None


def test_tokens_of_one_proposal_differ_by_revision_and_verb() -> None:
    proposal, secret = new_id("p"), new_secret()
    made = {mint(proposal, secret, revision, verb) for revision in range(3) for verb in VERBS}
    assert len(made) == 3 * len(VERBS)


def test_tokens_before_and_after_a_claim_differ() -> None:
    proposal, secret, at = new_id("p"), new_secret(), datetime(2026, 11, 22, tzinfo=UTC)
    moments = [None, at, at + timedelta(milliseconds=1), at + timedelta(seconds=18)]
    made = {mint(proposal, secret, 1, "settle_retry", moment) for moment in moments}
    assert len(made) == len(moments)


def test_a_secret_has_128_bits_and_is_new_each_time() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(bytes.fromhex(one)) for one in made} == {16}


def test_a_claimed_button_is_only_a_claim() -> None:
    forged = Button(proposal=new_id("p"), revision=1, claim=0, verb="approve", mac=bytes(16))
    assert not verify(forged, new_secret())


@given(proposals, proposals, secrets_, secrets_, revisions, st.sampled_from(VERBS), st.text())
def test_only_what_stood_on_its_cards_proves_that_a_card_was_shown(
    one: str, other: str, secret: str, foreign: str, revision: int, verb: Verb, text: str
) -> None:
    assert was_shown(seal(one, secret), one, secret)
    assert was_shown(mint(one, secret, revision, verb), one, secret)
    assert not was_shown(text, one, secret)
    assert not was_shown(one, one, secret)
    if secret != foreign:
        assert not was_shown(seal(one, foreign), one, secret)
        assert not was_shown(mint(one, foreign, revision, verb), one, secret)
    if one != other:
        assert not was_shown(seal(other, secret), one, secret)
        assert not was_shown(mint(other, secret, revision, verb), one, secret)


def test_a_seal_decides_nothing() -> None:
    assert read(seal("p_aaaaaaaaaaaaaaaa", "00" * 16)) is None
