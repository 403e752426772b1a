from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bedrock_autoscaler.domain.fleet.holdings import Ownership, ProvisionedThroughput
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.sizing.balance import NO_BALANCE, Balance
from bedrock_autoscaler.domain.sizing.margins import Margins, margins_of
from bedrock_autoscaler.domain.target import Commitment
from tests.builders import (
    NOW,
    build_fleet,
    build_guard_rails,
    build_pt,
    build_target,
    build_thresholds,
)
from tests.unit.domain.worlds import HALF, UNIT_USD

# As shipped: grow 1.15, keep 0.95, factor of losses 1.25, of scarcity 1.3, patience 0.3, worth of
# a purchase 0.4; 4 releases and 6 purchases a day.
LOSING = Balance(traffic_usd=0.0, saved_usd=-2 * UNIT_USD - 0.01)
EARNED = Balance(traffic_usd=0.0, saved_usd=1000.0)
"""Enough not to count what is paid for as a loss."""


def margins(
    *throughputs: ProvisionedThroughput,
    releases: int = 0,
    purchases: int = 0,
    balance: Balance = NO_BALANCE,
    **target: Any,
) -> Margins:
    fleet = build_fleet(*throughputs, releases_last_day=releases, purchases_last_day=purchases)
    return margins_of(build_target(**target), fleet, balance, economics=HALF, now=NOW)


def test_without_losses_and_with_changes_to_spare_the_settings_hold() -> None:
    assert margins() == Margins(first=1.15, grow=1.15, keep=0.95)
    assert margins(build_pt(1), build_pt(2), balance=EARNED) == Margins(
        first=1.15, grow=1.15, keep=0.95
    )


@pytest.mark.parametrize(
    ("held", "releases", "first"),
    [
        # Of 4 releases two are kept in reserve for what is held and may come.
        (3, 0, 1.15 * 1.3),
        (4, 0, 1.15 * 1.3**2),
        (0, 2, 1.15),
        (0, 3, 1.15 * 1.3),
        (1, 3, 1.15 * 1.3**2),
        (0, 4, 1.15 * 1.3**2),
    ],
)
def test_where_releases_run_short_the_first_unit_must_be_worth_more(
    held: int, releases: int, first: float
) -> None:
    fleet = (build_pt(number) for number in range(held))

    found = margins(*fleet, releases=releases, balance=EARNED)

    assert found.first == pytest.approx(first)
    # Units that come with it need no further release.
    assert found.grow == 1.15


@pytest.mark.parametrize(
    ("made", "allowed", "short"),
    [
        (0, 6, 0.0),
        (3, 6, 0.5),
        (6, 6, 1.0),
        (9, 6, 1.0),
        (0, 3, 0.0),
        (1, 2, 0.5),
        (0, 0, 1.0),
        (9, 15, 0.0),
    ],
)
def test_the_fewer_of_the_last_six_purchases_are_left_the_more_must_one_be_worth(
    made: int, allowed: int, short: float
) -> None:
    rails = build_guard_rails(max_purchases_per_day=allowed)

    # Throttling costs 20 unit prices here.
    found = margins(purchases=made, guard_rails=rails)

    assert found.purchase == pytest.approx(0.4 * short * 19)


def test_a_promise_says_itself_which_units_it_needs() -> None:
    slo = replace(build_target().slo, assure_throttled_share=0.005)

    assert margins(purchases=6, slo=slo).purchase == 0.0


def test_what_is_released_already_or_never_needs_no_release() -> None:
    others = (
        build_pt(1, draining=True),
        build_pt(2, commitment=Commitment.ONE_MONTH),
        build_pt(3, ownership=Ownership.UNMANAGED),
    )

    assert margins(*others, balance=EARNED).first == 1.15


@pytest.mark.parametrize(
    ("releases", "keep"), [(0, 0.95), (1, 0.875), (2, 0.80), (4, 0.65), (9, 0.65)]
)
def test_the_fewer_releases_are_left_the_more_idle_must_a_unit_be(
    releases: int, keep: float
) -> None:
    assert margins(releases=releases).keep == pytest.approx(keep)


def test_with_bounds_that_nobody_reaches_nothing_is_saved_up() -> None:
    rails = build_guard_rails(max_releases_per_day=10_000)

    fleet = (build_pt(number) for number in range(9))

    found = margins(*fleet, releases=9, guard_rails=rails, balance=EARNED)

    assert found.first == 1.15
    assert found.keep == pytest.approx(0.95, abs=0.001)


def test_a_target_that_may_release_nothing_still_has_margins() -> None:
    found = margins(guard_rails=build_guard_rails(max_releases_per_day=0))

    assert found.first == pytest.approx(1.15 * 1.3**2)
    assert found.keep == 0.95


def test_the_keep_margin_does_not_fall_below_nothing() -> None:
    thresholds = build_thresholds(sizing={"keep_margin": 0.2, "patience": 0.3})

    assert margins(releases=4, thresholds=thresholds).keep == 0.0


