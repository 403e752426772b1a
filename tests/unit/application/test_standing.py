"""What lasts is an alarm at each capacity tick, and only while it lasts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from bedrock_autoscaler.application.telling.standing import report_standing
from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.fleet.holdings import Ownership, Spend, Status
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import Commitment, OptionKind
from bedrock_autoscaler.domain.units import MINUTE, moment_text
from tests.builders import (
    MODEL,
    NOW,
    build_decision,
    build_fleet,
    build_guard_rails,
    build_observation,
    build_provisioned,
    build_pt,
    build_pt_traffic,
    build_situation,
    build_target,
    build_traffic,
    pt_arn,
)
from tests.fakes.recording_reporter import RecordingReporter
from tests.unit.domain.test_ladder import study

DAY = timedelta(days=1)


def alarms(situation: Situation, *reasons: Reason) -> dict[str, str]:
    """Text by alarm."""
    reporter = RecordingReporter()
    report_standing(situation, build_decision(reasons=reasons), reporter)
    assert {alarm.target for alarm in reporter.alarms} <= {"chat"}
    return {alarm.alarm: alarm.message for alarm in reporter.alarms}


def test_a_fleet_in_order_is_silent() -> None:
    assert alarms(build_situation(fleet=build_fleet(build_pt()))) == {}


def test_an_unmanaged_pt_is_an_alarm() -> None:
    pt = build_pt(ownership=Ownership.UNMANAGED, model_units=2)

    found = alarms(build_situation(fleet=build_fleet(pt)))

    assert found["unmanaged_pt"].startswith(f"{pt.arn} of 2 units is not ours")


@pytest.mark.parametrize(("minutes", "is_alarm"), [(59, False), (60, True), (200, True)])
def test_a_pt_that_failed_and_outlives_its_paid_hour_is_an_alarm_with_its_cost(
    minutes: int, *, is_alarm: bool
) -> None:
    """It is given up within that hour, unless a person or a bound keeps it from leaving."""
    pt = build_pt(status=Status.FAILED, created_at=NOW - minutes * MINUTE, in_service_since=None)

    found = alarms(build_situation(fleet=build_fleet(pt)))

    assert ("pt_failed" in found) is is_alarm
    if minutes == 200:
        assert found["pt_failed"] == (
            f"{pt.arn} failed to come into service and still stands; "
            "242.0 USD have been paid for it so far"
        )


@pytest.mark.parametrize(
    ("day", "month", "alarm"),
    [
        ("79.99", "0", None),
        ("80", "0", "spend_near_cap"),
        ("99.99", "0", "spend_near_cap"),
        ("100", "0", "spend_at_cap"),
        ("120", "0", "spend_at_cap"),
        ("0", "800", "spend_near_cap"),
        ("0", "1000", "spend_at_cap"),
    ],
)
def test_four_fifths_of_a_cap_and_all_of_it_are_alarms(
    day: str, month: str, alarm: str | None
) -> None:
    rails = build_guard_rails(max_usd_per_day=Decimal(100), max_usd_per_month=Decimal(1000))
    spend = Spend(day_usd=Decimal(day), month_usd=Decimal(month))
    situation = build_situation(
        target=build_target(guard_rails=rails), fleet=build_fleet(spend=spend)
    )

    assert list(alarms(situation)) == ([alarm] if alarm else [])


def test_nothing_booked_under_a_cap_of_zero_is_no_alarm() -> None:
    rails = build_guard_rails(max_usd_per_day=Decimal(0), max_usd_per_month=Decimal(0))

    assert alarms(build_situation(target=build_target(guard_rails=rails))) == {}


@pytest.mark.parametrize(
    ("left", "is_alarm"),
    [
        (30 * DAY + MINUTE, False),
        (30 * DAY, True),
        (29 * DAY - MINUTE, False),
        (14 * DAY + MINUTE, False),
        (14 * DAY, True),
        (13 * DAY + MINUTE, True),
        (13 * DAY, False),
        (7 * DAY - MINUTE, True),
        (6 * DAY - MINUTE, False),
        (3 * DAY - MINUTE, True),
        (2 * DAY - MINUTE, False),
        (DAY + MINUTE, False),
        (DAY, True),
        (MINUTE, True),
        (timedelta(0), False),
        (-MINUTE, False),
    ],
)
def test_a_term_is_an_alarm_on_five_days_before_its_end(left: timedelta, *, is_alarm: bool) -> None:
    pt = build_pt(commitment=Commitment.ONE_MONTH, committed_until=NOW + left)

    found = alarms(build_situation(fleet=build_fleet(pt)))

    assert ("term_ending" in found) is is_alarm


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (datetime(2028, 2, 28, 12, tzinfo=UTC), datetime(2028, 2, 29, 6, tzinfo=UTC)),
        (datetime(2027, 2, 28, 12, tzinfo=UTC), datetime(2027, 3, 1, 6, tzinfo=UTC)),
        (datetime(2026, 12, 31, 12, tzinfo=UTC), datetime(2027, 1, 1, 6, tzinfo=UTC)),
        (datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 31, 6, tzinfo=UTC)),
    ],
)
def test_the_end_of_a_month_and_a_leap_day_are_days_like_others(
    now: datetime, until: datetime
) -> None:
    pt = build_pt(commitment=Commitment.ONE_MONTH, committed_until=until)
    situation = build_situation(fleet=build_fleet(pt), scheduled_at=now)

    assert moment_text(until) in alarms(situation)["term_ending"]


@pytest.mark.parametrize(("uses_unmanaged", "verdict"), [(False, "keep:"), (True, "drop:")])
def test_units_of_others_that_serve_stand_below_a_term(
    verdict: str, *, uses_unmanaged: bool
) -> None:
    pt = build_pt(commitment=Commitment.ONE_MONTH, committed_until=NOW + 7 * DAY)
    foreign = build_pt(2, ownership=Ownership.UNMANAGED)
    fleet = build_fleet(pt, foreign, uses_unmanaged=uses_unmanaged)
    observation = build_observation(commitment=study(60.0, 10.0))

    found = alarms(build_situation(fleet=fleet, observation=observation))

    assert verdict in found["term_ending"]


def idle(quiet: int, *, served: int = 120, seen: bool = True, **overrides: Any) -> Situation:
    """One unit that has served so many minutes, the newest of them without a call."""
    pt = build_pt(
        **{
            "created_at": NOW - (served + 15) * MINUTE,
            "in_service_since": NOW - served * MINUTE,
            **overrides,
        }
    )
    evidence = build_pt_traffic(pt.arn, quiet_minutes=quiet, seen=seen)
    return build_situation(
        fleet=build_fleet(pt), observation=build_observation(provisioned=(evidence,))
    )


def test_a_unit_without_a_call_for_a_paid_hour_is_an_alarm_with_its_cost_so_far() -> None:
    found = alarms(idle(quiet=60))

    # Created 135 minutes ago: three hours have started, at 60.50 USD each.
    assert found["idle_units"].endswith("is idle; 181.5 USD have been paid for it so far")


@pytest.mark.parametrize(
    ("weight", "why"),
    [
        (1.0, "callers do not follow the table"),
        (0.0, "the table sends no call there first"),  # a person put another way first
        (None, "the table sends no call there first"),
    ],
)
def test_a_unit_that_is_idle_while_calls_go_on_demand_says_why(
    weight: float | None, why: str
) -> None:
    situation = idle(quiet=60)
    if weight is not None:
        paid = Route(kind=OptionKind.PROVISIONED, address=pt_arn(1), weight=weight)
        situation = replace(situation, routes=(paid,))
    served = ((MODEL, build_traffic(60, invocations=2.0)),)
    silent = ((MODEL, build_traffic(60, invocations=0.0)),)

    overflowing = replace(situation, observation=replace(situation.observation, by_option=served))
    quiet = replace(situation, observation=replace(situation.observation, by_option=silent))

    # Two calls a minute in the newest thirty minutes.
    assert "is idle while 60 calls" in alarms(overflowing)["idle_while_overflowing"]
    assert f"{why}; 181.5 USD have been paid" in alarms(overflowing)["idle_while_overflowing"]
    assert "idle_while_overflowing" not in alarms(quiet)


@pytest.mark.parametrize(
    "situation",
    [
        idle(quiet=59),
        idle(quiet=59, served=59),
        idle(quiet=0, served=59, seen=False),
        idle(quiet=90, status=Status.UPDATING),
        idle(quiet=90, in_service_since=None),
        idle(quiet=90, ownership=Ownership.UNMANAGED),
    ],
)
def test_a_unit_that_works_is_new_or_is_not_ours_is_not_idle(situation: Situation) -> None:
    assert "idle_units" not in alarms(situation)


def test_a_unit_that_never_showed_in_metrics_is_said_to_be_unknown() -> None:
    found = alarms(idle(quiet=0, served=60, seen=False))

    assert "is idle or never seen in metrics" in found["idle_units"]


def test_what_is_not_known_of_the_cost_is_said() -> None:
    unpriced = build_target(provisioned=build_provisioned(price=None))
    committed = idle(quiet=60, commitment=Commitment.ONE_MONTH, committed_until=NOW + 20 * DAY)
    plain = idle(quiet=60)

    assert "paid in any case" in alarms(committed)["idle_units"]
    assert alarms(
        build_situation(fleet=plain.fleet, observation=plain.observation, target=unpriced)
    )["idle_units"].endswith("its price is unknown")


@pytest.mark.parametrize(
    ("gaps", "is_alarm"), [(0, False), (3, False), (4, True), (30, True), (120, False)]
)
def test_half_an_hour_with_gaps_is_an_alarm_unless_nothing_was_ever_read(
    gaps: int, *, is_alarm: bool
) -> None:
    """Of 30 minutes, 3 missing ones leave the 90 % that are enough; all 120 are a new stack."""
    calls = np.full(120, 60.0)
    calls[120 - gaps :] = np.nan
    traffic = build_traffic(120, invocations=calls)

    found = alarms(build_situation(observation=build_observation(traffic=traffic)))

    assert ("metrics_incomplete" in found) is is_alarm


def test_a_stale_price_is_an_alarm() -> None:
    reason = Reason(code=ReasonCode.PRICE_STALE, message="the price is 91 days old", numbers=())

    assert alarms(build_situation(), reason) == {"price_stale": "the price is 91 days old"}
