"""What is never deleted: what is not ours, is under a term, or is more than may leave."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import override

import pytest

from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.application.releasing.draining import bound_problem, identity_problem
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, PurchaseState, ReleaseState
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import HOUR, MINUTE, moment_text
from tests.builders import NOW, PT_MODEL, build_guard_rails, build_target, pt_arn
from tests.fakes.memory_capacity import MemoryCapacity
from tests.intents import build_held, build_listed, build_release, moved, reserve, withdraw
from tests.unit.application.scenes import (
    ARN,
    DECIDED_AT,
    at_window,
    deletes,
    interrupt,
    only_purchase,
    only_release,
    reasons,
    serving,
)


def test_a_pt_whose_tag_was_taken_away_is_never_deleted() -> None:
    scene, _ = at_window()
    scene.capacity.retag(ARN, deployment=None)

    assert scene.release().outcomes == (("chat", "release waits"),)

    assert deletes(scene) == []
    assert ("release_foreign", "chat") in scene.reporter.alarm_names


@pytest.mark.parametrize(
    ("listed", "purchase"),
    [
        (build_listed(), None),
        (build_listed(), build_held(state=PurchaseState.LOST)),
        (build_listed(deployment="other"), build_held()),
        (build_listed(target="search"), build_held()),
    ],
    ids=["no purchase", "given up", "another deployment", "another target"],
)
def test_tag_and_ledger_must_agree(
    listed: ListedThroughput, purchase: PurchaseIntent | None
) -> None:
    assert identity_problem(listed, purchase, build_target(), "test") is not None
    assert identity_problem(build_listed(), build_held(), build_target(), "test") is None


def test_a_release_without_a_purchase_in_the_ledger_is_never_carried_out() -> None:
    scene, _ = serving()
    stranger = scene.capacity.add(name="copy", model_id=PT_MODEL, deployment="test", target="chat")
    withdrawn = NOW + 15 * MINUTE
    withdraw(scene.fleets, build_release(arn=stranger, withdrawn_version=1, withdrawn_at=withdrawn))

    assert scene.release().outcomes == (("chat", "release waits"),)

    assert deletes(scene) == []
    assert ("release_foreign", "chat") in scene.reporter.alarm_names


def test_nothing_is_withdrawn_on_a_list_that_broke_off_whatever_the_decision_asks_for() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.capacity.pages_missing = True

    scene.run(1)

    assert scene.fleets.releases("chat") == ()
    assert reasons(scene, "release_held") == [
        "the list of provisioned throughputs was not read to its end"
    ]


class CommittedCapacity(MemoryCapacity):
    """Everything is under a term once `commit` is set."""

    commit = False
    until: datetime | None = NOW + 30 * 24 * HOUR

    @override
    def get(self, arn: str) -> ListedThroughput | None:
        found = super().get(arn)
        if found is None or not self.commit:
            return found
        return replace(found, commitment=Commitment.ONE_MONTH, committed_until=self.until)


@pytest.mark.parametrize("until", [NOW + 30 * 24 * HOUR, None])
def test_a_pt_under_a_term_is_dropped_before_any_call(until: datetime | None) -> None:
    scene, _ = at_window(capacity=CommittedCapacity)
    assert isinstance(scene.capacity, CommittedCapacity)
    scene.capacity.commit, scene.capacity.until = True, until

    assert scene.release().outcomes == (("chat", "release cancelled"),)

    assert deletes(scene) == []
    assert only_release(scene).state is ReleaseState.CANCELLED
    assert ("release_committed", "chat") in scene.reporter.alarm_names


def test_a_pt_under_a_term_stays_in_the_table_whatever_a_decision_asks_for() -> None:
    scene, script = serving()
    scene.capacity.change(
        ARN, commitment=Commitment.ONE_MONTH, committed_until=NOW + 30 * 24 * HOUR
    )
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()

    assert scene.release().outcomes == (("chat", "release held"),)

    (held,) = reasons(scene, "release_held")
    assert held == f"{ARN} is under a term until {moment_text(NOW + 30 * 24 * HOUR)}"
    assert scene.fleets.releases("chat") == ()


def test_a_term_that_only_the_delete_reveals_drops_the_release() -> None:
    scene, _ = at_window()
    scene.capacity.change(ARN, committed_until=NOW + 30 * 24 * HOUR)

    assert scene.release().outcomes == (("chat", "release cancelled"),)

    assert only_release(scene).detail == "under a term"
    assert only_purchase(scene).state is PurchaseState.IN_SERVICE


def test_the_least_size_is_looked_at_again_before_the_delete() -> None:
    scene, _ = at_window()
    scene.targets = (build_target(guard_rails=build_guard_rails(min_units=1)),)

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene, "release_waits")[-1] == "0 units would remain, min_units is 1"


@pytest.mark.parametrize("after", [False, True])
def test_what_is_lost_while_the_delete_is_written_counts_no_more_for_the_least_size(
    *, after: bool
) -> None:
    scene, _ = at_window()
    scene.targets = (build_target(guard_rails=build_guard_rails(min_units=1)),)
    other = build_held(2)
    reserve(scene.fleets, other)
    lost = moved(other, PurchaseState.LOST)
    lose = partial(scene.fleets.update_purchase, other, lost)
    interrupt(scene.fleets, "update_release", lose, after=after)

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene, "release_waits")[-1] == "0 units would remain, min_units is 1"
    assert only_release(scene).state is ReleaseState.WITHDRAWN


@pytest.mark.parametrize("after", [False, True])
def test_what_the_ledger_calls_lost_while_its_delete_is_written_is_not_deleted(
    *, after: bool
) -> None:
    """It carries the tags of somebody else by now, say, or is gone."""
    scene, _ = at_window()

    def lose() -> None:
        held = only_purchase(scene)
        scene.fleets.update_purchase(held, moved(held, PurchaseState.LOST))

    interrupt(scene.fleets, "update_release", lose, after=after)

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene, "release_waits")[-1] == f"the ledger holds no purchase of {ARN}"
    assert scene.release().outcomes == (("chat", "release cancelled"),)


def test_the_bound_of_the_day_is_looked_at_again_before_the_delete() -> None:
    """Somebody may have tightened it while the PT drained."""
    scene, _ = at_window()
    scene.targets = (build_target(guard_rails=build_guard_rails(max_releases_per_day=0)),)

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene, "release_waits")[-1] == "0 releases in 24 hours, allowed: 0"


def test_units_that_are_leaving_do_not_count_for_the_least_size() -> None:
    target = build_target(guard_rails=build_guard_rails(min_units=1))
    purchases = (build_held(1), build_held(2), build_held(3, state=PurchaseState.BOUGHT))

    assert bound_problem(pt_arn(1), target, purchases, frozenset()) is None
    assert bound_problem(pt_arn(1), target, purchases, frozenset({pt_arn(2)})) is not None
