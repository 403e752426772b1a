from dataclasses import replace

import pytest

from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.scenario import (
    DAY_MINUTES,
    STANDARD_NAMES,
    Scenario,
    scenario_for,
)
from tests.unit.backtest.worlds import trace_of

WEEK_AND_A_DAY = trace_of([10.0, 30.0] * (4 * DAY_MINUTES))


def test_claude50_x2_has_the_prices_and_the_volume_of_its_name() -> None:
    benchmark = scenario_for("claude50-x2", WEEK_AND_A_DAY)

    # 40 USD an hour at a break-even of one half: 80 USD of input tokens at .003 for 1,000 in 60
    # minutes. The mean load is 20, so twice a unit is a scale of 2 x 444444.44 / 20.
    assert benchmark.scenario.tokens_per_unit == pytest.approx(80 / 60 / 0.003 * 1000)
    assert benchmark.scale == pytest.approx(2 * 444444.4444 / 20)
    assert benchmark.score_from is None
    assert benchmark.scenario == Scenario(
        tokens_per_unit=benchmark.scenario.tokens_per_unit,
        unit_hour=40,
        input_1k=0.003,
        output_1k=0.015,
        output_weight=5.0,
        unit_hour_1m=36,
        unit_hour_6m=20,
    )


@pytest.mark.parametrize(
    ("name", "mean_units", "break_even"),
    [
        ("claude30-x2", 2, 0.3),
        ("claude50-x0.7", 0.7, 0.5),
        ("claude50-x2", 2, 0.5),
        ("claude50-x8", 8, 0.5),
        ("claude70-x2", 2, 0.7),
        ("llama50-x2", 2, 0.5),
        ("quota50-x2", 2, 0.5),
        ("custom50-x2", 2, 0.5),
        ("warm50-x2", 2, 0.5),
    ],
)
def test_mean_demand_and_break_even_are_those_of_the_name(
    name: str, mean_units: float, break_even: float
) -> None:
    benchmark = scenario_for(name, WEEK_AND_A_DAY)

    replay = Replay(WEEK_AND_A_DAY.scaled(benchmark.scale), benchmark.scenario)

    assert replay.demand.mean() == pytest.approx(mean_units)
    full_unit = replay.scenario.tokens_per_unit * 60 * replay.price[0]
    assert replay.scenario.unit_hour / full_unit == pytest.approx(break_even)


def test_quota_scenario_allows_half_the_mean_demand_on_each_route() -> None:
    scenario = scenario_for("quota50-x2", WEEK_AND_A_DAY).scenario

    assert scenario.on_demand_tpm == pytest.approx(scenario.tokens_per_unit)
    assert scenario.cross_region_factor == 1


def test_custom_scenario_has_no_overflow() -> None:
    open_one = scenario_for("claude50-x2", WEEK_AND_A_DAY).scenario

    assert scenario_for("custom50-x2", WEEK_AND_A_DAY).scenario == replace(open_one, overflow=False)


def test_warm_scenario_is_scored_after_a_week_and_needs_more_than_one() -> None:
    week = WEEK_AND_A_DAY.cut(7 * DAY_MINUTES)

    assert scenario_for("warm50-x2", WEEK_AND_A_DAY).score_from == WEEK_AND_A_DAY.minute_at(10_080)
    with pytest.raises(ValueError, match="scores what follows the first 7 days"):
        scenario_for("warm50-x2", week)


@pytest.mark.parametrize("name", STANDARD_NAMES)
def test_every_standard_scenario_fits_a_trace_of_more_than_a_week(name: str) -> None:
    assert scenario_for(name, WEEK_AND_A_DAY).name == name


def test_trace_without_tokens_has_no_volume() -> None:
    with pytest.raises(ValueError, match="no tokens"):
        scenario_for("claude50-x2", trace_of([0.0]))
