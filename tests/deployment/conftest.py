"""The application, deployed once a session to a local AWS with a Bedrock world beside it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bedrock_world.local import LocalAws, StackOutputs
from bedrock_world.server import RunningWorld, serve
from bedrock_world.world import World
from tests.deployment.template import ROOT

STACK = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The local AWS, the stack in it, and the world that its functions see."""

    aws: LocalAws
    stack: StackOutputs
    world: RunningWorld


@pytest.fixture(scope="session")
def deployed() -> Iterator[Deployed]:
    with (
        serve(World()) as world,
        LocalAws(tools=ROOT / ".tools", world_url=world.url) as aws,
    ):
        parameters = {"AlarmSet": "basic", "SchedulesState": "DISABLED"}
        outputs = aws.deploy(ROOT, stack=STACK, parameters=parameters)
        yield Deployed(aws=aws, stack=outputs, world=world)
