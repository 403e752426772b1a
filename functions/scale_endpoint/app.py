"""Scheduled tick of `scale_endpoint`: changes the instances of Marketplace endpoints."""

from collections.abc import Mapping

from bedrock_autoscaler.adapters.invocation import (
    InvocationContext,
    InvocationDeadline,
    TickEvent,
)
from bedrock_autoscaler.bootstrap import application


def handler(event: Mapping[str, object], context: InvocationContext) -> dict[str, str]:
    """Carry out what decisions say of endpoints; the outcome by target."""
    tick = TickEvent.read(event)
    app = application(context.invoked_function_arn)
    return dict(app.scale_endpoint(tick.scheduled_time, InvocationDeadline(context)).outcomes)
