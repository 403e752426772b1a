"""A stage with one endpoint, and a decision that asks for other instances."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bedrock_autoscaler.domain.decision import Decision, Scaling, Situation
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord
from bedrock_autoscaler.domain.option import InstanceRails
from bedrock_autoscaler.domain.target import Loop, Target
from tests.builders import build_target
from tests.endpoints import ENDPOINT, build_endpoint, build_endpoint_state, build_instance_rails
from tests.staging import QUARTERLY, Script, Stage
from tests.unit.application.scenes import reasons

RAILS = build_instance_rails()


def target_with(rails: InstanceRails | None = RAILS, **changes: Any) -> Target:
    usual: dict[str, Any] = {
        "options": (build_endpoint(instances=rails),),
        "model_ids": (ENDPOINT,),
        "provisioned": None,
        "thresholds": QUARTERLY,
    }
    return build_target(**usual | changes)


def asking(wanted: Scaling) -> Callable[[Situation], Decision]:
    """A core whose capacity decisions ask for this change."""
    script = Script()

    def decide(situation: Situation) -> Decision:
        is_capacity = situation.loop is Loop.CAPACITY
        return replace(script(situation), scalings=(wanted,) if is_capacity else ())

    return decide


def scene(target: Target | None = None, *, running: int = 2, wanted: int = 3) -> Stage:
    """A stage with one endpoint, and a decision that asks for other instances."""
    core = asking(Scaling(address=ENDPOINT, from_instances=2, to_instances=wanted))
    made = Stage(target or target_with(), core=core)
    made.endpoints.states[ENDPOINT] = build_endpoint_state(instances=running)
    made.decide()
    return made


def outcome(made: Stage) -> str:
    ((_, said),) = made.scale_endpoint().outcomes
    return said


def held_because(made: Stage) -> str:
    (found,) = reasons(made, "scaling_held")
    return found


def record_of(made: Stage) -> EndpointRecord:
    return made.scalings.records["chat", ENDPOINT]


def held_because_of(made: Stage) -> str:
    assert outcome(made) == "scaling held"
    return held_because(made)
