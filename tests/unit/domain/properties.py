"""How many examples a property has, and what several properties read off."""

from decimal import Decimal

from hypothesis import settings

from bedrock_autoscaler.domain.decision import Decision, Release
from bedrock_autoscaler.domain.target import Target

# In shares of the profile's number, so that `make soak-tests` asks for more of each.
_EXAMPLES = settings().max_examples
quick = settings(max_examples=_EXAMPLES * 3 // 10, deadline=None)
thorough = settings(max_examples=_EXAMPLES * 6 // 10, deadline=None)
subtle = settings(max_examples=_EXAMPLES, deadline=None)


def period_of(target: Target) -> Decimal:
    assert target.provisioned is not None
    assert target.provisioned.price is not None
    return target.provisioned.price.usd_per_hour * target.thresholds.sizing.billing_minutes / 60


def releases_of(decision: Decision) -> bool:
    return any(isinstance(action, Release) for action in decision.actions)
