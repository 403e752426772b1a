"""Targets that hold units and scale an endpoint, for the tests of the caps on both."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bedrock_autoscaler.domain.decision import Action, Decision, Scaling, Situation
from bedrock_autoscaler.domain.option import InstanceRails
from bedrock_autoscaler.domain.target import Loop, StackRails, Target
from tests.builders import build_guard_rails, build_target
from tests.endpoints import build_endpoint, build_endpoint_state, build_instance_rails, endpoint_arn
from tests.intents import ONE_UNIT, build_held, reserve
from tests.staging import QUARTERLY, Script, Stage
from tests.unit.application.scenes import reasons

USD_EACH = 2
RAILS = build_instance_rails(usd_per_instance_hour=Decimal(USD_EACH))
WIDE = StackRails(
    max_units=100,
    max_usd_per_hour=Decimal(10_000),
    max_usd_per_day=Decimal(100_000),
    max_usd_per_month=Decimal(1_000_000),
)
UNIT_USD = Decimal("60.5")
OWN = endpoint_arn("chat")


def target_with(name: str = "chat", rails: InstanceRails = RAILS, **caps: Any) -> Target:
    """A target that may hold units and scale one endpoint, in that order."""
    address = endpoint_arn(name)
    return build_target(
        name=name,
        options=(build_endpoint(address=address, instances=rails),),
        model_ids=(address,),
        thresholds=QUARTERLY,
        guard_rails=build_guard_rails(**caps),
    )


class Asking:
    """A core that asks `chat` for units and instances at each capacity decision."""

    def __init__(self, *actions: Action, instances: int | None = None) -> None:
        self.actions = actions
        self.instances = instances
        self._script = Script()

    def __call__(self, situation: Situation) -> Decision:
        decision = self._script(situation)
        if situation.loop is not Loop.CAPACITY or situation.target.name != "chat":
            return decision
        seen = {each.address: each.instances for each in situation.observation.endpoints}
        if self.instances is None or OWN not in seen or seen[OWN] == self.instances:
            return replace(decision, actions=self.actions)
        wanted = Scaling(address=OWN, from_instances=seen[OWN], to_instances=self.instances)
        return replace(decision, actions=self.actions, scalings=(wanted,))


def scene(*targets: Target, core: Callable[[Situation], Decision], running: int = 2) -> Stage:
    """A stage at a fresh decision; each target's endpoint runs so many instances."""
    made = Stage(*targets, core=core)
    for target in targets:
        address = endpoint_arn(target.name)
        made.endpoints.states[address] = build_endpoint_state(address=address, instances=running)
    return made


def hold_unit(made: Stage, **changes: Any) -> None:
    """One unit of `chat` is reserved for 60.50 USD an hour."""
    reserve(made.fleets, build_held(**changes))


def scaled(made: Stage) -> str:
    """What came of `chat`'s endpoint: the last reason, or the outcome."""
    made.decide()
    outcome = dict(made.scale_endpoint().outcomes)["chat"]
    held = reasons(made, "scaling_held")
    return held[-1] if held else outcome


def bought(made: Stage) -> str:
    made.decide()
    outcome = dict(made.purchase().outcomes)["chat"]
    held = reasons(made, "purchase_held")
    return held[-1] if held else outcome


GROWING = Asking(instances=3)
BUYING = Asking(ONE_UNIT)
