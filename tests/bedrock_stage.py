"""The Bedrock adapters on a world of this process."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from bedrock_autoscaler.adapters.bedrock import (
    BedrockCapacity,
    BedrockPurchasing,
    BedrockReleasing,
)
from bedrock_autoscaler.adapters.models import load_models
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_world.faults import Fault, When
from bedrock_world.inprocess import attach
from bedrock_world.settings import WorldSettings
from bedrock_world.world import World
from tests.builders import NOW, REGION
from tests.fakes.recording_reporter import RecordingReporter
from tests.recorded import build_purchase

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient

POOL, OWN = "L-FE44174A", "L-07D3BCF0"
CREATE = "CreateProvisionedModelThroughput"
DELETE = "DeleteProvisionedModelThroughput"
GET = "GetProvisionedModelThroughput"
LIST = "ListProvisionedModelThroughputs"
TAGS = "ListTagsForResource"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The adapters on one world, with every call counted and the purchases' bodies kept."""

    world: World
    client: "BedrockClient"
    capacity: BedrockCapacity
    purchasing: BedrockPurchasing
    releasing: BedrockReleasing
    reporter: RecordingReporter
    calls: Counter[str]
    bodies: list[dict[str, Any]]

    def buy(self, count: int = 1) -> list[str]:
        return [
            self.purchasing.buy(build_purchase(NOW + 15 * number * MINUTE))
            for number in range(count)
        ]

    def fail(
        self, operation: str, when: When = When.BEFORE, code: str = "", times: int = 1
    ) -> None:
        self.world.faults.add(Fault(operation=operation, when=when, code=code or "X"), times)


def build_stage() -> Stage:
    """A stage at NOW with room for a hundred units."""
    world = World(WorldSettings(start=NOW, applied_quotas={POOL: 100, OWN: 100}))
    config = Config(retries={"total_max_attempts": 3, "mode": "standard"})
    client = boto3.client("bedrock", region_name=REGION, config=config)
    quotas = boto3.client("service-quotas", region_name=REGION, config=config)
    calls: Counter[str] = Counter()
    bodies: list[dict[str, Any]] = []

    def count(model: Any, params: Any, **_: object) -> None:
        calls[model.name] += 1
        if model.name == CREATE:
            bodies.append(json.loads(params["body"]))

    for each in (client, quotas):
        attach(each, world)
        each.meta.events.register("before-call", count)
    reporter = RecordingReporter()
    return Stage(
        world=world,
        client=client,
        capacity=BedrockCapacity(client, quotas, load_models().codes_of, reporter),
        purchasing=BedrockPurchasing(client, "test"),
        releasing=BedrockReleasing(client),
        reporter=reporter,
        calls=calls,
        bodies=bodies,
    )


def first_page_then_nothing(stage: Stage) -> None:
    """Let the first page of the next list be read and the second one be refused."""
    seen = iter(range(2))

    def refuse_second(**_: object) -> None:
        if next(seen, None) == 1:
            stage.fail(LIST, code="AccessDeniedException")

    stage.client.meta.events.register(f"before-call.bedrock.{LIST}", refuse_second)
