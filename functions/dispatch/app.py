"""Scheduled tick of `dispatch`: hands each due target to the workers."""

from collections.abc import Mapping

from bedrock_autoscaler.adapters.invocation import InvocationContext, TickEvent
from bedrock_autoscaler.bootstrap import fleet


def handler(event: Mapping[str, object], context: InvocationContext) -> dict[str, str]:
    """Send what is due; how many messages went out."""
    tick = TickEvent.read(event)
    return dict(fleet(context.invoked_function_arn).dispatch(tick.scheduled_time).outcomes)
