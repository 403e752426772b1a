"""CloudWatch's evaluation of a metric alarm: M of N data points, and what a missing one counts as.

Source: "Configuring how CloudWatch alarms treat missing data" of the CloudWatch user guide, read
on 2026-11-21. CloudWatch looks at more periods than N (the evaluation range, whose length it does
not promise; the guide's examples have N + 2), takes the newest N data points that are there, and
fills in the rest only where fewer are there.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

FURTHER_PERIODS = 2
"""How many periods beside N the guide's examples look at."""

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def state(alarm: Mapping[str, Any], periods: Sequence[float | None]) -> str:
    """`ALARM` or `OK` after these periods, the newest last; None: no data point.

    Args:
        alarm: properties of an `AWS::CloudWatch::Alarm`.
        periods: values of the alarm's statistic, at least as many as the evaluation range.
    """
    count = alarm["EvaluationPeriods"]
    needed = alarm.get("DatapointsToAlarm", count)
    compare = _COMPARE[alarm["ComparisonOperator"]]
    evaluated = periods[-(count + FURTHER_PERIODS) :]
    assert len(evaluated) == count + FURTHER_PERIODS, "the evaluation range is longer"
    there = [compare(value, alarm["Threshold"]) for value in evaluated if value is not None]
    missing = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    points = there[-count:] + [missing] * (count - len(there))
    return "ALARM" if sum(points) >= needed else "OK"
