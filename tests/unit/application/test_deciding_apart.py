"""One target's fault, or newer record, stops the decision of no other."""

from typing import override

import pytest

from bedrock_autoscaler.application.errors import (
    ObservationError,
    StaleDecisionError,
    TargetsFailedError,
)
from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_target
from tests.fakes.memory_ledger import MemoryFleets
from tests.intents import ONE_UNIT
from tests.unit.application.scenes import stage


def test_one_targets_fault_is_reported_and_the_others_are_decided() -> None:
    scene, script = stage(build_target(), build_target(name="search", model_ids=("other",)))

    def decide_badly(situation: Situation) -> Decision:
        if situation.target.name == "chat":
            raise ZeroDivisionError("prompt text that must not be logged")
        return script(situation)

    scene.core = decide_badly

    with pytest.raises(TargetsFailedError, match="chat"):
        scene.decide()

    assert [decision.target for decision in scene.reporter.decisions] == ["search"]
    (alarm,) = [alarm for alarm in scene.reporter.alarms if alarm.alarm == "target_failed"]
    assert alarm.target == "chat"
    assert alarm.message.startswith("ZeroDivisionError at test_deciding_apart.py:")
    assert "prompt" not in alarm.message


def test_a_fault_while_recalling_one_target_leaves_the_others() -> None:
    scene, _ = stage(build_target(), build_target(name="search", model_ids=("other",)))
    scene.fleets.fail_next(KeyError("x"), method="state_of")

    with pytest.raises(TargetsFailedError, match="chat"):
        scene.decide()

    assert [decision.target for decision in scene.reporter.decisions] == ["search"]


def test_a_record_of_newer_code_holds_the_target_without_failing_the_run() -> None:
    scene, _ = stage()
    scene.decisions.fail_next(ObservationError("schema 2 is newer"), method="latest")

    summary = scene.decide()

    assert summary.outcomes == (("chat", "unobserved"),)
    assert ("unobserved", "chat") in scene.reporter.alarm_names


def test_a_world_that_moved_on_ends_the_pass_quietly() -> None:
    scene, _ = stage()
    scene.decisions.fail_next(StaleDecisionError("moved"), method="record")

    summary = scene.decide()

    assert summary.outcomes == (("chat", "superseded"),)
    assert scene.reporter.alarms == []


class PoisonedFleets(MemoryFleets):
    """The records of one target cannot be read, once it has any."""

    poisoned = ""

    @override
    def purchases(self, target: str) -> tuple[PurchaseIntent, ...]:
        self._require_readable(target)
        return super().purchases(target)

    @override
    def state_of(self, target: str) -> LedgerState:
        self._require_readable(target)
        return super().state_of(target)

    def _require_readable(self, target: str) -> None:
        if target == self.poisoned:
            raise ObservationError(f"a record of {target} is of a newer version")


def test_one_targets_unreadable_records_stop_no_other_targets_decision() -> None:
    scene, script = stage(build_target(), build_target(name="search", model_ids=("other",)))
    scene.fleets = PoisonedFleets()
    scene.wire()
    script.actions[NOW] = (ONE_UNIT,)
    scene.run(3)
    scene.fleets.poisoned = "search"
    script.actions[NOW + 15 * MINUTE] = (ONE_UNIT,)

    scene.run(15)

    assert [s.target.name for s in script.capacity_situations()].count("chat") == 2
    assert ("unobserved", "") in scene.reporter.alarm_names
    # The caps of the stack cannot be checked without the other's purchases.
    assert len(scene.fleets.purchases("chat")) == 1
