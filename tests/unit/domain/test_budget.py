from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bedrock_autoscaler.domain.acting.budget import over_budget
from bedrock_autoscaler.domain.fleet.holdings import Ownership, ProvisionedThroughput, Spend
from bedrock_autoscaler.domain.reason import ReasonCode
from tests.builders import build_fleet, build_guard_rails, build_provisioned, build_pt, build_target

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATE = datetime(2026, 11, 20, 23, 45, tzinfo=UTC)
LAST = datetime(2026, 11, 30, 23, 45, tzinfo=UTC)


def over(
    now: datetime,
    *throughputs: ProvisionedThroughput,
    day: str = "24000",
    month: str = "744000",
    booked: str = "900",
) -> dict[str, ReasonCode]:
    """The last digit of each PT over budget, and the cap; a unit's hour is 60.50 USD."""
    target = build_target(
        guard_rails=build_guard_rails(
            max_usd_per_day=Decimal(day), max_usd_per_month=Decimal(month)
        )
    )
    spend = Spend(day_usd=Decimal(booked), month_usd=Decimal(booked))
    found = over_budget(target, build_fleet(*throughputs, spend=spend), now)
    return {arn[-1]: reason.code for arn, reason in found.items()}


def pt(now: datetime, number: int, left: int, units: int = 1) -> ProvisionedThroughput:
    """A PT whose paid hour ends in so many minutes."""
    created_at = now - timedelta(minutes=120 - left)
    return build_pt(number, created_at=created_at, model_units=units)


def test_what_the_caps_pay_for_may_stay() -> None:
    # 900 + 60.50 = 960.50.
    assert over(NOON, pt(NOON, 1, 20), day="960.50", month="960.50") == {}


def test_a_period_that_would_cross_a_cap_is_over_budget() -> None:
    unit = pt(NOON, 1, 20)

    assert over(NOON, unit, day="960.49") == {"1": ReasonCode.MAX_USD_PER_DAY}
    assert over(NOON, unit, month="960.49") == {"1": ReasonCode.MAX_USD_PER_MONTH}
    assert over(NOON, unit, day="960.49", month="960.49") == {"1": ReasonCode.MAX_USD_PER_DAY}


def test_periods_are_booked_in_the_order_in_which_they_start() -> None:
    # The one that starts first still fits: 960.50; the second would bring 1,021.00.
    assert over(NOON, pt(NOON, 1, 40), pt(NOON, 2, 20), day="1000") == {
        "1": ReasonCode.MAX_USD_PER_DAY
    }


def test_what_leaves_makes_room_for_what_comes_after() -> None:
    # Four units are 242 USD and do not fit; the single one after them does.
    assert over(NOON, pt(NOON, 1, 20, units=4), pt(NOON, 2, 40), day="1000") == {
        "1": ReasonCode.MAX_USD_PER_DAY
    }


def test_a_new_day_has_its_own_cap() -> None:
    # At 23:45 one period starts before midnight and one after it.
    assert over(LATE, pt(LATE, 1, 10), pt(LATE, 2, 20), day="900", month="2000") == {
        "1": ReasonCode.MAX_USD_PER_DAY
    }
    # The month goes on.
    assert over(LATE, pt(LATE, 2, 20), day="900", month="960") == {
        "2": ReasonCode.MAX_USD_PER_MONTH
    }


def test_a_new_month_has_its_own_cap() -> None:
    assert over(LAST, pt(LAST, 1, 20), month="900") == {}


def test_what_leaves_anyway_costs_nothing_more() -> None:
    leaving = build_pt(1, created_at=NOON - timedelta(minutes=100), draining=True)

    assert over(NOON, leaving, pt(NOON, 2, 20), day="960.50") == {}


def test_what_would_come_back_costs_its_next_period() -> None:
    leaving = build_pt(1, created_at=NOON - timedelta(minutes=100), draining=True)
    target = build_target(guard_rails=build_guard_rails(max_usd_per_day=Decimal(60)))

    assert over_budget(target, build_fleet(leaving), NOON) == {}
    assert list(over_budget(target, build_fleet(leaving), NOON, returning=leaving)) == [leaving.arn]


def test_others_pay_for_their_own() -> None:
    foreign = build_pt(1, ownership=Ownership.UNMANAGED, decision_id=None, model_units=8)

    assert over(NOON, foreign, pt(NOON, 2, 20), day="960.50") == {}


def test_without_a_price_nothing_is_known_of_the_budget() -> None:
    for provisioned in (None, build_provisioned(price=None)):
        target = build_target(provisioned=provisioned)
        assert over_budget(target, build_fleet(build_pt()), NOON) == {}
