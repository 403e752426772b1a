"""The purchase actor: what it buys on a decision, and what it leaves alone."""

from datetime import datetime
from decimal import Decimal
from typing import override

import pytest

from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ObservationError,
    StaleDecisionError,
    TargetsFailedError,
)
from bedrock_autoscaler.application.purchasing.admitting import pace_problem
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, PT_MODEL, build_guard_rails, build_target
from tests.fakes.memory_capacity import MemoryCapacity
from tests.intents import TWO_UNITS, build_held, build_purchase, reserve
from tests.staging import Script, Stage
from tests.unit.application.scenes import NAME, decided, only_purchase, reasons


def test_buys_what_the_newest_decision_asks_for() -> None:
    scene = decided()

    summary = scene.purchase()

    assert summary.outcomes == (("chat", "bought 2"),)
    assert [(call.method, call.subject) for call in scene.capacity.calls] == [("buy", NAME)]
    intent = only_purchase(scene)
    assert (intent.state, intent.model_units, intent.arn) == (
        PurchaseState.BOUGHT,
        2,
        scene.only_arn(),
    )
    assert scene.fleets.record_of("chat").reserved_units == 2
    assert scene.fleets.record_of("chat").reserved_usd_per_hour == Decimal("121.0")


def test_the_token_and_name_derive_from_deployment_and_decision_alone() -> None:
    scene, later = decided(), decided()
    later.clock.advance(3 * MINUTE)

    scene.purchase()
    later.purchase()

    assert only_purchase(scene).token == only_purchase(later).token
    assert only_purchase(scene).name == only_purchase(later).name == NAME
    assert len(only_purchase(scene).token) == 64


def test_the_intent_is_written_before_the_call() -> None:
    class WatchingCapacity(MemoryCapacity):
        states: tuple[PurchaseState, ...] = ()
        scene: Stage | None = None

        @override
        def buy(self, intent: PurchaseIntent) -> str:
            assert self.scene is not None
            self.states = tuple(i.state for i in self.scene.fleets.purchases("chat"))
            return super().buy(intent)

    scene = decided(capacity=WatchingCapacity)
    assert isinstance(scene.capacity, WatchingCapacity)
    scene.capacity.scene = scene

    scene.purchase()

    assert scene.capacity.states == (PurchaseState.RECORDED,)


def test_the_same_tick_twice_buys_once() -> None:
    scene = decided()
    scene.purchase(NOW)

    summary = scene.purchase(NOW)

    assert summary.outcomes == (("chat", "bought before"),)
    assert len(scene.capacity.calls) == 1


def test_a_decision_without_a_purchase_buys_nothing() -> None:
    scene = Stage(core=Script())

    assert scene.purchase().outcomes == (("chat", "nothing to buy"),)
    scene.decide()
    assert scene.purchase().outcomes == (("chat", "nothing to buy"),)
    assert scene.switch.reads == 0


def test_a_decision_older_than_two_periods_is_not_carried_out() -> None:
    scene = decided()
    scene.clock.advance(31 * MINUTE)

    assert scene.purchase().outcomes == (("chat", "purchase held"),)
    assert reasons(scene, "purchase_held") == ["the decision is older than two periods"]
    assert scene.capacity.calls == []


def test_a_decision_of_the_future_is_not_carried_out() -> None:
    scene = decided()
    scene.clock.advance(-6 * MINUTE)

    scene.purchase()

    assert reasons(scene, "purchase_held") == [
        "the decision is of a time that the clock has not reached"
    ]


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_tick_off_the_clock_changes_nothing(minutes: int) -> None:
    scene = decided()

    summary = scene.purchase(NOW + minutes * MINUTE)

    assert summary.outcomes == ()
    assert scene.events == [("tick_late", "")]
    assert scene.reporter.alarm_names == [("loop_late", "")]
    assert scene.capacity.calls == []


