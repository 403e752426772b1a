from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from bedrock_autoscaler.domain.forecasting.profile import NO_PROFILE, DailyProfile, Usual
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW
from tests.unit.domain.worlds import END, build_demand

DAY = 1440
NAN = float("nan")
MIDNIGHT = NOW.replace(hour=0, minute=0)


def quarter_at(moment: datetime) -> int:
    """The quarter of an hour of the day in which a moment lies."""
    return (moment.hour * 60 + moment.minute) // 15


def quarters_of(demand: Demand, end: datetime = END) -> dict[int, float]:
    """What a fresh profile holds of a demand."""
    units = NO_PROFILE.up_to(demand, end).units
    return {quarter: value for quarter, value in enumerate(units) if value is not None}


def profile_of(units: dict[int, float]) -> DailyProfile:
    """A profile with these quarters alone."""
    return DailyProfile(units=tuple(units.get(quarter) for quarter in range(96)))


def test_a_quarter_holds_the_mean_of_its_minutes() -> None:
    # From 9:57 to 11:57: the quarters from 10:00 to 11:30 are whole.
    found = quarters_of(build_demand((63, 0.2), (57, 1.0)))

    assert found == {
        quarter_at(NOW) - 8 + index: pytest.approx(units)
        for index, units in enumerate((0.2, 0.2, 0.2, 0.2, 1.0, 1.0, 1.0))
    }


def test_only_quarters_that_ended_by_then_come_into_it() -> None:
    demand = build_demand((DAY, 1.0))

    at_noon = NO_PROFILE.up_to(demand, NOW - 61 * MINUTE)

    assert at_noon.until == NOW - 75 * MINUTE
    assert at_noon.up_to(demand, NOW - 61 * MINUTE) is at_noon


def test_each_quarter_comes_into_it_once() -> None:
    demand = build_demand((3 * DAY, 0.0))
    demand = replace(demand, load=np.random.default_rng(1).gamma(0.5, 2.0, 3 * DAY))

    at_once = NO_PROFILE.up_to(demand, END)
    bit_by_bit = NO_PROFILE
    for minutes in range(3 * DAY, -1, -7):
        bit_by_bit = bit_by_bit.up_to(demand, END - minutes * MINUTE)

    assert bit_by_bit == at_once


def test_the_newest_day_moves_the_mean_by_a_fifth() -> None:
    found = quarters_of(build_demand((DAY, 1.0), (DAY, 2.0), (DAY, 0.0)))

    assert found[0] == pytest.approx((1.0 + 0.2 * 1.0) * 0.8)


def test_a_quarter_that_was_hardly_read_changes_nothing() -> None:
    whole = build_demand((2 * DAY, 1.0))
    load = whole.load.copy()
    load[-DAY:] = 2.0
    # Of each quarter of the second day 8 minutes are known before 11:00, and 7 after it.
    minutes = np.arange(len(load))
    load[(minutes >= DAY) & ((minutes + 12) % 15 >= 8)] = NAN
    load[(minutes >= 2 * DAY - 57) & ((minutes + 12) % 15 >= 7)] = NAN

    found = quarters_of(replace(whole, load=load))

    assert found[quarter_at(NOW) - 5] == pytest.approx(1.2)
    assert found[quarter_at(NOW) - 4] == pytest.approx(1.0)


def test_a_history_that_begins_after_a_stop_leaves_out_what_lies_between() -> None:
    before = DailyProfile(until=NOW - 9 * DAY * MINUTE, units=(0.5,) * 96)

    after = before.up_to(build_demand((30, 1.5)), END)

    # 11:27 to 11:57 has one whole quarter.
    assert after.until == NOW - 15 * MINUTE
    assert after.units.count(0.5) == 95
    assert after.units[quarter_at(NOW) - 2] == pytest.approx(0.7)


def test_usual_is_the_half_hour_before_and_the_hour_after() -> None:
    units = {46: 1.0, 47: 2.0, 48: 3.0, 49: 4.0, 50: 5.0, 51: 6.0}

    usual = profile_of(units).usual_at(NOW)

    assert usual == Usual(before=1.5, after=4.5)


@pytest.mark.parametrize(("minutes", "shift"), [(-7, 0), (7, 0), (8, 1), (-8, -1)])
def test_usual_goes_by_the_quarter_that_begins_nearest(minutes: int, shift: int) -> None:
    profile = profile_of({quarter: float(quarter) for quarter in range(96)})
    exact = profile.usual_at(NOW + shift * 15 * MINUTE)

    assert profile.usual_at(NOW + minutes * MINUTE) == exact


def test_usual_goes_on_past_midnight() -> None:
    units = {94: 1.0, 95: 1.0, 0: 2.0, 1: 2.0, 2: 2.0, 3: 2.0}

    assert profile_of(units).usual_at(MIDNIGHT) == Usual(before=1.0, after=2.0)


@pytest.mark.parametrize("missing", range(46, 52))
def test_nothing_is_usual_where_a_quarter_was_never_seen(missing: int) -> None:
    units = {quarter: 1.0 for quarter in range(46, 52) if quarter != missing}

    assert profile_of(units).usual_at(NOW) is None


def test_growth_and_level_are_ratios_between_a_quarter_and_four() -> None:
    usual = Usual(before=0.75, after=1.75)

    assert usual.growth == pytest.approx(2.0)
    assert usual.level(0.25) == pytest.approx(0.5)
    assert Usual(before=0.0, after=9.0).growth == usual.level(50.0) == 4.0
    assert Usual(before=9.0, after=0.0).growth == 0.25


def test_next_to_nothing_has_no_growth_to_speak_of() -> None:
    assert Usual(before=0.001, after=0.01).growth == pytest.approx(1.04, abs=0.01)
