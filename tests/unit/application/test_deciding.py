"""One tick of observe and decide: recorded once, target by target, and what it reports."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import override

import pytest

from bedrock_autoscaler.application.errors import (
    ObservationError,
    StaleDecisionError,
    TargetsFailedError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.domain.decision import Decision, Purchase, Release, Restore, Situation
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, PT_MODEL, build_guard_rails, build_target, build_thresholds, pt_arn
from tests.fakes.memory_ledger import MemoryFleets
from tests.intents import ONE_UNIT
from tests.unit.application.scenes import latest, reasons, stage

NO_TARGET = ("settings_rejected", "")
"""The alarm of a stack without any target's document."""

# -- the tick ----------------------------------------------------------------------------------


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


# -- isolation ---------------------------------------------------------------------------------


def test_one_targets_fault_is_reported_and_the_others_are_decided() -> None:
    scene, script = stage(build_target(), build_target(name="search", model_ids=("other",)))

    def decide_badly(situation: Situation) -> Decision:
        if situation.target.name == "chat":
            raise ZeroDivisionError("prompt text that must not be logged")
        return script(situation)

    scene.core = decide_badly

    with pytest.raises(TargetsFailedError, match="chat"):
        scene.decide()

    assert [decision.target for decision in scene.reporter.decisions] == ["search"]
    (alarm,) = [alarm for alarm in scene.reporter.alarms if alarm.alarm == "target_failed"]
    assert alarm.target == "chat"
    assert alarm.message.startswith("ZeroDivisionError at test_deciding.py:")
    assert "prompt" not in alarm.message


def test_a_fault_while_recalling_one_target_leaves_the_others() -> None:
    scene, _ = stage(build_target(), build_target(name="search", model_ids=("other",)))
    scene.fleets.fail_next(KeyError("x"), method="state_of")

    with pytest.raises(TargetsFailedError, match="chat"):
        scene.decide()

    assert [decision.target for decision in scene.reporter.decisions] == ["search"]


def test_a_record_of_newer_code_holds_the_target_without_failing_the_run() -> None:
    scene, _ = stage()
    scene.decisions.fail_next(ObservationError("schema 2 is newer"), method="latest")

    summary = scene.decide()

    assert summary.outcomes == (("chat", "unobserved"),)
    assert ("unobserved", "chat") in scene.reporter.alarm_names


def test_a_world_that_moved_on_ends_the_pass_quietly() -> None:
    scene, _ = stage()
    scene.decisions.fail_next(StaleDecisionError("moved"), method="record")

    summary = scene.decide()

    assert summary.outcomes == (("chat", "superseded"),)
    assert scene.reporter.alarms == []


class PoisonedFleets(MemoryFleets):
    """The records of one target cannot be read, once it has any."""

    poisoned = ""

    @override
    def purchases(self, target: str) -> tuple[PurchaseIntent, ...]:
        self._require_readable(target)
        return super().purchases(target)

    @override
    def state_of(self, target: str) -> LedgerState:
        self._require_readable(target)
        return super().state_of(target)

    def _require_readable(self, target: str) -> None:
        if target == self.poisoned:
            raise ObservationError(f"a record of {target} is of a newer version")


def test_one_targets_unreadable_records_stop_no_other_targets_decision() -> None:
    scene, script = stage(build_target(), build_target(name="search", model_ids=("other",)))
    scene.fleets = PoisonedFleets()
    scene.wire()
    script.actions[NOW] = (ONE_UNIT,)
    scene.run(3)
    scene.fleets.poisoned = "search"
    script.actions[NOW + 15 * MINUTE] = (ONE_UNIT,)

    scene.run(15)

    assert [s.target.name for s in script.capacity_situations()].count("chat") == 2
    assert ("unobserved", "") in scene.reporter.alarm_names
    # The caps of the stack cannot be checked without the other's purchases.
    assert len(scene.fleets.purchases("chat")) == 1


# -- what is reported --------------------------------------------------------------------------


def test_rejected_settings_are_reported_by_document_and_field() -> None:
    scene, _ = stage()
    scene.problems = (
        SettingsProblem(document="search", field="guard_rails.max_units", message="is -1"),
        SettingsProblem(document="defaults", field="", message="is no JSON"),
    )

    scene.decide()

    alarms = [(a.target, a.message) for a in scene.reporter.alarms if "settings" in a.alarm]
    assert alarms == [("search", "guard_rails.max_units: is -1"), ("defaults", "is no JSON")]


def test_unmanaged_and_orphaned_pts_are_alarms() -> None:
    scene, _ = stage()
    scene.capacity.add(name="by-hand", model_id=PT_MODEL)
    scene.capacity.add(name="of-gone", model_id="x.y-v1:0:8k", deployment="test", target="gone")

    scene.decide()

    assert scene.reporter.alarm_names == [("orphaned_pt", "gone"), ("unmanaged_pt", "chat")]


def test_what_the_last_target_leaves_behind_is_an_alarm() -> None:
    """It is billed by the hour, and no other function looks at targets that are gone."""
    scene, _ = stage()
    scene.capacity.add(name="left", model_id=PT_MODEL, deployment="test", target="chat")
    scene.targets = ()

    scene.decide(Loop.ROUTING)
    assert scene.reporter.alarm_names == [NO_TARGET]
    assert scene.decide().outcomes == ()

    assert scene.reporter.alarm_names == [NO_TARGET, NO_TARGET, ("orphaned_pt", "chat")]


def test_a_purchase_without_an_answer_of_a_target_that_is_gone_is_an_alarm() -> None:
    """Its units stay reserved, and the purchase function looks at targets in force alone."""
    scene, script = stage()
    script.actions[NOW] = (ONE_UNIT,)
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.run(1)
    scene.targets = ()

    scene.clock.set(NOW + 15 * MINUTE)
    scene.decide()
    assert scene.reporter.alarm_names == [NO_TARGET]
    scene.clock.set(NOW + 30 * MINUTE)
    scene.decide()

    assert scene.reporter.alarm_names == [NO_TARGET, NO_TARGET, ("purchase_unresolved", "chat")]


def test_spend_near_a_cap_is_an_alarm() -> None:
    # One unit at 60.50 from 12:00: one period, which is 80 % of 75.625.
    rails = build_guard_rails(max_usd_per_day=Decimal("75.625"))
    scene, script = stage(build_target(guard_rails=rails))
    script.actions[NOW] = (ONE_UNIT,)
    scene.decide()
    scene.purchase()
    scene.clock.advance(15 * MINUTE)

    scene.decide()

    assert ("spend_near_cap", "chat") in scene.reporter.alarm_names
