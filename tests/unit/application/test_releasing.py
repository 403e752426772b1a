"""The release actor: what it withdraws on a decision, and what a later decision restores."""

from dataclasses import replace

import pytest

from bedrock_autoscaler.application.errors import StaleDecisionError
from bedrock_autoscaler.domain.decision import Release, Restore
from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.target import Mode
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_guard_rails, build_target, pt_arn
from tests.staging import Script, Stage
from tests.unit.application.scenes import (
    ARN,
    DECIDED_AT,
    at_window,
    deletes,
    draining,
    only_purchase,
    only_release,
    reasons,
    serving,
)

# -- withdrawing -------------------------------------------------------------------------------


def test_withdraws_what_the_newest_decision_releases() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()

    summary = scene.release()

    assert summary.outcomes == (("chat", "withdrawn 1"),)
    intent = only_release(scene)
    assert (intent.arn, intent.state) == (ARN, ReleaseState.WITHDRAWN)
    assert intent.decision_id == "chat-capacity-20261120T123000Z"
    assert intent.withdrawn_version is None
    assert deletes(scene) == []


def test_the_hour_of_a_run_that_was_held_up_counts_from_its_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()
    begun_at = scene.now

    def held_up(_: str) -> bool:
        scene.clock.advance(2 * MINUTE)
        return True

    monkeypatch.setattr(scene.switch, "allows_action", held_up)
    scene.release()

    assert only_release(scene).recorded_at == begun_at + 2 * MINUTE


def test_the_same_tick_twice_withdraws_once() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()
    scene.release()

    summary = scene.release()

    assert summary.outcomes == (("chat", "release waits"),)
    assert len(scene.fleets.releases("chat")) == 1


def test_another_run_that_withdraws_first_wins() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()
    scene.fleets.fail_next(StaleDecisionError("exists"), method="begin_release")

    assert scene.release().outcomes == (("chat", "superseded"),)


def test_without_decisions_there_is_nothing_to_release() -> None:
    assert Stage(core=Script()).release().outcomes == (("chat", "nothing to release"),)


def test_a_hold_releases_nothing() -> None:
    scene, _ = serving()
    scene.decide()

    assert scene.release().outcomes == (("chat", "nothing to release"),)


def test_a_decision_older_than_two_periods_withdraws_nothing() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()
    scene.clock.advance(31 * MINUTE)

    assert scene.release().outcomes == (("chat", "nothing to release"),)
    assert scene.fleets.releases("chat") == ()


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_tick_off_the_clock_changes_nothing(minutes: int) -> None:
    scene, _ = at_window()

    assert scene.release(scene.now + minutes * MINUTE).outcomes == ()
    assert deletes(scene) == []


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (Release(arn="arn:of-nobody", model_units=1), "the ledger holds no purchase"),
        (Release(arn=ARN, model_units=2), "has 1 unit, not 2"),
    ],
)
def test_only_what_the_ledger_holds_is_withdrawn(wanted: Release, reason: str) -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (wanted,)
    scene.decide()

    assert scene.release().outcomes == (("chat", "release held"),)
    scene.release()

    (held,) = reasons(scene, "release_held")
    assert reason in held


def test_releases_of_a_day_are_bounded_whatever_decisions_ask_for() -> None:
    scene, script = serving(build_target(guard_rails=build_guard_rails(max_releases_per_day=0)))
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()

    scene.release()

    assert reasons(scene, "release_held") == ["0 releases in 24 hours, allowed: 0"]


def test_the_least_size_is_kept_whatever_decisions_ask_for() -> None:
    scene, script = serving(build_target(guard_rails=build_guard_rails(min_units=1)))
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()

    scene.release()

    assert reasons(scene, "release_held") == ["0 units would remain, min_units is 1"]


def test_a_pt_is_not_released_twice_at_a_time() -> None:
    scene, script = draining()
    script.actions[NOW + 45 * MINUTE] = (Release(arn=ARN, model_units=1),)
    scene.run(15)

    assert reasons(scene, "release_held") == ["it is being released already"]
    assert len(scene.fleets.releases("chat")) == 1


def test_a_stale_fleet_version_withdraws_nothing() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()
    purchase = only_purchase(scene)
    lost = replace(purchase, state=PurchaseState.LOST, version=purchase.version + 1)
    scene.fleets.update_purchase(purchase, lost)

    scene.release()

    assert reasons(scene, "release_held") == ["the fleet is at version 2, the decision saw 1"]


def test_a_closed_switch_withdraws_nothing() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()
    scene.switch.value = "stop"

    scene.release()

    assert scene.fleets.releases("chat") == ()
    assert reasons(scene, "release_held") == ["the switch does not permit action"]


def test_advise_withdraws_nothing_and_says_once_what_it_would_release() -> None:
    scene, script = serving()
    scene.targets = (build_target(mode=Mode.ADVISE),)
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()

    first = scene.release()
    scene.release()

    assert first.outcomes == (("chat", "would release"),)
    assert scene.fleets.releases("chat") == ()
    assert scene.events.count(("would_release", "chat")) == 1


# -- restoring ---------------------------------------------------------------------------------


def test_a_restored_pt_is_routed_again_and_not_deleted() -> None:
    scene, script = draining()
    script.actions[NOW + 45 * MINUTE] = (Restore(arn=ARN, model_units=1),)

    scene.run(30)

    assert deletes(scene) == []
    assert only_release(scene).state is ReleaseState.CANCELLED
    table = scene.tables.current("chat")
    assert table is not None
    assert table.routes[0].address == ARN


def test_a_restore_of_another_pt_changes_nothing() -> None:
    scene, script = draining()
    script.actions[NOW + 45 * MINUTE] = (Restore(arn=pt_arn(9), model_units=1),)

    scene.run(26)

    assert deletes(scene) == [ARN]


def test_an_old_decision_restores_nothing() -> None:
    scene, script = draining()
    script.actions[NOW + 45 * MINUTE] = (Restore(arn=ARN, model_units=1),)
    scene.clock.set(NOW + 45 * MINUTE)
    scene.decide()
    scene.clock.set(NOW + 76 * MINUTE)

    scene.release()

    assert only_release(scene).state is ReleaseState.WITHDRAWN
