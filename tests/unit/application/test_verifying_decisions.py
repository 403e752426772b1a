"""Oracles on what was decided and carried out: each Delete, each day, each table, each replay."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bedrock_autoscaler.application.reviewing.findings import Finding, Severity
from bedrock_autoscaler.application.reviewing.verifying import verify
from bedrock_autoscaler.domain.decision import Decision
from bedrock_autoscaler.domain.fleet.intent import ReleaseState
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, build_guard_rails, build_target, pt_arn
from tests.intents import ONE_UNIT, build_release
from tests.staging import QUARTERLY, Script, Stage
from tests.unit.application.looks import findings, look, oracles, retag, tamper


def deleting(scene: Stage) -> None:
    """A release that says that its Delete was sent."""
    release = build_release(
        decision_id=scene.fleets.purchases("chat")[0].decision_id,
        state=ReleaseState.DELETING,
        withdrawn_at=scene.now,
        withdrawn_version=2,
    )
    scene.fleets.put(release)


@pytest.mark.parametrize(
    ("spoil", "oracle"),
    [
        (lambda scene: None, None),
        (lambda scene: retag(scene, commitment=Commitment.ONE_MONTH), "O7 violation"),
        (lambda scene: tamper(scene, arn="another"), "O5 violation"),
    ],
)
def test_a_delete_names_what_is_ours_and_under_no_term(
    scene: Stage, spoil: Callable[[Stage], None], oracle: str | None
) -> None:
    deleting(scene)
    spoil(scene)

    found = [found for found in oracles(scene) if found[:2] in {"O5", "O7"}]

    assert (oracle in found) if oracle else (found == [])


def test_a_delete_before_the_withdrawal_is_a_breach(scene: Stage) -> None:
    deleting(scene)
    (release,) = scene.fleets.releases("chat")
    scene.fleets.put(replace(release, withdrawn_at=None))

    assert oracles(scene) == ["O6 violation"]


def test_what_never_served_needs_no_withdrawal() -> None:
    """Where no table was ever published, nobody can have been sent to it."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    made = Stage(build_target(options=(), thresholds=QUARTERLY), core=script)
    made.run(1)
    made.capacity.fail_creation(pt_arn(1))
    made.run(60)
    (release,) = made.fleets.releases("chat")
    assert (release.state, release.withdrawn_at) == (ReleaseState.DELETED, None)

    assert [found for found in findings(made) if found[0] == "O6"] == []


def test_more_calls_than_a_day_allows_are_a_breach(scene: Stage) -> None:
    deleting(scene)
    rails = build_guard_rails(max_purchases_per_day=0, max_releases_per_day=0)
    scene.targets = (build_target(guard_rails=rails),)

    assert oracles(scene) == ["O13 violation", "O13 violation"]


def test_a_tripped_breaker_is_told(scene: Stage) -> None:
    scene.fleets.trip(scene.fleets.record_of("chat"), scene.now, "a seventh purchase")

    assert oracles(scene) == ["O13 notice"]


def test_a_table_that_names_what_does_not_serve_is_a_breach_after_two_minutes(
    scene: Stage,
) -> None:
    scene.capacity.vanish(pt_arn(1))
    table = scene.tables.tables["chat"]
    scene.tables.tables["chat"] = replace(table, published_at=scene.now - MINUTE)
    early = oracles(scene)
    scene.clock.advance(timedelta(minutes=2))

    assert "O11 violation" not in early
    assert "O11 violation" in oracles(scene)


@pytest.mark.parametrize(("step", "finding"), [(1, "O11 violation"), (-1, "O11 notice")])
def test_the_callers_copy_is_compared_with_the_authority(
    scene: Stage, step: int, finding: str
) -> None:
    table = scene.tables.projected["chat"]
    scene.tables.projected["chat"] = replace(table, version=table.version + step)

    assert oracles(scene) == [finding]


def test_callers_without_any_copy_are_told(scene: Stage) -> None:
    scene.tables.projected.clear()

    assert oracles(scene) == ["O11 notice"]


def test_decisions_of_the_rules_replay() -> None:
    made = Stage(history_hours=30)
    made.run(1)

    assert verify(look(made)) == ()


def test_a_decision_that_replays_differently_is_a_breach() -> None:
    (found,) = verify_with(lambda decision: replace(decision, desired_units=7))

    assert found == Finding(
        oracle="O14", severity=Severity.VIOLATION, target="chat", message=found.message
    )
    assert "desired_units: was 7" in found.message


def test_a_decision_in_the_words_of_another_version_is_none() -> None:
    def reworded(decision: Decision) -> Decision:
        return replace(
            decision, reasons=tuple(replace(r, message="so it was") for r in decision.reasons)
        )

    assert verify_with(reworded) == ()


def verify_with(change: Callable[[Decision], Decision]) -> tuple[Finding, ...]:
    """What is found where the ledger's only decision was recorded with a change."""
    made = Stage(history_hours=30)
    made.decide()
    (recorded,) = made.decisions.kept.values()
    changed = change(recorded.decision)
    made.decisions.kept[changed.id] = replace(recorded, decision=changed)
    return verify(look(made))


def test_a_later_look_after_an_hour_finds_the_same(scene: Stage) -> None:
    scene.run(60)

    assert findings(scene) == []
    assert scene.now == NOW + HOUR + 20 * MINUTE
