"""Scheduled tick of `publish`: makes routing tables agree with decisions."""

from collections.abc import Mapping

from bedrock_autoscaler.adapters.invocation import (
    InvocationContext,
    InvocationDeadline,
    TickEvent,
)
from bedrock_autoscaler.bootstrap import application


def handler(event: Mapping[str, object], context: InvocationContext) -> dict[str, str]:
    """Publish and project the routing tables; the outcome by target."""
    tick = TickEvent.read(event)
    app = application(context.invoked_function_arn)
    return dict(app.publish(tick.scheduled_time, InvocationDeadline(context)).outcomes)
