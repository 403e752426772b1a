"""One tick of observe and decide: situations put together, decisions recorded once."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import override

import numpy as np
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
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.target import (
    Commitment,
    InferenceOption,
    Loop,
    OptionKind,
    Target,
)
from bedrock_autoscaler.domain.unit_rates.rates import RateKind
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    PT_MODEL,
    build_guard_rails,
    build_option,
    build_target,
    build_thresholds,
    build_traffic,
    pt_arn,
)
from tests.comparing import plain
from tests.fakes.memory_capacity import MemoryCapacity
from tests.fakes.memory_ledger import MemoryFleets
from tests.intents import ONE_UNIT
from tests.staging import Script, Stage


def stage(*targets: Target, history_hours: int = 4) -> tuple[Stage, Script]:
    script = Script()
    return Stage(*targets, core=script, history_hours=history_hours), script


def latest(scene: Stage, loop: Loop = Loop.CAPACITY) -> RecordedDecision:
    found = scene.decisions.latest("chat", loop)
    assert found is not None
    return found


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
    (held,) = [h for h in scene.reporter.happenings if h.event == "purchase_held"]
    assert held.fields["reason"] == "the decision comes from a late tick and is only recorded"


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
    assert scene.reporter.alarm_names == []
    assert scene.decide().outcomes == ()

    assert scene.reporter.alarm_names == [("orphaned_pt", "chat")]


def test_a_purchase_without_an_answer_of_a_target_that_is_gone_is_an_alarm() -> None:
    """Its units stay reserved, and the purchase function looks at targets in force alone."""
    scene, script = stage()
    script.actions[NOW] = (ONE_UNIT,)
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.run(1)
    scene.targets = ()

    scene.clock.set(NOW + 15 * MINUTE)
    scene.decide()
    assert scene.reporter.alarm_names == []
    scene.clock.set(NOW + 30 * MINUTE)
    scene.decide()

    assert scene.reporter.alarm_names == [("purchase_unresolved", "chat")]


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


# -- the situation -----------------------------------------------------------------------------


def test_a_routing_situation_has_the_newest_settled_half_hour() -> None:
    scene, script = stage()

    scene.decide(Loop.ROUTING)

    (situation,) = script.situations
    traffic = situation.observation.traffic
    # Three minutes are still settling.
    assert (traffic.start, traffic.end) == (NOW - 33 * MINUTE, NOW - 3 * MINUTE)
    np.testing.assert_equal(traffic.invocations, np.full(30, 60.0))
    assert situation.observation.model_is_active is None
    assert latest(scene, Loop.ROUTING).history is None


def test_a_routing_tick_reads_only_what_is_new() -> None:
    scene, script = stage()
    scene.decide(Loop.ROUTING)
    scene.metrics.put_traffic(MODEL, build_traffic(60, end=NOW, invocations=1.0))
    scene.metrics.put_traffic(MODEL, build_traffic(9, end=NOW + 9 * MINUTE, invocations=5.0))
    scene.clock.advance(MINUTE)

    scene.decide(Loop.ROUTING)

    # Only the minute from 11:57 was read again with the changed values; the rest is remembered.
    invocations = script.situations[-1].observation.traffic.invocations
    np.testing.assert_equal(invocations, [*np.full(29, 60.0), 1.0])


def test_minutes_without_a_heartbeat_are_gaps_and_are_read_again_later() -> None:
    scene, script = stage()
    before, after = build_traffic(50, end=NOW - 10 * MINUTE), build_traffic(9, end=NOW)
    scene.metrics.put_traffic("other", before)
    scene.metrics.put_traffic("other", after)
    scene.targets = (build_target(model_ids=("other",)),)
    scene.metrics.beats -= {NOW - 10 * MINUTE}
    scene.decide(Loop.ROUTING)
    assert np.isnan(script.situations[-1].observation.traffic.invocations[23])
    scene.metrics.beats.add(NOW - 10 * MINUTE)
    scene.clock.advance(MINUTE)

    scene.decide(Loop.ROUTING)

    # CloudWatch is whole again: the minute 11:50 is known to have had no traffic.
    invocations = script.situations[-1].observation.traffic.invocations
    np.testing.assert_equal(invocations, [*np.full(22, 60.0), 0.0, *np.full(7, 60.0)])


def test_unreadable_metrics_are_gaps_never_zeros() -> None:
    scene, script = stage()
    scene.decide(Loop.ROUTING)
    scene.clock.advance(MINUTE)
    scene.metrics.fail_next(ObservationError("CloudWatch is down"), method="read")

    summary = scene.decide(Loop.ROUTING)

    assert summary.outcomes == (("chat", "hold"),)
    invocations = script.situations[-1].observation.traffic.invocations
    np.testing.assert_equal(invocations, [*np.full(29, 60.0), np.nan])
    assert ("metrics_unread", "") in scene.reporter.alarm_names


def test_an_unreadable_list_of_model_ids_makes_the_reading_a_gap() -> None:
    # Traffic filed under an id that was not discovered would look like silence.
    scene, script = stage()
    scene.metrics.fail_next(ObservationError("ListMetrics is down"), method="model_ids")

    scene.decide(Loop.ROUTING)

    assert np.isnan(script.situations[-1].observation.traffic.invocations).all()


def test_a_failed_query_is_a_gap_for_its_target_alone() -> None:
    scene, script = stage(build_target(), build_target(name="search", model_ids=("other",)))
    scene.metrics.put_traffic("other", build_traffic(60, end=NOW))
    scene.metrics.failing = {"other"}

    scene.decide(Loop.ROUTING)

    chat, search = script.situations
    assert not np.isnan(chat.observation.traffic.invocations).any()
    assert np.isnan(search.observation.traffic.invocations).all()
    assert scene.events == [("metrics_partial", "")]


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


def test_a_failed_heartbeat_is_reported_and_leaves_a_gap_by_itself() -> None:
    scene, _ = stage()
    scene.metrics.fail_next(ObservationError("down"), method="beat")

    scene.decide(Loop.ROUTING)

    assert NOW not in scene.metrics.beats
    assert ("heartbeat_failed", "") in scene.reporter.alarm_names


def test_each_option_has_its_own_recent_traffic() -> None:
    options = (build_option(), build_option(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE))
    scene, script = stage(build_target(options=options, model_ids=(MODEL, PROFILE)))
    scene.metrics.put_traffic(PROFILE, build_traffic(60, end=NOW, invocations=2.0))

    scene.decide(Loop.ROUTING)

    observation = script.situations[-1].observation
    by_option = dict(observation.by_option)
    np.testing.assert_equal(by_option[MODEL].invocations, np.full(30, 60.0))
    np.testing.assert_equal(by_option[PROFILE].invocations, np.full(30, 2.0))
    np.testing.assert_equal(observation.traffic.invocations, np.full(30, 62.0))


def test_the_first_capacity_tick_reads_the_whole_history_and_keeps_it() -> None:
    scene, script = stage(history_hours=48)

    scene.decide()

    recorded = latest(scene)
    assert recorded.history is not None
    # Two days of whole hours are known; the settled minutes end at 11:57.
    assert recorded.history.start == NOW - timedelta(days=2)
    assert recorded.history.end == NOW - HOUR
    traffic = script.situations[-1].observation.traffic
    assert (traffic.start, traffic.end) == (NOW - timedelta(days=2), NOW - 3 * MINUTE)
    assert not np.isnan(traffic.invocations).any()
    assert len(recorded.situation.observation.traffic) == 57


def test_later_capacity_ticks_read_the_newest_hours_and_join_them_to_the_history() -> None:
    scene, script = stage()
    scene.decide()
    scene.run(15, build_traffic(15, end=NOW + 15 * MINUTE, invocations=5.0))
    assert scene.now == NOW + 15 * MINUTE

    scene.decide()

    recorded = latest(scene)
    assert recorded.history is not None
    assert recorded.history.end == NOW
    traffic = script.situations[-1].observation.traffic
    assert traffic.end == NOW + 12 * MINUTE
    np.testing.assert_equal(traffic.invocations[-13:], [60.0, *np.full(12, 5.0)])


def test_a_recorded_situation_is_what_was_decided_on() -> None:
    scene, script = stage()
    scene.decide()

    loaded = scene.decisions.load("chat-capacity-20261120T120000Z", scene.history)

    assert loaded is not None
    assert plain(loaded.situation) == plain(script.situations[-1])


def test_an_outage_of_the_metrics_is_made_up_for_from_the_last_kept_hour() -> None:
    scene, script = stage()
    scene.decide()
    for _ in range(20):
        scene.clock.advance(15 * MINUTE)
        scene.metrics.fail_next(ObservationError("down"), method="read")
        scene.decide()
    assert np.isnan(script.situations[-1].observation.traffic.invocations[-60:]).all()
    scene.metrics.beat_through(NOW, scene.now)
    scene.metrics.put_traffic(MODEL, build_traffic(5 * 60, end=scene.now))
    scene.clock.advance(15 * MINUTE)

    scene.decide()

    invocations = script.situations[-1].observation.traffic.invocations
    assert not np.isnan(invocations[:-15]).any()


def test_unreadable_history_leaves_the_newest_hours() -> None:
    scene, script = stage()
    scene.history.fail_next(ObservationError("table is gone"), method="load")

    scene.decide()

    traffic = script.situations[-1].observation.traffic
    assert len(traffic) == 180
    assert latest(scene).history is None
    assert ("history_unread", "chat") in scene.reporter.alarm_names


def test_a_new_pt_leaves_no_hole_in_the_history() -> None:
    scene, script = stage()
    script.actions[NOW] = (ONE_UNIT,)
    # Before the deployment there was no heartbeat, only points.
    scene.metrics.beats.clear()
    scene.run(30)

    scene.decide()

    traffic = script.situations[-1].observation.traffic
    assert traffic.end == NOW + 27 * MINUTE
    np.testing.assert_equal(traffic.invocations[-147:], [*np.full(120, 60.0), *np.zeros(27)])


def test_the_traffic_of_a_pt_is_the_targets() -> None:
    scene, script = stage()
    script.actions[NOW] = (ONE_UNIT,)
    scene.run(16)
    scene.serve(scene.only_arn(), 5)
    scene.run(10)

    observation = script.situations[-1].observation

    # Calls in the minutes 12:16 to 12:20 of ticks up to 12:25, settled to 12:22.
    np.testing.assert_equal(observation.traffic.invocations[-7:], [0.0, *np.full(5, 60.0), 0.0])
    (evidence,) = observation.provisioned
    assert evidence.seen
    assert evidence.quiet_minutes == 1


@pytest.mark.parametrize(("options", "counted"), [((build_option(),), 0.0), ((), 30.0)])
def test_what_a_pt_refuses_counts_where_it_goes(
    options: tuple[InferenceOption, ...], counted: float
) -> None:
    scene, script = stage(build_target(options=options, model_ids=(MODEL,)))
    script.actions[NOW] = (ONE_UNIT,)
    scene.run(16)
    scene.serve(scene.only_arn(), 5, throttles=30.0)
    scene.run(75)

    newest = script.capacity_situations()[-1]
    loaded = scene.decisions.load("chat-capacity-20261120T133000Z", scene.history)

    # The five minutes from 12:16 are in the kept hour of 12:00 by now; it ends at 13:00.
    throttles = newest.observation.traffic.throttles
    assert newest.scheduled_at == NOW + 90 * MINUTE
    np.testing.assert_equal(throttles[-71:-66], np.full(5, counted))
    assert loaded is not None
    assert plain(loaded.situation) == plain(newest)


def test_the_unit_rate_is_measured_on_kept_hours_and_carried_on() -> None:
    scene, script = stage()
    script.actions[NOW] = (ONE_UNIT,)
    scene.run(16)
    scene.serve(scene.only_arn(), 30)
    scene.run(120)

    observed = {one.scheduled_at: one.observation.unit_rate for one in script.capacity_situations()}

    # The hour of 12:00 is whole and settled at 13:15. Of the five largest quarters the PT served
    # 60,000 tokens in 14, 15, 1, 0 and 0 minutes; a minute's store in 16 is taken off.
    assert observed[NOW + HOUR] is None
    first = observed[NOW + 75 * MINUTE]
    assert first is not None
    assert first.kind is RateKind.LOWER_BOUND
    assert first.measured_at == NOW + HOUR
    assert first.rate.input_tokens_per_minute == pytest.approx(60_000 * 30 / 75 * 15 / 16)
    assert observed[NOW + 105 * MINUTE] is first


def test_the_traffic_of_a_pt_that_is_gone_was_the_targets() -> None:
    scene, script = stage()
    script.actions[NOW] = (ONE_UNIT,)
    scene.run(16)
    scene.serve(scene.only_arn(), 5)
    scene.run(10)
    scene.capacity.vanish(scene.only_arn())
    scene.run(19)
    (intent,) = scene.fleets.purchases("chat")
    assert intent.state is PurchaseState.LOST

    scene.decide()

    # Up to 12:42: what was served from 12:16 to 12:20 was wanted, whoever served it.
    invocations = script.situations[-1].observation.traffic.invocations
    np.testing.assert_equal(invocations[-27:], [0.0, *np.full(5, 60.0), *np.zeros(21)])


def test_evidence_outlives_the_minutes_that_it_came_from() -> None:
    scene, script = stage()
    script.actions[NOW] = (ONE_UNIT,)
    scene.run(16)
    scene.serve(scene.only_arn(), 5)

    scene.run(75)

    (evidence,) = script.situations[-1].observation.provisioned
    assert evidence.seen
    # The tick of 13:30 sees settled minutes up to 13:27; the last call was at 12:20.
    assert evidence.quiet_minutes == 66


def test_a_capacity_situation_has_quota_use_and_life_cycle() -> None:
    scene, script = stage()
    scene.capacity.add(name="theirs", model_id="x.y-v1:0:8k", model_units=3)
    scene.capacity.add(
        name="committed",
        model_id="x.y-v1:0:8k",
        model_units=2,
        commitment=Commitment.ONE_MONTH,
    )

    scene.decide()

    observation = script.situations[-1].observation
    assert observation.model_unit_quota == 10
    # Units under a term do not count against the no-commitment quota.
    assert observation.model_units_used == 3
    assert observation.model_is_active is True


class CountingCapacity(MemoryCapacity):
    """Counts how often a model's life cycle is asked for."""

    asked = 0

    @override
    def is_active(self, model_id: str) -> bool | None:
        self.asked += 1
        return super().is_active(model_id)


