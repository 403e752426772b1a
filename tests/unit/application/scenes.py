"""Stages that tests of the actors begin from, and what they read off one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, ReleaseIntent
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_target, pt_arn
from tests.fakes.memory_capacity import MemoryCapacity
from tests.intents import ONE_UNIT, TWO_UNITS
from tests.staging import Script, Stage

NAME = "chat-capacity-20261120T120000Z-0283"
"""Of what is bought at NOW: sha256 of "test/" and the decision's id begins with 0283."""
ARN = pt_arn(1)
DECIDED_AT = NOW + 30 * MINUTE
"""When the release of a PT is decided that was bought at NOW and is paid until NOW + 60."""


# -- beginnings --------------------------------------------------------------------------------


def bought(minutes: int = 20, **target: Any) -> Stage:
    """One unit bought at 12:00 and in service since 12:15."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    scene = Stage(build_target(**target), core=script)
    scene.run(minutes)
    return scene


def stage(*targets: Target, history_hours: int = 4) -> tuple[Stage, Script]:
    """A stage at NOW, and the script of what is decided on it."""
    script = Script()
    return Stage(*targets, core=script, history_hours=history_hours), script


def decided(*targets: Target, capacity: type[MemoryCapacity] = MemoryCapacity) -> Stage:
    """A stage on which the decision to buy two units was just recorded."""
    script = Script()
    script.actions[NOW] = (TWO_UNITS,)
    scene = Stage(*targets, core=script, capacity=capacity)
    scene.decide()
    return scene


def serving(
    *targets: Target, capacity: type[MemoryCapacity] = MemoryCapacity
) -> tuple[Stage, Script]:
    """A stage at 12:30: bought at 12:00, in service since 12:15, busy until 12:30."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    scene = Stage(*targets, core=script, capacity=capacity)
    scene.run(16)
    scene.serve(ARN, 14)
    scene.run(14)
    assert scene.now == DECIDED_AT
    return scene, script


def draining(
    *targets: Target, capacity: type[MemoryCapacity] = MemoryCapacity
) -> tuple[Stage, Script]:
    """A stage at 12:31: the release was decided, begun and published at 12:30."""
    scene, script = serving(*targets, capacity=capacity)
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.run(1)
    assert only_release(scene).withdrawn_at == DECIDED_AT
    return scene, script


def at_window(
    *targets: Target, capacity: type[MemoryCapacity] = MemoryCapacity
) -> tuple[Stage, Script]:
    """A stage at 12:55: drained and silent, with five paid minutes left."""
    scene, script = draining(*targets, capacity=capacity)
    scene.run(24)
    assert scene.now == NOW + 55 * MINUTE
    assert deletes(scene) == []
    return scene, script


def purchased(*, lead_time: timedelta = 15 * MINUTE) -> Stage:
    """A stage at 12:00: two units were just bought, in service after the lead time."""
    scene = decided()
    scene.capacity.lead_time = lead_time
    scene.purchase()
    return scene


# -- meanwhile ---------------------------------------------------------------------------------


def interrupt(port: object, method: str, then: Callable[[], object], *, after: bool) -> None:
    """Let somebody else act right before the next call of a method takes effect, or after it."""
    usual = getattr(port, method)

    def interrupted(*args: Any, **named: Any) -> Any:
        setattr(port, method, usual)
        if not after:
            then()
        answer = usual(*args, **named)
        if after:
            then()
        return answer

    setattr(port, method, interrupted)


# -- readings ----------------------------------------------------------------------------------


def latest(scene: Stage, loop: Loop = Loop.CAPACITY) -> RecordedDecision:
    found = scene.decisions.latest("chat", loop)
    assert found is not None
    return found


def only_purchase(scene: Stage) -> PurchaseIntent:
    (intent,) = scene.fleets.purchases("chat")
    return intent


def only_release(scene: Stage) -> ReleaseIntent:
    (intent,) = scene.fleets.releases("chat")
    return intent


def buys(scene: Stage) -> int:
    return sum(call.method == "buy" for call in scene.capacity.calls)


def deletes(scene: Stage) -> list[str]:
    return [call.subject for call in scene.capacity.calls if call.method == "delete"]


def reasons(scene: Stage, event: str) -> list[str]:
    """The reasons that were reported with such events, in order."""
    return [str(h.fields["reason"]) for h in scene.reporter.happenings if h.event == event]


def actions(scene: Stage) -> dict[datetime, Any]:
    assert isinstance(scene.core, Script)
    return scene.core.actions


def calls(scene: Stage) -> list[str]:
    return [call.method for call in scene.capacity.calls]
