from benchmarks.population import Part
from benchmarks.summary import Summary, summarise
from benchmarks.verdict import (
    bounds_line,
    changes_line,
    figures_line,
    figures_of,
    no_harm_line,
    published_baselines_lines,
)
from tests.unit.benchmarks.figures import OURS, outcome, pair_result

# Published for claude50-x2: causal 1.107, 1.245 and 1.558, perfect hour 1.030 and 1.075.


def rows(*costs: float, on_demand: float = 200.0) -> tuple[Summary, ...]:
    results = [pair_result(outcome(cost, changes=cost / 10), on_demand=on_demand) for cost in costs]
    return summarise(results, Part.ALL)


def test_figure_is_met_up_to_the_third_digit() -> None:
    assert [figure.is_met for figure in figures_of(rows(110.74), OURS)] == [True, True, True]
    assert [figure.is_met for figure in figures_of(rows(110.76), OURS)] == [False, True, True]


def test_halfway_lies_between_the_causal_figure_and_the_perfect_hour() -> None:
    # (1.107 + 1.030) / 2 = 1.0685; for the worst no perfect hour is published.
    assert [figure.is_halfway for figure in figures_of(rows(106.8), OURS)] == [True, True, False]
    assert [figure.is_halfway for figure in figures_of(rows(106.9), OURS)] == [False, True, False]


def test_missed_figures_are_named_with_both_values() -> None:
    line = figures_line(rows(120.0), OURS)

    assert line.startswith("ours: 2 of 3 figures at or below")
    assert line.endswith("Missed: claude50-x2 median 1.200 (1.107).")


def test_no_harm_holds_while_few_traces_cost_a_little_more() -> None:
    # One of 21 traces (4.8%) costs 4% more than all on demand.
    assert "no harm holds" in no_harm_line(rows(*[150.0] * 20, 208.0), OURS)


def test_harm_is_one_trace_far_above_all_on_demand() -> None:
    line = no_harm_line(rows(*[150.0] * 99, 212.0), OURS)

    assert "no harm FAILS" in line
    assert "+6.0%" in line


def test_harm_is_many_traces_slightly_above_all_on_demand() -> None:
    assert "no harm FAILS" in no_harm_line(rows(*[150.0] * 9, 205.0), OURS)


def test_harm_is_not_asked_where_on_demand_is_no_way_out() -> None:
    results = [pair_result(outcome(900.0), scenario="custom50-x2")]

    assert "not asked" in no_harm_line(summarise(results, Part.ALL), OURS)


def test_changes_per_week_are_said() -> None:
    assert "medians from 15 (claude50-x2) to 15" in changes_line(rows(150.0), OURS)


def test_rise_under_the_shipped_bounds_is_compared_scenario_by_scenario() -> None:
    def line(shipped: float, scenario: str) -> str:
        result = pair_result(
            outcome(110.0), scenario=scenario, others={"shipped": outcome(shipped)}
        )
        return bounds_line(summarise([result], Part.ALL), shipped="shipped", lifted=OURS)

    assert "claude50-x2 +0.020; all within" in line(112.0, "claude50-x2")
    assert "claude50-x2 +0.050; NOT all within" in line(115.0, "claude50-x2")
    assert "claude50-x8 +0.050; all within" in line(115.0, "claude50-x8")


def test_baseline_with_another_median_than_the_published_one_is_named() -> None:
    others = {"target_tracking": outcome(188.7), "best_static": outcome(136.5)}
    result = pair_result(outcome(110.0), others=others)

    lines = list(published_baselines_lines(summarise([result], Part.ALL)))

    assert lines == [
        "Published medians of target tracking: agree.",
        "Published medians of best static: differ: claude50-x2 1.365 (1.364).",
    ]


def test_baseline_that_was_not_run_is_not_said_to_agree() -> None:
    assert list(published_baselines_lines(rows(110.0))) == []
