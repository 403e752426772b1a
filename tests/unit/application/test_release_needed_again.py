"""A Delete that shows no effect is an alarm, and what is needed again then comes back."""

from dataclasses import replace
from typing import override

from bedrock_autoscaler.application.errors import UnknownOutcomeError
from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.decision import Restore
from bedrock_autoscaler.domain.fleet.intent import ReleaseState
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_target
from tests.fakes.memory_capacity import Call, MemoryCapacity
from tests.staging import QUARTERLY, Stage
from tests.unit.application.scenes import ARN, at_window, deletes, draining, only_release


class UndeletableCapacity(MemoryCapacity):
    """No Delete has an answer, or an effect."""

    @override
    def delete(self, arn: str) -> None:
        self.calls.append(Call("delete", arn))
        raise UnknownOutcomeError("throttled")


def needed_again(*, paused: bool = False) -> Stage:
    """A stage at 13:00: Deletes from 12:55 on had no effect, and the decisions want the PT back."""
    scene, script = at_window(capacity=UndeletableCapacity)
    scene.run(5)
    assert only_release(scene).state is ReleaseState.DELETING
    for minutes in range(60, 121, 15):
        script.actions[NOW + minutes * MINUTE] = (Restore(arn=ARN, model_units=1),)
    if paused:
        scene.targets = (build_target(thresholds=QUARTERLY, controls=Controls(pause_shrink=True)),)
    return scene


def test_a_delete_that_shows_no_effect_within_the_grace_is_an_alarm() -> None:
    scene, _ = at_window(capacity=UndeletableCapacity)
    scene.run(5 + 24)
    assert scene.reporter.alarm_names == []

    scene.run(1)

    (alarm,) = scene.reporter.alarms
    assert (alarm.alarm, alarm.target) == ("release_unresolved", "chat")
    assert f"{ARN} of 1 unit still stands 25 minutes after its Delete" in alarm.message


def test_a_delete_without_effect_is_an_alarm_before_the_next_one_also_in_a_long_window() -> None:
    """Else each window would begin to count anew, and nobody would ever be told."""
    long = replace(QUARTERLY.draining, release_window_minutes=40)
    target = build_target(thresholds=replace(QUARTERLY, draining=long))
    scene, _ = draining(target, capacity=UndeletableCapacity)
    scene.run(48)
    assert deletes(scene)[-1] == ARN
    assert scene.reporter.alarm_names == []

    scene.run(1)

    assert scene.now == NOW + 80 * MINUTE
    assert scene.reporter.alarm_names == [("release_unresolved", "chat")]


def test_what_is_needed_again_comes_back_once_no_delete_can_take_effect_any_more() -> None:
    scene = needed_again()
    sent = len(deletes(scene))
    scene.run(23)
    assert only_release(scene).state is ReleaseState.DELETING

    scene.run(40)

    assert len(deletes(scene)) == sent
    assert only_release(scene).state is ReleaseState.CANCELLED
    assert only_release(scene).ended_at == NOW + 84 * MINUTE
    table = scene.tables.current("chat")
    assert table is not None
    assert table.routes[0].address == ARN


def test_a_record_of_older_code_is_waited_for_from_now_on() -> None:
    scene = needed_again()
    intent = only_release(scene)
    older = replace(intent, delete_sent_at=None, version=intent.version + 1)
    scene.fleets.update_release(intent, older)

    scene.run(60)

    assert only_release(scene).state is ReleaseState.CANCELLED
    assert only_release(scene).ended_at == NOW + 85 * MINUTE


def test_a_pause_stops_the_delete_of_what_is_needed_again() -> None:
    scene = needed_again(paused=True)
    sent = len(deletes(scene))

    scene.run(60)

    assert len(deletes(scene)) == sent
