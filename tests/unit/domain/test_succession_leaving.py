"""When the old model of a target leaves: not before the new one serves, and the largest in time."""

from typing import Any

import pytest

from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_guard_rails, pt_arn
from tests.unit.domain.successions import codes, new, numbers, old, outcome, situation
from tests.unit.domain.worlds import DAY, build_demand


def test_the_old_one_stays_while_the_new_one_is_created() -> None:
    creating = new(2, units=2, status=Status.CREATING, in_service_since=None)

    found = outcome(situation(old(1, units=2), creating, routed=(1,), succession=2))

    assert found.action is None
    assert numbers(found, ReasonCode.MODEL_CHANGED)["ready_units"] == 0.0


def test_the_old_one_stays_until_the_table_in_force_names_the_new_one() -> None:
    found = outcome(situation(old(1, units=2), new(2, units=2), routed=(1,), succession=2))

    assert found.action is None


def test_then_it_drains_at_the_end_of_its_paid_period_however_busy() -> None:
    given = situation(old(1, units=2), new(2, units=2), routed=(1, 2), succession=2)

    found = outcome(given)

    assert found.action == Release(arn=pt_arn(1), model_units=2)


def test_a_far_larger_old_one_leaves_first_where_the_hour_has_no_room_for_both() -> None:
    """25 % of 12 units is three: each hour a small one would hold the five units for one more."""
    held = (old(1), old(2, units=5, left=50))

    found = outcome(situation(*held, new(3, units=6), routed=(1, 2, 3), succession=6))

    assert found.action is None
    assert ReasonCode.RELEASES_FOR_LARGER in codes(found)


def test_the_last_release_of_a_day_is_for_the_larger_old_one() -> None:
    held = (old(1), old(2, units=2, left=50))
    given = situation(
        *held,
        new(3, units=3),
        routed=(1, 2, 3),
        succession=3,
        fleet={"releases_last_day": 1},
        guard_rails=build_guard_rails(max_releases_per_day=2),
    )

    found = outcome(given)

    assert found.action is None
    assert ReasonCode.RELEASES_FOR_LARGER in codes(found)


def test_an_old_one_waits_for_no_larger_one_that_callers_still_need() -> None:
    """Six of the new model serve, but no table names them yet: of the six old ones five are."""
    held = (old(1), old(2, units=5, left=50), new(3, units=6))
    given = situation(*held, routed=(1, 2), succession=6)

    found = outcome(given, grow_to=5, keep=5, demand=build_demand((2 * DAY, 0.0)))

    assert found.action == Release(arn=pt_arn(1), model_units=1)


def test_a_replaced_one_waits_for_no_larger_one_that_unseen_traffic_holds() -> None:
    """The larger one is idle as far as is seen, but not replaced: it stays while mantle is used."""
    held = (old(1), old(2, units=5, left=50), new(3, units=3))
    given = situation(*held, routed=(1, 2, 3), succession=6, uses_mantle=True)

    found = outcome(given, grow_to=0, keep=0, demand=build_demand((2 * DAY, 0.0)))

    assert found.action == Release(arn=pt_arn(1), model_units=1)


def test_it_is_not_given_up_in_the_middle_of_its_paid_period() -> None:
    early = old(1, units=2, left=50)

    found = outcome(situation(early, new(2, units=2), routed=(1, 2), succession=2))

    assert found.action is None
    assert ReasonCode.PAID_PERIOD_RUNS in codes(found)


def test_the_new_one_never_leaves_before_the_old_one() -> None:
    due = new(2, units=2, created_at=NOW - 100 * MINUTE)
    early = old(1, units=2, left=50)

    found = outcome(situation(early, due, routed=(1, 2), succession=2), grow_to=0, keep=0)

    assert found.action is None
    assert "leave first" in found.reasons[-1].message


@pytest.mark.parametrize("blind", [{"uses_mantle": True}])
def test_traffic_that_is_not_seen_holds_no_replaced_throughput(blind: dict[str, Any]) -> None:
    replaced = situation(old(1, units=2), new(2, units=2), routed=(1, 2), succession=2, **blind)
    plain = situation(new(1, created_at=NOW - 100 * MINUTE), routed=(1,), **blind)

    assert isinstance(outcome(replaced).action, Release)
    assert outcome(plain, grow_to=0, keep=0).action is None
