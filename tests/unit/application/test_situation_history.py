"""What a situation knows of the past: kept hours, and the traffic that a PT served."""

from datetime import timedelta

import numpy as np
import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.target import InferenceOption
from bedrock_autoscaler.domain.unit_rates.rates import RateKind
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import MODEL, NOW, build_option, build_target, build_traffic
from tests.comparing import plain
from tests.intents import ONE_UNIT
from tests.unit.application.scenes import latest, stage


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
