import numpy as np
import pytest

from bedrock_autoscaler.domain.classes.trend import measure_trend

DAY = 288


def daily(levels: list[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.repeat(np.array(levels), DAY)


def test_growth_by_a_tenth_a_day_is_a_trend() -> None:
    # 1.1^7 - 1 = 0.949 a week. Mann-Kendall: all 21 pairs rise; the variance is
    # 7 x 6 x 19 / 18 = 44.33, so z = (21 - 1) / 6.658 = 3.004.
    growth, z_score = measure_trend(daily([1.1**day for day in range(7)]))

    assert growth == pytest.approx(1.1**7 - 1)
    assert z_score == pytest.approx(3.004, abs=0.001)


@pytest.mark.parametrize("factor", [3.0, 1.0 / 3.0])
def test_a_single_step_is_no_trend(factor: float) -> None:
    assert measure_trend(daily([1.0] * 6 + [factor] * 6)) == (0.0, 0.0)


def test_slow_growth_in_noise_does_not_pass_for_a_step() -> None:
    # 2 % a day over 14 days with 3 % off in turn: two levels chosen to fit leave hardly less than
    # the line does.
    levels = [1.02**day * (1.03 if day % 3 else 0.97) for day in range(14)]

    growth, z_score = measure_trend(daily(levels))

    assert growth == pytest.approx(1.02**7 - 1, abs=0.05)
    assert z_score > 2.3


def test_days_without_demand_or_data_are_left_out() -> None:
    # The slope counts the days between, so that a gap does not make growth faster.
    levels = [1.0, 1.1, float("nan"), 1.1**3, 0.0, 1.1**5, 1.1**6]

    growth, _ = measure_trend(daily(levels))

    assert growth == pytest.approx(1.1**7 - 1)


@pytest.mark.parametrize("levels", [[], [1.0] * 4, [1.0, 2.0, 4.0, 8.0]])
def test_fewer_than_five_days_have_no_trend(levels: list[float]) -> None:
    assert measure_trend(daily(levels)) == (0.0, 0.0)


def test_growth_without_bound_stays_a_number() -> None:
    growth, _ = measure_trend(daily([10.0 ** (20 * day) for day in range(7)]))

    assert np.isfinite(growth)
