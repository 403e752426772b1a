"""The server around the world: found through the environment, on loopback, gone when stopped."""

import socket
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from bedrock_world.server import RunningWorld, serve
from bedrock_world.world import World
from tests.world.support import CREDENTIALS, NOVA_LITE, Clients, world_with


def test_an_sdk_finds_the_world_by_its_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with()
    with serve(world) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        session = boto3.Session(**CREDENTIALS)
        bedrock, quotas = session.client("bedrock"), session.client("service-quotas")
        runtime = session.client("bedrock-runtime")
        listed = bedrock.list_provisioned_model_throughputs()
        applied = quotas.list_service_quotas(ServiceCode="bedrock")
        urls = {client.meta.endpoint_url for client in (bedrock, quotas, runtime)}
        for client in (bedrock, quotas, runtime):
            client.close()

        assert running.world is world
    assert listed["provisionedModelSummaries"] == []
    assert len(applied["Quotas"]) == 4
    assert urls == {running.url}


def test_the_port_is_on_loopback_and_closes() -> None:
    running = serve(world_with())
    address = urlsplit(running.url)
    running.stop()
    running.stop()

    assert address.hostname == "127.0.0.1"
    assert address.port is not None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=1)


def test_a_prompt_of_many_packets_arrives_whole(
    world: World, running: RunningWorld, clients: Clients
) -> None:
    messages: Any = [{"role": "user", "content": [{"text": "x" * 1_999_996}]}]
    world.inference.planned_outputs.append(1)
    answer = clients.runtime.converse(
        modelId=NOVA_LITE, messages=messages, inferenceConfig={"maxTokens": 10}
    )

    # With the four letters of the role, two million characters
    assert answer["usage"]["inputTokens"] == 500_000
    assert running.world is world
