"""What `act` releases, and what holds a release."""

from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.domain.acting.grounds import Outcome
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.economics.costs import Tier
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.sizing.worth import SizePlan
from tests.builders import MODEL, build_guard_rails, build_pt, build_thresholds, pt_arn
from tests.unit.domain.outcomes import BLOCKER, codes, due, outcome
from tests.unit.domain.worlds import DAY, HALF, ON_DEMAND_USD, build_demand


def test_releases_an_idle_unit_at_the_end_of_its_paid_period() -> None:
    found = outcome(0, 0, due())

    assert found.action == Release(arn=pt_arn(1), model_units=1)
    assert codes(found) == [ReasonCode.RELEASE]


def test_holds_a_unit_that_is_paid_for() -> None:
    found = outcome(0, 0, due(left=50))

    assert found.action is None
    assert codes(found) == [ReasonCode.PAID_PERIOD_RUNS]


def test_releases_one_at_a_time_the_largest_first() -> None:
    found = outcome(0, 0, due(1, units=1), due(2, units=2), due(3, units=2, left=22))

    # Of two equal ones that whose period ends first.
    assert found.action == Release(arn=pt_arn(2), model_units=2)


def test_what_is_too_large_stays_and_a_smaller_one_goes() -> None:
    found = outcome(2, 2, due(1, units=2), due(2, units=1))

    assert found.action == Release(arn=pt_arn(2), model_units=1)
    assert codes(found) == [ReasonCode.WORTH_KEEPING, ReasonCode.RELEASE]


def test_units_on_their_way_do_not_serve_in_place_of_one_that_does() -> None:
    creating = build_pt(2, status=Status.CREATING, in_service_since=None)

    found = outcome(1, 1, due(1), creating)

    assert found.action is None
    assert codes(found) == [ReasonCode.WORTH_KEEPING]


def test_the_least_size_is_never_gone_below() -> None:
    found = outcome(0, 0, due(), guard_rails=build_guard_rails(min_units=1))

    assert found.action is None
    assert codes(found) == [ReasonCode.MIN_UNITS]


def test_a_forecast_alone_releases_nothing() -> None:
    # The unit was in full use in the newest five minutes, and pays for the hour before.
    found = outcome(0, 0, due(), demand=build_demand((2 * DAY, 0.0), (31, 0.95)))

    assert found.action is None
    assert codes(found) == [ReasonCode.BUSY_LATELY]
    assert "95% of" in found.reasons[0].message
    assert "would have been used in the newest 5 minutes" in found.reasons[0].message


def test_busy_minutes_hold_nothing_that_the_hour_did_not_pay_for() -> None:
    # 29 of 60 minutes at 0.95 use 0.46 of it, where 0.475 is worth keeping.
    found = outcome(0, 0, due(), demand=build_demand((2 * DAY, 0.0), (29, 0.95)))

    assert codes(found) == [ReasonCode.RELEASE]


def test_minutes_that_were_not_read_may_have_paid_for_the_hour() -> None:
    demand = build_demand((2 * DAY, 0.0), (1, float("nan")), (30, 0.0), (29, 0.95))

    assert codes(outcome(0, 0, due(), demand=demand)) == [ReasonCode.BUSY_LATELY]


@pytest.mark.parametrize("is_spent", [False, True])
def test_where_no_more_may_be_lost_busy_minutes_hold_nothing(*, is_spent: bool) -> None:
    nothing = np.zeros(3)
    plan = SizePlan(
        grow_to=0,
        worth=nothing,
        use=nothing,
        agreement=nothing,
        keep_worth=nothing,
        sure_worth=nothing,
        first_usd=39.85,
        grow_usd=39.85,
        keep_usd=32.92,
        alternatives=(),
        weights={},
        is_spent=is_spent,
    )

    found = outcome(0, 0, due(), demand=build_demand((2 * DAY, 0.0), (40, 1.0)), plan=plan)

    assert codes(found) == [ReasonCode.RELEASE if is_spent else ReasonCode.BUSY_LATELY]


