"""Prices: never rounded down, and a worst case that no call exceeds."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.budget import NANO, Price, Spending, Usage

HAIKU = Price(
    input=Decimal("0.10"),
    output=Decimal("0.50"),
    cache_read=Decimal("0.01"),
    cache_write=Decimal("0.125"),
)
FREE = Price(Decimal(0), Decimal(0), Decimal(0), Decimal(0))

tokens = st.integers(0, 2_000_000)
usages = st.builds(Usage, tokens, tokens, tokens, tokens)
dollars = st.decimals(0, 1000, allow_nan=False, allow_infinity=False, places=4)
prices = st.builds(Price, dollars, dollars, dollars, dollars)


def test_a_call_costs_its_tokens_each_at_its_price() -> None:
    usage = Usage(
        input_tokens=1_000, output_tokens=200, cache_read_tokens=10_000, cache_write_tokens=400
    )
    assert HAIKU.cost(usage) == Decimal("0.000350")
    assert FREE.cost(usage) == 0


def test_a_fraction_of_the_smallest_sum_counts_as_one() -> None:
    tiny = Price(Decimal("0.0001"), Decimal(0), Decimal(0), Decimal(0))
    assert tiny.cost(Usage(input_tokens=1)) == NANO
    assert tiny.worst_case(1, 0) == NANO


@given(prices, usages)
def test_a_cost_is_never_rounded_down_and_never_by_more_than_the_smallest_sum(
    price: Price, usage: Usage
) -> None:
    exact = (
        price.input * usage.input_tokens
        + price.output * usage.output_tokens
        + price.cache_read * usage.cache_read_tokens
        + price.cache_write * usage.cache_write_tokens
    ) / 1_000_000
    assert exact <= price.cost(usage) < exact + NANO


@given(prices, usages, st.integers(0, 100_000), st.integers(0, 100_000))
def test_no_call_within_the_sizes_costs_more_than_the_worst_case(
    price: Price, usage: Usage, spare_in: int, spare_out: int
) -> None:
    cached_reads_are_cheaper = Price(
        price.input, price.output, min(price.cache_read, price.input), price.cache_write
    )
    tokens_in = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    worst = cached_reads_are_cheaper.worst_case(
        tokens_in + spare_in, usage.output_tokens + spare_out
    )
    assert cached_reads_are_cheaper.cost(usage) <= worst


def test_what_is_left_is_never_below_nothing_and_without_a_cap_nobody_knows() -> None:
    def spending(cap: Decimal | None) -> Spending:
        return Spending(day="2026-11-22", spent=Decimal(3), reserved=Decimal(2), cap=cap)

    assert spending(Decimal(20)).left == Decimal(15)
    assert spending(Decimal(4)).left == 0
    assert spending(None).left is None
