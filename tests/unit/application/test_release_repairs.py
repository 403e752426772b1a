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
from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.decision import Restore
from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.target import Mode
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_target
from tests.fakes.memory_capacity import Call, MemoryCapacity
from tests.intents import build_listed
from tests.staging import QUARTERLY, Stage
from tests.unit.application.scenes import (
    ARN,
    at_window,
    deletes,
    draining,
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


class UndeletableCapacity(MemoryCapacity):
    """No Delete has an answer, or an effect."""

    @override
    def delete(self, arn: str) -> None:
        self.calls.append(Call("delete", arn))
        raise UnknownOutcomeError("throttled")


def needed_again(*, paused: bool = False) -> Stage:
    """A stage at 13:00: Deletes from 12:55 on had no effect, and the decisions want the PT back."""
    scene, script = at_window(capacity=UndeletableCapacity)
    scene.run(5)
    assert only_release(scene).state is ReleaseState.DELETING
    for minutes in range(60, 121, 15):
        script.actions[NOW + minutes * MINUTE] = (Restore(arn=ARN, model_units=1),)
    if paused:
        scene.targets = (build_target(thresholds=QUARTERLY, controls=Controls(pause_shrink=True)),)
    return scene


def test_a_delete_that_shows_no_effect_within_the_grace_is_an_alarm() -> None:
    scene, _ = at_window(capacity=UndeletableCapacity)
    scene.run(5 + 24)
    assert scene.reporter.alarm_names == []

    scene.run(1)

    (alarm,) = scene.reporter.alarms
    assert (alarm.alarm, alarm.target) == ("release_unresolved", "chat")
    assert f"{ARN} of 1 unit still stands 25 minutes after its Delete" in alarm.message


def test_a_delete_without_effect_is_an_alarm_before_the_next_one_also_in_a_long_window() -> None:
    """Else each window would begin to count anew, and nobody would ever be told."""
    long = replace(QUARTERLY.draining, release_window_minutes=40)
    target = build_target(thresholds=replace(QUARTERLY, draining=long))
    scene, _ = draining(target, capacity=UndeletableCapacity)
    scene.run(48)
    assert deletes(scene)[-1] == ARN
    assert scene.reporter.alarm_names == []

    scene.run(1)

    assert scene.now == NOW + 80 * MINUTE
    assert scene.reporter.alarm_names == [("release_unresolved", "chat")]


def test_what_is_needed_again_comes_back_once_no_delete_can_take_effect_any_more() -> None:
    scene = needed_again()
    sent = len(deletes(scene))
    scene.run(23)
    assert only_release(scene).state is ReleaseState.DELETING

    scene.run(40)

    assert len(deletes(scene)) == sent
    assert only_release(scene).state is ReleaseState.CANCELLED
    assert only_release(scene).ended_at == NOW + 84 * MINUTE
    table = scene.tables.current("chat")
    assert table is not None
    assert table.routes[0].address == ARN


def test_a_record_of_older_code_is_waited_for_from_now_on() -> None:
    scene = needed_again()
    intent = only_release(scene)
    older = replace(intent, delete_sent_at=None, version=intent.version + 1)
    scene.fleets.update_release(intent, older)

    scene.run(60)

    assert only_release(scene).state is ReleaseState.CANCELLED
    assert only_release(scene).ended_at == NOW + 85 * MINUTE


def test_a_pause_stops_the_delete_of_what_is_needed_again() -> None:
    scene = needed_again(paused=True)
    sent = len(deletes(scene))

    scene.run(60)

    assert len(deletes(scene)) == sent


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
