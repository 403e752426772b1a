"""What becomes of a purchase: an answer that is lost, the way into service, failure and loss."""

from dataclasses import replace
from datetime import timedelta
from typing import override

import pytest

from bedrock_autoscaler.application.errors import (
    ObservationError,
    TargetsFailedError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.observing.surveying import GRACE
from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, PurchaseState, ReleaseState
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, PT_MODEL
from tests.fakes.memory_capacity import MemoryCapacity
from tests.intents import TWO_UNITS, build_held, build_purchase, build_release, reserve
from tests.staging import Script, Stage
from tests.unit.application.scenes import NAME, decided, latest, only_purchase

# -- unknown outcomes --------------------------------------------------------------------------


def test_a_lost_answer_leaves_the_purchase_open_and_the_next_tick_adopts_it() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy", after_effect=True)
    first = scene.purchase()
    scene.clock.advance(MINUTE)

    second = scene.purchase()

    assert first.outcomes == (("chat", "purchase unresolved"),)
    assert second.outcomes == (("chat", "purchase bought"),)
    assert len(scene.capacity.calls) == 1
    intent = only_purchase(scene)
    assert (intent.state, intent.arn) == (PurchaseState.BOUGHT, scene.only_arn())
    assert intent.billed_from == NOW


def test_a_crash_after_the_purchase_before_its_record_is_repaired() -> None:
    scene = decided()
    scene.fleets.fail_next(KeyError("the process dies here"), method="update_purchase")
    with pytest.raises(TargetsFailedError):
        scene.purchase()
    assert only_purchase(scene).state is PurchaseState.RECORDED
    scene.clock.advance(MINUTE)

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.BOUGHT
    assert len(scene.capacity.calls) == 1
    assert len(scene.capacity.inventory().throughputs) == 1


def test_an_unknown_write_of_the_intent_sends_no_call() -> None:
    scene = decided()
    scene.fleets.fail_next(
        UnknownOutcomeError("no answer"), method="begin_purchase", after_effect=True
    )

    assert scene.purchase().outcomes == (("chat", "unobserved"),)
    assert scene.capacity.calls == []
    assert only_purchase(scene).state is PurchaseState.RECORDED


def test_nothing_is_bought_while_a_purchase_has_no_answer() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.core.actions[NOW + 15 * MINUTE] = (TWO_UNITS,)  # type: ignore[attr-defined]  # a Script
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    assert scene.purchase().outcomes == (("chat", "purchase unresolved"),)
    assert scene.capacity.calls == []


def test_absence_is_evidence_only_after_the_grace() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.clock.advance(GRACE - MINUTE)
    assert scene.purchase().outcomes == (("chat", "purchase unresolved"),)
    scene.clock.advance(MINUTE)

    assert scene.purchase().outcomes == (("chat", "purchase abandoned"),)

    assert only_purchase(scene).state is PurchaseState.ABANDONED
    assert scene.fleets.record_of("chat").reserved_units == 0
    assert scene.reporter.alarm_names == [("purchase_abandoned", "chat")]


def test_an_open_purchase_that_cannot_be_looked_up_waits_and_is_an_alarm_after_the_grace() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.capacity.pages_missing = True
    scene.clock.advance(MINUTE)
    scene.purchase()
    assert scene.reporter.alarms == []
    assert [h.event for h in scene.reporter.happenings if "reason" in h.fields] == [
        "purchase_unresolved",
        "purchase_unresolved",
    ]
    scene.clock.advance(GRACE)

    assert scene.purchase().outcomes == (("chat", "purchase unresolved"),)

    assert only_purchase(scene).state is PurchaseState.RECORDED
    assert scene.reporter.alarm_names == [("purchase_unresolved", "chat")]


def test_a_pt_that_turns_up_after_its_purchase_was_abandoned_is_adopted_and_alarmed() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.clock.advance(GRACE)
    scene.purchase()
    intent = only_purchase(scene)
    scene.capacity.add(
        name=intent.name,
        model_id=intent.model_id,
        model_units=intent.model_units,
        deployment="test",
        target="chat",
        decision_id=intent.decision_id,
    )
    scene.clock.set(NOW + 45 * MINUTE)
    scene.decide()

    scene.purchase()

    intent = only_purchase(scene)
    assert (intent.state, intent.arn) == (PurchaseState.BOUGHT, scene.only_arn())
    assert scene.fleets.record_of("chat").reserved_units == 2
    assert scene.reporter.alarm_names == [
        ("purchase_abandoned", "chat"),
        ("unmanaged_pt", "chat"),
        ("metrics_incomplete", "chat"),  # the clock jumped; nothing beat meanwhile
        ("purchase_late", "chat"),
    ]


def test_an_abandoned_purchase_stays_so_while_nothing_turns_up() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.clock.advance(GRACE)
    scene.purchase()
    # Somebody's PT has our name, but not our tags: a name alone proves nothing.
    scene.capacity.add(name=NAME, model_id=PT_MODEL)
    scene.clock.set(NOW + 45 * MINUTE)
    scene.decide()

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.ABANDONED


# -- watching ----------------------------------------------------------------------------------


def bought(*, lead_time: timedelta = 15 * MINUTE) -> Stage:
    scene = decided()
    scene.capacity.lead_time = lead_time
    scene.purchase()
    return scene


def test_a_bought_pt_is_followed_until_it_is_in_service() -> None:
    scene = bought()
    scene.clock.advance(14 * MINUTE)
    assert scene.purchase().outcomes == (("chat", "bought before"),)
    scene.clock.advance(MINUTE)

    assert scene.purchase().outcomes == (("chat", "purchase in_service"),)

    intent = only_purchase(scene)
    assert (intent.state, intent.in_service_since) == (PurchaseState.IN_SERVICE, scene.now)
    assert intent.billed_from == NOW


def test_a_pt_that_failed_keeps_its_reservation_and_is_an_alarm_with_its_cost() -> None:
    scene = bought()
    scene.capacity.fail_creation(scene.only_arn())
    scene.clock.advance(20 * MINUTE)

    assert scene.purchase().outcomes == (("chat", "purchase failed"),)

    assert only_purchase(scene).state is PurchaseState.FAILED
    assert scene.fleets.record_of("chat").reserved_units == 2
    (alarm,) = scene.reporter.alarms
    assert alarm.alarm == "pt_failed"
    assert "121.000000 USD" in alarm.message


def test_a_pt_stuck_in_creation_is_an_alarm_after_an_hour() -> None:
    scene = bought(lead_time=3 * HOUR)
    scene.clock.advance(59 * MINUTE)
    scene.purchase()
    assert scene.reporter.alarms == []
    scene.clock.advance(MINUTE)

    scene.purchase()

    (alarm,) = scene.reporter.alarms
    assert alarm.alarm == "pt_stuck"
    # The second hour has begun: 2 x 121 USD.
    assert "242.000000 USD" in alarm.message
    assert only_purchase(scene).state is PurchaseState.BOUGHT


def test_a_bought_pt_that_lists_do_not_show_yet_is_waited_for() -> None:
    scene = bought()
    scene.capacity.list_lag = 15 * MINUTE
    scene.clock.advance(5 * MINUTE)

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.BOUGHT


def test_a_bought_pt_that_is_absent_after_the_grace_is_lost() -> None:
    scene = bought()
    scene.capacity.vanish(scene.only_arn())
    scene.clock.advance(GRACE)

    assert scene.purchase().outcomes == (("chat", "purchase lost"),)

    assert only_purchase(scene).state is PurchaseState.LOST
    assert scene.fleets.record_of("chat").reserved_units == 0
    assert scene.reporter.alarm_names == [("pt_lost", "chat")]


def test_a_bought_pt_that_cannot_be_looked_up_is_an_alarm_only_after_the_grace() -> None:
    scene = bought()
    scene.capacity.retag(scene.only_arn(), deployment=None)
    scene.clock.advance(MINUTE)
    scene.purchase()
    assert scene.reporter.alarms == []
    assert ("purchase_unwatched", "chat") in scene.reporter.events
    scene.clock.advance(GRACE)

    scene.purchase()

    assert scene.reporter.alarm_names == [("purchase_unwatched", "chat")]
    assert only_purchase(scene).state is PurchaseState.BOUGHT


def in_service() -> Stage:
    scene = bought()
    scene.clock.advance(15 * MINUTE)
    scene.purchase()
    assert only_purchase(scene).state is PurchaseState.IN_SERVICE
    return scene


def test_a_pt_in_service_that_the_newest_decision_missed_is_lost() -> None:
    scene = in_service()
    scene.capacity.vanish(scene.only_arn())
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    assert scene.purchase().outcomes == (("chat", "purchase lost"),)
    assert only_purchase(scene).ended_at == scene.now


def test_a_pt_that_carries_tags_of_others_is_lost_and_counts_once() -> None:
    scene = in_service()
    scene.capacity.retag(scene.only_arn(), deployment="someone else")
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    assert scene.purchase().outcomes == (("chat", "purchase lost"),)
    assert ("pt_lost", "chat") in scene.reporter.alarm_names
    assert scene.fleets.record_of("chat").reserved_units == 0
    scene.clock.advance(15 * MINUTE)
    scene.decide()
    assert latest(scene).situation.fleet.held_units == 2


def test_while_a_pt_carries_no_tags_nothing_is_bought_and_it_is_not_lost() -> None:
    scene = decided()
    scene.purchase()
    scene.clock.advance(15 * MINUTE)
    scene.purchase()
    scene.capacity.retag(scene.only_arn(), deployment=None)
    scene.clock.advance(15 * MINUTE)
    assert isinstance(scene.core, Script)
    scene.core.actions[scene.now] = (TWO_UNITS,)
    scene.decide()

    assert scene.purchase().outcomes == (("chat", "unobserved"),)
    assert only_purchase(scene).state is PurchaseState.IN_SERVICE
    assert ("unobserved", "chat") in scene.reporter.alarm_names


def test_a_pt_without_tags_keeps_no_other_purchase_from_its_outcome() -> None:
    scene = decided()
    scene.purchase()
    scene.clock.advance(15 * MINUTE)
    scene.purchase()
    scene.capacity.retag(scene.only_arn(), deployment=None)
    later = build_purchase(
        decision_id="chat-capacity-20261120T122000Z",
        state=PurchaseState.RECORDED,
        recorded_at=scene.now,
    )
    reserve(scene.fleets, later)
    scene.clock.advance(GRACE)
    scene.decide()

    assert scene.purchase().outcomes == (("chat", "unobserved"),)

    states = {intent.decision_id: intent.state for intent in scene.fleets.purchases("chat")}
    assert states[later.decision_id] is PurchaseState.ABANDONED
    assert ("purchase_abandoned", "chat") in scene.reporter.alarm_names


def lost() -> tuple[Stage, str]:
    """One whose tags somebody else has written over, and its ARN."""
    scene = in_service()
    arn = scene.only_arn()
    scene.capacity.retag(arn, deployment="someone else")
    scene.clock.advance(15 * MINUTE)
    scene.decide()
    scene.purchase()
    return scene, arn


def test_a_lost_pt_that_carries_our_tags_again_is_taken_back_and_alarmed() -> None:
    scene, arn = lost()
    scene.capacity.retag(arn, deployment="test")
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    assert scene.purchase().outcomes == (("chat", "purchase bought"),)
    assert scene.purchase().outcomes == (("chat", "purchase in_service"),)

    assert ("purchase_late", "chat") in scene.reporter.alarm_names
    assert scene.fleets.record_of("chat").reserved_units == 2
    assert only_purchase(scene).ended_at is None


def test_that_a_person_adopted_it_is_told_after_it_was_lost_too() -> None:
    scene, arn = lost()
    had = only_purchase(scene)
    scene.fleets._purchases["chat", had.decision_id] = replace(had, detail="adopted by jane; twice")
    scene.capacity.retag(arn, deployment="test")
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    scene.purchase()

    assert only_purchase(scene).detail == "adopted by jane; turned up after it was lost"


def test_a_lost_pt_that_a_person_gave_another_target_stays_lost() -> None:
    """It may be adopted there: held by both it would be counted, paid and routed twice."""
    scene, arn = lost()
    known = scene.capacity._throughputs[arn]
    scene.capacity._throughputs[arn] = replace(known, deployment="test", target="email")

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.LOST


def test_a_young_pt_that_is_gone_is_lost_though_lists_prove_nothing_yet() -> None:
    scene = in_service()
    scene.capacity.vanish(scene.only_arn())
    scene.clock.advance(MINUTE)

    assert scene.purchase().outcomes == (("chat", "purchase lost"),)


def test_a_young_pt_that_somebody_renames_before_lists_show_it_is_not_lost() -> None:
    """Its units would be free again, and others could be bought in their place."""
    scene = in_service()
    arn = scene.only_arn()
    scene.capacity.list_lag = 10 * HOUR
    scene.capacity._throughputs[arn] = replace(scene.capacity._throughputs[arn], name="renamed")
    scene.clock.advance(MINUTE)

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.IN_SERVICE


def test_a_young_pt_that_cannot_be_looked_up_is_left_alone() -> None:
    scene = in_service()
    scene.capacity.fail_next(ObservationError("throttled"), method="find")
    scene.clock.advance(MINUTE)

    assert scene.purchase().outcomes == (("chat", "bought before"),)
    assert only_purchase(scene).state is PurchaseState.IN_SERVICE


def test_a_pt_that_an_incomplete_inventory_missed_is_not_lost() -> None:
    scene = in_service()
    scene.capacity.pages_missing = True
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.IN_SERVICE


def test_a_pt_that_the_decision_missed_but_that_is_found_is_not_lost() -> None:
    scene = in_service()
    scene.capacity.list_lag = 10 * HOUR
    scene.clock.advance(15 * MINUTE)
    scene.decide()
    scene.capacity.list_lag = timedelta(0)

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.IN_SERVICE


def test_a_pt_that_our_release_deletes_is_not_lost() -> None:
    scene = in_service()
    sent = build_release(arn=scene.only_arn(), state=ReleaseState.DELETING)
    scene.fleets.begin_release(sent)
    scene.capacity.vanish(scene.only_arn())
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.IN_SERVICE


def test_a_pt_that_is_updated_while_it_is_being_created_is_waited_for() -> None:
    class UpdatingCapacity(MemoryCapacity):
        @override
        def find(self, intent: PurchaseIntent) -> ListedThroughput | None:
            found = super().find(intent)
            return replace(found, status=Status.UPDATING) if found else None

    scene = decided(capacity=UpdatingCapacity)
    scene.purchase()

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.BOUGHT


def test_without_any_decision_what_stands_is_left_alone() -> None:
    scene = Stage(core=Script())
    reserve(scene.fleets, build_held())

    assert scene.purchase().outcomes == (("chat", "nothing to buy"),)
    assert only_purchase(scene) == build_held()
