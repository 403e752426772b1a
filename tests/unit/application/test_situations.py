"""What is put together for a decision: settled minutes, gaps, quota, fleet, routes and memory."""

from datetime import timedelta
from decimal import Decimal
from typing import override

import numpy as np
import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.consents.consent import Request
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.target import Commitment, Loop, OptionKind
from bedrock_autoscaler.domain.traffic.observation import ModelEnd, TermFacts
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    PT_MODEL,
    build_consent,
    build_option,
    build_target,
    build_traffic,
)
from tests.fakes.memory_capacity import MemoryCapacity
from tests.intents import ONE_UNIT
from tests.staging import Script, Stage
from tests.unit.application.scenes import latest, stage


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


def test_a_term_that_waits_has_the_end_of_its_model_and_its_own_quota() -> None:
    scene, script = stage()
    end = NOW + timedelta(days=90)
    scene.capacity.ends[PT_MODEL] = end
    scene.capacity.own_quota[PT_MODEL] = 4
    for name, model_id, commitment in (
        ("plain", PT_MODEL, Commitment.NONE),
        ("term", PT_MODEL, Commitment.ONE_MONTH),
        ("other", "x.y-v1:0:8k", Commitment.NONE),
    ):
        scene.capacity.add(name=name, model_id=model_id, commitment=commitment)
    custom = scene.capacity.add(name="custom", model_id="abc", commitment=Commitment.SIX_MONTHS)
    base = f"arn:aws:bedrock:us-east-1:111122223333:custom-model/{PT_MODEL}/abc"
    scene.capacity.change(custom, model_arn=base)
    scene.decide()
    request = Request(
        id="month",
        target="chat",
        model_id=PT_MODEL,
        units=1,
        term=Commitment.ONE_MONTH,
        usd_per_hour=Decimal(55),
        evidence="",
        asked_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )
    scene.approvals.ask(request)
    scene.approvals.give(build_consent(id=request.id))

    scene.clock.advance(15 * MINUTE)
    scene.decide()

    before, after = (one.observation for one in script.capacity_situations())
    assert before.term_facts is None
    # All units of the model, whatever their term, and those of its custom models.
    assert after.term_facts == TermFacts(model_end=ModelEnd(at=end), unit_quota=4, units_used=3)
    assert after.model_unit_quota == 10


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
