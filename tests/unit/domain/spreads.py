"""Ways whose quotas admit some calls, and the routes that are chosen among them."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from bedrock_autoscaler.domain.decision import NO_MEMORY, Memory
from bedrock_autoscaler.domain.option import OptionKind, Quota
from bedrock_autoscaler.domain.routing.choice import RouteChoice, choose_routes
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    build_observation,
    build_option,
    build_situation,
    build_target,
    build_traffic,
)


def admitting(calls: float | None, *, tokens: float | None = None, **changes: Any) -> Any:
    """An option with these quotas."""
    quota = Quota(
        tokens_per_minute=tokens, requests_per_minute=calls, output_burndown=5.0, source="test"
    )
    return replace(build_option(), quota=quota, **changes)


IN_REGION = admitting(60.0)
US = admitting(60.0, kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE)


def choice(
    *,
    calls: float = 60.0,
    throttles: float = 60.0,
    memory: Memory = NO_MEMORY,
    at: datetime = NOW,
    **changes: Any,
) -> RouteChoice:
    """Routes while so many calls a minute are served, and refused three times each."""
    traffic = build_traffic(30, invocations=calls, throttles=throttles, end=at - 3 * MINUTE)
    situation = build_situation(
        target=build_target(options=(IN_REGION, US)),
        observation=build_observation(traffic=traffic, by_option=((MODEL, traffic),)),
        memory=memory,
        scheduled_at=at,
    )
    return choose_routes(replace(situation, **changes))


def weights(found: RouteChoice) -> dict[str, Any]:
    return {route.address: pytest.approx(route.weight) for route in found.routes}
