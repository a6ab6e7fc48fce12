"""Figures in Teams: the words of ``/agent status``, a chart where it is drawn, else a table."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from handlers.figures import budget_lines
from handlers.teams_card import card_of
from handlers.teams_figures import draws_charts, figures_activity, lines_activity
from tests.handlers.any_card import HOSTILE, nodes
from tests.handlers.teams_schema import activity_faults
from tests.handlers.test_teams_card import read
from tests.pictures.figures import BUDGET, CHART, figures


def test_status_holds_every_word_and_its_figure() -> None:
    drawn = figures_activity(figures("24h"), CHART, "support")
    assert activity_faults(drawn) == []
    for said in (read(drawn), drawn["summary"], card_of(drawn)["fallbackText"]):
        assert said.startswith("Deskhand, the last 24 hours, playbook support")
        for words in ("waiting: 9", "oldest: 2h 14m", "approved: 84", "edited: 22", "rejected: 11",
                      "handoff: 15", "unknown: 1", "cost: $7.4213"):  # fmt: skip
            assert words in said


def test_a_client_that_draws_charts_gets_one_and_the_table_as_its_fallback() -> None:
    shown = card_of(figures_activity(figures("24h"), CHART, charts=True))["body"][-1]
    assert shown["type"] == "Chart.VerticalBar.Grouped"
    assert [one["legend"] for one in shown["data"]] == ["approved", "edited", "rejected", "handoff"]
    # As short as a bar is wide; the table has the days too.
    assert [one["x"] for one in shown["data"][0]["values"]][:3] == ["14", "16", "18"]
    assert shown["xAxisTitle"] == "Hour, UTC"
    plain = figures_activity(figures("24h"), CHART)
    # A client that does not know the chart shows this in its place.
    assert card_of(plain)["body"][-1] == shown["fallback"]
    assert activity_faults(plain) == []
    rows = next(node for node in nodes(shown["fallback"]) if node.get("type") == "Table")["rows"]
    assert len(rows) == 1 + len(CHART["chart"]["axis_config"]["categories"])


def test_bars_of_the_same_hour_stay_two_and_of_nothing_none_are_drawn() -> None:
    chart = copy.deepcopy(CHART)
    series = chart["chart"]["series"]
    names = ["22 14:45", "22 23:00", "23 14:00"]
    chart["chart"]["axis_config"]["categories"] = names
    for one in series:
        one["data"] = [{"label": name, "value": 1} for name in names]
    shown = card_of(figures_activity(figures("24h"), chart, charts=True))["body"][-1]
    assert [one["x"] for one in shown["data"][0]["values"]] == ["22 14:45", "23", "14"]
    for one in series:
        one["data"] = [{"label": name, "value": 0} for name in names]
    empty = card_of(figures_activity(figures("24h"), chart, charts=True))["body"][-1]
    assert "Nothing in this time." in str(empty)
    assert "Chart" not in str(empty)


@pytest.mark.parametrize(
    ("entities", "draws"),
    [
        ([{"type": "clientInfo", "platform": "Windows", "locale": "en-US"}], True),
        ([{"type": "clientInfo", "platform": "Web"}], True),
        ([{"type": "clientInfo", "platform": "iOS"}], False),
        ([{"type": "mention"}, "x", None], False),
        ({}, False),
        (None, False),
    ],
)
def test_whose_client_draws_charts(entities: Any, draws: bool) -> None:
    assert draws_charts({"entities": entities}) is draws


def test_other_answers_are_lines_and_literal() -> None:
    drawn = lines_activity("Budget", budget_lines(BUDGET))
    assert activity_faults(drawn) == []
    assert "spent today: $7.4213" in read(drawn)
    hostile = lines_activity(HOSTILE, [HOSTILE, "", "x: " + HOSTILE])
    assert activity_faults(hostile) == []
    assert not any(node.get("type") == "TextBlock" for node in nodes(hostile))


def test_a_quiet_time_has_no_empty_table() -> None:
    empty = {**CHART, "chart": {**CHART["chart"], "axis_config": {
        **CHART["chart"]["axis_config"], "categories": []}}}  # fmt: skip
    drawn = figures_activity(figures("24h"), empty)
    assert "Nothing in this time." in read(drawn)
    assert activity_faults(drawn) == []
