from dataclasses import replace

import pytest

from bedrock_autoscaler.domain.fleet.holdings import Fleet, Ownership, Status
from bedrock_autoscaler.domain.sizing.balance import NO_BALANCE, Balance, opened, settled
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.demand import Demand
from tests.builders import THRESHOLDS, build_fleet, build_pt
from tests.unit.domain.worlds import HALF, build_demand

NAN = float("nan")


def booked(
    demand: Demand, fleet: Fleet, *, minutes: int = 5, before: Balance = NO_BALANCE
) -> Balance:
    return settled(before, demand, fleet, economics=HALF, minutes=minutes)


def test_a_unit_saves_what_it_serves_less_its_price() -> None:
    after = booked(build_demand((60, 0.8)), build_fleet(build_pt()), minutes=60)

    # 0.8 x 69.30 on demand; the unit serves all of it and costs 34.65.
    assert after.traffic_usd == pytest.approx(55.44)
    assert after.saved_usd == pytest.approx(55.44 - 34.65)


def test_an_idle_unit_loses_its_price() -> None:
    after = booked(build_demand((60, 0.0)), build_fleet(build_pt()), minutes=30)

    assert after.traffic_usd == 0.0
    assert after.saved_usd == pytest.approx(-34.65 / 2)


def test_demand_beyond_the_units_saves_nothing() -> None:
    after = booked(build_demand((60, 3.0)), build_fleet(build_pt(model_units=2)), minutes=60)

    assert after.traffic_usd == pytest.approx(3 * 69.30)
    assert after.saved_usd == pytest.approx(2 * (69.30 - 34.65))


def test_a_unit_on_its_way_costs_and_serves_nothing_yet() -> None:
    creating = build_pt(status=Status.CREATING, in_service_since=None)

    after = booked(build_demand((60, 1.0)), build_fleet(creating), minutes=60)

    assert after.traffic_usd == pytest.approx(69.30)
    assert after.saved_usd == pytest.approx(-34.65)


def test_committed_units_are_paid_anyway_and_come_first() -> None:
    committed = build_pt(1, commitment=Commitment.ONE_MONTH)

    after = booked(build_demand((60, 1.5)), build_fleet(committed, build_pt(2)), minutes=60)

    # What is left to the other one is 0.5.
    assert after.traffic_usd == pytest.approx(0.5 * 69.30)
    assert after.saved_usd == pytest.approx(0.5 * 69.30 - 34.65)


def test_units_of_others_are_not_our_expense() -> None:
    foreign = build_pt(ownership=Ownership.UNMANAGED)

    assert booked(build_demand((60, 1.0)), build_fleet(foreign), minutes=60).saved_usd == 0.0


def test_units_of_others_that_serve_come_first_and_save_nothing_of_ours() -> None:
    foreign = build_pt(2, ownership=Ownership.UNMANAGED, model_units=4)
    demand = build_demand((60, 4.5))

    lent = booked(demand, build_fleet(foreign, uses_unmanaged=True), minutes=60)
    both = booked(demand, build_fleet(build_pt(1), foreign, uses_unmanaged=True), minutes=60)

    # What is left to ours is 0.5.
    assert lent.traffic_usd == both.traffic_usd == pytest.approx(0.5 * 69.30)
    assert lent.saved_usd == 0.0
    assert both.saved_usd == pytest.approx(0.5 * 69.30 - 34.65)


def test_a_balance_is_opened_with_what_units_of_others_would_have_left_over() -> None:
    foreign = build_pt(ownership=Ownership.UNMANAGED, model_units=4)
    fleet = build_fleet(foreign, uses_unmanaged=True)

    found = opened(build_demand((60, 4.0)), fleet, economics=HALF, minutes=5)

    assert found == NO_BALANCE


def test_the_newest_minutes_are_booked() -> None:
    after = booked(build_demand((55, 0.0), (5, 1.0)), build_fleet(), minutes=5)

    assert after.traffic_usd == pytest.approx(69.30 * 5 / 60)


def test_gaps_count_like_the_minutes_between_them() -> None:
    after = booked(build_demand((10, 1.0), (10, NAN)), build_fleet(), minutes=20)

    assert after.traffic_usd == pytest.approx(69.30 * 20 / 60)


@pytest.mark.parametrize("minutes", [0, -5])
def test_nothing_is_booked_twice_at_the_same_moment(minutes: int) -> None:
    before = Balance(traffic_usd=10.0, saved_usd=-1.0)

    after = booked(build_demand((60, 1.0)), build_fleet(build_pt()), minutes=minutes, before=before)

    assert after is before


def test_nothing_is_booked_of_minutes_that_nobody_read() -> None:
    before = Balance(traffic_usd=10.0, saved_usd=-1.0)

    assert booked(build_demand((60, NAN)), build_fleet(build_pt()), before=before) is before


def test_a_stopped_loop_books_an_hour_at_most() -> None:
    after = booked(build_demand((600, 1.0)), build_fleet(build_pt()), minutes=600)

    assert after.traffic_usd == pytest.approx(69.30)


def test_money_of_two_weeks_ago_counts_half() -> None:
    before = Balance(traffic_usd=1000.0, saved_usd=-100.0)

    balance = before
    for _ in range(14 * 24):
        balance = booked(build_demand((60, 0.0)), build_fleet(), minutes=60, before=balance)

    assert balance.traffic_usd == pytest.approx(500.0)
    assert balance.saved_usd == pytest.approx(-50.0)


def test_money_of_yesterday_counts_half_for_the_day() -> None:
    balance = Balance(day_traffic_usd=1000.0, day_saved_usd=-100.0)

    for _ in range(24):
        balance = booked(build_demand((60, 0.0)), build_fleet(), minutes=60, before=balance)

    assert balance.day_traffic_usd == pytest.approx(500.0)
    assert balance.day_saved_usd == pytest.approx(-50.0)


def test_a_loss_is_allowed_by_traffic_and_by_the_price_of_units() -> None:
    sizing = replace(THRESHOLDS.sizing, loss_budget_share=0.02, loss_budget_unit_hours=3.0)
    balance = Balance(traffic_usd=1000.0, saved_usd=0.0)

    assert balance.allowed_loss_usd(34.65, sizing) == pytest.approx(20 + 3 * 34.65)
    assert NO_BALANCE.allowed_loss_usd(34.65, sizing) == pytest.approx(3 * 34.65)
