"""Which alarms the deployed template has, and that they can ring."""

from collections.abc import Iterator, Mapping

from tests.deployment.arithmetic import fills_with, watched
from tests.deployment.template import OWN, Properties, Stack


def silence_is_an_alarm(stack: Stack) -> Iterator[str]:
    """A missing heartbeat alarms after two periods, missing points being filled in with zero."""
    beat = stack.of("AWS::CloudWatch::Alarm")["HeartbeatAlarm"]
    knows_math = stack.of("AWS::CloudWatch::CompositeAlarm")  # not so the emulator, AlarmSet=basic
    if knows_math and fills_with(beat) != 0:
        yield "a missing heartbeat is no data point"
    if beat.get("TreatMissingData") != "breaching":
        yield "a missing heartbeat counts as well"
    if (beat["EvaluationPeriods"], beat.get("DatapointsToAlarm", 2)) != (2, 2):
        yield "not two periods"
    if (beat["ComparisonOperator"], beat["Threshold"]) != ("LessThanThreshold", 1):
        yield "the heartbeat's threshold"


def trouble_is_an_alarm(stack: Stack) -> Iterator[str]:
    """What asks for a person, failed functions and dead letters are watched, and tell."""
    heard = {
        (
            metric["MetricName"],
            metric["Dimensions"][0]["Value"],
            tuple(alarm.get("AlarmActions", ())),
        )
        for alarm in stack.of("AWS::CloudWatch::Alarm").values()
        for metric in (watched(alarm),)
        if len(metric["Dimensions"]) == 1
    }
    subjects = [("Errors", function) for function in stack.of("AWS::Lambda::Function")]
    subjects += [
        ("Alarms", OWN),
        ("ApproximateNumberOfMessagesVisible", "DeadLetterQueue.QueueName"),
        ("Heartbeat", OWN),
    ]
    for metric, subject in subjects:
        if (metric, subject, ("AlertTopic",)) not in heard:
            yield f"nobody hears of {metric} of {subject}"


SILENT_FAILURES: Mapping[str, tuple[str, ...]] = {
    "configuration rejected": ("settings_rejected",),
    "open intent older than the grace": ("purchase_unresolved", "purchase_abandoned"),
    "unmanaged PT": ("unmanaged_pt",),
    "PT failed or stuck": ("pt_failed", "pt_stuck"),
    "term ending": ("term_ending",),
    "80 % of a cap": ("spend_near_cap", "stack_near_cap"),
    "100 % of a cap": ("spend_at_cap", "stack_at_cap"),
    "breaker tripped": ("breaker_tripped",),
    "metrics incomplete for 30 minutes": ("metrics_incomplete",),
    "routing publish failed": ("table_kept", "projection_newer"),
    "price book stale": ("price_stale",),
    "a price in doubt": ("price_doubted",),
    "idle paid units": ("idle_units", "idle_while_overflowing"),
    "an endpoint that could not be scaled": ("scaling_failed",),
    "a place out of reach": ("place_unreachable",),
    "ticks late": ("loop_late",),
    "messages lost": ("telling_failed",),
}
"""Alarms that the failure model demands, and the names under which the code counts them. Missing
heartbeat, dead letters and failed functions have metrics of their own (`trouble_is_an_alarm`)."""


def silent_failures_are_alarms(stack: Stack) -> Iterator[str]:
    """Each has a CloudWatch alarm on the count of its name, which rings at the first and tells."""
    alarms = stack.of("AWS::CloudWatch::Alarm").values()
    for failure, names in SILENT_FAILURES.items():
        for name in names:
            wanted = {
                "Namespace": "BedrockAutoscaler",
                "MetricName": "Alarms",
                "Dimensions": [
                    {"Name": "Deployment", "Value": OWN},
                    {"Name": "Alarm", "Value": name},
                ],
                "Statistic": "Sum",
                "EvaluationPeriods": 1,
                "Threshold": 0,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                "AlarmActions": ["AlertTopic"],
            }
            if not any(_has(alarm, wanted) for alarm in alarms):
                yield f"nobody hears of {failure}: {name}"


def _has(alarm: Properties, wanted: Properties) -> bool:
    """Whether the alarm has these properties, and may act: actions are on unless switched off."""
    is_on = alarm.get("ActionsEnabled", True) is True
    return is_on and all(alarm.get(name) == value for name, value in wanted.items())
