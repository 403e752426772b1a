import pytest

from benchmarks.population import Part
from benchmarks.summary import Summary, summarise
from tests.unit.benchmarks.figures import OURS, outcome, pair_result


def only(summaries: tuple[Summary, ...], policy: str = OURS) -> Summary:
    (found,) = (row for row in summaries if row.policy == policy)
    return found


def test_scores_are_objectives_over_the_optimum_of_the_same_trace() -> None:
    results = [pair_result(outcome(cost)) for cost in (110.0, 120.0, 130.0, 180.0, 190.0)]

    row = only(summarise(results, Part.ALL))

    assert row.traces == 5
    assert row.median == pytest.approx(1.3)
    assert row.worst == pytest.approx(1.9)
    # The 90th percentile of five lies 0.6 of the way from the fourth to the fifth.
    assert row.p90 == pytest.approx(1.86)


def test_harm_is_counted_against_all_on_demand() -> None:
    # On demand costs 200: 201 is 0.5% above, 205 is 2.5%, 212 is 6%, 100 saves half.
    results = [pair_result(outcome(cost)) for cost in (201.0, 205.0, 212.0, 100.0)]

    row = only(summarise(results, Part.ALL))

    assert row.slight_harm_share == 0.5
    assert row.harm_share == 0.25
    assert row.worst_harm == pytest.approx(0.06)


def test_changes_and_throttling_are_aggregated() -> None:
    results = [
        pair_result(outcome(150.0, changes=changes, throttled=share))
        for changes, share in ((10.0, 0.0), (20.0, 0.03), (90.0, 0.0))
    ]

    row = only(summarise(results, Part.ALL))

    assert row.changes_per_week == 20.0
    assert row.throttled_share == pytest.approx(0.01)


def test_parts_are_told_apart() -> None:
    results = [
        pair_result(outcome(110.0), part=Part.TUNING),
        pair_result(outcome(150.0), part=Part.KEPT_ASIDE),
    ]

    medians = {part: only(summarise(results, part)).median for part in Part}

    assert medians == {
        Part.ALL: pytest.approx(1.3),
        Part.TUNING: pytest.approx(1.1),
        Part.KEPT_ASIDE: pytest.approx(1.5),
    }


def test_part_without_traces_has_no_summary() -> None:
    assert summarise([pair_result(outcome(110.0), part=Part.TUNING)], Part.KEPT_ASIDE) == ()


def test_optimum_is_no_row_and_scenarios_keep_their_order() -> None:
    results = [
        pair_result(outcome(110.0), scenario=name) for name in ("claude70-x2", "claude30-x2")
    ]

    rows = summarise(results, Part.ALL)

    assert [(row.scenario, row.policy) for row in rows] == [
        ("claude70-x2", OURS),
        ("claude70-x2", "all_on_demand"),
        ("claude30-x2", OURS),
        ("claude30-x2", "all_on_demand"),
    ]
