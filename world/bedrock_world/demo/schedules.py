"""The deployed schedules, fired on virtual time with the events that they would send."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bedrock_autoscaler.domain.units import iso

_PLACEHOLDER = "<aws.scheduler.scheduled-time>"
_EVERY_HOUR = "* * ? *"
_HOUR_MINUTES = 60
_DAILY = re.compile(r"cron\([0-9]+ [0-9]+ \* \* \? \*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One schedule of the stack.

    Attributes:
        function: name of the function that it invokes.
        minutes: of the hour at which it fires.
        event: its input, with the placeholder for the scheduled time.
    """

    name: str
    function: str
    minutes: frozenset[int]
    event: str

    def is_due(self, moment: datetime) -> bool:
        """Whether it fires in the minute of `moment`."""
        return moment.minute in self.minutes

    def event_at(self, moment: datetime) -> Mapping[str, object]:
        """What it sends at `moment`."""
        event: Mapping[str, object] = json.loads(self.event.replace(_PLACEHOLDER, iso(moment)))
        return event


def read_schedules(scheduler: Any, stack: str) -> tuple[Schedule, ...]:  # noqa: ANN401 - no stubs for this service
    """The schedules of the stack, deciding ones first, then those that buy, release and publish.

    EventBridge fires those of one minute together, in any order. One fixed order gives the same
    day for the same trace; it is the one in which each function sees what the minute decided. What
    runs once a day is left out: it asks AWS for its price list, which no emulator has. So is what
    changes endpoints, of which no target has any here.
    """
    pages = scheduler.get_paginator("list_schedules").paginate()
    found = [item for page in pages for item in page["Schedules"]]
    read = [
        scheduler.get_schedule(Name=item["Name"], GroupName=item["GroupName"]) for item in found
    ]
    schedules = [_schedule(item) for item in read if not is_daily(item["ScheduleExpression"])]
    ours = [
        schedule
        for schedule in schedules
        if schedule.function.startswith(f"{stack}-")
        and not schedule.function.endswith("-scale-endpoint")
    ]
    return tuple(sorted(ours, key=lambda schedule: (_rank(schedule), schedule.event)))


def _schedule(described: Mapping[str, Any]) -> Schedule:
    target = described["Target"]
    return Schedule(
        name=described["Name"],
        # arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS
        function=target["Arn"].split(":")[6],
        minutes=minutes_of(described["ScheduleExpression"]),
        event=target.get("Input", "{}"),
    )


def _rank(schedule: Schedule) -> int:
    order: Sequence[str] = ("observe-decide", "purchase", "release", "publish")
    return next((k for k, name in enumerate(order) if schedule.function.endswith(name)), len(order))


def is_daily(expression: str) -> bool:
    """Whether a cron expression of the template names one minute of the day."""
    return _DAILY.fullmatch(expression) is not None


def minutes_of(expression: str) -> frozenset[int]:
    """The minutes of each hour that a cron expression of the template names.

    Raises:
        ValueError: it is of another form.
    """
    inside = expression.removeprefix("cron(").removesuffix(")")
    minute, _, rest = inside.partition(" ")
    if rest != f"* {_EVERY_HOUR}" or inside == expression:
        raise ValueError(f"schedule {expression!r} is not of the form cron(MINUTES * * * ? *)")
    start, _, step = minute.partition("/")
    if minute == "*":
        return frozenset(range(_HOUR_MINUTES))
    if not start.isdigit() or (step and not step.isdigit()):
        raise ValueError(f"schedule {expression!r}: minutes {minute!r} are not M, M/STEP or *")
    return frozenset(range(int(start), _HOUR_MINUTES, int(step) if step else _HOUR_MINUTES))
