"""What is told of throughputs and purchases whose targets are no longer in force."""

from dataclasses import replace
from typing import Any

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.ports.bedrock import Inventory
from bedrock_autoscaler.application.telling.left_behind import report_left_behind
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import ACCOUNT, NOW, REGION
from tests.intents import build_held, build_listed, reserve
from tests.staging import Stage
from tests.unit.application.scenes import ARN, serving

HOME = Place(account=ACCOUNT, region=REGION)


def test_a_throughput_that_is_gone_with_its_target_is_an_alarm_until_somebody_looks() -> None:
    """Its units stay reserved in the sums of the stack, and no actor looks at its target."""
    scene, _ = serving()
    targets, scene.targets = scene.targets, ()
    scene.capacity.vanish(ARN)

    scene.decide()

    assert scene.reporter.alarm_names == [("settings_rejected", ""), ("pt_lost", "chat")]
    *_, alarm = scene.reporter.alarms
    assert f"brought {ARN}, which is gone" in alarm.message
    assert scene.fleets.account().reserved_units == 1
    # The document is back: the purchase function finds it gone, and frees them.
    scene.targets = targets
    scene.run(2)
    assert scene.fleets.account().reserved_units == 0


def test_what_lies_in_another_region_is_not_gone_for_not_being_listed_here() -> None:
    scene = Stage()
    arn = (build_held().arn or "").replace(REGION, "eu-west-1")
    reserve(scene.fleets, build_held(target="gone", arn=arn))

    scene.decide()

    assert scene.reporter.alarm_names == [("orphaned_pt", "gone")]


def told(seen: Inventory | None, **changes: Any) -> list[tuple[str, str]]:
    """The alarms about one purchase of a target that is gone, and what is listed at home."""
    scene = Stage()
    held = build_held(**{"recorded_at": NOW - HOUR} | changes)
    reserve(scene.fleets, held)
    report_left_behind(seen, (), NOW, scene.application.deciding.sources, place=HOME)
    return scene.reporter.alarm_names


def listing(*numbers: int, complete: bool = True) -> Inventory:
    throughputs = tuple(build_listed(number) for number in numbers)
    return Inventory(throughputs=throughputs, complete=complete)


def test_only_what_is_gone_for_sure_is_told() -> None:
    lost, orphan = [("pt_lost", "chat")], [("orphaned_pt", "chat")]
    elsewhere = build_held().arn or ""

    assert told(listing()) == lost
    assert told(listing(), state=PurchaseState.FAILED) == lost
    assert told(listing(1)) == orphan
    assert told(listing(complete=False)) == []
    assert told(None) == []
    assert told(listing(), state=PurchaseState.BOUGHT, recorded_at=NOW - 20 * MINUTE) == []
    assert told(listing(), state=PurchaseState.LOST) == []
    assert told(listing(), arn=elsewhere.replace(REGION, "eu-west-1")) == orphan


def test_a_throughput_that_lost_our_tag_with_its_target_is_told() -> None:
    """By its tag it is nobody's, and by its ledger it is still held and billed."""
    untagged = Inventory(throughputs=(build_listed(1, deployment=None),), complete=True)

    assert told(untagged) == [("orphaned_pt", "chat")]
    assert told(replace(untagged, complete=False)) == []


def test_a_purchase_without_an_answer_is_told_wherever_it_may_be() -> None:
    recorded = told(None, state=PurchaseState.RECORDED, arn=None)

    assert recorded == [("purchase_unresolved", "chat")]


def test_sums_that_cannot_be_read_are_told() -> None:
    scene = Stage()
    scene.fleets.fail_next(ObservationError("throttled"), method="account")

    report_left_behind(None, (), NOW, scene.application.deciding.sources)

    assert scene.reporter.alarm_names == [("unobserved", "")]


def test_a_target_whose_records_cannot_be_read_hides_no_other() -> None:
    scene = Stage()
    for number, name in enumerate(("gone-a", "gone-b"), start=1):
        held = build_held(number, target=name, decision_id=name, state=PurchaseState.RECORDED)
        reserve(scene.fleets, replace(held, arn=None, recorded_at=NOW - HOUR))
    scene.fleets.fail_next(ObservationError("a newer record"), method="purchases")

    report_left_behind(None, (), NOW, scene.application.deciding.sources, place=HOME)

    assert scene.reporter.alarm_names == [
        ("unobserved", "gone-a"),
        ("purchase_unresolved", "gone-b"),
    ]
