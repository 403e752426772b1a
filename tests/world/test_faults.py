"""Planned faults over HTTP and in process, and the SDK's own retries against them."""

import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, EventStreamError, ReadTimeoutError

from bedrock_world.faults import Fault, When
from bedrock_world.inprocess import attach
from bedrock_world.server import RunningWorld
from bedrock_world.world import World
from tests.world.support import CREDENTIALS, HELLO, NOVA_LITE, Clients, buy, refused

CREATE = "CreateProvisionedModelThroughput"


def test_an_error_before_the_effect_leaves_the_world_as_it_was(
    world: World, clients: Clients
) -> None:
    world.faults.add(Fault(operation=CREATE, code="ThrottlingException", message="slow down"))
    with refused("ThrottlingException", "slow down"):
        buy(clients.bedrock)
    bought_before = list(world.purchases.all)
    buy(clients.bedrock)

    assert (len(bought_before), len(world.purchases.all)) == (0, 1)


def test_an_error_after_the_effect_leaves_a_pt_behind(world: World, clients: Clients) -> None:
    world.faults.add(Fault(operation=CREATE, when=When.AFTER))
    with refused("InternalServerException"):
        buy(clients.bedrock)

    assert [purchase.name for purchase in world.purchases.all] == ["fleet-1"]


@pytest.mark.parametrize(("when", "bought"), [(When.DROP_BEFORE, 0), (When.DROP_AFTER, 1)])
def test_a_dropped_connection_hides_whether_it_bought(
    world: World, clients: Clients, when: When, bought: int
) -> None:
    world.faults.add(Fault(operation=CREATE, when=when))
    with pytest.raises(ConnectionClosedError):
        buy(clients.bedrock)

    assert len(world.purchases.all) == bought


def test_a_delayed_answer_runs_into_the_clients_time_out_after_the_effect(
    world: World, running: RunningWorld
) -> None:
    world.faults.add(Fault(operation=CREATE, when=When.DELAY, delay_seconds=0.4))
    config = Config(retries={"total_max_attempts": 1}, read_timeout=0.1)
    client = boto3.client("bedrock", endpoint_url=running.url, config=config, **CREDENTIALS)
    with pytest.raises(ReadTimeoutError):
        buy(client)
    client.close()

    assert len(world.purchases.all) == 1


def test_a_short_delay_only_makes_the_caller_wait(world: World, clients: Clients) -> None:
    world.faults.add(Fault(operation=CREATE, when=When.DELAY, delay_seconds=0.05))
    begin = time.monotonic()
    buy(clients.bedrock)

    assert time.monotonic() - begin >= 0.05


def test_faults_are_queued_per_operation_and_can_be_cleared(world: World, clients: Clients) -> None:
    world.faults.add(Fault(operation=CREATE), times=2)
    clients.bedrock.list_provisioned_model_throughputs()
    with refused("InternalServerException"):
        buy(clients.bedrock)
    world.faults.clear()

    assert buy(clients.bedrock)


def test_a_fault_that_the_operation_does_not_model_is_drift(world: World, clients: Clients) -> None:
    world.faults.add(Fault(operation=CREATE, code="ConflictingOperationException"))
    with refused("DriftError", "ConflictingOperationException"):
        buy(clients.bedrock)


def test_a_stream_breaks_off_with_a_modelled_exception(world: World, clients: Clients) -> None:
    fault = Fault(
        operation="ConverseStream", when=When.MID_STREAM, code="ModelStreamErrorException"
    )
    world.faults.add(fault)
    stream = clients.runtime.converse_stream(modelId=NOVA_LITE, messages=HELLO)["stream"]
    events = iter(stream)

    assert "messageStart" in next(events)
    with pytest.raises(EventStreamError, match="modelStreamErrorException"):
        next(events)


def test_a_stream_cannot_break_off_with_an_exception_of_another_operation(
    world: World, clients: Clients
) -> None:
    fault = Fault(operation="ConverseStream", when=When.MID_STREAM, code="ConflictException")
    world.faults.add(fault)
    with refused("DriftError", "conflictException"):
        clients.runtime.converse_stream(modelId=NOVA_LITE, messages=HELLO)


def _in_process(service: Any, world: World, attempts: int) -> Any:
    retries: Any = {"mode": "standard", "total_max_attempts": attempts}
    client = boto3.client(
        service, endpoint_url="http://127.0.0.1:9", config=Config(retries=retries), **CREDENTIALS
    )
    attach(client, world)
    return client


def test_the_sdk_retries_a_dropped_purchase_with_its_token_and_buys_once(
    build: Callable[..., World],
) -> None:
    world = build()
    client = _in_process("bedrock", world, attempts=3)
    world.faults.add(Fault(operation=CREATE, when=When.DROP_AFTER), times=2)
    arn = buy(client)

    assert [purchase.arn for purchase in world.purchases.all] == [arn]


def test_an_attached_client_streams_and_reads_quotas_without_a_socket(
    build: Callable[..., World],
) -> None:
    world = build()
    runtime, quotas = (
        _in_process(name, world, 1) for name in ("bedrock-runtime", "service-quotas")
    )
    stream = runtime.converse_stream(modelId=NOVA_LITE, messages=HELLO)["stream"]
    file = BytesIO(b'{"messages": ["Hello"]}')
    body = runtime.invoke_model(modelId=NOVA_LITE, body=file)["body"].read()
    quota = quotas.get_service_quota(ServiceCode="bedrock", QuotaCode="L-FE44174A")["Quota"]

    assert "metadata" in list(stream)[-1]
    assert body.startswith(b"{")
    assert quota["Value"] == 20.0
