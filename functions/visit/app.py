"""A batch of `visit`: decides the targets of up to ten messages; what failed comes again."""

from collections.abc import Mapping
from typing import Any

from bedrock_autoscaler.adapters.invocation import InvocationContext, InvocationDeadline
from bedrock_autoscaler.bootstrap import decide_messages


def handler(event: Mapping[str, Any], context: InvocationContext) -> dict[str, object]:
    """Decide each message's target; SQS keeps those that are told as failed."""
    return decide_messages(event, context.invoked_function_arn, InvocationDeadline(context))
