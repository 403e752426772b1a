"""One tick of observe and decide: recorded once, target by target, in its time."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.decision import Decision, Purchase, Release, Restore, Situation
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, PT_MODEL, build_target, build_thresholds, pt_arn
from tests.intents import ONE_UNIT
from tests.unit.application.scenes import latest, reasons, stage


def test_records_and_reports_one_decision_per_target() -> None:
    scene, _ = stage(build_target(), build_target(name="search", model_ids=("other",)))

    summary = scene.decide(Loop.CAPACITY, NOW)

    assert summary.outcomes == (("chat", "hold"), ("search", "hold"))
    recorded = latest(scene)
    assert recorded.decision.id == "chat-capacity-20261120T120000Z"
    assert recorded.code_version == "1.2.3"
    assert [decision.target for decision in scene.reporter.decisions] == ["chat", "search"]


def test_a_tick_that_was_decided_leaves_no_second_trace() -> None:
    scene, script = stage()
    scene.decide(Loop.CAPACITY, NOW)

    summary = scene.decide(Loop.CAPACITY, NOW)

    assert summary.outcomes == (("chat", "decided before"),)
    assert len(script.situations) == 1
    assert len(scene.reporter.decisions) == 1


def test_the_record_of_a_concurrent_run_wins() -> None:
    scene, script = stage()

    def decide_while_another_run_records(situation: Situation) -> Decision:
        decision = script(situation)
        other = replace(decision, desired_units=5)
        scene.decisions.record(
            RecordedDecision(decision=other, situation=situation, history=None, code_version="x")
        )
        return decision

    scene.core = decide_while_another_run_records

    summary = scene.decide(Loop.ROUTING)

    assert summary.outcomes == (("chat", "decided before"),)
    assert latest(scene, Loop.ROUTING).decision.desired_units == 5
    assert scene.reporter.decisions == []


def test_a_tick_that_a_newer_one_overtook_is_skipped() -> None:
    scene, _ = stage()
    scene.decide(Loop.ROUTING, NOW)

    summary = scene.decide(Loop.ROUTING, NOW - MINUTE)

    assert summary.outcomes == (("chat", "decided before"),)


@pytest.mark.parametrize(
    ("loop", "age", "outcome"),
    [
        (Loop.ROUTING, 2 * MINUTE, "hold"),
        (Loop.ROUTING, 3 * MINUTE, "late: recorded"),
        (Loop.CAPACITY, 5 * MINUTE, "hold"),
        (Loop.CAPACITY, 6 * MINUTE, "late: recorded"),
        (Loop.CAPACITY, 31 * MINUTE, "late: recorded"),
        (Loop.CAPACITY, -6 * MINUTE, "late: recorded"),
    ],
)
def test_a_late_tick_is_recorded_and_nothing_else(loop: Loop, age: timedelta, outcome: str) -> None:
    """Late: older than two periods, or more than five minutes off the clock."""
    scene, _ = stage()

    summary = scene.decide(loop, NOW - age)

    assert summary.outcomes == (("chat", outcome),)
    (decision,) = scene.reporter.decisions
    assert decision.scheduled_at == NOW - age


def test_a_tick_far_ahead_of_the_clock_leaves_no_record_to_silence_those_before_it() -> None:
    scene, _ = stage()

    assert scene.decide(Loop.CAPACITY, NOW + 24 * HOUR).outcomes == ()

    assert ("loop_late", "") in scene.reporter.alarm_names
    assert scene.decide().outcomes == (("chat", "hold"),)


def test_nothing_is_bought_on_a_late_ticks_decision_whatever_it_asks_for() -> None:
    scene, script = stage()
    script.actions[NOW - 15 * MINUTE] = (ONE_UNIT,)
    scene.decide(Loop.CAPACITY, NOW - 15 * MINUTE)

    scene.purchase()

    assert scene.capacity.calls == []
    (held,) = reasons(scene, "purchase_held")
    assert held == "the decision comes from a late tick and is only recorded"


def test_a_backlog_of_ticks_collapses_to_the_newest() -> None:
    scene, script = stage()
    backlog = [NOW - 15 * quarter * MINUTE for quarter in range(4)]
    for scheduled_at in (backlog[0], *reversed(backlog), *backlog):
        script.actions[scheduled_at] = (ONE_UNIT,)
        scene.decide(Loop.CAPACITY, scheduled_at)
        scene.purchase()

    assert [call.method for call in scene.capacity.calls] == ["buy"]
    assert [d.scheduled_at for d in scene.reporter.decisions] == [NOW]


def test_a_backlog_that_comes_oldest_first_acts_on_its_newest_alone() -> None:
    scene, script = stage()
    for quarter in (3, 2, 1, 0):
        script.actions[NOW - 15 * quarter * MINUTE] = (ONE_UNIT,)
        scene.decide(Loop.CAPACITY, NOW - 15 * quarter * MINUTE)
        scene.purchase()

    assert [call.method for call in scene.capacity.calls] == ["buy"]
    (intent,) = scene.fleets.purchases("chat")
    assert intent.recorded_at == NOW


def test_periods_are_each_targets_own() -> None:
    slow = build_target(
        name="slow",
        model_ids=("slow",),
        thresholds=build_thresholds(sizing={"decision_minutes": 2}),
    )
    scene, _ = stage(build_target(), slow)

    summary = scene.decide(Loop.CAPACITY, NOW - 5 * MINUTE)

    assert dict(summary.outcomes) == {"chat": "hold", "slow": "late: recorded"}


def test_without_a_scheduled_time_the_running_period_is_decided() -> None:
    scene, _ = stage()
    scene.clock.advance(timedelta(minutes=7, seconds=41))

    scene.decide(Loop.ROUTING)
    scene.decide(Loop.CAPACITY)

    assert latest(scene, Loop.ROUTING).decision.scheduled_at == NOW + 7 * MINUTE
    assert latest(scene).decision.scheduled_at == NOW


def test_the_scheduled_time_counts_to_the_minute() -> None:
    scene, _ = stage()

    scene.decide(Loop.ROUTING, NOW + timedelta(seconds=59))

    assert latest(scene, Loop.ROUTING).decision.scheduled_at == NOW


def test_no_target_is_nothing_to_decide_but_a_heartbeat() -> None:
    scene, _ = stage(history_hours=0)
    scene.targets = ()

    assert scene.decide(Loop.ROUTING).outcomes == ()
    assert NOW in scene.metrics.beats


def test_a_late_tick_beats_in_its_scheduled_minute() -> None:
    """Two ticks that land in one minute would leave the other minute unproven."""
    scene, _ = stage(history_hours=0)
    scene.clock.set(NOW + timedelta(seconds=75))

    scene.decide(Loop.ROUTING, NOW)

    assert NOW in scene.metrics.beats
    assert NOW + timedelta(minutes=1) not in scene.metrics.beats


def test_a_tick_far_off_its_time_beats_now() -> None:
    scene, _ = stage(history_hours=0)
    scene.clock.set(NOW + timedelta(minutes=6))

    scene.decide(Loop.ROUTING, NOW)

    assert scene.metrics.beats >= {NOW + timedelta(minutes=6)}
    assert NOW not in scene.metrics.beats


def test_each_action_is_named_in_the_outcome() -> None:
    scene, script = stage()
    script.actions[NOW] = (
        Purchase(model_id=PT_MODEL, model_units=2, usd_per_hour=Decimal(121)),
        Release(arn=pt_arn(1), model_units=1),
        Restore(arn=pt_arn(2), model_units=3),
    )

    summary = scene.decide()

    assert summary.outcomes == (("chat", "purchase 2, release 1, restore 3"),)
