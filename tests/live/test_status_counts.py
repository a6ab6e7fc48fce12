"""``/agent status`` after sixty tickets says what a person counts in Slack.

The same with a thousand tickets of real text: ``python -m benchmarks.agent_status FILE``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bot.clock import SystemClock
from bot.overview import Overview
from bot.stats import fold
from bot.stats.dims import Cell, Wanted, summed
from bot.stats.windows import window_span
from bot.store.entries import Line
from tests.live.mix import Mix, brain, compare
from tests.live.product import Live, live
from tests.live.steps import config

COUNT = 60


async def test_each_figure_is_what_the_stand_ins_log_says(tmp_path: Path, redis_url: str) -> None:
    file = config({"limits": {"runs_per_author_hour": 10_000}})
    texts = [f"Where do I find the invoice of month {n}?" for n in range(COUNT)]
    async with live(tmp_path, redis_url, config=file, brain=brain) as desk:
        mix = Mix(desk, texts)
        await mix.play()
        for name, (said, counted) in (await compare(mix)).items():
            assert said == counted, name
        assert mix.wrote_again == 2
        overview = Overview(desk.product.store, SystemClock(), "strict")
        await each_card_is_timed_once(mix)
        await its_parts_are_the_whole(overview)
        await the_metrics_say_the_same(desk)
        week, month = await overview.figures("7d"), await overview.figures("30d")
        day = await overview.figures("24h")
        for name in ("tickets", "approved", "rejected", "model", "time_to_card_s"):
            assert day[name] == week[name] == month[name]
        assert day["previous"]["tickets"] == 0
        assert day["kept_share"] is not None
        assert 0 < day["kept_share"] < 1


async def each_card_is_timed_once(mix: Mix) -> None:
    """Every proposal of which a card was seen to wait for somebody, and no other."""
    space = mix.desk.slack.space
    waited = {
        message.payload["proposal"]
        for message in (*space.posted, *space.updated)
        if message.card_state in ("pending", "handoff")
    }
    span = window_span("24h", SystemClock().now())
    (counts,) = await mix.desk.product.store.counted([span])
    sums = summed(counts, Wanted().fits)
    assert sum(sums[name] for name in sums if name.startswith("card_ms:")) == len(waited)
    assert await counted_anew(mix) == {cell: figures for cell, figures in counts.items() if figures}


async def counted_anew(mix: Mix) -> dict[Cell, dict[str, int]]:
    """The figures folded once more, from the journal's first entry on."""
    sums: dict[Cell, Counter[str]] = defaultdict(Counter)
    cases: dict[str | None, list[Line]] = defaultdict(list)
    record = mix.desk.product.store.record_book
    async for page in record.walk(datetime.fromtimestamp(0, UTC)):
        for line in page:
            for count in fold(line, cases[line.entry.ticket]):
                sums[count.cell][count.figure] += count.by
            cases[line.entry.ticket].append(line)
    return {cell: dict(+figures) for cell, figures in sums.items()}


async def the_metrics_say_the_same(desk: Live) -> None:
    """What one process has counted for Prometheus is what the store has counted of it."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{desk.product.url}/metrics") as got,
    ):
        families = list(text_string_to_metric_families(await got.text()))
    said: Counter[str] = Counter()
    for family in families:
        for sample in family.samples:
            kind = sample.labels.get("kind") or sample.labels.get("verb") or ""
            said[f"{sample.name}:{kind}".rstrip(":")] += sample.value
    (counts,) = await desk.product.store.counted([window_span("24h", SystemClock().now())])
    sums = Counter(summed(counts, Wanted().fits))

    def samples(of: str) -> int:
        return sum(number for name, number in sums.items() if name.startswith(f"{of}_ms:"))

    assert said["deskhand_tickets_total"] == sums["tickets"]
    assert said["deskhand_proposals_total"] == sums["proposals"]
    assert said["deskhand_handoffs_total"] == sums["handoffs"]
    assert said["deskhand_decisions_total:approve"] == sums["approved"]
    assert said["deskhand_decisions_total:edit"] == sums["edited"]
    assert said["deskhand_decisions_total:reject"] == sums["rejected"]
    assert said["deskhand_actions_total"] == sums["action:succeeded"]
    assert said["deskhand_model_calls_total"] == sums["calls"]
    read = said["deskhand_model_tokens_total:cache_read"]
    assert read == sums["tokens_cached"]
    into = said["deskhand_model_tokens_total:input"] + read
    assert into + said["deskhand_model_tokens_total:cache_write"] == sums["tokens_in"]
    assert said["deskhand_model_tokens_total:output"] == sums["tokens_out"]
    assert round(said["deskhand_model_cost_usd_total"] * 10**9) == sums["nano_usd"]
    assert said["deskhand_time_to_card_seconds_count"] == samples("card")
    assert said["deskhand_time_to_decision_seconds_count"] == samples("decision")


async def its_parts_are_the_whole(overview: Overview) -> None:
    """Steps and shares add up to the figures."""
    board = await overview.board("24h")
    day = board.figures
    for name in ("tickets", "proposals", "approved", "edited", "superseded"):
        assert sum(step.figures[name] for step in board.steps) == day[name], name
    for by in ("playbook", "route", "prompt_version"):
        shares = board.shares[by]
        for name in ("tickets", "proposals", "approved", "edited"):
            assert sum(share.figures[name] for share in shares) == day[name], (by, name)
        assert sum(share.waiting.total for share in shares) == day["waiting"]["total"]
        usd = sum(share.figures["model"]["usd"] for share in shares)
        # A run that was cancelled belongs to no route.
        assert usd <= day["model"]["usd"] + 1e-6
    routes = {share.name: share for share in board.shares["route"]}
    billing = await overview.figures("24h", route="billing")
    assert billing["tickets"] == routes["billing"].figures["tickets"]
    models = {share.name: share.figures for share in board.shares["model"]}
    assert set(models) == {"claude-haiku-5-5", "claude-sonnet-5-5"}
    assert sum(one["model"]["calls"] for one in models.values()) == day["model"]["calls"]
    assert models["claude-haiku-5-5"]["proposals"] == 0