@pytest.mark.parametrize(("use", "is_released"), [(0.89, True), (0.9, False)])
def test_full_use_begins_at_nine_tenths(*, use: float, is_released: bool) -> None:
    found = outcome(0, 0, due(), demand=build_demand((2 * DAY, use)))

    assert isinstance(found.action, Release) is is_released


@pytest.mark.parametrize(("unit_usd", "is_released"), [(72.0, False), (74.0, True)])
def test_full_use_that_is_not_worth_its_price_holds_nothing(
    *, unit_usd: float, is_released: bool
) -> None:
    """No forecast is needed where traffic costs 69.30 USD elsewhere: 0.95 x 74.00 is 70.30."""
    dear = replace(HALF, unit_usd=unit_usd)

    found = outcome(0, 0, due(), demand=build_demand((2 * DAY, 1.0)), economics=dear)

    assert isinstance(found.action, Release) is is_released


def test_full_use_without_which_calls_would_be_throttled_holds_a_dear_unit() -> None:
    # All that is served on demand is half a unit; the rest would be worth ten times as much.
    tight = Tier(address=MODEL, capacity_units=0.5, usd_per_unit_hour=ON_DEMAND_USD)
    dear = replace(HALF, unit_usd=140.0, tiers=(tight,))

    found = outcome(0, 0, due(), demand=build_demand((2 * DAY, 1.0)), economics=dear)

    assert codes(found) == [ReasonCode.BUSY_LATELY]


def test_what_lies_longer_back_holds_no_release() -> None:
    demand = build_demand((2 * DAY, 1.0), (5, 0.5))

    assert isinstance(outcome(0, 0, due(), demand=demand).action, Release)


def test_the_last_of_several_units_is_judged_by_what_it_served() -> None:
    # A demand of 1.85 units: the first unit was full, the second one served 0.85.
    found = outcome(1, 1, due(1), due(2), demand=build_demand((2 * DAY, 1.85)))

    assert isinstance(found.action, Release)


def test_a_purchase_is_as_busy_as_its_units_on_average() -> None:
    # Of 1.85 units that two units of one purchase served, 0.925 on average.
    found = outcome(0, 0, due(1, units=2), demand=build_demand((2 * DAY, 1.85)))

    assert codes(found) == [ReasonCode.BUSY_LATELY]


def test_one_that_is_busy_leaves_the_choice_to_the_next() -> None:
    # Of 2.85 units the last two of three served 1.85, 0.925 each; the last one served 0.85.
    found = outcome(0, 0, due(1, units=2), due(2), demand=build_demand((2 * DAY, 2.85)))

    assert found.action == Release(arn=pt_arn(2), model_units=1)
    assert codes(found) == [ReasonCode.BUSY_LATELY, ReasonCode.RELEASE]


def test_an_unknown_fact_forbids_a_release_too() -> None:
    assert outcome(0, 0, due(), blockers=(BLOCKER,)) == Outcome(action=None, reasons=())


def test_all_that_holds_a_release_is_named() -> None:
    found = outcome(
        0,
        0,
        due(1),
        due(2, left=50),
        uses_mantle=True,
        fleet={"releases_last_day": 4},
    )

    assert found.action is None
    assert codes(found) == [
        ReasonCode.MANTLE_UNSEEN,
        ReasonCode.RELEASES_PER_DAY,
        ReasonCode.PAID_PERIOD_RUNS,
    ]


def test_the_window_of_a_release_follows_the_settings() -> None:
    # 30 quiet minutes: 2 + 30 + 3 + 3 = 38 minutes of notice.
    thresholds = build_thresholds(draining={"quiet_minutes": 30})

    assert outcome(0, 0, due(left=20), thresholds=thresholds).action is None
    assert outcome(0, 0, due(left=40), thresholds=thresholds).action is not None
