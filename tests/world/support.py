"""Worlds, clients and requests for the tests of the Bedrock world."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_bedrock import BedrockClient
from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
from mypy_boto3_service_quotas import ServiceQuotasClient

from bedrock_world.gateway import Gateway, Response
from bedrock_world.settings import UnitRate, WorldSettings
from bedrock_world.sinks import MemorySink
from bedrock_world.wire import Request
from bedrock_world.world import World

START = datetime(2026, 1, 5, tzinfo=UTC)
NOVA_2 = "amazon.nova-2-lite-v1:0:256k"
NOVA_2_PROFILE = "us.amazon.nova-2-lite-v1:0"
NOVA_LITE = "amazon.nova-lite-v1:0"
NOVA_LITE_PROFILE = "us.amazon.nova-lite-v1:0"
# What a client needs to sign; nobody checks it.
CREDENTIALS: Any = {
    "aws_access_key_id": "111111111111",
    "aws_secret_access_key": "x",
    "region_name": "us-east-1",
}
HELLO: Any = [{"role": "user", "content": [{"text": "Hello"}]}]
# Pools for base and custom models, and the per-model quotas of Nova 2 Lite and Nova Micro 128k.
ROOM = {"L-FE44174A": 20.0, "L-BE77399C": 20.0, "L-07D3BCF0": 10.0, "L-AC096F71": 10.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Unmodified boto3 clients."""

    bedrock: BedrockClient
    runtime: BedrockRuntimeClient
    quotas: ServiceQuotasClient


def world_with(**switches: Any) -> World:
    """A world with room for purchases and, unless told otherwise, small round unit rates."""
    values: dict[str, Any] = {
        "applied_quotas": ROOM,
        "default_unit_rate": UnitRate(input_tokens_per_minute=1000, output_tokens_per_minute=100),
    }
    return World(WorldSettings.model_validate(values | switches), sinks=[MemorySink()])


def memory(world: World) -> MemorySink:
    """The sink of a world made by `world_with`."""
    (sink,) = world.sinks
    assert isinstance(sink, MemorySink)
    return sink


def buy(client: BedrockClient, name: str = "fleet-1", **params: Any) -> str:
    """Buy one unit of Nova 2 Lite unless told otherwise; its ARN."""
    request: dict[str, Any] = {
        "modelUnits": 1,
        "provisionedModelName": name,
        "modelId": NOVA_2,
    }
    return client.create_provisioned_model_throughput(**request | params)["provisionedModelArn"]


@contextmanager
def refused(code: str, words: str = "") -> Iterator[None]:
    """Expects the block to end in this error code, with these words in its message."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code
    assert words in error["Message"]


def send(world: World, method: str, path: str, body: object = None, *, query: str = "") -> Response:
    """The answer to a raw request, which no SDK has checked."""
    content = json.dumps(body).encode() if body is not None else b""
    request = Request(method=method, raw_path=path, query=query, headers={}, body=content)
    return Gateway(world).handle(request)


def error_of(response: Response) -> tuple[int, str, str]:
    """Status, code and message of a refusal."""
    message: str = json.loads(response.body)["message"]
    return response.status, response.headers["x-amzn-ErrorType"], message
