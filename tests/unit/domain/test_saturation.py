"""What a unit serves when it is full, and the law of refusals behind it."""

import numpy as np
import pytest

from bedrock_autoscaler.domain.unit_rates.loss import refused_load
from bedrock_autoscaler.domain.unit_rates.saturation import (
    Attempts,
    Served,
    fit_capacity,
    highest_clean_load,
    is_saturated,
)

NAN = float("nan")
ONCE = Attempts(fewest=1.0, most=1.0)


def served(load: list[float], calls: float = 100.0, throttles: float = 0.0) -> Served:
    series = np.array(load)
    return Served(
        load=series,
        calls=np.full(len(series), calls),
        throttles=np.full(len(series), throttles),
        model_units=1,
    )


def test_far_above_the_capacity_the_excess_is_refused_and_far_below_nothing() -> None:
    swing = np.array([0.05, 0.05, 0.05])

    refused = refused_load(np.array([-2.0, 0.0, 2.0]), swing)

    assert refused == pytest.approx([0.0, 0.05, 2.0], abs=1e-9)


def test_refused_less_idle_is_the_excess() -> None:
    # What is refused less the capacity that passes unused is the demand above the capacity.
    excess, swing = np.linspace(-0.3, 0.3, 31), np.full(31, 0.06)

    assert refused_load(excess, swing) - refused_load(-excess, swing) == pytest.approx(excess)


@pytest.mark.parametrize(
    ("calls", "throttles", "expected"),
    [(10, 2, False), (10, 3, True), (100, 5, False), (100, 6, True), (0, 3, True)],
)
def test_three_refusals_and_a_twentieth_make_a_saturated_minute(
    calls: float, throttles: float, *, expected: bool
) -> None:
    assert is_saturated(np.array([float(calls)]), np.array([float(throttles)]))[0] == expected


def test_a_minute_that_was_not_read_is_not_saturated() -> None:
    assert not is_saturated(np.array([NAN]), np.array([NAN]))[0]


def test_too_few_saturated_minutes_fit_nothing() -> None:
    calm, full = served([0.5] * 100), served([1.0] * 19, throttles=50.0)

    assert fit_capacity((calm, full), ONCE) is None


def test_a_unit_that_is_always_full_serves_its_capacity() -> None:
    # 100 calls of 0.01 units are served and 50 refused each minute: the capacity is 1.
    full = served([1.0] * 1200, throttles=50.0)

    fit = fit_capacity((full,), ONCE)

    assert fit is not None
    assert fit.value == pytest.approx(1.0, abs=0.02)
    assert fit.is_sound
    assert fit.saturated_minutes == 1200


def test_single_large_calls_make_no_measurement() -> None:
    # 4 calls of a quarter unit fill it: a refusal says more of the call than of the capacity.
    full = served([1.0] * 1200, calls=4.0, throttles=4.0)

    fit = fit_capacity((full,), ONCE)

    assert fit is not None
    assert not fit.is_sound


def test_a_unit_that_served_no_tokens_says_nothing_whatever_it_refused() -> None:
    idle, full = served([0.0] * 1200, throttles=50.0), served([1.0] * 1200, throttles=50.0)

    with np.errstate(all="raise"):
        assert fit_capacity((idle,), ONCE) is None
        assert fit_capacity((idle, full), ONCE) == fit_capacity((full,), ONCE)


def test_all_of_one_stretch_of_hours_is_no_sample() -> None:
    # Two hours lie in one block: without it nothing is left, so nothing is known of the error.
    assert fit_capacity((served([1.0] * 120, throttles=50.0),), ONCE) is None


def test_the_bound_is_the_mean_of_the_largest_quarters() -> None:
    # Six quarters of 0.1 to 0.6; the five largest have mean 0.4; a minute's store is 1 of 16.
    load = [value for value in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6) for _ in range(15)]

    assert highest_clean_load((served(load),)) == pytest.approx(0.4 * 15 / 16)


def test_a_quarter_with_a_refusal_or_a_gap_is_not_clean() -> None:
    refused = served([0.9] * 15, throttles=1.0)
    gap = served([0.9] * 14 + [NAN])

    assert highest_clean_load((refused, gap)) == 0.0
    assert highest_clean_load(()) == 0.0