def test_losses_beyond_their_budget_raise_all_margins_and_are_named() -> None:
    found = margins(balance=LOSING)

    assert found.first == found.grow == pytest.approx(1.15 * 1.25)
    assert found.keep == pytest.approx(0.95 * 1.25)
    assert [reason.code for reason in found.reasons] == [ReasonCode.LOSS_BUDGET_USED]
    assert found.reasons[0].message.startswith(
        "units lately cost 69.31 USD more than they saved, counting what they have yet to earn; "
        "the budget for losses is 69.30"
    )
    assert dict(found.reasons[0].numbers)["factor"] == 1.25


@pytest.mark.parametrize(
    ("balance", "is_spent"),
    [
        (replace(LOSING, saved_usd=-2 * UNIT_USD + 0.01), False),
        (LOSING, True),
        # What was saved long ago does not pay for what is lost lately.
        (replace(EARNED, day_saved_usd=-2 * UNIT_USD + 0.01), False),
        (replace(EARNED, day_saved_usd=-2 * UNIT_USD - 0.01), True),
        # 1.5 % of 100 USD.
        (replace(EARNED, day_traffic_usd=100.0, day_saved_usd=-2 * UNIT_USD - 1.49), False),
        (replace(EARNED, day_traffic_usd=100.0, day_saved_usd=-2 * UNIT_USD - 1.51), True),
    ],
)
def test_no_more_may_be_lost_where_either_budget_is_used_up(
    *, balance: Balance, is_spent: bool
) -> None:
    assert margins(balance=balance).is_spent is is_spent


def test_what_is_paid_for_counts_as_lost_in_both_budgets() -> None:
    # A unit with 20 minutes to run has 11.55 yet to earn.
    pt = build_pt(created_at=NOW - timedelta(minutes=100))
    lately = replace(EARNED, day_saved_usd=-2 * UNIT_USD + 11.54)

    assert margins(pt, balance=lately).is_spent
    assert not margins(balance=lately).is_spent


def test_losses_release_nothing_where_the_cost_of_the_traffic_is_not_known() -> None:
    found = margins_of(
        build_target(), build_fleet(), LOSING, economics=HALF, now=NOW, is_cost_known=False
    )

    assert not found.is_spent
    assert found.keep == 0.95


def test_losses_within_their_budget_change_nothing() -> None:
    allowed = replace(LOSING, saved_usd=-2 * UNIT_USD + 0.01)

    assert margins(balance=allowed) == margins()


@pytest.mark.parametrize(
    ("left", "units", "is_losing"),
    [
        # 2 unit-hours may be lost: 4 units with half an hour to run are as much.
        (30, 4, False),
        (31, 4, True),
        (60, 2, False),
        (60, 3, True),
    ],
)
def test_what_is_paid_for_must_still_be_earned(*, left: int, units: int, is_losing: bool) -> None:
    pt = build_pt(model_units=units, created_at=NOW - timedelta(minutes=120 - left))

    assert bool(margins(pt).reasons) is is_losing


def test_what_is_paid_for_counts_beside_what_was_lost() -> None:
    # A unit with 20 minutes to run has 11.55 yet to earn.
    pt = build_pt(created_at=NOW - timedelta(minutes=100))
    lost = replace(LOSING, saved_usd=-2 * UNIT_USD + 11.56)

    assert not margins(pt, balance=lost).reasons
    assert margins(pt, balance=replace(lost, saved_usd=-2 * UNIT_USD + 11.54)).reasons


def test_commitments_and_units_of_others_are_not_at_stake() -> None:
    term = build_pt(1, model_units=9, commitment=Commitment.ONE_MONTH)
    foreign = build_pt(2, model_units=9, ownership=Ownership.UNMANAGED)

    assert not margins(term, foreign).reasons


def test_a_large_target_may_lose_more() -> None:
    # 1 % of 100 USD.
    large = replace(LOSING, traffic_usd=100.0, saved_usd=-2 * UNIT_USD - 0.99)

    assert margins(balance=large).reasons == ()


def test_losses_and_short_releases_add_up() -> None:
    found = margins(balance=LOSING, releases=4)

    assert found.first == pytest.approx(1.15 * 1.25 * 1.3**2)
    assert found.keep == pytest.approx(0.95 * 1.25 - 0.3)


def test_many_throughputs_and_the_largest_factor_have_a_margin() -> None:
    many = (build_pt(number) for number in range(400))

    found = margins(*many, thresholds=build_thresholds(sizing={"scarcity_factor": 10.0}))

    assert found.first > 1e40


def test_nothing_is_released_for_a_loss_while_what_the_traffic_cost_is_not_known() -> None:
    fleet = build_fleet(build_pt(1))
    found = [
        margins_of(build_target(), fleet, LOSING, economics=HALF, now=NOW, is_cost_known=known)
        for known in (True, False)
    ]

    assert [margin.keep for margin in found] == [0.95 * 1.25, 0.95]
    assert found[0].first == found[1].first
