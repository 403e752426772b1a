from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from bedrock_autoscaler.domain.classes.seasonality import Season, expected_demand, measure_season
from bedrock_autoscaler.domain.traffic.bins import Bins

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


def bins_of(hourly: NDArray[np.float64], start: datetime = MONDAY) -> Bins:
    load = np.repeat(hourly, 12)
    return Bins(start=start, load=load, requests=load)


def day(low: float, high: float) -> NDArray[np.float64]:
    """Twelve hours of one, then twelve of the other."""
    return np.repeat([low, high], 12)


def test_days_alike_are_foretold_by_each_other() -> None:
    season = measure_season(bins_of(np.tile(day(1.0, 9.0), 3)))

    assert season.skill == 1.0
    # The profile is of square roots: they tame the peaks.
    assert season.profile == pytest.approx(day(1.0, 3.0))


def test_a_level_that_never_changes_has_no_season() -> None:
    assert measure_season(bins_of(np.ones(72))).skill == 0.0


def test_the_first_day_that_counts_starts_at_midnight() -> None:
    # Twelve hours of Sunday evening at another level, then three equal days.
    hourly = np.concatenate([np.full(12, 5.0), np.tile(day(1.0, 9.0), 3)])

    season = measure_season(bins_of(hourly, MONDAY - timedelta(hours=12)))

    assert season.skill == 1.0
    assert season.profile == pytest.approx(day(1.0, 3.0))


def test_less_than_two_whole_days_show_nothing() -> None:
    assert measure_season(bins_of(day(1.0, 9.0))).profile is None
    assert measure_season(bins_of(day(1.0, 9.0))).skill == 0.0
    # 47 hours from 01:00 on hold one whole day.
    hourly = np.tile(day(1.0, 9.0), 2)[1:]
    assert measure_season(bins_of(hourly, MONDAY + timedelta(hours=1))).profile is None


def test_weekdays_and_weekends_may_each_be_regular() -> None:
    # Monday to Sunday twice: nothing at all at weekends. Taken apart both kinds are foretold
    # exactly, taken together they are not.
    week = np.concatenate([np.tile(day(1.0, 9.0), 5), np.zeros(48)])

    assert measure_season(bins_of(np.tile(week, 2))).skill == 1.0


def test_opposite_days_foretell_each_other_badly() -> None:
    # Two days, each the mirror of the other: the other day is worse than its mean.
    hourly = np.concatenate([day(1.0, 9.0), day(9.0, 1.0)])

    assert measure_season(bins_of(hourly)).skill == 0.0


def test_an_hour_never_seen_has_no_profile() -> None:
    hourly = np.tile(day(1.0, 9.0), 3)
    hourly[5::24] = np.nan

    season = measure_season(bins_of(hourly))

    assert season.skill == 1.0
    assert season.profile is not None
    assert np.isnan(season.profile[5])


def test_expectation_follows_the_profile_at_the_level_of_the_newest_days() -> None:
    # A week at level 1, then three days at twice the level: 2 and 18 are expected now.
    hourly = np.concatenate([np.tile(day(1.0, 9.0), 7), np.tile(day(2.0, 18.0), 3)])
    bins = bins_of(hourly)

    expected = expected_demand(bins, measure_season(bins))

    assert expected[-24 * 12 :] == pytest.approx(np.repeat(day(2.0, 18.0), 12))


def test_without_a_season_the_mean_is_expected() -> None:
    bins = bins_of(np.concatenate([np.full(24, 7.0), np.full(36, 1.0), np.full(36, 3.0)]))

    # The newest three days: 36 hours of 1 and 36 of 3.
    assert expected_demand(bins, Season(skill=0.0, profile=None)) == pytest.approx(
        np.full(1152, 2.0)
    )


def test_a_profile_that_never_met_the_known_bins_is_no_use() -> None:
    bins = bins_of(np.tile(day(0.0, 9.0), 3))
    empty = Season(skill=1.0, profile=np.zeros(24))

    assert expected_demand(bins, empty) == pytest.approx(np.full(864, 4.5))


def test_at_least_a_fiftieth_of_the_mean_is_always_expected() -> None:
    bins = bins_of(np.tile(day(0.0, 10.0), 3))

    # Mean 5; the silent half of the day is expected at 2 % of it.
    assert expected_demand(bins, measure_season(bins)).min() == pytest.approx(0.1)


def test_demand_that_is_even_but_for_rounding_has_no_season() -> None:
    # The hours before noon differ from those after it by the last digits of a double, every day.
    hourly = np.tile(day(1.0 / 3.0, 1.0 / 3.0 + 5e-16), 8)

    assert measure_season(bins_of(hourly)).skill == 0.0
