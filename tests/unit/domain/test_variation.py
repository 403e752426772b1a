import numpy as np
import pytest

from bedrock_autoscaler.domain.classes.variation import NO_VARIATION, measure_variation

THREE_DAYS = 864
ONES = np.ones(THREE_DAYS)


def test_what_is_as_expected_does_not_vary() -> None:
    assert measure_variation(ONES * 5, ONES * 5, 0.0) == NO_VARIATION


def test_silence_does_not_vary() -> None:
    assert measure_variation(ONES * 0, ONES, 0.0) == NO_VARIATION
    assert measure_variation(ONES * np.nan, ONES, 0.0) == NO_VARIATION


def test_demand_that_comes_and_goes_by_the_bin_varies_fast() -> None:
    # 0 and 2 in turn around a mean of 1. The level is the mean of 73 bins, 72/73 around a 0 and
    # 74/73 around a 2, so each bin is off by 72/73.
    load = np.tile([0.0, 2.0], THREE_DAYS // 2)

    variation = measure_variation(load, ONES, 0.0)

    assert variation.fast == pytest.approx(1.0, rel=0.02)
    assert variation.fast_day == pytest.approx(1.0, rel=0.02)
    assert variation.slow == pytest.approx(0.0, abs=0.02)


def test_the_noise_of_single_calls_is_taken_off() -> None:
    load = np.tile([0.0, 2.0], THREE_DAYS // 2)

    # Each bin is 72/73 off its level, a variance of 0.973. Chance alone explains 0.75 of it, and
    # the root of 0.223 is left.
    assert measure_variation(load, ONES, 0.75).fast == pytest.approx(0.472, abs=0.002)
    assert measure_variation(load, ONES, 2.0).fast == 0.0


def test_one_bad_spell_does_not_make_a_target_bursty() -> None:
    load = ONES.copy()
    load[400:406] = 40.0

    variation = measure_variation(load, ONES, 0.0)

    assert variation.fast > 1.0
    assert variation.fast_robust < 0.1 * variation.fast


def test_a_level_that_changes_over_hours_is_slow_variation() -> None:
    load = np.repeat([0.5, 1.5, 0.5], 288)

    # Off by 0.5 but for two ramps of 73 bins, where the squares are a third of that: the root of
    # (718 x 0.25 + 146 x 0.0833) / 864 is 0.471, over a mean of 0.833.
    assert measure_variation(load, ONES, 0.0).slow == pytest.approx(0.471 / 0.8333, rel=0.01)


def test_counts_bursts_that_are_an_hour_apart() -> None:
    load = ONES.copy()
    # Two bins close to one another are one burst; the first day is not looked at.
    for position in (100, 700, 705, 730):
        load[position] = 30.0

    assert measure_variation(load, ONES, 0.0).episodes == 2.0


def test_gaps_are_left_out() -> None:
    load = ONES * 3
    load[::7] = np.nan

    variation = measure_variation(load, ONES * 3, 0.0)

    assert variation.fast == pytest.approx(0.0, abs=1e-9)
    assert variation.slow == pytest.approx(0.0, abs=1e-9)


def test_a_silent_last_day_has_no_variation_of_its_own() -> None:
    load = np.concatenate([np.ones(576), np.zeros(288)])

    assert measure_variation(load, ONES, 0.0).fast_day == 0.0


def test_less_than_six_hours_are_one_spell() -> None:
    load = np.tile([0.0, 2.0], 30)

    variation = measure_variation(load, np.ones(60), 0.0)

    assert variation.fast > 0.9
    assert variation.fast_robust == 0.0


def test_one_step_is_not_lasting_wander() -> None:
    variation = measure_variation(np.repeat([0.5, 1.5], 432), ONES, 0.0)

    # The step is smeared over 6 hours; elsewhere it explains all.
    assert variation.slow > 0.45
    assert variation.slow_lasting < 0.15


def test_one_crowd_of_hours_is_not_lasting_wander() -> None:
    load = ONES.copy()
    load[400:460] = 8.0

    variation = measure_variation(load, ONES * load.mean(), 0.0)

    assert variation.slow > 0.4
    assert variation.slow_lasting < 0.5 * variation.slow


def test_a_level_that_keeps_changing_is_lasting_wander() -> None:
    load = np.repeat([0.4, 1.6, 0.4, 1.6, 0.4, 1.6], 144)

    variation = measure_variation(load, ONES, 0.0)

    assert variation.slow_lasting > 0.7 * variation.slow


def test_unread_hours_do_not_make_the_newest_day_rougher() -> None:
    load = np.tile([0.0, 2.0], THREE_DAYS // 2)
    half_read = load.copy()
    half_read[-144:] = np.nan

    assert measure_variation(half_read, ONES, 0.0).fast_day == pytest.approx(
        measure_variation(load, ONES, 0.0).fast_day, rel=0.03
    )
