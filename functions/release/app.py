"""Scheduled tick of `release`: withdraws, drains and deletes what decisions give up."""

from collections.abc import Mapping

from bedrock_autoscaler.adapters.invocation import (
    InvocationContext,
    InvocationDeadline,
    TickEvent,
)
from bedrock_autoscaler.bootstrap import application


def handler(event: Mapping[str, object], context: InvocationContext) -> dict[str, str]:
    """Move releases on by one step; the outcome by target."""
    tick = TickEvent.read(event)
    app = application(context.invoked_function_arn)
    return dict(app.release(tick.scheduled_time, InvocationDeadline(context)).outcomes)
