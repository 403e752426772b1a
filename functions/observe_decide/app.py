"""Scheduled tick of `observe_decide`: observes, decides, records; spends nothing."""

from collections.abc import Mapping

from bedrock_autoscaler.adapters.invocation import (
    DecidingEvent,
    InvocationContext,
    InvocationDeadline,
)
from bedrock_autoscaler.bootstrap import application


def handler(event: Mapping[str, object], context: InvocationContext) -> dict[str, str]:
    """Decide one tick of the event's loop, or only beat; the outcome by target."""
    tick = DecidingEvent.read(event)
    app = application(context.invoked_function_arn)
    if tick.loop == "heartbeat":
        return dict(app.beat(tick.scheduled_time).outcomes)
    deadline = InvocationDeadline(context)
    return dict(app.observe_and_decide(tick.loop, tick.scheduled_time, deadline).outcomes)
