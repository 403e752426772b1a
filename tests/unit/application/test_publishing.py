"""The publish actor: a valid table, never older than the one in force."""

from dataclasses import replace
from datetime import timedelta
from typing import override

import pytest

from bedrock_autoscaler.application.errors import StaleDecisionError, TargetsFailedError
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import Loop, Mode
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_target, build_thresholds
from tests.fakes.memory_settings import MemorySwitch
from tests.staging import Script, Stage
from tests.unit.application.routed import ACROSS, ON_DEMAND, TWO_WAYS, paid, staged, table, with_pts

# -- publishing --------------------------------------------------------------------------------


def test_publishes_the_newest_decisions_routes() -> None:
    scene, _ = staged()

    summary = scene.publish()

    assert summary.outcomes == (("chat", "published 1"),)
    assert table(scene) == RoutingTable(
        target="chat",
        version=1,
        routes=(ON_DEMAND,),
        refresh_seconds=60,
        no_fallback=False,
        decision_id="chat-routing-20261120T120000Z",
        published_at=NOW,
    )
    assert scene.tables.projected["chat"] == table(scene)


def test_an_unchanged_content_is_not_published_again() -> None:
    scene, _ = staged()
    scene.publish()
    scene.clock.advance(MINUTE)
    scene.decide(Loop.ROUTING)

    summary = scene.publish()

    assert summary.outcomes == (("chat", "unchanged"),)
    assert table(scene).version == 1
    assert scene.tables.projections == 1


def test_a_weight_that_moves_in_its_last_bits_is_no_change() -> None:
    scene, script = with_pts(3)
    third = 1 / 3
    unused = replace(ON_DEMAND, weight=0.0)
    script.routes = (paid(1, third + 1e-9), paid(2, third), paid(3, third), unused)
    scene.decide(Loop.ROUTING)

    assert scene.publish().outcomes == (("chat", "unchanged"),)


def test_a_change_rises_the_version_by_one() -> None:
    scene, script = staged(TWO_WAYS)
    scene.publish()
    script.routes = (replace(ACROSS, weight=1.0), replace(ON_DEMAND, weight=0.0))
    scene.clock.advance(MINUTE)
    scene.decide(Loop.ROUTING)

    assert scene.publish().outcomes == (("chat", "published 2"),)
    assert table(scene).routes == script.routes


def test_a_changed_refresh_hint_is_a_change() -> None:
    scene, _ = staged()
    scene.publish()
    scene.targets = (build_target(thresholds=build_thresholds(routing={"refresh_seconds": 30})),)

    scene.publish()

    assert table(scene).refresh_seconds == 30


def test_without_a_decision_nothing_is_published() -> None:
    scene = Stage(core=Script())

    assert scene.publish().outcomes == (("chat", "nothing decided"),)
    assert scene.tables.published == []


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_tick_off_the_clock_publishes_nothing(minutes: int) -> None:
    scene, _ = staged()

    assert scene.publish(NOW + minutes * MINUTE).outcomes == ()
    assert scene.tables.published == []


def test_a_table_without_any_way_besides_pts_says_so() -> None:
    scene, script = with_pts(1)
    script.routes = (paid(1, 1.0),)
    scene.decide(Loop.ROUTING)

    scene.publish()

    assert table(scene).no_fallback


# -- age ---------------------------------------------------------------------------------------


def test_a_publisher_that_was_overtaken_gives_way() -> None:
    scene, _ = staged()
    scene.tables.fail_next(StaleDecisionError("version 1 is in force"), method="publish")

    assert scene.publish().outcomes == (("chat", "superseded"),)
    assert scene.tables.projections == 0


def test_an_older_decision_never_overwrites_a_newer_one() -> None:
    scene, _ = staged(TWO_WAYS)
    newer = RoutingTable(
        target="chat",
        version=1,
        routes=(replace(ACROSS, weight=1.0),),
        refresh_seconds=60,
        no_fallback=False,
        decision_id="chat-routing-20261120T120100Z",
        published_at=NOW + MINUTE,
    )
    scene.tables.publish(newer)

    assert scene.publish().outcomes == (("chat", "unchanged"),)
    assert table(scene) == newer


def test_a_newer_capacity_decision_counts_while_routing_has_stopped() -> None:
    scene, script = staged(TWO_WAYS)
    scene.publish()
    script.routes = (replace(ACROSS, weight=1.0),)
    scene.clock.advance(15 * MINUTE)
    scene.decide(Loop.CAPACITY)

    scene.publish()

    assert table(scene).decision_id == "chat-capacity-20261120T121500Z"
    assert table(scene).routes == (replace(ACROSS, weight=1.0),)


def test_of_two_decisions_of_a_minute_routing_counts_until_its_next_tick() -> None:
    """With `RoutingMinutes` of 5 the newest routing decision is up to five minutes old."""
    scene, script = staged(TWO_WAYS)
    script.routes = (replace(ACROSS, weight=1.0),)
    scene.decide(Loop.CAPACITY)

    for _ in range(5):
        scene.publish()
        assert table(scene).decision_id == "chat-routing-20261120T120000Z"
        scene.clock.advance(MINUTE)


def test_an_old_routing_decision_stays_in_force_when_everything_else_has_stopped() -> None:
    scene, _ = staged()
    scene.publish()
    scene.clock.advance(24 * 60 * MINUTE)

    assert scene.publish().outcomes == (("chat", "unchanged"),)


# -- projection, switch, advise ----------------------------------------------------------------


@pytest.mark.parametrize("value", [None, "stop"])
def test_a_closed_switch_starts_no_routing_change(value: str | None) -> None:
    scene, _ = staged()
    scene.switch.value = value

    assert scene.publish().outcomes == (("chat", "publish held"),)
    scene.publish()

    assert scene.tables.published == []
    assert scene.events == [("publish_held", "chat")]


def test_advise_publishes_nothing_and_says_once_what_it_would() -> None:
    scene, _ = staged(build_target(mode=Mode.ADVISE))

    first = scene.publish()
    scene.clock.advance(MINUTE)
    scene.publish()

    assert first.outcomes == (("chat", "would publish"),)
    assert scene.tables.published == []
    assert scene.tables.projected == {}
    assert scene.events == [("would_publish", "chat")]


def test_one_targets_trouble_leaves_the_others() -> None:
    scene, _ = staged(build_target(name="aaa", model_ids=("other",)), build_target())
    scene.tables.fail_next(KeyError("x"), method="current")

    with pytest.raises(TargetsFailedError, match="aaa"):
        scene.publish()

    assert table(scene).version == 1


def test_too_little_time_starts_no_routing_change() -> None:
    scene = Stage()
    scene.decide(Loop.ROUTING)
    scene.deadline.left = timedelta(seconds=29)

    held = scene.publish().outcomes
    scene.deadline.left = timedelta(seconds=30)

    assert held == (("chat", "publish held"),)
    assert scene.publish().outcomes == (("chat", "published 1"),)


def test_time_that_reading_the_switch_takes_is_gone() -> None:
    scene = Stage()

    class SlowSwitch(MemorySwitch):
        @override
        def allows_action(self, target: str) -> bool:
            scene.deadline.left -= timedelta(seconds=21)
            return super().allows_action(target)

    scene.switch = SlowSwitch("allow")
    scene.decide(Loop.ROUTING)

    assert scene.publish().outcomes == (("chat", "publish held"),)
