"""What becomes of a throughput that was bought: the way into service, and failure."""

from dataclasses import replace
from typing import override

from bedrock_autoscaler.application.observing.surveying import GRACE
from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW
from tests.fakes.memory_capacity import MemoryCapacity
from tests.intents import build_held, reserve
from tests.staging import Script, Stage
from tests.unit.application.scenes import decided, only_purchase, purchased


def test_a_bought_pt_is_followed_until_it_is_in_service() -> None:
    scene = purchased()
    scene.clock.advance(14 * MINUTE)
    assert scene.purchase().outcomes == (("chat", "bought before"),)
    scene.clock.advance(MINUTE)

    assert scene.purchase().outcomes == (("chat", "purchase in_service"),)

    intent = only_purchase(scene)
    assert (intent.state, intent.in_service_since) == (PurchaseState.IN_SERVICE, scene.now)
    assert intent.billed_from == NOW


def test_a_pt_that_failed_keeps_its_reservation_and_is_an_alarm_with_its_cost() -> None:
    scene = purchased()
    scene.capacity.fail_creation(scene.only_arn())
    scene.clock.advance(20 * MINUTE)

    assert scene.purchase().outcomes == (("chat", "purchase failed"),)

    assert only_purchase(scene).state is PurchaseState.FAILED
    assert scene.fleets.record_of("chat").reserved_units == 2
    (alarm,) = scene.reporter.alarms
    assert alarm.alarm == "pt_failed"
    assert "121.000000 USD" in alarm.message


def test_a_pt_stuck_in_creation_is_an_alarm_after_an_hour() -> None:
    scene = purchased(lead_time=3 * HOUR)
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
    scene = purchased()
    scene.capacity.list_lag = 15 * MINUTE
    scene.clock.advance(5 * MINUTE)

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.BOUGHT


def test_a_bought_pt_that_cannot_be_looked_up_is_an_alarm_only_after_the_grace() -> None:
    scene = purchased()
    scene.capacity.retag(scene.only_arn(), deployment=None)
    scene.clock.advance(MINUTE)
    scene.purchase()
    assert scene.reporter.alarms == []
    assert ("purchase_unwatched", "chat") in scene.reporter.events
    scene.clock.advance(GRACE)

    scene.purchase()

    assert scene.reporter.alarm_names == [("purchase_unwatched", "chat")]
    assert only_purchase(scene).state is PurchaseState.BOUGHT


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
