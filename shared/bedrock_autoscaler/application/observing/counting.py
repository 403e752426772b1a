"""What counts as demand in the traffic of several `ModelId`s."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.joining import span
from bedrock_autoscaler.domain.traffic.observation import Traffic

_PROVISIONED = ":provisioned-model/"


def counted(total: Traffic, parts: Mapping[str, Traffic], target: Target) -> Traffic:
    """The sum of all parts without refusals that show elsewhere again.

    A call that a provisioned throughput refuses goes on demand where the target has such a way: it
    is served or refused there, and counted there. Without such a way its refusal is the only trace.

    Args:
        total: sum of the parts, gaps included.
        parts: by address; those of provisioned throughputs are ARNs.
        target: whose traffic it is.
    """
    refused = [part for address, part in parts.items() if _PROVISIONED in address]
    if not target.options or not refused:
        return total
    elsewhere = np.zeros(len(total))
    for part in refused:
        throttles = span(part, total.start, total.end).throttles
        elsewhere += np.where(np.isnan(throttles), 0.0, throttles)
    return replace(total, throttles=np.maximum(total.throttles - elsewhere, 0.0))
