"""The garbage collector is off for as long as a start takes, and no longer."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from bot import collector


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_until_the_start_is_over() -> None:
    with collector.paused():
        assert not gc.isenabled()
        before = gc.get_freeze_count()
        assert collector.leave_out_what_is() > before
        assert gc.isenabled()


def test_a_start_that_fails_leaves_the_collector_on() -> None:
    with pytest.raises(OSError, match="taken"), collector.paused():
        raise OSError("taken")
    assert gc.isenabled()
