"""A Marketplace endpoint with defaults, for tests of the scaling of its instances."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from bedrock_autoscaler.domain.fleet.scalings import ScalingIntent, ScalingState
from bedrock_autoscaler.domain.option import InferenceOption, InstanceRails, OptionKind
from bedrock_autoscaler.domain.traffic.observation import EndpointState
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import ACCOUNT, AS_OF, NOW, REGION, build_option


def endpoint_arn(name: str) -> str:
    """An endpoint of the test account."""
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}"


ENDPOINT = endpoint_arn("own")


def build_instance_rails(**overrides: Any) -> InstanceRails:
    """One to four instances of 40 calls a minute, each for 2 USD an hour."""
    rails = InstanceRails(
        min_instances=1,
        max_instances=4,
        calls_per_minute=40.0,
        usd_per_instance_hour=Decimal(2),
        source="test",
        as_of=AS_OF,
    )
    return replace(rails, **overrides)


def build_endpoint(**overrides: Any) -> InferenceOption:
    """An endpoint whose instances may be changed; it is not billed by the token."""
    option = build_option(
        kind=OptionKind.MARKETPLACE_ENDPOINT,
        address=ENDPOINT,
        price=None,
        quota=None,
        instances=build_instance_rails(),
    )
    return replace(option, **overrides)


def build_endpoint_state(**overrides: Any) -> EndpointState:
    """Two instances that have run since two hours before NOW."""
    state = EndpointState(address=ENDPOINT, instances=2, is_settled=True, changed_at=NOW - 2 * HOUR)
    return replace(state, **overrides)


def build_scaling_intent(**overrides: Any) -> ScalingIntent:
    """A third instance, recorded at NOW without an answer yet."""
    intent = ScalingIntent(
        decision_id="chat-capacity-20261120T120000Z",
        token="0" * 64,
        from_instances=2,
        to_instances=3,
        state=ScalingState.RECORDED,
        recorded_at=NOW,
    )
    return replace(intent, **overrides)
