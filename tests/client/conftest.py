"""The served worlds of the client's tests."""

from collections.abc import Callable, Iterator

import pytest

from bedrock_world.server import RunningWorld, serve
from bedrock_world.world import World
from tests.world.support import world_with


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
