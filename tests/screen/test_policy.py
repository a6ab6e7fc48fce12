"""The customer's own rules: read with a line for each mistake, and looked for in linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.faults import ConfigError
from bot.screen import Known, Sieve, look, read_policy

POLICY = r"""
rules:
  - id: rivals
    rule: No word about our rivals.
    words: [Globex, Project Falcon]
    hint: Say "another maker".
  - id: codes
    rule: No internal codes.
    pattern: 'INT-\d{4}'
  - id: tone
    rule: Be kind.
"""


def names(text: str) -> list[tuple[str, str]]:
    sieve = Sieve(policy=read_policy(POLICY, "policy.yaml"))
    return [(hit.name, text[hit.start : hit.end]) for hit in look(text, sieve, Known())]


def test_words_are_whole_and_in_any_case_and_patterns_are_as_written() -> None:
    assert names("GLOBEX and project\n falcon, INT-1234") == [
        ("policy:rivals", "GLOBEX"),
        ("policy:rivals", "project\n falcon"),
        ("policy:codes", "INT-1234"),
    ]
    assert names("Globexes, int-1234, Projects Falcon") == []
    hits = look("Globex, INT-1234", Sieve(policy=read_policy(POLICY, "p")), Known())
    assert [hit.hint for hit in hits] == ['Say "another maker".', ""]


@given(st.text(min_size=1).filter(lambda word: word.strip() and word.isalnum()), st.text())
def test_any_word_is_found_where_it_stands_alone(word: str, around: str) -> None:
    escaped = word.replace("'", "''")
    policy = read_policy(f"rules: [{{id: a, rule: b, words: ['{escaped}']}}]", "p")
    text = f"{around} {word} {around}"
    assert any(text[start:end] == word for _, (start, end) in policy.found(text))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[]", "policy.yaml:1: must hold a list of rules"),
        ("rules: {a: b}", "policy.yaml:1: must hold a list of rules"),
        ("rules:\n- 3", "policy.yaml:2: rules[0]: must hold keys"),
        ("rules:\n- id: a b\n  rule: x", "policy.yaml:2: rules[0].id: must be letters"),
        ("rules:\n- id: a", "policy.yaml:2: rules[0].rule: is missing"),
        ("rules:\n- id: a\n  rule: x\n  word: [b]", "rules[0].word: there is no such key"),
        ("rules:\n- id: a\n  rule: x\n  words: b", "policy.yaml:4: rules[0].words: must be a list"),
        ("rules:\n- id: a\n  rule: x\n  words: ['']", "an empty word stands everywhere"),
        (
            "rules:\n- id: a\n  rule: x\n  pattern: '(a)\\1'",
            "policy.yaml:4: rules[0].pattern: is no",
        ),
        ("rules:\n- id: a\n  rule: x\n  pattern: '(?=a)'", "RE2 has no look-around"),
        ("rules:\n- id: a\n  rule: x\n  pattern: 'a*'", "matches the empty text"),
        (
            "rules:\n- {id: a, rule: x}\n- {id: a, rule: y}",
            "policy.yaml:3: rules[1].id: a is there",
        ),
        ("rules: [", "policy.yaml:1"),
        ("rules: []\nrulez: []", "policy.yaml:2: rulez: there is no such key"),
    ],
)
def test_each_mistake_has_its_line_and_what_to_do(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        read_policy(text, "policy.yaml")
    assert line in str(wrong.value)


def test_no_pattern_can_hold_a_draft_up() -> None:
    policy = read_policy("rules: [{id: a, rule: b, pattern: '(x+x+)+y'}]", "p")
    begun = time.process_time()
    assert not list(policy.found("x" * 30_000))
    assert time.process_time() - begun < 1.0
