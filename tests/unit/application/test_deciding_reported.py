"""What a tick reports besides its decisions: settings, throughputs and spend that need a person."""

from decimal import Decimal

from bedrock_autoscaler.application.errors import UnknownOutcomeError
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, PT_MODEL, build_guard_rails, build_target
from tests.intents import ONE_UNIT
from tests.unit.application.scenes import stage

NO_TARGET = ("settings_rejected", "")
"""The alarm of a stack without any target's document."""


def test_rejected_settings_are_reported_by_document_and_field() -> None:
    scene, _ = stage()
    scene.problems = (
        SettingsProblem(document="search", field="guard_rails.max_units", message="is -1"),
        SettingsProblem(document="defaults", field="", message="is no JSON"),
    )

    scene.decide()

    alarms = [(a.target, a.message) for a in scene.reporter.alarms if "settings" in a.alarm]
    assert alarms == [("search", "guard_rails.max_units: is -1"), ("defaults", "is no JSON")]


def test_unmanaged_and_orphaned_pts_are_alarms() -> None:
    scene, _ = stage()
    scene.capacity.add(name="by-hand", model_id=PT_MODEL)
    scene.capacity.add(name="of-gone", model_id="x.y-v1:0:8k", deployment="test", target="gone")

    scene.decide()

    assert scene.reporter.alarm_names == [("orphaned_pt", "gone"), ("unmanaged_pt", "chat")]


def test_what_the_last_target_leaves_behind_is_an_alarm() -> None:
    """It is billed by the hour, and no other function looks at targets that are gone."""
    scene, _ = stage()
    scene.capacity.add(name="left", model_id=PT_MODEL, deployment="test", target="chat")
    scene.targets = ()

    scene.decide(Loop.ROUTING)
    assert scene.reporter.alarm_names == [NO_TARGET]
    assert scene.decide().outcomes == ()

    assert scene.reporter.alarm_names == [NO_TARGET, NO_TARGET, ("orphaned_pt", "chat")]


def test_a_purchase_without_an_answer_of_a_target_that_is_gone_is_an_alarm() -> None:
    """Its units stay reserved, and the purchase function looks at targets in force alone."""
    scene, script = stage()
    script.actions[NOW] = (ONE_UNIT,)
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.run(1)
    scene.targets = ()

    scene.clock.set(NOW + 15 * MINUTE)
    scene.decide()
    assert scene.reporter.alarm_names == [NO_TARGET]
    scene.clock.set(NOW + 30 * MINUTE)
    scene.decide()

    assert scene.reporter.alarm_names == [NO_TARGET, NO_TARGET, ("purchase_unresolved", "chat")]


def test_spend_near_a_cap_is_an_alarm() -> None:
    # One unit at 60.50 from 12:00: one period, which is 80 % of 75.625.
    rails = build_guard_rails(max_usd_per_day=Decimal("75.625"))
    scene, script = stage(build_target(guard_rails=rails))
    script.actions[NOW] = (ONE_UNIT,)
    scene.decide()
    scene.purchase()
    scene.clock.advance(15 * MINUTE)

    scene.decide()

    assert ("spend_near_cap", "chat") in scene.reporter.alarm_names
