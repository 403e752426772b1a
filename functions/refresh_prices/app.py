"""Scheduled run of `refresh_prices`: reads the AWS Price List and keeps what may be used of it."""

from collections.abc import Mapping

from bedrock_autoscaler.adapters.invocation import InvocationContext, TickEvent
from bedrock_autoscaler.bootstrap import application


def handler(event: Mapping[str, object], context: InvocationContext) -> dict[str, str]:
    """Refresh the price book of this Region; the outcome by Region."""
    TickEvent.read(event)
    app = application(context.invoked_function_arn)
    return dict(app.refresh_prices().outcomes)
