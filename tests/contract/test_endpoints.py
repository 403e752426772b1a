"""What every source of endpoints guarantees: the fake, and the adapter on the Bedrock world."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config

from bedrock_autoscaler.adapters.bedrock.endpoints import BedrockEndpoints
from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ObservationError,
    StaleDecisionError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.ports.bedrock import Endpoints
from bedrock_autoscaler.domain.traffic.observation import EndpointState
from bedrock_world.faults import Fault, When
from bedrock_world.inprocess import attach
from bedrock_world.settings import Endpoint, WorldSettings
from bedrock_world.world import World
from tests.builders import NOW
from tests.fakes.fake_clock import FakeClock
from tests.fakes.memory_endpoints import MemoryEndpoints
from tests.world.support import CREDENTIALS

ARN = "arn:aws:sagemaker:us-east-1:111111111111:endpoint/own"
UPDATE = "UpdateMarketplaceModelEndpoint"


@dataclass(frozen=True)
class Both:
    """The port, and how a change of it comes to its end."""

    port: Endpoints
    settle: Callable[[], object]


def on_world(attempts: int = 1) -> tuple[World, BedrockEndpoints]:
    """A world with one endpoint of two instances, and the adapter on it."""
    world = World(WorldSettings(start=NOW, endpoints=(Endpoint(arn=ARN, instances=2),)))
    config: Any = Config(retries={"total_max_attempts": attempts})
    client = boto3.client("bedrock", config=config, **CREDENTIALS)
    attach(client, world)
    return world, BedrockEndpoints(client)


@pytest.fixture(params=["memory", "world"])
def both(request: pytest.FixtureRequest) -> Both:
    if request.param == "world":
        world, adapter = on_world()
        return Both(adapter, lambda: world.advance(timedelta(minutes=10)))
    memory = MemoryEndpoints(FakeClock(NOW))
    memory.states[ARN] = EndpointState(address=ARN, instances=2, is_settled=True, changed_at=NOW)
    return Both(memory, memory.settle)


def test_a_change_is_under_way_until_it_has_settled(both: Both) -> None:
    before = both.port.state(ARN)

    both.port.scale(before, 3, "token-1")
    during = both.port.state(ARN)
    both.settle()
    after = both.port.state(ARN)

    assert (before.instances, before.is_settled) == (2, True)
    assert (during.instances, during.is_settled) == (3, False)
    assert (after.instances, after.is_settled) == (3, True)
    assert after.changed_at == NOW


def test_what_has_moved_is_not_changed(both: Both) -> None:
    before = both.port.state(ARN)
    both.port.scale(before, 3, "token-1")

    with pytest.raises(StaleDecisionError):
        both.port.scale(before, 4, "token-2")

    assert both.port.state(ARN).instances == 3


def test_an_endpoint_that_is_not_there_cannot_be_read(both: Both) -> None:
    with pytest.raises(ObservationError):
        both.port.state(f"{ARN}-gone")


def test_an_endpoint_without_the_status_that_may_be_left_out_is_not_settled() -> None:
    """Its instances are paid for all the same, and count for every target."""
    _, adapter = on_world()
    adapter._client.meta.events.register(
        "after-call.bedrock.GetMarketplaceModelEndpoint",
        lambda parsed, **_: parsed["marketplaceModelEndpoint"].pop("status"),
    )

    state = adapter.state(ARN)

    assert (state.instances, state.is_settled) == (2, False)


def test_a_change_during_a_change_is_stale() -> None:
    _, adapter = on_world()
    before = adapter.state(ARN)
    adapter.scale(before, 3, "token-1")

    with pytest.raises(StaleDecisionError, match="ConflictException"):
        adapter.scale(adapter.state(ARN), 4, "token-2")


def test_a_refusal_is_told_by_its_code() -> None:
    _, adapter = on_world()

    with pytest.raises(CapacityUnavailableError, match="ServiceQuotaExceededException"):
        adapter.scale(adapter.state(ARN), 5, "token-1")


@pytest.mark.parametrize("code", ["ConflictException", "ServiceQuotaExceededException"])
def test_a_refusal_of_a_retry_proves_nothing(code: str) -> None:
    """The first attempt took effect, and its answer was lost."""
    world, adapter = on_world(attempts=2)
    world.faults.add(Fault(operation=UPDATE, when=When.DROP_AFTER))
    world.faults.add(Fault(operation=UPDATE, when=When.BEFORE, code=code))

    with pytest.raises(UnknownOutcomeError, match=code):
        adapter.scale(adapter.state(ARN), 3, "token-1")

    assert adapter.state(ARN).instances == 3


def test_a_lost_answer_is_no_certain_outcome_and_may_be_repeated() -> None:
    world, adapter = on_world()
    world.faults.add(Fault(operation=UPDATE, when=When.DROP_AFTER))
    before = adapter.state(ARN)

    with pytest.raises(UnknownOutcomeError):
        adapter.scale(before, 3, "token-1")

    assert adapter.state(ARN).instances == 3


def test_everything_else_of_the_endpoint_stays() -> None:
    world, adapter = on_world()
    sent: list[Any] = []
    adapter._client.meta.events.register(
        "provide-client-params.bedrock.UpdateMarketplaceModelEndpoint",
        lambda params, **_: sent.append(params),
    )
    shown = world.call("GetMarketplaceModelEndpoint", {"endpointArn": ARN})
    config = shown["marketplaceModelEndpoint"]["endpointConfig"]["sageMaker"]

    adapter.scale(adapter.state(ARN), 3, "token-1")

    (request,) = sent
    assert request["endpointConfig"] == {"sageMaker": config | {"initialInstanceCount": 3}}
