"""The callers' copy of a table: repaired each tick, overtaken when it is from the future."""

from dataclasses import replace
from datetime import timedelta

from bedrock_autoscaler.application.errors import (
    ConfigurationError,
    ObservationError,
    StaleDecisionError,
)
from bedrock_autoscaler.domain.target import Loop, Mode
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import build_target
from tests.fakes.memory_decisions import MemoryDecisions
from tests.fakes.memory_settings import MemorySwitch
from tests.staging import Stage
from tests.unit.application.routed import ACROSS, ON_DEMAND, TWO_WAYS, staged, table, with_pts


def test_the_callers_copy_is_repaired_each_tick() -> None:
    scene, _ = staged()
    scene.publish()
    del scene.tables.projected["chat"]

    assert scene.publish().outcomes == (("chat", "unchanged"),)
    assert scene.tables.projected["chat"] == table(scene)


def test_the_callers_copy_is_repaired_although_the_ledger_knows_no_decision() -> None:
    """It was restored to a time before the first one, or is a new one."""
    scene, _ = staged()
    scene.publish()
    del scene.tables.projected["chat"]
    scene.decisions = MemoryDecisions()
    scene.wire()

    assert scene.publish().outcomes == (("chat", "nothing decided"),)
    assert scene.tables.projected["chat"] == table(scene)


def test_a_table_that_callers_could_not_hold_leaves_the_one_in_force_and_repairs_its_copy() -> None:
    scene, script = staged(TWO_WAYS)
    scene.publish()
    del scene.tables.projected["chat"]
    script.routes = (replace(ACROSS, weight=1.0), replace(ON_DEMAND, weight=0.0))
    scene.clock.advance(MINUTE)
    scene.decide(Loop.ROUTING)
    scene.tables.fail_next(ConfigurationError("it has 4097 bytes"), method="publish")

    assert scene.publish().outcomes == (("chat", "kept"),)

    assert scene.tables.projected["chat"] == table(scene)
    assert table(scene).version == 1
    (alarm,) = scene.reporter.alarms
    assert (alarm.alarm, alarm.message) == ("table_kept", "it has 4097 bytes")


def test_a_callers_copy_from_the_future_is_an_alarm_and_is_overtaken() -> None:
    """The tables were restored, or somebody wrote the copy: callers refuse what is not above it."""
    scene, _ = staged(TWO_WAYS)
    scene.publish()
    before = table(scene)
    scene.tables.projected["chat"] = replace(before, version=7, routes=(replace(ACROSS, weight=1),))

    assert scene.publish().outcomes == (("chat", "published 8 above the callers' copy"),)
    assert scene.reporter.alarm_names == [("projection_newer", "chat")]
    assert table(scene) == replace(before, version=8)
    assert scene.tables.projected["chat"] == table(scene)
    assert scene.publish().outcomes == (("chat", "unchanged"),)


def test_a_callers_copy_from_the_future_is_left_alone_while_the_switch_is_closed() -> None:
    scene, _ = staged()
    scene.publish()
    scene.tables.projected["chat"] = replace(table(scene), version=7)
    scene.switch = MemorySwitch("stop")
    scene.wire()

    assert scene.publish().outcomes == (("chat", "unchanged, copy held"),)
    assert table(scene).version == 1


def test_a_switch_that_closes_after_the_table_has_overtaken_leaves_the_copy_alone() -> None:
    scene, _ = staged()
    scene.publish()
    scene.tables.projected["chat"] = replace(table(scene), version=7)
    scene.switch.then("allow", "stop")

    assert scene.publish().outcomes == (("chat", "published 8, copy held"),)
    assert scene.tables.projected["chat"].version == 7

    scene.switch.value = "allow"
    assert scene.publish().outcomes == (("chat", "unchanged"),)
    assert scene.tables.projected["chat"] == table(scene)


def test_a_table_that_could_not_be_checked_overtakes_nothing() -> None:
    scene, _ = with_pts(2)
    scene.tables.projected["chat"] = replace(table(scene), version=7)
    scene.capacity.fail_next(ObservationError("Bedrock is down"), method="inventory")

    assert scene.publish().outcomes == (("chat", "projection newer"),)
    assert table(scene).version == 1


def test_a_publisher_that_was_overtaken_overtakes_nobody() -> None:
    scene, _ = staged()
    scene.publish()
    scene.tables.projected["chat"] = replace(table(scene), version=7)
    scene.tables.fail_next(StaleDecisionError("version 2 is in force"), method="overtake")

    assert scene.publish().outcomes == (("chat", "superseded"),)
    assert table(scene).version == 1


def test_a_callers_copy_that_nothing_can_overtake_is_an_alarm_that_fails_no_run() -> None:
    scene, _ = staged()
    scene.publish()
    scene.tables.projected["chat"] = replace(table(scene), version=7)
    scene.tables.fail_next(ConfigurationError("no room above version 7"), method="overtake")

    assert scene.publish().outcomes == (("chat", "projection newer"),)
    assert [alarm.message for alarm in scene.reporter.alarms][-1] == "no room above version 7"
    assert scene.reporter.alarm_names == [("projection_newer", "chat"), ("table_kept", "chat")]


def test_advise_repairs_no_callers_copy() -> None:
    scene, _ = staged()
    scene.publish()
    del scene.tables.projected["chat"]
    scene.targets = (build_target(mode=Mode.ADVISE),)

    assert scene.publish().outcomes == (("chat", "unchanged"),)
    assert scene.tables.projected == {}


def test_the_callers_copy_is_not_written_when_time_runs_out_before_it() -> None:
    scene = Stage()
    scene.decide(Loop.ROUTING)
    scene.publish()
    scene.tables.projected.clear()
    scene.deadline.left = timedelta(seconds=29)

    assert scene.publish().outcomes == (("chat", "unchanged, copy held"),)
    assert scene.tables.projected == {}
