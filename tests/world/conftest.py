"""One server for the whole session; each test serves a world of its own on it."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from bedrock_world.server import RunningWorld, serve
from bedrock_world.world import World
from tests.world.support import CREDENTIALS, Clients, world_with


@pytest.fixture(scope="session")
def running() -> Iterator[RunningWorld]:
    with serve(world_with()) as server:
        yield server


@pytest.fixture(scope="session")
def clients(running: RunningWorld) -> Iterator[Clients]:
    session = boto3.Session(**CREDENTIALS)
    options: Any = {
        "endpoint_url": running.url,
        "config": Config(retries={"total_max_attempts": 1}, read_timeout=5),
    }
    made = Clients(
        bedrock=session.client("bedrock", **options),
        runtime=session.client("bedrock-runtime", **options),
        quotas=session.client("service-quotas", **options),
    )
    yield made
    for client in (made.bedrock, made.runtime, made.quotas):
        client.close()


@pytest.fixture
def build(running: RunningWorld) -> Callable[..., World]:
    """Builds a world from switches and puts it behind the clients."""

    def make(**switches: Any) -> World:
        world = world_with(**switches)
        running.replace(world)
        return world

    return make


@pytest.fixture
def world(build: Callable[..., World]) -> World:
    return build()
