"""Which throughput leaves first where a day or an hour has no room for all."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.domain.acting.controls import Controls, UnitsOverride
from bedrock_autoscaler.domain.acting.grounds import Outcome
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.fleet.holdings import Ownership, ProvisionedThroughput, Spend, Status
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import Commitment
from tests.builders import NOW, build_guard_rails, build_pt, build_thresholds, pt_arn
from tests.unit.domain.outcomes import codes, due, outcome
from tests.unit.domain.worlds import DAY, build_demand


def test_with_what_left_within_the_hour_a_throughput_must_fit_in_the_share_as_a_whole() -> None:
    """25 % of 8 + 1 units is two; smaller ones would hold the large one back for an hour more."""
    held = (due(1, units=5), due(2), due(3), due(4, left=50))

    found = outcome(0, 0, *held, fleet={"released_last_hour": 1})

    assert found.action is None
    assert codes(found) == [ReasonCode.PAID_PERIOD_RUNS, ReasonCode.RELEASES_PER_HOUR]
    assert f"with the 5 of {pt_arn(1)}" in found.reasons[-1].message
    assert outcome(0, 0, *held).action == Release(arn=pt_arn(1), model_units=5)


def test_the_share_of_an_hour_is_one_of_our_own_units() -> None:
    others = build_pt(9, model_units=20, ownership=Ownership.UNMANAGED)

    found = outcome(0, 0, due(1), others, fleet={"released_last_hour": 1, "uses_unmanaged": True})

    assert found.action is None
    assert codes(found) == [ReasonCode.RELEASES_PER_HOUR]


def one_release_left(*throughputs: ProvisionedThroughput, **limits: Any) -> Outcome:
    """Of the two that a day allows one was made; nothing is worth keeping."""
    rails = build_guard_rails(max_releases_per_day=2, **limits)
    return outcome(0, 0, *throughputs, fleet={"releases_last_day": 1}, guard_rails=rails)


def test_the_last_release_of_a_day_is_kept_for_a_larger_one() -> None:
    found = one_release_left(due(1), due(2, units=2, left=50))

    assert found.action is None
    assert codes(found) == [ReasonCode.PAID_PERIOD_RUNS, ReasonCode.RELEASES_FOR_LARGER]
    assert "waits, with 1 release left today, for 1 larger throughput" in found.reasons[1].message


def test_a_smaller_one_lets_a_far_larger_one_go_first_where_the_hour_has_no_room_for_both() -> None:
    """Else each of three small ones would hold the large one back, and pay five units for it."""
    small = (due(1), due(2, left=40), due(3, left=35))

    found = outcome(0, 0, *small, due(4, units=5, left=55))

    assert found.action is None
    assert found.reasons[-1].code is ReasonCode.RELEASES_FOR_LARGER
    assert found.reasons[-1].message.startswith(f"{pt_arn(1)} waits, which saves")
    assert f"{pt_arn(4)} of 5 units is not to stay either" in found.reasons[-1].message


def test_it_waits_for_two_larger_ones_that_one_after_the_other_would_each_stay_longer() -> None:
    """10.5 unit-hours until all are gone; 14.5 if the single unit went first."""
    found = outcome(0, 0, due(1), due(2, units=2, left=26), due(3, units=2, left=36))

    assert found.action is None
    assert "which saves 4.0 unit-hours" in found.reasons[-1].message


def test_it_waits_for_a_far_larger_one_that_a_person_wants_gone_however_busy() -> None:
    """What a person set asks nobody whether units are in use, so the larger one leaves, too."""
    until = NOW + timedelta(hours=5)
    controls = Controls(units=UnitsOverride(units=0, until=until, by="jane"))
    busy = build_demand((2 * DAY, 6.0))

    found = outcome(0, 0, due(1), due(2, units=5, left=50), demand=busy, controls=controls)

    assert found.action is None
    assert found.reasons[-1].code is ReasonCode.RELEASES_FOR_LARGER


def test_it_waits_for_a_far_larger_one_whose_next_hour_no_cap_pays_for() -> None:
    """All six units are worth keeping but one; the five of one throughput cross the day's cap."""
    rails = build_guard_rails(max_usd_per_day=Decimal(100))
    spent = {"spend": Spend(day_usd=Decimal(50), month_usd=Decimal(50))}

    found = outcome(0, 5, due(1), due(2, units=5, left=50), guard_rails=rails, fleet=spent)

    assert found.action is None
    assert found.reasons[-1].code is ReasonCode.RELEASES_FOR_LARGER


