"""A routed client in place of the SDK's own: connected, shared, observed, closed."""

import logging
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from bedrock_autoscaler.client import Attempt, FollowedTable, RoutedClient, connect
from bedrock_autoscaler.client.document import routing_table_text
from bedrock_world.faults import Fault
from bedrock_world.server import RunningWorld
from bedrock_world.world import World
from tests.client.stage import MemorySource, at_once, caller, route, runtime_client, table
from tests.world.support import CREDENTIALS, HELLO, NOVA_LITE, NOVA_LITE_PROFILE


def test_a_client_without_any_source_works_too(world: World, running: RunningWorld) -> None:
    client = RoutedClient(runtime_client(running.url), None)

    assert client.converse(modelId=NOVA_LITE, messages=HELLO)["stopReason"]


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
