"""Which throughputs may be released now, and when in its paid period each may."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bedrock_autoscaler.domain.acting.gate import releasable
from bedrock_autoscaler.domain.fleet.holdings import Ownership, ProvisionedThroughput, Status
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.thresholds import Draining
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    NOW,
    THRESHOLDS,
    build_fleet,
    build_observation,
    build_pt,
    build_pt_traffic,
    build_target,
    build_thresholds,
)


@pytest.mark.parametrize(
    ("draining", "settling", "minutes"),
    [
        # Silence is what takes longest: 2 + 10 + 3 settled minutes, and 3 for the ticks.
        (THRESHOLDS.draining, 3, 18),
        # Long calls: 2 + 30, 5 for clocks that differ, and 3.
        (replace(THRESHOLDS.draining, longest_request_minutes=30), 3, 40),
    ],
)
def test_a_release_is_decided_early_enough_to_drain(
    draining: Draining, settling: int, minutes: int
) -> None:
    assert draining.notice_minutes(settling) == minutes


def test_where_nothing_drains_no_notice_is_needed() -> None:
    nothing = Draining(
        client_cache_minutes=0,
        longest_request_minutes=0,
        quiet_minutes=0,
        release_window_minutes=5,
    )

    assert nothing.notice_minutes(0) == 0
    assert nothing.lead(0) == timedelta(0)
    # Where no silence is asked for, none has to be seen in settled minutes.
    assert nothing.notice_minutes(3) == 0


def with_left(minutes: float, number: int = 1, **overrides: Any) -> ProvisionedThroughput:
    """A PT whose second paid hour ends in so many minutes."""
    return build_pt(number, created_at=NOW - timedelta(minutes=120 - minutes), **overrides)


def released(
    *throughputs: ProvisionedThroughput,
    seen: bool = True,
    **target: Any,
) -> tuple[list[str], list[ReasonCode]]:
    evidence = tuple(build_pt_traffic(pt.arn, seen=seen) for pt in throughputs)
    found, reasons = releasable(
        build_target(**target),
        build_fleet(*throughputs),
        build_observation(provisioned=evidence),
        NOW,
    )
    return [pt.arn for pt in found], [reason.code for reason in reasons]


@pytest.mark.parametrize(
    ("left", "is_due"), [(17.9, False), (18, True), (22.9, True), (23, False), (60, False)]
)
def test_a_release_is_decided_in_the_last_tick_that_leaves_time_to_drain(
    *, left: float, is_due: bool
) -> None:
    # 18 minutes of notice and ticks 5 minutes apart: 18 to 23 minutes before the end.
    found, reasons = released(with_left(left))

    assert bool(found) is is_due
    assert reasons == ([] if is_due else [ReasonCode.PAID_PERIOD_RUNS])


@pytest.mark.parametrize("quiet", [1, 10, 30, 40, 55, 100])
@pytest.mark.parametrize("period", [5, 15, 60])
@pytest.mark.parametrize("offset", [0.0, 0.1, 0.5, 0.99])
def test_in_each_paid_period_exactly_one_tick_may_release(
    quiet: int, period: int, offset: float
) -> None:
    thresholds = build_thresholds(
        draining={"quiet_minutes": quiet}, sizing={"decision_minutes": period}
    )
    ages = [60 + (offset + tick) * period for tick in range(60 // period)]

    due = [
        bool(released(build_pt(created_at=NOW - age * MINUTE), thresholds=thresholds)[0])
        for age in ages
    ]

    assert due.count(True) == 1


def test_without_drain_the_last_tick_of_the_period_releases() -> None:
    nothing = {
        "client_cache_minutes": 0,
        "longest_request_minutes": 0,
        "quiet_minutes": 0,
    }
    thresholds = build_thresholds(draining=nothing, observing={"settling_minutes": 0})

    # With a purchase on a tick 5 minutes are left then; a whole hour is left at the next one.
    assert released(with_left(5), thresholds=thresholds)[0]
    assert not released(with_left(60), thresholds=thresholds)[0]
    assert not released(with_left(10), thresholds=thresholds)[0]


def test_what_was_never_seen_in_metrics_is_unknown_not_idle() -> None:
    assert released(with_left(20), seen=False) == ([], [ReasonCode.PT_UNSEEN])


def test_what_is_under_a_term_stays() -> None:
    committed = with_left(20, commitment=Commitment.ONE_MONTH, committed_until=NOW)

    assert released(committed) == ([], [ReasonCode.COMMITTED])


@pytest.mark.parametrize(
    "overrides",
    [
        {"status": Status.CREATING},
        {"status": Status.UPDATING},
        {"status": Status.FAILED},
        {"draining": True},
        {"ownership": Ownership.UNMANAGED},
    ],
)
def test_only_what_is_ours_and_in_service_is_a_candidate(overrides: dict[str, Any]) -> None:
    assert released(with_left(20, **overrides)) == ([], [])


def test_each_of_several_is_judged_by_itself() -> None:
    found, reasons = released(with_left(20, 1), with_left(50, 2), with_left(22, 3))

    assert [arn[-1] for arn in found] == ["1", "3"]
    assert reasons == [ReasonCode.PAID_PERIOD_RUNS]
