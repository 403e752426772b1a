"""The served worlds of the client's tests, and what deferred work needs."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from bedrock_world.server import RunningWorld, serve
from bedrock_world.world import World
from tests.client.batches import BUCKET, FakeJobs
from tests.world.support import CREDENTIALS, world_with


@pytest.fixture(scope="session")
def running() -> Iterator[RunningWorld]:
    with serve(world_with()) as server:
        yield server


@pytest.fixture
def build(running: RunningWorld) -> Callable[..., World]:
    """Builds a world from switches and puts it behind the port."""

    def make(**switches: object) -> World:
        world = world_with(**switches)
        running.replace(world)
        return world

    return make


@pytest.fixture
def world(build: Callable[..., World]) -> World:
    return build()


@pytest.fixture
def s3() -> Iterator[Any]:
    """An emulated S3 with the bucket of the spool."""
    from moto import mock_aws  # noqa: PLC0415 - the environment beside the gateways has none

    with mock_aws():
        client = boto3.client("s3", **CREDENTIALS)
        client.create_bucket(Bucket=BUCKET)
        yield client
        client.close()


@pytest.fixture
def jobs(s3: Any) -> FakeJobs:
    return FakeJobs(s3)


@pytest.fixture
def control(running: RunningWorld) -> Iterator[Any]:
    """An unmodified boto3 client of the control plane."""
    client = boto3.Session(**CREDENTIALS).client("bedrock", endpoint_url=running.url)
    yield client
    client.close()
