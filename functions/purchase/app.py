"""Scheduled tick of `purchase`: buys what decisions ask for."""

from collections.abc import Mapping

from bedrock_autoscaler.adapters.invocation import (
    InvocationContext,
    InvocationDeadline,
    TickEvent,
)
from bedrock_autoscaler.bootstrap import application


def handler(event: Mapping[str, object], context: InvocationContext) -> dict[str, str]:
    """Settle open purchases, then buy; the outcome by target."""
    tick = TickEvent.read(event)
    app = application(context.invoked_function_arn)
    return dict(app.purchase(tick.scheduled_time, InvocationDeadline(context)).outcomes)
