"""What eight weeks say of a commitment, level by level."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy
from bedrock_autoscaler.domain.commitments.studying import study_commitment
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.observation import Series, Traffic
from tests.builders import (
    NOW,
    build_option,
    build_provisioned,
    build_target,
    build_thresholds,
    build_traffic,
)
from tests.unit.domain.terms import PRICE, target
from tests.unit.domain.worlds import DAY, units_traffic

NAN = float("nan")


def study(traffic: Traffic) -> CommitmentStudy:
    found = study_commitment(target(), traffic, model_ends_at=None)
    assert found is not None
    return found


def even(days: int, units: float) -> Traffic:
    return units_traffic((days * DAY, units))


def test_a_full_level_costs_what_a_unit_without_commitment_costs() -> None:
    # Level 1 would cost 69.30 USD on demand; nobody pays more than a unit's 34.65 for it.
    found = study(even(56, 1.4))

    assert [one.month_usd for one in found.levels] == pytest.approx([34.65, 0.4 * 69.30])
    assert found.levels[0].utilization == 1.0
    assert found.levels[1].utilization == pytest.approx(0.4)
    assert [one.share_above for one in found.levels] == [1.0, 0.0]


def test_a_level_that_is_idle_half_of_each_day_costs_its_traffic_on_demand() -> None:
    # 0.2 units of use on average are 13.86 USD an hour, less than the unit's price.
    days = np.tile(np.concatenate([np.full(DAY // 2, 0.4), np.zeros(DAY // 2)]), 28)

    found = study(units_traffic(*[(1, units) for units in days]))

    assert found.levels[0].month_usd == pytest.approx(13.86)


def test_spans_differ_when_demand_does() -> None:
    # Four weeks of one unit, three weeks of none, a week of one.
    found = study(units_traffic((28 * DAY, 1.0), (21 * DAY, 0.0), (7 * DAY, 1.0)))

    (only,) = found.levels
    assert only.week_usd == pytest.approx(34.65)
    assert only.month_usd == pytest.approx(34.65 / 4)
    assert only.two_months_usd == pytest.approx(34.65 * 5 / 8, rel=1e-5)


def test_half_the_demand_is_told_level_by_level() -> None:
    # Half of 3 units fills level 1, half of level 2, and nothing of level 3.
    found = study(even(28, 3.0))

    assert [one.halved_usd for one in found.levels] == pytest.approx([34.65, 34.65, 0.0])


def test_days_that_were_hardly_read_are_left_out() -> None:
    half = units_traffic((27 * DAY, 1.0), (DAY, NAN))

    found = study(half)

    assert found.known_days == 27.0
    assert found.levels[0].month_usd == pytest.approx(34.65)


def test_only_eight_weeks_are_looked_at() -> None:
    found = study(units_traffic((10 * DAY, 9.0), (56 * DAY, 1.0)))

    assert found.known_days == 56.0
    assert len(found.levels) == 1
    assert found.levels[0].two_months_usd == pytest.approx(34.65)


def test_a_steady_class_lasts_as_far_back_as_it_was_steady() -> None:
    chance = np.random.default_rng(1)

    def noisy(days: int, units: float) -> Series:
        return units * chance.gamma(400.0, 1 / 400.0, days * DAY)

    burst = np.where(chance.random(7 * DAY // 60) < 0.2, 10.0, 0.3).repeat(60)
    load = np.concatenate([noisy(20, 2.0), burst, noisy(30, 2.0)])
    calls = np.rint(load * 100)
    traffic = units_traffic((len(load), 1.0))
    traffic = replace(
        traffic,
        invocations=calls,
        input_tokens=load * 1_000_000,
        output_tokens=load * 300_000,
    )

    found = study(traffic)

    # The bursts are out of the newest two weeks for days 14 to 30 at least, and in before.
    assert 14 <= found.steady_days <= 30


def lived(load: Series) -> Traffic:
    """Traffic of so many units a minute up to a full hour; NaN where nothing was read."""
    calls = np.rint(load * 100)
    tokens = {"input_tokens": load * 1_000_000, "output_tokens": load * 300_000}
    return build_traffic(len(load), end=NOW, invocations=calls, **tokens)


@pytest.mark.parametrize(
    ("changed", "missing"),
    [({}, 5), ({"min_history_hours": 168}, 0), ({"min_history_hours": 48}, 60)],
    ids=["five minutes unread", "a week before a class", "two days before a class"],
)
def test_the_oldest_days_are_classed_with_those_after_them(
    changed: dict[str, int], missing: int
) -> None:
    load = 1.5 * np.random.default_rng(1).gamma(400.0, 1 / 400.0, 56 * DAY)
    load[:missing] = NAN
    steady = target(thresholds=build_thresholds(classifying=changed))

    found = study_commitment(steady, lived(load), model_ends_at=None)

    assert found is not None
    assert found.steady_days == 56


def test_days_that_always_repeated_have_lasted_as_long_as_they_are_known() -> None:
    # Two days alone do not show that the days repeat: by these the class would be drifting.
    minutes = np.arange(56 * DAY)
    noise = np.random.default_rng(1).gamma(400.0, 1 / 400.0, len(minutes))

    found = study(lived(2.5 * (1 + 0.9 * np.sin(2 * np.pi * minutes / DAY)) * noise))

    assert found.steady_days == 56


@pytest.mark.parametrize(("bursty_days", "least", "most"), [(2, 34, 37), (7, 29, 32)])
def test_bursts_at_the_beginning_of_the_history_end_the_class_there(
    bursty_days: int, least: int, most: int
) -> None:
    load = 2.0 * np.random.default_rng(1).gamma(400.0, 1 / 400.0, 40 * DAY)
    bursty = np.arange(bursty_days * DAY)
    load[: len(bursty)] = np.where(bursty // 60 % 5 == 0, 10.0, 0.3)

    assert least <= study(lived(load)).steady_days <= most


@pytest.mark.parametrize(
    "pieces", [((49 * DAY, 1.0), (7 * DAY, NAN)), ((600, 1.0),)], ids=["a week unread", "hours"]
)
def test_what_nobody_saw_in_the_newest_week_is_not_studied(pieces: Any) -> None:
    assert study_commitment(target(), units_traffic(*pieces), model_ends_at=None) is None


def test_silence_is_no_lasting_class() -> None:
    found = study(even(28, 0.0))

    assert found.steady_days == 0
    assert found.levels == ()


@pytest.mark.parametrize(
    "unknown",
    [
        build_target(provisioned=None),
        build_target(provisioned=build_provisioned(unit_rate=None)),
        build_target(provisioned=build_provisioned(price=None)),
    ],
    ids=["no units", "no rate", "no price"],
)
def test_without_a_rate_or_a_price_nothing_is_studied(unknown: Target) -> None:
    assert study_commitment(unknown, even(1, 1.0), model_ends_at=None) is None


def test_what_is_not_sold_on_a_term_has_no_levels() -> None:
    price = replace(PRICE, one_month_usd_per_hour=None, six_months_usd_per_hour=None)
    bought = build_target(provisioned=build_provisioned(price=price))

    found = study_commitment(bought, even(28, 3.0), model_ends_at=None)

    assert found is not None
    assert found.levels == ()


def test_a_model_without_a_way_on_demand_counts_what_throttling_costs() -> None:
    # Without a way on demand a unit's traffic is worth avoiding throttles: more than the unit.
    found = study_commitment(target(options=()), even(28, 1.0), model_ends_at=None)

    assert found is not None
    assert found.levels[0].month_usd == pytest.approx(34.65)


def test_a_quota_that_binds_raises_what_a_level_costs() -> None:
    found = study_commitment(
        target(options=(build_option(quota=None),)), even(28, 0.3), model_ends_at=None
    )

    assert found is not None
    # An unknown quota admits nothing: 0.3 units throttled cost more than a whole unit.
    assert found.levels[0].month_usd == pytest.approx(34.65)
