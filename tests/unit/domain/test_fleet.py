from datetime import timedelta

from bedrock_autoscaler.domain.fleet.holdings import Ownership, Status, minutes_left_paid
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, build_fleet, build_pt


def test_a_started_period_is_paid_whole() -> None:
    pt = build_pt(created_at=NOW - timedelta(minutes=61))

    assert pt.paid_until(NOW, HOUR) == NOW + 59 * MINUTE


def test_a_new_period_starts_exactly_at_the_end_of_the_last() -> None:
    assert minutes_left_paid(build_pt(created_at=NOW - HOUR), NOW, HOUR) == 60


def test_a_clock_behind_the_purchase_sees_its_first_period() -> None:
    pt = build_pt(created_at=NOW + 5 * MINUTE)

    assert pt.paid_until(NOW, HOUR) == NOW + 65 * MINUTE


def test_only_what_is_in_service_and_not_draining_is_routed() -> None:
    assert build_pt().is_routable
    assert not build_pt(draining=True).is_routable
    assert not build_pt(status=Status.UPDATING).is_routable


def test_counts_each_unit_once_by_what_it_is() -> None:
    fleet = build_fleet(
        build_pt(1, model_units=1),
        build_pt(2, model_units=2, status=Status.CREATING, in_service_since=None),
        build_pt(3, model_units=3, draining=True),
        build_pt(4, model_units=4, status=Status.FAILED),
        build_pt(5, model_units=5, status=Status.UPDATING),
        build_pt(6, model_units=6, ownership=Ownership.UNMANAGED, decision_id=None),
        build_pt(7, model_units=7, commitment=Commitment.ONE_MONTH),
        open_purchase_units=8,
    )

    assert fleet.held_units == 36  # 1 + ... + 8: caps count whatever exists or may exist
    assert fleet.in_service_units == 8  # 1 and the committed 7
    assert fleet.pending_units == 10  # creating 2 and open 8
    assert fleet.staying_units == 23  # 1 + 2 + 5 + 7 + 8: an update ends by itself
    assert fleet.committed_units == 7
    assert [pt.model_units for pt in fleet.failed] == [4]
    assert len(fleet.owned) == 6