def test_a_stale_fleet_version_buys_nothing() -> None:
    scene = decided()
    reserve(scene.fleets, build_held(state=PurchaseState.RELEASED))

    assert scene.purchase().outcomes == (("chat", "purchase held"),)
    assert reasons(scene, "purchase_held") == ["the fleet is at version 1, the decision saw 0"]
    assert scene.capacity.calls == []


def test_a_fleet_that_moves_before_the_transaction_ends_the_pass_quietly() -> None:
    scene = decided()
    scene.fleets.fail_next(StaleDecisionError("moved"), method="begin_purchase")

    assert scene.purchase().outcomes == (("chat", "superseded"),)
    assert scene.capacity.calls == []
    assert scene.reporter.alarms == []


def test_an_incomplete_inventory_buys_nothing() -> None:
    scene = decided()
    scene.capacity.pages_missing = True

    assert scene.purchase().outcomes == (("chat", "unobserved"),)
    assert scene.fleets.purchases("chat") == ()


def test_what_others_hold_counts_against_the_cap_at_the_moment_of_buying() -> None:
    scene = decided(build_target(guard_rails=build_guard_rails(max_units=3)))
    scene.capacity.add(name="by-hand", model_id=PT_MODEL, model_units=2)

    scene.purchase()

    assert reasons(scene, "purchase_held") == ["it would make 4 units, max_units is 3"]


def test_a_reason_to_hold_is_reported_once_not_every_minute() -> None:
    scene = decided(build_target(guard_rails=build_guard_rails(max_units=1)))

    scene.purchase()
    scene.clock.advance(MINUTE)
    scene.purchase()

    assert len(reasons(scene, "purchase_held")) == 1


def test_a_proven_refusal_frees_the_reservation_and_is_an_alarm() -> None:
    scene = decided()
    refusal = CapacityUnavailableError("none left", code="ServiceQuotaExceededException")
    scene.capacity.fail_next(refusal, method="buy")

    assert scene.purchase().outcomes == (("chat", "purchase refused"),)
    intent = only_purchase(scene)
    assert intent.state is PurchaseState.REFUSED
    assert intent.detail == "ServiceQuotaExceededException"
    assert intent.ended_at == NOW
    assert scene.fleets.record_of("chat").reserved_units == 0
    assert scene.reporter.alarm_names == [("purchase_refused", "chat")]


def test_after_a_refusal_the_target_rests_for_two_hours() -> None:
    refused = build_purchase(
        state=PurchaseState.REFUSED, detail="AccessDeniedException", ended_at=NOW
    )
    target = build_target()

    resting = pace_problem(target, TWO_UNITS, (refused,), NOW + 119 * MINUTE)

    assert resting is not None
    assert "AccessDeniedException" in resting
    assert pace_problem(target, TWO_UNITS, (refused,), NOW + 120 * MINUTE) is None


@pytest.mark.parametrize(("in_service_since", "rests"), [(None, True), (NOW - 3 * HOUR, False)])
def test_after_a_pt_that_never_served_the_target_rests_too(
    in_service_since: datetime | None, *, rests: bool
) -> None:
    ended = build_held(
        state=PurchaseState.RELEASED, in_service_since=in_service_since, ended_at=NOW
    )

    problem = pace_problem(build_target(), TWO_UNITS, (ended,), NOW + HOUR)

    assert (problem is not None) is rests


def test_one_targets_trouble_leaves_the_others() -> None:
    scene = decided(build_target(name="aaa", model_ids=("other",)), build_target())
    scene.fleets.fail_next(KeyError("x"), method="purchases")

    with pytest.raises(TargetsFailedError, match="aaa"):
        scene.purchase()

    assert [call.subject for call in scene.capacity.calls] == [NAME]


def test_unreadable_settings_fail_the_run() -> None:
    scene = decided()
    scene.settings_error = ObservationError("SSM is down")

    with pytest.raises(ObservationError, match="SSM"):
        scene.purchase()
