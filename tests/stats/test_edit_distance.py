"""The edit distance, against the table that defines it."""

from __future__ import annotations

import random
import time

from bot.edit_distance import distance, kept_permille


def by_the_table(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for at, one in enumerate(first, 1):
        after = [at]
        for place, other in enumerate(second, 1):
            after.append(min(row[place] + 1, after[-1] + 1, row[place - 1] + (one != other)))
        row = after
    return row[-1]


def test_it_is_the_distance_of_the_table() -> None:
    chosen = random.Random(7)
    for _ in range(2000):
        first = "".join(chosen.choice("abc") for _ in range(chosen.randrange(13)))
        second = "".join(chosen.choice("abcd") for _ in range(chosen.randrange(13)))
        assert distance(first, second) == by_the_table(first, second), (first, second)


def test_what_is_kept_is_a_part_of_the_longer_text() -> None:
    assert kept_permille("We refund within 5 days.", "We refund within 5 days.") == 1000
    assert kept_permille("abcd", "abcx") == 750
    assert kept_permille("abcd", "") == 0
    assert kept_permille("", "") == 1000
    assert kept_permille("hello", "hello world") == 455


def test_two_long_texts_cost_little() -> None:
    chosen = random.Random(7)
    first, second = ("".join(chosen.choices("abcdefghij ", k=3000)) for _ in range(2))
    started = time.process_time()
    distance(first, second)
    assert time.process_time() - started < 0.5