def test_facts_of_one_model_are_read_once_for_all_its_targets() -> None:
    targets = (build_target(), build_target(name="search", model_ids=("other",)))
    script = Script()
    scene = Stage(*targets, core=script, capacity=CountingCapacity)

    scene.decide()

    assert isinstance(scene.capacity, CountingCapacity)
    assert scene.capacity.asked == 1
    assert all(situation.observation.model_is_active for situation in script.situations)


def test_a_target_without_provisioned_throughput_asks_for_no_model() -> None:
    scene, script = stage(build_target(provisioned=None))

    scene.decide()

    assert script.situations[-1].observation.model_unit_quota is None
    assert script.situations[-1].observation.model_units_used is None


@pytest.mark.parametrize("breaks_off", [True, False])
def test_an_unread_inventory_is_a_gap(*, breaks_off: bool) -> None:
    scene, script = stage()
    if breaks_off:
        scene.capacity.pages_missing = True
    else:
        scene.capacity.fail_next(ObservationError("Bedrock is down"), method="inventory")

    scene.decide()

    situation = script.situations[-1]
    assert not situation.fleet.complete
    assert situation.observation.model_units_used is None


def test_the_routes_in_force_and_the_memory_are_handed_on() -> None:
    scene, script = stage()
    scene.run(1)

    scene.decide(Loop.ROUTING)

    situation = script.situations[-1]
    assert [route.address for route in situation.routes] == [MODEL]
    assert situation.memory.decided_at == NOW
    first_capacity = script.capacity_situations()[0]
    assert first_capacity.memory.decided_at is None


def test_a_pt_on_its_way_is_in_the_fleet() -> None:
    scene, script = stage()
    script.actions[NOW] = (ONE_UNIT,)
    scene.run(15)

    scene.decide(Loop.CAPACITY)

    (pt,) = script.situations[-1].fleet.throughputs
    assert pt.status in {Status.CREATING, Status.IN_SERVICE}
    assert script.situations[-1].fleet.purchases_last_day == 1
