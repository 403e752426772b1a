"""What a person's commands need: a stack's tables, Parameter Store, and a Bedrock world."""

from collections.abc import Iterator

import pytest

from bedrock_world.server import RunningWorld, serve
from bedrock_world.settings import WorldSettings
from bedrock_world.world import World
from tests.builders import ACCOUNT, NOW, REGION
from tests.functions.conftest import deployed_account as deployed_account  # noqa: PLC0414 - the fixture of the functions
from tests.operating.doctoring import make_sound
from tests.operating.stage import Stage, staged
from tests.operating.tearing import furnish


@pytest.fixture(scope="session")
def clock_server() -> Iterator[RunningWorld]:
    """A clock that stands at NOW, on loopback."""
    with serve(World(WorldSettings(start=NOW, account_id=ACCOUNT, region=REGION))) as server:
        yield server


@pytest.fixture
def stage(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    clock_server: RunningWorld,
) -> Iterator[Stage]:
    """The deployed stack `test` at NOW, with one document for the target `chat`."""
    with staged(monkeypatch, capsys, f"{clock_server.url}/_world/clock") as made:
        yield made


@pytest.fixture
def sound(stage: Stage) -> Stage:
    """A stack in which everything is as it should be."""
    return make_sound(stage)


@pytest.fixture
def built(stage: Stage) -> Stage:
    """A stack with resources, logs and a switch."""
    return furnish(stage)