@pytest.mark.parametrize("releases", [1, 10])
@pytest.mark.parametrize("large", [due(2, units=5, left=50), due(2, units=5)], ids=["later", "now"])
def test_it_waits_for_no_other_that_the_cap_pays_for_once_it_is_gone(
    large: ProvisionedThroughput, releases: int
) -> None:
    """50 USD and five units at 34.65 are 223.25; with the sixth, five worth keeping would go."""
    rails = build_guard_rails(max_usd_per_day=Decimal(225), max_releases_per_day=releases)
    spent = {"spend": Spend(day_usd=Decimal(50), month_usd=Decimal(50))}

    found = outcome(0, 5, due(1), large, guard_rails=rails, fleet=spent)

    assert found.action == Release(arn=pt_arn(1), model_units=1)


def test_what_the_cap_does_not_pay_for_either_way_leaves_before_what_nobody_needs() -> None:
    """50 USD and five units at 34.65 are 223.25 also without the sixth."""
    rails = build_guard_rails(max_usd_per_day=Decimal(200))
    spent = {"spend": Spend(day_usd=Decimal(50), month_usd=Decimal(50))}

    found = outcome(0, 5, due(1), due(2, units=5), guard_rails=rails, fleet=spent)

    assert found.action == Release(arn=pt_arn(2), model_units=5)


@pytest.mark.parametrize(
    ("keep", "other", "changed"),
    [
        (0, due(2, units=2, left=50), {}),
        (0, due(2, units=3, left=50), {"guard_rails": build_guard_rails(min_units=3)}),
        (3, due(2, units=3, left=50), {}),
        (
            0,
            due(2, units=3, left=50),
            {"guard_rails": build_guard_rails(max_release_share_per_hour=1.0)},
        ),
    ],
    ids=["hardly larger", "least size", "worth keeping", "both fit"],
)
def test_it_waits_for_no_other(
    keep: int, other: ProvisionedThroughput, changed: dict[str, Any]
) -> None:
    found = outcome(0, keep, due(1), other, **changed)

    assert found.action == Release(arn=pt_arn(1), model_units=1)


def test_it_waits_for_no_other_whose_turn_comes_hours_later() -> None:
    now, later = (
        build_pt(number, model_units=units, created_at=NOW - timedelta(minutes=480 - left))
        for number, units, left in ((1, 1, 20), (2, 5, 300))
    )

    found = outcome(0, 0, now, later, thresholds=build_thresholds(sizing={"billing_minutes": 480}))

    assert found.action == Release(arn=pt_arn(1), model_units=1)


def test_with_a_release_for_each_a_smaller_one_goes_first() -> None:
    found = outcome(0, 0, due(1), due(2, units=2, left=50))

    assert found.action == Release(arn=pt_arn(1), model_units=1)


@pytest.mark.parametrize(
    "other",
    [
        due(2, units=1, left=50),
        build_pt(2, model_units=2, commitment=Commitment.ONE_MONTH),
        build_pt(2, model_units=2, status=Status.CREATING, in_service_since=None),
    ],
    ids=["as small", "committed", "not in service"],
)
def test_it_is_not_kept_for_what_would_not_leave(other: ProvisionedThroughput) -> None:
    found = one_release_left(due(1), other)

    assert found.action == Release(arn=pt_arn(1), model_units=1)


def test_it_is_not_kept_for_what_leaves_already() -> None:
    leaving = replace(due(2, units=2, left=50), draining=True)

    found = one_release_left(due(1), leaving, due(3, left=50), due(4, left=50))

    assert found.action == Release(arn=pt_arn(1), model_units=1)


def test_it_is_not_kept_for_what_never_showed_in_metrics() -> None:
    """That is unknown, not idle: nothing of it is released."""
    found = outcome(0, 0, due(1), due(2, units=5, left=50), unseen=frozenset({2}))

    assert found.action == Release(arn=pt_arn(1), model_units=1)


def test_it_waits_for_no_other_that_is_in_full_use_now() -> None:
    """Of 5.6 units the last one serves 0.6, the last five together 4.6 of 5."""
    busy = build_demand((2 * DAY, 5.6))

    found = outcome(0, 0, due(1), due(2, units=5, left=50), demand=busy)

    assert found.action == Release(arn=pt_arn(1), model_units=1)


def test_what_no_cap_pays_for_waits_for_no_other() -> None:
    """Its next hour would cross the cap of the day, and would be the larger one's fault."""
    rails = build_guard_rails(max_usd_per_day=Decimal(100))
    spent = {"spend": Spend(day_usd=Decimal(90), month_usd=Decimal(90))}

    found = outcome(0, 0, due(1), due(2, units=5, left=50), guard_rails=rails, fleet=spent)

    assert found.action == Release(arn=pt_arn(1), model_units=1)


def test_it_is_not_kept_for_what_the_least_size_holds() -> None:
    found = one_release_left(due(1), due(2, units=2, left=50), min_units=2)

    assert found.action == Release(arn=pt_arn(1), model_units=1)
