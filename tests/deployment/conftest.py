"""The application, deployed once a session to a local AWS with a Bedrock world beside it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bedrock_world.local import LocalAws, StackOutputs
from bedrock_world.server import RunningWorld, serve
from bedrock_world.settings import WorldSettings
from bedrock_world.world import World
from tests.bedrock_stage import OWN, POOL
from tests.builders import MODEL, NOW, REGION
from tests.deployment.relay import Relay
from tests.deployment.template import ROOT

STACK = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The local AWS, the stack in it, the world that its functions see, and their way to DynamoDB.

    Times are virtual: the functions read the world's clock.
    """

    aws: LocalAws
    stack: StackOutputs
    world: RunningWorld
    relay: Relay


@pytest.fixture(scope="session")
def deployed() -> Iterator[Deployed]:
    settings = WorldSettings(start=NOW, region=REGION, applied_quotas={POOL: 100, OWN: 100})
    with (
        serve(World(settings)) as world,
        Relay() as relay,
        LocalAws(
            tools=ROOT / ".tools",
            world_url=world.url,
            variables={"AWS_ENDPOINT_URL_DYNAMODB": relay.url},
        ) as aws,
    ):
        relay.upstream = aws.endpoint
        parameters = {
            "AlarmSet": "basic",
            "ClockEndpoint": f"{world.url}/_world/clock",
            "PurchasableModelArns": f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}*",
            "SchedulesState": "DISABLED",
        }
        outputs = aws.deploy(ROOT, stack=STACK, parameters=parameters)
        yield Deployed(aws=aws, stack=outputs, world=world, relay=relay)
