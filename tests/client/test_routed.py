"""A routed client over real HTTP: what it changes in a request, and where it goes."""

import io
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from bedrock_autoscaler.client import Patience, RoutedClient
from bedrock_world.faults import Fault
from bedrock_world.server import RunningWorld
from bedrock_world.world import World
from tests.client.stage import caller, route, table
from tests.world.support import HELLO, NOVA_LITE, NOVA_LITE_PROFILE

NATIVE = json.dumps({"messages": HELLO})
REQUESTS_PER_MINUTE = {"L-E386A278": 2.0, "L-89F8391A": 3.0}


def in_full(client: RoutedClient, operation: str) -> int:
    """Make one call of an operation; how many events or bytes came."""
    if operation == "converse":
        return len(client.converse(modelId="m", messages=HELLO)["output"])
    if operation == "converse_stream":
        return len(list(client.converse_stream(modelId="m", messages=HELLO)["stream"]))
    if operation == "invoke_model":
        return len(client.invoke_model(modelId="m", body=NATIVE)["body"].read())
    return len(list(client.invoke_model_with_response_stream(modelId="m", body=NATIVE)["body"]))


OPERATIONS = ["converse", "converse_stream", "invoke_model", "invoke_model_with_response_stream"]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "code",
    ["ThrottlingException", "ServiceUnavailableException", "ModelNotReadyException"],
)
def test_each_operation_spills_to_the_next_route(
    world: World, running: RunningWorld, operation: str, code: str
) -> None:
    names = {
        "converse": "Converse",
        "converse_stream": "ConverseStream",
        "invoke_model": "InvokeModel",
    }
    name = names.get(operation, "InvokeModelWithResponseStream")
    world.faults.add(Fault(operation=name, code=code))
    made = caller(running)

    assert in_full(made.client, operation) > 0

    assert [(each.route.address, each.code) for each in made.attempts] == [
        (NOVA_LITE, code),
        (NOVA_LITE_PROFILE, ""),
    ]


def test_the_table_and_not_the_request_says_where_a_call_goes(
    world: World, running: RunningWorld
) -> None:
    made = caller(running, table(route(NOVA_LITE_PROFILE)))

    made.say_hello(modelId="whatever")

    assert made.places() == {NOVA_LITE_PROFILE: 1}
    start = world.clock.now()
    world.advance(timedelta(minutes=1))
    assert {model for model, _ in world.traffic(start, world.clock.now())} == {NOVA_LITE_PROFILE}


def test_tier_and_latency_of_a_route_are_asked_for(world: World, running: RunningWorld) -> None:
    made = caller(running, table(route(NOVA_LITE, tier="flex")))

    answer = made.client.converse(modelId="m", messages=HELLO)
    native = made.client.invoke_model(modelId="m", body=NATIVE)
    own = made.client.converse(modelId="m", messages=HELLO, serviceTier={"type": "priority"})

    assert answer["serviceTier"] == {"type": "flex"}
    assert native["serviceTier"] == "flex"
    # What a caller asks for itself is left alone.
    assert own["serviceTier"] == {"type": "priority"}


def test_a_latency_that_bedrock_refuses_sends_the_call_to_the_next_route(
    world: World, running: RunningWorld
) -> None:
    made = caller(running, table(route(NOVA_LITE, latency="optimized"), route(NOVA_LITE_PROFILE)))

    assert made.say_hello(2) == {"served": 2}
    assert made.places() == {NOVA_LITE_PROFILE: 2}


def test_a_mistake_of_the_caller_is_shown_at_once(world: World, running: RunningWorld) -> None:
    made = caller(running)

    with pytest.raises(ClientError, match="at least one message"):
        made.client.converse(modelId="m", messages=[])

    assert len(made.attempts) == 1


def test_throttles_reach_the_caller_only_when_every_route_throttles(
    build: Callable[..., World], running: RunningWorld
) -> None:
    build(applied_quotas=REQUESTS_PER_MINUTE)
    made = caller(running)

    outcomes = made.say_hello(8)

    assert outcomes == {"served": 5, "ThrottlingException": 3}
    assert made.places() == {NOVA_LITE: 2, NOVA_LITE_PROFILE: 3}
    # While a route rests it is not asked, and a call with nothing left asks each once at most:
    # 3 served, 1 spilled, 2 more served at the profile, 3 refused by both.
    assert made.places("ThrottlingException").total() <= 1 + 2 * 3


def test_a_later_round_waits_for_capacity_to_return(
    build: Callable[..., World], running: RunningWorld
) -> None:
    world = build(applied_quotas={"L-E386A278": 1.0})
    made = caller(running, table(route(NOVA_LITE)), patience=Patience(rounds=2))
    made.say_hello()

    def a_minute(seconds: float) -> None:
        made.clock.sleep(seconds)
        world.advance(world.config.current.metric_lag)

    object.__setattr__(made.client, "_sleep", a_minute)

    assert made.say_hello() == {"served": 1}
    assert len(made.clock.slept) == 1


def test_without_a_table_calls_go_to_the_given_model(world: World, running: RunningWorld) -> None:
    made = caller(running, None)

    assert made.say_hello(3, modelId=NOVA_LITE_PROFILE) == {"served": 3}
    assert made.places() == {NOVA_LITE_PROFILE: 3}
    assert {each.version for each in made.attempts} == {0}


def test_a_new_table_is_followed_and_the_rests_of_routes_are_kept(
    build: Callable[..., World], running: RunningWorld
) -> None:
    build(denied={NOVA_LITE})
    made = caller(running)
    made.say_hello()
    made.source.show(table(route(NOVA_LITE), route(NOVA_LITE_PROFILE), version=2))
    made.clock.now += 100

    made.say_hello()

    assert [(each.version, each.route.address, each.code) for each in made.attempts] == [
        (1, NOVA_LITE, "AccessDeniedException"),
        (1, NOVA_LITE_PROFILE, ""),
        (2, NOVA_LITE_PROFILE, ""),
    ]


def test_a_body_that_can_be_read_once_is_sent_again_whole(
    world: World, running: RunningWorld
) -> None:
    world.faults.add(Fault(operation="InvokeModel", code="ThrottlingException"))
    made = caller(running)

    answer = made.client.invoke_model(modelId="m", body=io.BytesIO(NATIVE.encode()))

    assert json.loads(answer["body"].read())["usage"]["inputTokens"] > 0
    assert len(made.attempts) == 2
