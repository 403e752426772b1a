"""The Delete of a release: in the window, once, and stopped by whatever was changed since."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import override

import pytest

from bedrock_autoscaler.application.ports.cloudwatch import MetricsReading
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.target import Mode
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_guard_rails, build_target, build_thresholds, pt_arn
from tests.fakes.memory_capacity import MemoryCapacity
from tests.fakes.memory_metrics import MemoryMetrics
from tests.intents import ONE_UNIT
from tests.staging import Script, Stage
from tests.unit.application.scenes import (
    ARN,
    at_window,
    deletes,
    interrupt,
    only_purchase,
    only_release,
    reasons,
)


def test_deletes_in_the_window_confirms_and_frees_the_units() -> None:
    scene, _ = at_window()

    summary = scene.release()

    assert summary.outcomes == (("chat", "released 1"),)
    assert deletes(scene) == [ARN]
    assert scene.capacity.get(ARN) is None
    assert only_release(scene).state is ReleaseState.DELETED
    assert only_purchase(scene).state is PurchaseState.RELEASED
    assert only_purchase(scene).ended_at == scene.now
    assert scene.fleets.record_of("chat").reserved_units == 0


def test_a_deleted_pt_is_not_deleted_again() -> None:
    scene, _ = at_window()
    scene.release()

    assert scene.release().outcomes == (("chat", "nothing to release"),)
    assert deletes(scene) == [ARN]


def test_the_intent_to_delete_is_written_before_the_call() -> None:
    class WatchingCapacity(MemoryCapacity):
        states: tuple[ReleaseState, ...] = ()
        scene: Stage | None = None

        @override
        def delete(self, arn: str) -> None:
            assert self.scene is not None
            self.states = tuple(i.state for i in self.scene.fleets.releases("chat"))
            super().delete(arn)

    scene, _ = at_window(capacity=WatchingCapacity)
    assert isinstance(scene.capacity, WatchingCapacity)
    scene.capacity.scene = scene

    scene.release()

    assert scene.capacity.states == (ReleaseState.DELETING,)


@pytest.mark.parametrize("value", [None, "deny"])
def test_a_drain_already_begun_stops_before_the_delete_when_the_switch_closes(
    value: str | None,
) -> None:
    scene, _ = at_window()
    scene.switch.value = value

    assert scene.release().outcomes == (("chat", "release waits"),)
    assert deletes(scene) == []
    assert only_release(scene).state is ReleaseState.WITHDRAWN


def test_a_delete_that_is_stopped_once_it_is_written_is_taken_back() -> None:
    """Nobody waits for it to take effect, and nobody is told that it has none."""
    scene, _ = at_window()
    interrupt(
        scene.fleets, "update_release", lambda: setattr(scene.switch, "value", "deny"), after=True
    )

    assert scene.release().outcomes == (("chat", "release waits"),)

    assert only_release(scene).state is ReleaseState.WITHDRAWN
    assert only_release(scene).delete_sent_at is None
    scene.run(30)
    assert deletes(scene) == []
    assert scene.reporter.alarm_names == []


def test_too_little_time_starts_no_delete() -> None:
    scene, _ = at_window()
    scene.deadline.left = timedelta(seconds=10)

    scene.release()

    assert deletes(scene) == []
    assert (
        reasons(scene, "release_waits")[-1] == "too little time is left for the call and its record"
    )


def test_advise_deletes_nothing() -> None:
    scene, _ = at_window()
    scene.targets = (build_target(mode=Mode.ADVISE),)

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene, "release_waits")[-1] == "the target is in mode advise"


def test_a_run_that_outlasts_the_paid_period_deletes_nothing() -> None:
    """The next period is paid for by then: the PT stays until that one ends."""

    class SlowMetrics(MemoryMetrics):
        scene: Stage | None = None

        @override
        def read(
            self,
            model_ids: Sequence[str],
            start: datetime,
            end: datetime,
            series: Mapping[str, Collection[str]] | None = None,
        ) -> MetricsReading:
            assert self.scene is not None
            self.scene.clock.advance(timedelta(seconds=10))
            return super().read(model_ids, start, end, series)

    scene, _ = at_window()
    scene.switch.value = "stop"
    scene.run(4)
    scene.switch.value = "allow"
    slow = SlowMetrics()
    slow.__dict__ |= scene.metrics.__dict__
    slow.scene = scene
    scene.metrics = slow
    scene.wire()
    scene.clock.advance(timedelta(seconds=55))

    assert scene.release(scene.now).outcomes == (("chat", "release waits"),)

    assert deletes(scene) == []
    assert reasons(scene, "release_waits")[-1] == "its paid period runs"


def two_ready(share: float = 1.0) -> Stage:
    """A stage at 13:30: two PTs are drained and silent, and may both leave within the hour."""
    # For a while far more silence is asked for.
    rails = build_guard_rails(max_release_share_per_hour=share)
    always = build_target(
        thresholds=build_thresholds(draining={"release_window_minutes": 60}), guard_rails=rails
    )
    script = Script()
    script.actions[NOW] = script.actions[NOW + 15 * MINUTE] = (ONE_UNIT,)
    scene = Stage(always, core=script)
    scene.run(31)
    scene.serve(pt_arn(1), 9)
    scene.serve(pt_arn(2), 9)
    script.actions[NOW + 45 * MINUTE] = (Release(arn=pt_arn(1), model_units=1),)
    script.actions[NOW + 60 * MINUTE] = (Release(arn=pt_arn(2), model_units=1),)
    scene.run(15)
    patient = build_thresholds(draining={"quiet_minutes": 99})
    scene.targets = (build_target(thresholds=patient, guard_rails=rails),)
    scene.run(44)
    assert deletes(scene) == []
    scene.targets = (always,)
    return scene


def test_one_delete_in_a_tick() -> None:
    scene = two_ready()
    tick = scene.now

    scene.release(tick)

    assert deletes(scene) == [pt_arn(1)]
    scene.clock.advance(MINUTE)
    scene.release(tick + MINUTE)
    assert deletes(scene) == [pt_arn(1), pt_arn(2)]


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 3), (-2, 0)])
def test_the_same_tick_twice_deletes_one(first: int, second: int) -> None:
    """By clocks that are so many minutes past the tick."""
    scene = two_ready()
    tick = scene.now
    for past in (first, second):
        scene.clock.set(tick + past * MINUTE)
        scene.release(tick)

    assert deletes(scene) == [pt_arn(1)]
    assert reasons(scene, "release_waits")[-1] == "a Delete went out in this tick"


def test_a_clock_that_is_behind_keeps_no_later_tick_from_its_delete() -> None:
    scene = two_ready()
    tick = scene.now
    for late in (0, 1):
        scene.clock.set(tick + (late - 3) * MINUTE)
        scene.release(tick + late * MINUTE)

    assert deletes(scene) == [pt_arn(1), pt_arn(2)]


def test_two_runs_of_a_tick_that_overlap_send_one_delete_of_one_pt() -> None:
    """The one that comes later finds the Delete written, and takes it as sent."""
    scene, _ = at_window()
    tick = scene.now
    interrupt(scene.fleets, "update_release", lambda: scene.release(tick), after=True)

    scene.release(tick)

    assert deletes(scene) == [ARN]
    assert only_release(scene).state is ReleaseState.DELETED


def test_a_run_that_was_overtaken_sends_no_delete_beyond_the_bound_of_a_day() -> None:
    """It looked at the releases before the other run deleted; it looks again before its own."""
    scene = two_ready()
    (target,) = scene.targets
    rails = replace(target.guard_rails, max_releases_per_day=1)
    scene.targets = (replace(target, guard_rails=rails),)
    scene.metrics.failing = {pt_arn(1)}

    def overtake() -> None:
        scene.metrics.failing = set()
        scene.clock.advance(MINUTE)
        scene.release()

    looks = partial(interrupt, scene.capacity, "get", after=False)
    looks(then=lambda: looks(then=overtake))  # at the second PT

    scene.release()

    assert deletes(scene) == [pt_arn(1)]
    assert reasons(scene, "release_waits")[-1] == "1 release in 24 hours, allowed: 1"
