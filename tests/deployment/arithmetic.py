"""CloudWatch's evaluation of a metric alarm: M of N data points, and what a missing one counts as.

Source: "Configuring how CloudWatch alarms treat missing data" of the CloudWatch user guide, read
on 2026-11-21. CloudWatch looks at more periods than N (the evaluation range, whose length it does
not promise; the guide's examples have N + 2), takes the newest N data points that are there, and
fills in the rest only where fewer are there. An alarm on `FILL(metric, 0)` of metric math has a
data point in each period, so that its newest N are those of the newest N periods; what FILL makes
of a range without any point is not documented, and does not matter where missing points breach.
"""

import operator
import re
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
    assert len(periods) >= count + FURTHER_PERIODS, "the evaluation range is longer"
    filling = fills_with(alarm)
    evaluated = [
        filling if value is None else value for value in periods[-(count + FURTHER_PERIODS) :]
    ]
    there = [compare(value, alarm["Threshold"]) for value in evaluated if value is not None]
    missing = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    points = there[-count:] + [missing] * (count - len(there))
    return "ALARM" if sum(points) >= needed else "OK"


def watched(alarm: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metric of an alarm with `MetricName`, `Dimensions` and `Period`, also below its math."""
    (query,) = [one for one in alarm.get("Metrics", ()) if "MetricStat" in one] or (None,)
    if query is None:
        return alarm
    return {**query["MetricStat"]["Metric"], "Period": query["MetricStat"]["Period"]}


def fills_with(alarm: Mapping[str, Any]) -> float | None:
    """What the alarm's metric math puts in place of a missing point; None without any math."""
    expressions = [one["Expression"] for one in alarm.get("Metrics", ()) if "Expression" in one]
    if not expressions:
        return None
    (expression,) = expressions
    match = re.fullmatch(r"FILL\(\w+, (\d+)\)", expression)
    assert match, f"the arithmetic of {expression} is not known here"
    return float(match.group(1))
