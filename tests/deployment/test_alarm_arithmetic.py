"""When each alarm of the template rings, and when it is silent again, by AWS's own rules."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.deployment.arithmetic import state, watched
from tests.deployment.template import stack

pytestmark = pytest.mark.xdist_group("template")

GAP = None  # no data point
GUIDE: tuple[tuple[str, int, str, str], ...] = (
    # of the newest five periods, points needed of three, with missing ones breaching, and not
    ("0 - X - X", 3, "OK", "OK"),
    ("- - - - 0", 3, "OK", "OK"),
    ("- - - - -", 3, "ALARM", "OK"),
    ("0 X X - X", 3, "ALARM", "ALARM"),
    ("- - X - -", 3, "ALARM", "OK"),
    ("0 - X - X", 2, "ALARM", "ALARM"),
    ("0 0 X 0 X", 2, "ALARM", "ALARM"),
    ("0 - X - -", 2, "ALARM", "OK"),
    ("- - - - 0", 2, "ALARM", "OK"),
    ("- - - - X", 2, "ALARM", "OK"),
)
"""The rows of both tables of the user guide."""


@pytest.mark.parametrize(("points", "needed", "breaching", "not_breaching"), GUIDE)
def test_the_arithmetic_is_that_of_the_user_guide(
    points: str, needed: int, breaching: str, not_breaching: str
) -> None:
    values = [{"0": 0.0, "X": 1.0, "-": None}[point] for point in points.split()]
    alarm = {
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": needed,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
    }

    found = [
        state(alarm | {"TreatMissingData": treatment}, values)
        for treatment in ("breaching", "notBreaching")
    ]

    assert found == [breaching, not_breaching]


COUNTED = (
    "AttentionAlarm", "BreakerAlarm", "DeadLetterAlarm", "FailedAlarm",
    "IdleUnitsAlarm", "IdleWhileOverflowingAlarm", "LoopLateAlarm", "MetricsIncompleteAlarm",
    "PlaceUnreachableAlarm",
    "PriceDoubtedAlarm", "PriceStaleAlarm", "ProjectionNewerAlarm", "PurchaseAbandonedAlarm",
    "PurchaseUnresolvedAlarm", "SettingsRejectedAlarm", "SpendAtCapAlarm", "SpendNearCapAlarm",
    "RefreshPricesErrorsAlarm", "ScalingFailedAlarm",
    "StackAtCapAlarm", "StackNearCapAlarm", "StuckAlarm", "TableKeptAlarm", "TellingFailedAlarm",
    "TermEndingAlarm", "UnmanagedAlarm",
)  # fmt: skip
"""Alarms on a count: they ring at the first, and the log and the message say the rest."""

FAILING = (
    "ObserveDecideErrorsAlarm",
    "PublishErrorsAlarm",
    "PurchaseErrorsAlarm",
    "ReleaseErrorsAlarm",
    "ScaleEndpointErrorsAlarm",
)
"""Alarms on failed runs: one failure is made good by the next tick, two in five minutes are not."""

type Row = tuple[str, Sequence[float | None], str]

ROWS: Mapping[tuple[str, ...], tuple[Row, ...]] = {
    COUNTED: (
        ("nothing was ever counted", (GAP, GAP, GAP), "OK"),
        ("counted in the newest period", (GAP, GAP, 1.0), "ALARM"),
        ("counted several times", (GAP, GAP, 12.0), "ALARM"),
        ("a zero is no count", (1.0, GAP, 0.0), "OK"),
        ("the last count is still in the evaluation range", (1.0, GAP, GAP), "ALARM"),
        ("it has left the evaluation range", (1.0, GAP, GAP, GAP), "OK"),
        ("what lasts is counted each period", (1.0, 1.0, 1.0), "ALARM"),
    ),
    FAILING: (
        ("no run", (GAP, GAP, GAP, GAP, GAP, GAP, GAP), "OK"),
        ("all runs went well", (0.0,) * 7, "OK"),
        ("one failure in five runs", (0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0), "OK"),
        ("two failures in five runs", (0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0), "ALARM"),
        ("two failures, the first of them six runs ago", (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0), "OK"),
        ("two failures, then no run any more", (GAP, GAP, 1.0, 1.0, GAP, GAP, GAP), "ALARM"),
        ("one failure, then no run any more", (GAP, GAP, GAP, 1.0, GAP, GAP, GAP), "OK"),
    ),
    ("HeartbeatAlarm",): (
        ("a beat in each period", (1.0, 1.0, 1.0, 1.0), "OK"),
        ("two in one period, after a late tick", (1.0, GAP, 2.0, 1.0), "OK"),
        ("one period without, or its beat is not there yet", (1.0, 1.0, 1.0, GAP), "OK"),
        ("two periods without", (1.0, 1.0, GAP, GAP), "ALARM"),
        ("every second period without", (GAP, 1.0, GAP, 1.0), "OK"),
        ("silence", (GAP, GAP, GAP, GAP), "ALARM"),
        ("a period that counts zero beats is as bad as none", (0.0, 0.0, GAP, GAP), "ALARM"),
        ("it beats again", (GAP, GAP, 1.0, 1.0), "OK"),
    ),
}


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        pytest.param(name, values, expected, id=f"{name}: {why}")
        for names, rows in ROWS.items()
        for name in names
        for why, values, expected in rows
    ],
)
def test_each_alarm_rings_when_it_should(
    name: str, values: Sequence[float | None], expected: str
) -> None:
    assert state(stack().of("AWS::CloudWatch::Alarm")[name], values) == expected


def test_every_alarm_has_its_rows() -> None:
    shown = [name for names in ROWS for name in names]

    assert sorted(shown) == sorted(stack().of("AWS::CloudWatch::Alarm"))


@pytest.mark.parametrize(("alarms", "periods"), [("full", 2), ("basic", 4)])
def test_a_missing_heartbeat_rings_after_two_periods_and_four_without_metric_math(
    alarms: str, periods: int
) -> None:
    alarm = stack(AlarmSet=alarms).of("AWS::CloudWatch::Alarm")["HeartbeatAlarm"]
    beats: tuple[float | None, ...] = (1.0,) * 4

    silent = next(n for n in range(9) if state(alarm, (*beats, *(GAP,) * n)) == "ALARM")

    assert silent == periods
    assert watched(alarm)["MetricName"] == "Heartbeat"
    assert "for two periods" in alarm["AlarmDescription"]


LASTING = 3600
"""What is counted at each capacity tick, at most an hour apart, needs a period of an hour."""


def test_what_lasts_keeps_its_alarm_on_at_the_slowest_schedule() -> None:
    """With a capacity tick an hour, a count falls into each period, whatever its phase."""
    alarms = stack().of("AWS::CloudWatch::Alarm")
    slow = {name for name, alarm in alarms.items() if watched(alarm)["Period"] == LASTING}

    assert slow == {
        "BreakerAlarm", "IdleUnitsAlarm", "IdleWhileOverflowingAlarm", "MetricsIncompleteAlarm",
        "PriceStaleAlarm", "SpendAtCapAlarm", "SpendNearCapAlarm", "StackAtCapAlarm",
        "StackNearCapAlarm", "TermEndingAlarm", "UnmanagedAlarm",
    }  # fmt: skip


@pytest.mark.parametrize("minutes", ["1", "2", "5"])
def test_the_heartbeat_is_looked_for_at_the_pace_of_the_ticks(minutes: str) -> None:
    alarm: Mapping[str, Any] = stack(RoutingMinutes=minutes).of("AWS::CloudWatch::Alarm")[
        "HeartbeatAlarm"
    ]

    assert watched(alarm)["Period"] == 60 * int(minutes)
    assert alarm["ActionsEnabled"] is True


def test_a_stopped_clock_rings_no_alarm() -> None:
    alarm = stack(SchedulesState="DISABLED").of("AWS::CloudWatch::Alarm")["HeartbeatAlarm"]

    assert alarm["ActionsEnabled"] is False
