"""The Delete of what failed or is being updated."""

from dataclasses import replace
from typing import override

from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, PT_MODEL, build_guard_rails, build_target, pt_arn
from tests.fakes.memory_capacity import MemoryCapacity
from tests.intents import ONE_UNIT, build_held, reserve
from tests.staging import QUARTERLY, Script, Stage
from tests.unit.application.scenes import ARN, at_window, deletes, only_purchase, reasons


class ForcedCapacity(MemoryCapacity):
    """Every throughput has the status `forced`, once that is set."""

    forced: Status | None = None

    @override
    def get(self, arn: str) -> ListedThroughput | None:
        found = super().get(arn)
        return replace(found, status=self.forced) if found and self.forced else found


def test_a_pt_that_failed_leaves_although_no_table_was_ever_published() -> None:
    """A target without a way on demand has no table before its first throughput serves."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    scene = Stage(build_target(options=(), thresholds=QUARTERLY), core=script)
    scene.run(1)
    scene.capacity.fail_creation(ARN)

    scene.run(60)

    assert scene.tables.published == []
    assert only_purchase(scene).state is PurchaseState.RELEASED
    assert only_purchase(scene).ended_at == NOW + 55 * MINUTE


def test_a_pt_that_failed_leaves_whatever_least_size_is_asked_for() -> None:
    """It serves nobody, and while it is kept its units leave no room for others."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    rails = build_guard_rails(min_units=1, max_units=1)
    scene = Stage(build_target(guard_rails=rails, thresholds=QUARTERLY), core=script)
    scene.run(1)
    scene.capacity.fail_creation(ARN)

    scene.run(60)

    assert deletes(scene) == [ARN]
    assert only_purchase(scene).state is PurchaseState.RELEASED


def test_a_pt_that_failed_needs_no_silence() -> None:
    scene, _ = at_window(capacity=ForcedCapacity)
    assert isinstance(scene.capacity, ForcedCapacity)
    scene.capacity.forced = Status.FAILED
    scene.metrics.failing = {ARN}

    assert scene.release().outcomes == (("chat", "released 1"),)


def test_a_pt_that_is_being_updated_is_not_deleted() -> None:
    scene, _ = at_window(capacity=ForcedCapacity)
    assert isinstance(scene.capacity, ForcedCapacity)
    scene.capacity.forced = Status.UPDATING

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene, "release_waits")[-1] == "it is Updating"


def test_a_pt_that_failed_leaves_although_another_one_that_failed_is_under_a_term() -> None:
    scene = Stage(core=Script())
    terms = (Commitment.ONE_MONTH, Commitment.NONE)
    for number, term in enumerate(terms, start=1):
        arn = scene.capacity.add(
            name=f"pt-{number}",
            model_id=PT_MODEL,
            deployment="test",
            target="chat",
            decision_id=f"d-{number}",
            commitment=term,
        )
        scene.capacity.fail_creation(arn)
        failed = build_held(
            arn=arn,
            decision_id=f"d-{number}",
            state=PurchaseState.FAILED,
            commitment=term,
            in_service_since=None,
            billed_from=NOW,
        )
        reserve(scene.fleets, failed)

    scene.run(60)

    assert deletes(scene) == [pt_arn(2)]


def test_each_pt_that_failed_leaves_at_the_end_of_its_own_hour() -> None:
    """What may leave within an hour is a share of what serves; these never did."""
    script = Script()
    script.actions[NOW] = script.actions[NOW + 15 * MINUTE] = (ONE_UNIT,)
    scene = Stage(core=script)
    scene.capacity.lead_time = 30 * MINUTE
    scene.run(16)
    for number in (1, 2):
        scene.capacity.fail_creation(pt_arn(number))

    scene.run(60)

    ends = [intent.ended_at for intent in scene.fleets.purchases("chat")]
    assert ends == [NOW + 55 * MINUTE, NOW + 70 * MINUTE]
