"""Windows of days: what they cost beside all on demand."""

import numpy as np
import pytest

from benchmarks.population import Part
from benchmarks.worst_days import DAYS, Traced, report, windows_of

DAY = 1440


def test_a_window_is_held_against_itself_and_against_a_usual_one() -> None:
    on_demand = np.ones(9 * DAY)
    on_demand[8 * DAY :] = 0.1
    cost = np.where(np.arange(9 * DAY) < 8 * DAY, 0.8, 0.4)

    found = windows_of(cost, on_demand, 1)

    # One begins every two hours, from the eighth day's first minute to the ninth day's.
    assert len(found.excess) == 13
    assert found.excess[0] == pytest.approx(-0.2)
    assert found.excess[-1] == pytest.approx(3.0)
    usual = (8 + 0.1) / 9
    assert found.usual[0] == pytest.approx(-0.2 / usual)
    assert found.usual[-1] == pytest.approx(0.3 / usual)


def test_windows_with_hardly_any_traffic_are_left_out_and_counted() -> None:
    on_demand = np.ones(9 * DAY)
    on_demand[7 * DAY :] = 0.0

    found = windows_of(np.ones(9 * DAY), on_demand, 1)

    assert found.excess.size == 0
    assert found.left_out == 13


def test_a_trace_shorter_than_a_week_and_the_window_has_none() -> None:
    found = windows_of(np.ones(8 * DAY), np.ones(8 * DAY), 2)

    assert (found.excess.size, found.left_out) == (0, 0)


def test_the_report_has_both_parts_and_says_where_traffic_is_generated() -> None:
    on_demand = np.ones(15 * DAY)
    cheap = {days: windows_of(on_demand * 0.9, on_demand, days) for days in DAYS}
    dear = {days: windows_of(on_demand * 1.06, on_demand, days) for days in DAYS}
    traced = [
        Traced(part=Part.TUNING, windows=cheap),
        Traced(part=Part.KEPT_ASIDE, windows=dear),
    ]

    text = report(traced, "claude50-x2", are_real=False)

    assert "2 series of GENERATED traffic in claude50-x2" in text
    whole, tuning, aside = (text.split(f"\n{part.value} (")[1] for part in Part)
    assert [line.split()[5] for line in whole.splitlines()[2:6]] == ["50.0%"] * 4
    assert [line.split()[5] for line in tuning.splitlines()[2:6]] == ["0.0%"] * 4
    assert [line.split()[5] for line in aside.splitlines()[2:6]] == ["100.0%"] * 4
    assert "+6.0%" in aside
