"""When a throughput that was bought is lost, and when it only seems to be."""

from dataclasses import replace
from datetime import timedelta

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.surveying import GRACE
from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.intents import TWO_UNITS, build_purchase, build_release, reserve, withdraw
from tests.staging import Script, Stage
from tests.unit.application.scenes import decided, interrupt, latest, only_purchase, purchased


def in_service() -> Stage:
    """A stage at 12:15: the two units that were bought at 12:00 are in service."""
    scene = purchased()
    scene.clock.advance(15 * MINUTE)
    scene.purchase()
    assert only_purchase(scene).state is PurchaseState.IN_SERVICE
    return scene


def test_a_bought_pt_that_is_absent_after_the_grace_is_lost() -> None:
    scene = purchased()
    scene.capacity.vanish(scene.only_arn())
    scene.clock.advance(GRACE)

    assert scene.purchase().outcomes == (("chat", "purchase lost"),)

    assert only_purchase(scene).state is PurchaseState.LOST
    assert scene.fleets.record_of("chat").reserved_units == 0
    assert scene.reporter.alarm_names == [("pt_lost", "chat")]


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
    scene.fleets.put(replace(had, adopted_by="jane"))
    scene.capacity.retag(arn, deployment="test")
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    scene.purchase()

    assert only_purchase(scene).adopted_by == "jane"
    assert only_purchase(scene).detail == "turned up after it was lost"


def test_a_lost_pt_that_a_person_gave_another_target_stays_lost() -> None:
    """It may be adopted there: held by both it would be counted, paid and routed twice."""
    scene, arn = lost()
    scene.capacity.change(arn, deployment="test", target="email")

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.LOST


def test_a_young_pt_that_is_gone_is_lost_though_lists_prove_nothing_yet() -> None:
    scene = in_service()
    scene.capacity.vanish(scene.only_arn())
    scene.clock.advance(MINUTE)

    assert scene.purchase().outcomes == (("chat", "purchase lost"),)


def test_a_young_pt_that_a_delete_of_ours_takes_while_it_is_looked_up_is_not_lost() -> None:
    """The releases were read before that Delete was written, and Bedrock was asked after."""
    scene = in_service()
    begun = build_release(arn=scene.only_arn())
    withdraw(scene.fleets, begun)
    scene.clock.advance(MINUTE)

    def delete() -> None:
        sent = replace(
            begun, state=ReleaseState.DELETING, delete_sent_at=scene.now, version=begun.version + 1
        )
        scene.fleets.update_release(begun, sent)
        scene.capacity.vanish(begun.arn)

    interrupt(scene.capacity, "find", delete, after=False)

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.IN_SERVICE
    assert scene.reporter.alarm_names == []


def test_a_young_pt_that_somebody_renames_before_lists_show_it_is_not_lost() -> None:
    """Its units would be free again, and others could be bought in their place."""
    scene = in_service()
    arn = scene.only_arn()
    scene.capacity.list_lag = 10 * HOUR
    scene.capacity.change(arn, name="renamed")
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
    withdraw(scene.fleets, sent)
    scene.capacity.vanish(scene.only_arn())
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.IN_SERVICE
