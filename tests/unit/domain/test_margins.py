from dataclasses import replace
from typing import Any

import pytest

from bedrock_autoscaler.domain.balance import NO_BALANCE, Balance
from bedrock_autoscaler.domain.decision import ReasonCode
from bedrock_autoscaler.domain.fleet import Ownership, ProvisionedThroughput
from bedrock_autoscaler.domain.margins import Margins, margins_of
from bedrock_autoscaler.domain.target import Commitment
from tests.builders import build_fleet, build_guard_rails, build_pt, build_target, build_thresholds
from tests.unit.domain.worlds import UNIT_USD

# As shipped: grow 1.15, keep 0.95, factor of losses 1.25, of scarcity 1.3, patience 0.3; 4 releases
# a day.
LOSING = Balance(traffic_usd=0.0, saved_usd=-2 * UNIT_USD - 0.01)


def margins(
    *throughputs: ProvisionedThroughput,
    releases: int = 0,
    balance: Balance = NO_BALANCE,
    **target: Any,
) -> Margins:
    fleet = build_fleet(*throughputs, releases_last_day=releases)
    return margins_of(build_target(**target), fleet, balance, UNIT_USD)


def test_without_losses_and_with_changes_to_spare_the_settings_hold() -> None:
    assert margins() == Margins(first=1.15, grow=1.15, keep=0.95)
    assert margins(build_pt(1), build_pt(2)) == Margins(first=1.15, grow=1.15, keep=0.95)


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
    found = margins(*(build_pt(number) for number in range(held)), releases=releases)

    assert found.first == pytest.approx(first)
    # Units that come with it need no further release.
    assert found.grow == 1.15


def test_what_is_released_already_or_never_needs_no_release() -> None:
    others = (
        build_pt(1, draining=True),
        build_pt(2, commitment=Commitment.ONE_MONTH),
        build_pt(3, ownership=Ownership.UNMANAGED),
    )

    assert margins(*others).first == 1.15


@pytest.mark.parametrize(
    ("releases", "keep"), [(0, 0.95), (1, 0.875), (2, 0.80), (4, 0.65), (9, 0.65)]
)
def test_the_fewer_releases_are_left_the_more_idle_must_a_unit_be(
    releases: int, keep: float
) -> None:
    assert margins(releases=releases).keep == pytest.approx(keep)


def test_with_bounds_that_nobody_reaches_nothing_is_saved_up() -> None:
    rails = build_guard_rails(max_releases_per_day=10_000)

    found = margins(*(build_pt(number) for number in range(9)), releases=9, guard_rails=rails)

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
    assert "lately cost 69.31 USD more than they saved, the budget for losses is 69.30" in (
        found.reasons[0].message
    )
    assert dict(found.reasons[0].numbers)["factor"] == 1.25


def test_losses_within_their_budget_change_nothing() -> None:
    allowed = replace(LOSING, saved_usd=-2 * UNIT_USD + 0.01)

    assert margins(balance=allowed) == margins()


def test_a_large_target_may_lose_more() -> None:
    # 1 % of 100 USD.
    large = replace(LOSING, traffic_usd=100.0, saved_usd=-2 * UNIT_USD - 0.99)

    assert margins(balance=large).reasons == ()


def test_losses_and_short_releases_add_up() -> None:
    found = margins(balance=LOSING, releases=4)

    assert found.first == pytest.approx(1.15 * 1.25 * 1.3**2)
    assert found.keep == pytest.approx(0.95 * 1.25 - 0.3)
