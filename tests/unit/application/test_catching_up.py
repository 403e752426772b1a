"""Old history is read as time allows: newest minutes and known targets first, nothing for good."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from bedrock_autoscaler.application.errors import ObservationError, TargetsFailedError
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.traffic.observation import CORE, METRICS
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import MODEL, NOW, build_target
from tests.staging import QUARTERLY, Stage
from tests.unit.application.old_days import DAY, FORTNIGHT, TODAY, KilledError, Scene


def test_many_new_targets_are_decided_at_once_and_read_to_their_end_by_later_ticks() -> None:
    scene = Scene()
    scene.tick()
    cold = scene.cold(6)
    scene.stage.targets = (scene.known, *cold)

    scene.tick()

    # 51,840 points and 0.9 s for each day of a target: 90 of them take several ticks, each of
    # which starts none in its last 30 seconds.
    assert timedelta(seconds=28) < scene.stage.deadline.left < timedelta(seconds=30)
    assert [len(scene.unread(target.name)) for target in cold] == [0, 8, *[15] * 4]
    for target in cold[1:]:
        recorded = scene.newest(target.name)
        assert np.isfinite(recorded.situation.observation.traffic.invocations).all()
        (said,) = [r for r in recorded.decision.reasons if "still to be read" in r.message]
        assert said.numbers == (("unread_days", float(len(scene.unread(target.name)))),)

    ticks = 1
    while any(scene.unread(target.name) for target in cold):
        scene.tick()
        ticks += 1

    assert ticks == 5
    assert [scene.gaps(target.name) for target in cold] == [0] * 6


def test_a_known_target_is_decided_before_old_days_of_others_are_read() -> None:
    scene = Scene()
    scene.tick()
    scene.stage.targets = (*scene.cold(2), scene.known)
    scene.stage.reporter.decisions.clear()

    before = scene.newest("chat")
    assert scene.tick().decision.scheduled_at == before.decision.scheduled_at + 15 * MINUTE

    assert [made.target for made in scene.stage.reporter.decisions] == ["chat", "new0", "new1"]


def test_a_run_that_is_stopped_while_it_reads_old_days_has_decided_the_others() -> None:
    scene = Scene()
    before = scene.tick().decision.scheduled_at
    scene.stage.targets = (*scene.cold(1), scene.known)
    scene.metrics.hanging.add(TODAY)

    with pytest.raises(KilledError):
        scene.tick()

    assert scene.newest("chat").decision.scheduled_at == before + 15 * MINUTE


def test_the_trouble_of_one_target_with_its_old_days_stays_its_own() -> None:
    scene = Scene()
    cold = scene.cold(2)
    scene.stage.targets = (*cold, scene.known)
    scene.metrics.broken.update(cold[0].model_ids)

    with pytest.raises(TargetsFailedError):
        scene.tick()

    assert [made.target for made in scene.stage.reporter.decisions] == ["new1", "chat"]


def test_days_that_cloudwatch_refused_are_asked_for_by_later_ticks_of_any_process() -> None:
    scene = Scene()
    scene.metrics.refused.update(FORTNIGHT[3:12])

    first = scene.tick()

    # The newest day that was refused comes last from now on; nothing older was asked for.
    assert first.situation.observation.unread == (*FORTNIGHT[4:], FORTNIGHT[3])
    assert scene.gaps("chat") == 14 * 1440 - 2 * 1440 - 12 * 60

    scene.metrics.refused.clear()
    scene.stage.wire()  # a process that remembers nothing
    scene.tick()

    assert scene.unread("chat") == ()
    assert scene.gaps("chat") == 0


def test_a_day_that_is_always_refused_keeps_no_other_from_being_read() -> None:
    scene = Scene(history_days=3)
    scene.metrics.refused.add(TODAY - DAY)

    unread = [scene.tick().situation.observation.unread for _ in range(3)]

    told = [name for name in scene.stage.reporter.alarm_names if name[1] == "chat"]
    assert told == [("metrics_unread", "chat")] * 3
    yesterday, third, fourth = TODAY - DAY, TODAY - 2 * DAY, TODAY - 3 * DAY
    assert unread == [(third, fourth, yesterday), (yesterday,), (yesterday,)]
    assert scene.metrics.read_from.count(yesterday) == 1


def test_a_day_that_is_always_refused_is_given_up_when_it_is_older_than_the_history() -> None:
    scene = Scene(history_days=1)
    scene.metrics.refused.add(TODAY - DAY)
    scene.tick()
    assert scene.unread("chat") == (TODAY - DAY,)

    scene.stage.clock.advance(11 * HOUR)
    scene.tick()  # 23:30: an hour of it is still looked at
    assert scene.unread("chat") == (TODAY - DAY,)
    assert scene.metrics.read_from.count(TODAY - DAY) == 1
    scene.stage.clock.advance(HOUR)

    assert scene.tick().situation.observation.unread == ()


def test_after_a_pause_the_newest_hours_come_first_and_the_days_between_follow() -> None:
    scene = Scene()
    scene.tick()
    scene.stage.clock.advance(5 * DAY)
    scene.stage.targets = (*scene.cold(4), scene.known)

    scene.tick()

    assert scene.metrics.read_from[0] == NOW + 5 * DAY - 3 * HOUR
    # What lacks least is read first, to its end: the new ones lack more.
    assert scene.metrics.read_from[1:7] == [
        NOW.replace(hour=0) + index * DAY for index in reversed(range(6))
    ]
    assert (scene.unread("chat"), scene.gaps("chat")) == ((), 0)
    assert all(scene.unread(target.name) for target in scene.stage.targets[1:4])


def test_without_the_newest_minutes_no_old_day_is_asked_for() -> None:
    scene = Scene()
    scene.stage.clock.advance(15 * MINUTE)
    scene.metrics.refused.add(NOW - 3 * HOUR)
    scene.stage.decide()

    assert scene.metrics.read_from == [NOW - 3 * HOUR]
    assert scene.unread("chat") == FORTNIGHT


@pytest.mark.parametrize(("failures", "unread"), [(1, (TODAY,)), (2, (TODAY - DAY, TODAY))])
def test_a_day_that_could_not_be_kept_is_read_again(
    failures: int, unread: tuple[datetime, ...]
) -> None:
    """First the newest hours, then also the day that they belong to."""
    scene = Scene(history_days=1)
    for _ in range(failures):
        scene.stage.history.fail_next(ObservationError("table is gone"), method="store")

    scene.tick()
    assert scene.unread("chat") == unread
    assert ("history_unread", "chat") in scene.stage.reporter.alarm_names

    scene.tick()
    assert scene.unread("chat") == ()


def test_a_look_that_is_answered_in_part_leaves_its_day_to_later_ticks() -> None:
    scene = Stage(build_target(thresholds=QUARTERLY))
    scene.decide()
    scene.clock.advance(HOUR + 15 * MINUTE)
    scene.metrics.failing.add(MODEL)
    scene.decide()
    recorded = scene.decisions.latest("chat", Loop.CAPACITY)
    assert recorded is not None
    assert recorded.situation.observation.unread == (TODAY,)

    scene.metrics.failing.clear()
    scene.metrics.beat_through(NOW, scene.now)
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    assert np.isfinite(scene.history.load("chat", NOW, NOW + HOUR).total.invocations).all()


def test_a_target_that_is_read_to_the_end_costs_one_call_of_few_series() -> None:
    scene = Scene()
    scene.tick()

    scene.tick()
    narrow = list(scene.metrics.asked)
    scene.tick()
    scene.tick()
    scene.tick()  # 13:15: the hour of 12:00 is whole

    assert narrow == [{MODEL: CORE}]
    assert scene.metrics.asked == [{MODEL: METRICS}]
    assert scene.metrics.read_from == [NOW - 2 * HOUR]
