"""A throughput that the ledger lost, and a person who re-links it."""

from typing import Any

from bedrock_autoscaler.application.purchasing.adopting import Adoption
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import PT_MODEL, pt_arn
from tests.staging import Script, Stage


def lost(**changes: Any) -> Stage:
    """A throughput of two units with our tags, of which the ledger knows nothing."""
    scene = Stage(core=Script())
    scene.capacity.add(
        name="chat-capacity-20261120T120000Z-abcd",
        model_id=PT_MODEL,
        model_units=2,
        deployment="test",
        target="chat",
        decision_id="chat-capacity-20261120T120000Z",
    )
    if changes:
        scene.capacity.change(pt_arn(1), **changes)
    scene.clock.advance(20 * MINUTE)
    return scene


def adoption(scene: Stage) -> Adoption:
    return Adoption(fleets=scene.fleets, releasing=scene.capacity, deployment="test", now=scene.now)


def adopt(scene: Stage) -> PurchaseIntent:
    adopting = adoption(scene)
    planned = adopting.plan(pt_arn(1), scene.targets[0], "jane")
    adopting.record(planned)
    return planned
