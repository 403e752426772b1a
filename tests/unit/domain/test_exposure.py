"""Further units are bought only with what may be lost until they can leave."""

from dataclasses import replace

import pytest

from bedrock_autoscaler.domain.fleet.holdings import ProvisionedThroughput
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.sizing.balance import NO_BALANCE, Balance
from bedrock_autoscaler.domain.sizing.exposure import affordable
from bedrock_autoscaler.domain.sizing.margins import at_risk_usd
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, build_fleet, build_pt, build_target, build_thresholds

UNIT_USD = 10.0


def saved(usd: float, *, traffic: float = 0.0) -> Balance:
    """Money of today."""
    return Balance(traffic_usd=traffic, saved_usd=usd, day_traffic_usd=traffic, day_saved_usd=usd)


def room(
    wanted: int, *held: ProvisionedThroughput, released: int = 0, balance: Balance = NO_BALANCE
) -> int:
    fleet = build_fleet(*held, releases_last_day=released)
    units, reasons = affordable(wanted, build_target(), fleet, balance, unit_usd=UNIT_USD, now=NOW)
    can_leave = released + len(held) < 4
    code = ReasonCode.LOSS_BUDGET_USED if can_leave else ReasonCode.RELEASES_SHORT
    assert [reason.code for reason in reasons] == [code] * (units < wanted)
    return units


@pytest.mark.parametrize(("held", "released"), [(0, 0), (3, 0), (0, 3), (2, 1)])
def test_while_a_release_is_left_a_unit_risks_the_hours_until_it_can_leave(
    held: int, released: int
) -> None:
    # 20 USD may be lost besides what was saved; what is paid for is at risk already. One throughput
    # leaves an hour, so that each that is held may keep a further one for another hour.
    pts = [build_pt(number) for number in range(held)]
    at_risk = at_risk_usd(build_fleet(*pts), UNIT_USD, build_target().thresholds.sizing, NOW)
    risk = UNIT_USD * (1 + held)

    def spare(usd: float) -> int:
        return room(8, *pts, released=released, balance=saved(at_risk + usd - 20.0))

    assert spare(2 * risk) == 2
    assert spare(8 * risk) == 8
    assert spare(risk - 1.0) == 0


@pytest.mark.parametrize(("share", "hours"), [(0.25, 4), (0.5, 2), (1.0, 1)])
def test_a_share_of_the_units_leaves_in_an_hour(share: float, hours: int) -> None:
    target = build_target()
    rails = replace(
        target.guard_rails, max_release_share_per_hour=share, max_releases_per_day=1_440
    )
    fleet = build_fleet(*(build_pt(number) for number in range(9)))
    at_risk = at_risk_usd(fleet, UNIT_USD, target.thresholds.sizing, NOW)

    def units(usd: float) -> int:
        rich = saved(at_risk + usd - 20.0)
        target_of = replace(target, guard_rails=rails)
        return affordable(8, target_of, fleet, rich, unit_usd=UNIT_USD, now=NOW)[0]

    assert units(3 * hours * UNIT_USD) == 3
    assert units(3 * hours * UNIT_USD - 1.0) == 2


@pytest.mark.parametrize(("minutes", "hours"), [(30, 2.5), (60, 3.0), (120, 6.0)])
def test_where_periods_are_shorter_one_throughput_leaves_an_hour_all_the_same(
    minutes: int, hours: float
) -> None:
    """Of two held ones and the further one: two have an hour each, or their period, it its own."""
    target = build_target(thresholds=build_thresholds(sizing={"billing_minutes": minutes}))
    fleet = build_fleet(*(build_pt(number, created_at=NOW - 9 * HOUR) for number in (1, 2)))
    at_risk = at_risk_usd(fleet, UNIT_USD, target.thresholds.sizing, NOW)

    def units(usd: float) -> int:
        rich = saved(at_risk + usd - 20.0)
        return affordable(8, target, fleet, rich, unit_usd=UNIT_USD, now=NOW)[0]

    assert units(2 * hours * UNIT_USD) == 2
    assert units(2 * hours * UNIT_USD - 1.0) == 1


@pytest.mark.parametrize(("before", "released"), [(2, 0), (2, 2), (0, 4)])
def test_what_was_bought_just_now_is_not_risked_once_more(before: int, released: int) -> None:
    old = [build_pt(number) for number in range(before)]
    hours = 24 if before + released >= 4 else 1 + before
    at_risk = at_risk_usd(build_fleet(*old), UNIT_USD, build_target().thresholds.sizing, NOW)
    # 20 USD may be lost besides what was saved: enough for one unit, and not for two.
    balance = saved(at_risk + 2 * hours * UNIT_USD - 1.0 - 20.0)
    assert room(8, *old, released=released, balance=balance) == 1

    def later(minutes: int) -> int:
        bought = build_pt(9, created_at=NOW - minutes * MINUTE)
        return room(8, *old, bought, released=released, balance=balance)

    assert (later(0), later(5)) == (0, 0)


def test_without_one_a_unit_risks_the_price_of_a_day() -> None:
    # 20 USD may be lost besides what was saved; a unit costs 240 a day.
    assert room(8, released=4) == 0
    assert room(8, released=4, balance=saved(219.0)) == 0
    assert room(8, released=4, balance=saved(220.0)) == 1
    assert room(2, released=4, balance=saved(5_000.0)) == 2


def test_a_share_of_the_traffic_may_be_lost_too() -> None:
    assert room(8, released=4, balance=saved(0.0, traffic=22_000.0)) == 1


def test_what_is_held_needs_its_releases() -> None:
    held = [build_pt(number) for number in range(4)]

    assert room(8, *held) == 0
    assert room(8, *held, balance=saved(5_000.0)) == 8


def test_losses_lower_what_may_be_lost() -> None:
    balance = saved(-600.0, traffic=100_000.0)

    assert room(8, released=4, balance=balance) == 1


def test_savings_of_long_ago_do_not_pay_for_a_day_that_loses() -> None:
    # Of 800 USD of new traffic 12 may be lost, and two unit-hours.
    balance = Balance(saved_usd=5_000.0, day_traffic_usd=800.0, day_saved_usd=-10.0)

    assert room(8, balance=balance) == 2
    assert room(8, balance=replace(balance, day_saved_usd=-30.0)) == 0
    assert room(8, balance=replace(balance, day_saved_usd=48.0)) == 8
