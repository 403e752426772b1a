"""Pauses and change windows that are set by hand, after a decision and in a drain."""

import pytest

from bedrock_autoscaler.domain.acting.controls import ChangeWindow, Controls
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.fleet.intent import ReleaseState
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_target, pt_arn
from tests.intents import ONE_UNIT
from tests.staging import Script, Stage
from tests.unit.application.scenes import buys, reasons


def test_a_pause_set_after_the_decision_stops_the_purchase() -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    scene = Stage(core=script)
    scene.decide()
    scene.targets = (build_target(controls=Controls(pause_growth=True)),)

    scene.purchase()

    assert buys(scene) == 0
    assert reasons(scene, "purchase_held") == ["controls.pause_growth is set"]


@pytest.mark.parametrize(
    "controls",
    [
        Controls(pause_shrink=True),
        Controls(shrink_windows=(ChangeWindow(cron="0 12 * * *", minutes=120),)),
    ],
)
@pytest.mark.parametrize("minute", [20, 40])
def test_a_pause_or_window_stops_a_release_before_it_begins_and_before_its_delete(
    controls: Controls, minute: int
) -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    script.actions[NOW + 30 * MINUTE] = (Release(arn=pt_arn(1), model_units=1),)
    scene = Stage(core=script)
    scene.run(16)
    scene.serve(pt_arn(1), 10)
    scene.run(minute - 16)
    scene.targets = (build_target(controls=controls),)

    scene.run(80 - minute)

    # Before 12:30 nothing has begun; at 12:40 the drain had begun, and stops.
    assert [release.state for release in scene.fleets.releases("chat")] == (
        [] if minute == 20 else [ReleaseState.WITHDRAWN]
    )
    assert [call.method for call in scene.capacity.calls] == ["buy"]


def test_a_release_goes_on_when_the_pause_is_lifted() -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    script.actions[NOW + 30 * MINUTE] = (Release(arn=pt_arn(1), model_units=1),)
    scene = Stage(core=script)
    scene.run(16)
    scene.serve(pt_arn(1), 10)
    scene.run(24)
    scene.targets = (build_target(controls=Controls(pause_shrink=True)),)
    scene.run(30)
    scene.targets = (build_target(),)

    scene.run(50)

    # The window of 12:55 was missed; the next one begins at 13:55.
    assert scene.fleets.purchases("chat")[0].ended_at == NOW + 115 * MINUTE
