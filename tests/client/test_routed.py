"""A routed client over real HTTP: what it changes in a request, where it goes, what it tells."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError
from urllib3.exceptions import ProtocolError

from bedrock_autoscaler.client import Attempt, FollowedTable, Patience, RoutedClient, connect
from bedrock_autoscaler.client.document import routing_table_text
from bedrock_world.faults import Fault, When
from bedrock_world.server import RunningWorld
from bedrock_world.world import World
from tests.client.stage import (
    IN_REGION_THEN_PROFILE,
    MemorySource,
    at_once,
    caller,
    route,
    runtime_client,
    table,
)
from tests.world.support import CREDENTIALS, HELLO, NOVA_LITE, NOVA_LITE_PROFILE

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


def test_a_client_without_any_source_works_too(world: World, running: RunningWorld) -> None:
    client = RoutedClient(runtime_client(running.url), None)

    assert client.converse(modelId=NOVA_LITE, messages=HELLO)["stopReason"]


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


# -- streams -----------------------------------------------------------------------------------


def test_a_stream_that_breaks_off_later_is_not_hidden(world: World, running: RunningWorld) -> None:
    world.faults.add(
        Fault(operation="ConverseStream", when=When.MID_STREAM, code="ThrottlingException")
    )
    made = caller(running)
    stream = made.client.converse_stream(modelId="m", messages=HELLO)["stream"]

    with pytest.raises(EventStreamError, match="throttlingException"):
        list(stream)

    assert len(made.attempts) == 1


def test_a_stream_keeps_its_events_in_order_and_its_methods(
    world: World, running: RunningWorld
) -> None:
    plain = runtime_client(running.url).converse_stream(modelId=NOVA_LITE, messages=HELLO)
    stream: Any = caller(running).client.converse_stream(modelId="m", messages=HELLO)["stream"]

    events = [next(iter(event)) for event in stream]
    stream.close()

    assert events == [next(iter(event)) for event in plain["stream"]]


@pytest.mark.parametrize(
    "error",
    [
        EventStreamError({"Error": {"Code": "throttlingException"}}, "ConverseStream"),
        ProtocolError("Connection broken"),  # as urllib3 has it, which reads the stream
    ],
)
def test_a_stream_that_fails_before_its_first_event_is_tried_elsewhere(error: Exception) -> None:
    closed = []

    class Stream:
        def __init__(self, events: list[Any]) -> None:
            self.events = events

        def __iter__(self) -> Iterator[Any]:
            for event in self.events:
                if isinstance(event, Exception):
                    raise event
                yield event

        def close(self) -> None:
            closed.append(self)

    streams = {NOVA_LITE: Stream([error]), NOVA_LITE_PROFILE: Stream([{"messageStart": {}}])}

    class Client:
        class meta:  # noqa: N801 - boto3's name
            region_name = "us-east-1"

        def converse_stream(self, **request: Any) -> Any:
            return {"stream": streams[request["modelId"]]}

    client: Any = Client()
    followed = FollowedTable(MemorySource(IN_REGION_THEN_PROFILE), "chat", start=at_once)

    answer = RoutedClient(client, followed).converse_stream(modelId="m", messages=HELLO)

    assert list(answer["stream"]) == [{"messageStart": {}}]
    assert closed == [streams[NOVA_LITE]]


# -- the rest of a client ----------------------------------------------------------------------


def test_a_body_that_can_be_read_once_is_sent_again_whole(
    world: World, running: RunningWorld
) -> None:
    world.faults.add(Fault(operation="InvokeModel", code="ThrottlingException"))
    made = caller(running)

    answer = made.client.invoke_model(modelId="m", body=io.BytesIO(NATIVE.encode()))

    assert json.loads(answer["body"].read())["usage"]["inputTokens"] > 0
    assert len(made.attempts) == 2


def test_everything_else_is_the_wrapped_client_s(world: World, running: RunningWorld) -> None:
    made = caller(running)

    assert made.client.meta.region_name == "us-east-1"
    assert issubclass(made.client.exceptions.ThrottlingException, ClientError)


def test_a_client_is_closed_in_every_region() -> None:
    closed = []

    class Client:
        def __init__(self, region: str) -> None:
            self.meta = SimpleNamespace(region_name=region)

        def converse(self, **_: object) -> dict[str, object]:
            return {}

        def close(self) -> None:
            closed.append(self.meta.region_name)

    make: Any = Client
    shown = table(route(NOVA_LITE, region="us-west-2"), route(NOVA_LITE, region="us-east-1"))
    followed = FollowedTable(MemorySource(shown), "chat", start=at_once)
    client = RoutedClient(make("us-east-1"), followed, clients=make)
    client.converse(modelId="m", messages=HELLO)

    client.close()

    assert sorted(closed) == ["us-east-1", "us-west-2"]


def test_an_answer_is_waited_for_longer_than_the_sdk_does_and_the_caller_has_the_last_word() -> (
    None
):
    session = boto3.Session(**CREDENTIALS)

    usual = connect("chat", session=session).meta.config
    own = connect("chat", session=session, config=Config(read_timeout=3600)).meta.config

    assert (usual.connect_timeout, usual.read_timeout) == (2, 600)
    assert (own.connect_timeout, own.read_timeout) == (2, 3600)


def test_many_threads_share_a_client(world: World, running: RunningWorld) -> None:
    made = caller(running, table(route(NOVA_LITE, 0.5), route(NOVA_LITE_PROFILE, 0.5)))

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: made.say_hello(10), range(8)))

    assert sum((outcome["served"] for outcome in outcomes), 0) == 80
    assert made.places().total() == 80
    # Of 80 fair draws fewer than 15 or more than 65 is a matter of less than one in 10^8.
    assert 15 <= made.places()[NOVA_LITE] <= 65


def test_an_observer_that_fails_costs_no_call(
    world: World, running: RunningWorld, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(attempt: Attempt) -> None:
        raise ZeroDivisionError(attempt.code)

    client = RoutedClient(runtime_client(running.url), None, observer=broken)

    assert client.converse(modelId=NOVA_LITE, messages=HELLO)["usage"]
    assert "observer of calls failed" in caplog.text


def test_nothing_of_a_prompt_or_an_answer_is_logged(
    world: World, running: RunningWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bedrock_autoscaler")
    world.faults.add(
        Fault(operation="Converse", code="ThrottlingException", message="you said: SECRET"), 2
    )
    made = caller(running)
    secret: Any = [{"role": "user", "content": [{"text": "SECRET"}]}]

    made.say_hello(3, messages=secret)

    assert "ThrottlingException" in caplog.text
    assert "SECRET" not in caplog.text
    assert "SECRET" not in repr(made.attempts)


def test_connect_finds_the_table_where_the_stack_puts_it(
    world: World, running: RunningWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    moto = pytest.importorskip("moto")
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", running.url)
    passing = {"core": {"mock_credentials": False, "passthrough": {"urls": [f"{running.url}/.*"]}}}
    with moto.mock_aws(config=passing):
        session = boto3.Session(**CREDENTIALS)
        session.client("ssm").put_parameter(
            Name="/team/routes/chat",
            Value=routing_table_text(table(route(NOVA_LITE_PROFILE))),
            Type="String",
        )
        attempts: list[Attempt] = []
        client = connect("chat", session=session, prefix="/team", observer=attempts.append)

        client.converse(modelId=NOVA_LITE, messages=HELLO)

    assert [each.route.address for each in attempts] == [NOVA_LITE_PROFILE]
