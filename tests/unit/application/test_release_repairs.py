"""What becomes of a release whose Delete had no clear answer, or whose run ended after it."""

from dataclasses import replace
from functools import partial
from typing import override

import pytest

from bedrock_autoscaler.application.errors import (
    TargetsFailedError,
    ThroughputNotFoundError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.target import Mode
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import build_target
from tests.fakes.memory_capacity import MemoryCapacity
from tests.intents import build_listed
from tests.unit.application.scenes import (
    ARN,
    at_window,
    deletes,
    interrupt,
    only_purchase,
    only_release,
    reasons,
)


def test_a_pt_that_is_gone_before_the_delete_is_lost_and_not_released_by_us() -> None:
    """Somebody deleted it since the newest decision saw it, or lists lag behind that."""
    scene, _ = at_window()
    scene.capacity.vanish(ARN)

    assert scene.release().outcomes == (("chat", "release waits"),)
    assert reasons(scene, "release_waits")[-1] == "it is gone, and no Delete of it went out"

    scene.run(7)
    assert deletes(scene) == []
    assert only_release(scene).state is ReleaseState.CANCELLED
    assert only_purchase(scene).state is PurchaseState.LOST
    assert ("pt_lost", "chat") in scene.reporter.alarm_names


def test_that_a_person_adopted_it_is_told_after_its_release_too() -> None:
    """No decision bought it, and `verify` would ask for that one ever after."""
    scene, _ = at_window()
    bought = only_purchase(scene)
    adopted = replace(bought, adopted_by="jane")
    scene.fleets.put(adopted)

    scene.run(7)

    assert only_purchase(scene).state is PurchaseState.RELEASED
    assert only_purchase(scene).adopted_by == "jane"
    assert only_purchase(scene).detail == f"released by {only_release(scene).decision_id}"


def test_not_found_is_done() -> None:
    scene, _ = at_window()
    scene.capacity.fail_next(ThroughputNotFoundError("gone"), method="delete")
    scene.capacity.vanish(ARN)
    scene.capacity.throughputs[ARN] = build_listed(decision_id=None)

    assert scene.release().outcomes == (("chat", "released 1"),)

    assert only_release(scene).detail == "was gone already"


def test_a_lost_answer_is_confirmed_on_the_next_tick() -> None:
    scene, _ = at_window()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="delete", after_effect=True)
    first = scene.release()
    assert only_release(scene).state is ReleaseState.DELETING
    scene.clock.advance(MINUTE)

    second = scene.release()

    assert first.outcomes == (("chat", "release unresolved"),)
    assert second.outcomes == (("chat", "released 1"),)
    assert deletes(scene) == [ARN]
    assert only_release(scene).state is ReleaseState.DELETED


def test_a_release_that_ends_while_its_pt_is_missed_is_no_loss() -> None:
    """The purchase actor had read the purchase before, and looks at the releases after."""
    scene, _ = at_window()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="delete", after_effect=True)
    scene.release()
    scene.clock.advance(5 * MINUTE)
    scene.decide()
    interrupt(scene.fleets, "releases", scene.release, after=False)

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.RELEASED
    assert ("pt_lost", "chat") not in scene.reporter.alarm_names


def test_a_conflict_is_looked_at_again_and_the_same_pt_deleted_once_more() -> None:
    scene, _ = at_window()
    scene.capacity.fail_next(UnknownOutcomeError("conflict"), method="delete")
    scene.release()
    scene.clock.advance(MINUTE)

    assert scene.release().outcomes == (("chat", "released 1"),)

    assert only_release(scene).detail == "deleted"


def test_a_delete_without_effect_outside_the_window_waits_for_the_next_one() -> None:
    scene, _ = at_window()
    scene.capacity.fail_next(UnknownOutcomeError("conflict"), method="delete")
    scene.release()
    scene.clock.advance(8 * MINUTE)

    assert scene.release().outcomes == (("chat", "release waits"),)
    assert only_release(scene).state is ReleaseState.DELETING


def test_a_crash_after_the_delete_is_repaired() -> None:
    scene, _ = at_window()
    scene.fleets.fail_next(KeyError("the process dies here"), method="update_purchase")
    with pytest.raises(TargetsFailedError):
        scene.release()
    assert only_purchase(scene).state is PurchaseState.IN_SERVICE
    scene.clock.advance(MINUTE)

    assert scene.release().outcomes == (("chat", "released 1"),)

    assert deletes(scene) == [ARN]
    assert only_purchase(scene).state is PurchaseState.RELEASED


@pytest.mark.parametrize("after_effect", [False, True])
def test_an_unknown_write_of_the_delete_sends_none(*, after_effect: bool) -> None:
    scene, _ = at_window()
    lost = UnknownOutcomeError("no answer")
    scene.fleets.fail_next(lost, method="update_release", after_effect=after_effect)

    assert scene.release().outcomes == (("chat", "unobserved"),)

    assert deletes(scene) == []
    assert ("unobserved", "chat") in scene.reporter.alarm_names
    scene.clock.advance(MINUTE)
    assert scene.release().outcomes == (("chat", "released 1"),)
    assert deletes(scene) == [ARN]


@pytest.mark.parametrize("method", ["update_purchase", "update_release"])
def test_an_outcome_of_a_delete_that_could_not_be_written_is_an_alarm_and_repaired(
    method: str,
) -> None:
    scene, _ = at_window()
    lost = UnknownOutcomeError("no answer")
    if method == "update_purchase":
        scene.fleets.fail_next(lost, method=method)
    else:  # the first of its writes says that the Delete goes out
        fail = partial(scene.fleets.fail_next, lost, method=method)
        interrupt(scene.capacity, "delete", fail, after=True)

    assert scene.release().outcomes == (("chat", "unobserved"),)

    assert ("unobserved", "chat") in scene.reporter.alarm_names
    assert only_release(scene).state is ReleaseState.DELETING
    scene.clock.advance(MINUTE)
    assert scene.release().outcomes == (("chat", "released 1"),)
    assert deletes(scene) == [ARN]
    assert only_purchase(scene).state is PurchaseState.RELEASED


def test_a_crash_between_the_two_records_is_repaired() -> None:
    scene, _ = at_window()
    scene.fleets.fail_next(
        KeyError("the process dies here"), method="update_purchase", after_effect=True
    )
    with pytest.raises(TargetsFailedError):
        scene.release()

    assert scene.release().outcomes == (("chat", "released 1"),)
    assert scene.fleets.record_of("chat").reserved_units == 0


class SlowCapacity(MemoryCapacity):
    """A deleted throughput is still answered for once."""

    shadow: ListedThroughput | None = None

    @override
    def delete(self, arn: str) -> None:
        self.shadow = self.get(arn)
        super().delete(arn)

    @override
    def get(self, arn: str) -> ListedThroughput | None:
        shadow, self.shadow = self.shadow, None
        return shadow or super().get(arn)


def test_a_delete_counts_only_once_get_no_longer_finds_the_pt() -> None:
    scene, _ = at_window(capacity=SlowCapacity)

    assert scene.release().outcomes == (("chat", "deleting"),)
    assert only_release(scene).state is ReleaseState.DELETING
    assert scene.release().outcomes == (("chat", "released 1"),)
    assert deletes(scene) == [ARN]


def test_a_target_in_advise_still_learns_what_came_of_its_delete() -> None:
    scene, _ = at_window()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="delete", after_effect=True)
    scene.release()
    scene.targets = (build_target(mode=Mode.ADVISE),)

    assert scene.release().outcomes == (("chat", "released 1"),)
