"""The publish actor: a valid table, never older than the one in force, only usable PTs in it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import override

import pytest

from bedrock_autoscaler.application.errors import (
    ObservationError,
    StaleDecisionError,
    TargetsFailedError,
)
from bedrock_autoscaler.application.ports.bedrock import Inventory
from bedrock_autoscaler.application.publishing import scaled
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.fleet.intent import ReleaseState
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import Loop, Mode, OptionKind, Target
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    PT_MODEL,
    build_option,
    build_target,
    build_thresholds,
    pt_arn,
)
from tests.fakes.memory_capacity import MemoryCapacity
from tests.intents import build_held, build_release
from tests.staging import Script, Stage

ON_DEMAND = Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=1.0)


ACROSS = Route(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE, weight=0.0)
TWO_WAYS = build_target(
    options=(
        build_option(),
        build_option(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE),
    )
)


def paid(number: int, weight: float) -> Route:
    return Route(kind=OptionKind.PROVISIONED, address=pt_arn(number), weight=weight)


class RoutedScript(Script):
    """A script that also says the routes, once `routes` is set."""

    routes: tuple[Route, ...] | None = None

    @override
    def __call__(self, situation: Situation) -> Decision:
        decision = super().__call__(situation)
        return decision if self.routes is None else replace(decision, routes=self.routes)


def staged(*targets: Target) -> tuple[Stage, RoutedScript]:
    """A stage whose first routing decision was recorded at NOW."""
    script = RoutedScript()
    scene = Stage(*targets, core=script)
    scene.decide(Loop.ROUTING)
    return scene, script


def with_pts(count: int) -> tuple[Stage, RoutedScript]:
    """A stage at 12:31 with so many PTs of one unit in service, all routed."""
    script = RoutedScript()
    scene = Stage(core=script)
    for number in range(1, count + 1):
        own(scene, number)
    script.routes = (
        *(paid(number, 1 / count) for number in range(1, count + 1)),
        replace(ON_DEMAND, weight=0.0),
    )
    scene.clock.advance(30 * MINUTE)
    scene.decide(Loop.ROUTING)
    scene.publish()
    scene.clock.advance(MINUTE)
    assert len(table(scene).routes) == count + 1
    return scene, script


def own(scene: Stage, number: int, target: str = "chat") -> None:
    """One more PT that a purchase of the target brought."""
    intent = build_held(number, target=target, decision_id=f"{target}-capacity-{number}")
    arn = scene.capacity.add(
        name=intent.name,
        model_id=PT_MODEL,
        deployment="test",
        target=target,
        decision_id=intent.decision_id,
    )
    scene.fleets.begin_purchase(
        replace(intent, arn=arn),
        fleet=scene.fleets.record_of(target),
        unmanaged_units=0,
        max_units=10,
        max_usd_per_hour=Decimal(1_000),
    )


def table(scene: Stage) -> RoutingTable:
    found = scene.tables.current("chat")
    assert found is not None
    return found


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


def test_an_old_routing_decision_stays_in_force_when_everything_else_has_stopped() -> None:
    scene, _ = staged()
    scene.publish()
    scene.clock.advance(24 * 60 * MINUTE)

    assert scene.publish().outcomes == (("chat", "unchanged"),)


# -- usable PTs --------------------------------------------------------------------------------


def test_a_pt_that_vanished_leaves_the_table_and_the_rest_share_its_weight() -> None:
    scene, _ = with_pts(3)
    scene.capacity.vanish(pt_arn(2))

    assert scene.publish().outcomes == (("chat", "published 2"),)

    assert table(scene).routes == (paid(1, 0.5), paid(3, 0.5), replace(ON_DEMAND, weight=0.0))


def test_when_the_only_pt_is_gone_the_first_way_gets_all() -> None:
    scene, _ = with_pts(1)
    scene.capacity.vanish(pt_arn(1))

    scene.publish()

    assert table(scene).routes == (ON_DEMAND,)


def test_a_pt_that_is_not_in_service_is_never_named() -> None:
    scene, _ = with_pts(2)
    scene.capacity.fail_creation(pt_arn(1))

    scene.publish()

    assert [route.address for route in table(scene).routes] == [pt_arn(2), MODEL]


def test_a_table_that_would_be_empty_is_not_published() -> None:
    scene, script = with_pts(1)
    script.routes = (paid(1, 1.0),)
    scene.decide(Loop.ROUTING)
    scene.publish()
    before = table(scene)
    scene.capacity.vanish(pt_arn(1))

    assert scene.publish().outcomes == (("chat", "kept"),)

    assert table(scene) == before
    (alarm,) = scene.reporter.alarms
    assert alarm.alarm == "table_kept"
    assert "no route" in alarm.message


@pytest.mark.parametrize("breaks_off", [True, False])
def test_an_unread_inventory_keeps_the_table(*, breaks_off: bool) -> None:
    scene, _ = with_pts(2)
    scene.capacity.vanish(pt_arn(1))
    if breaks_off:
        scene.capacity.pages_missing = True
    else:
        scene.capacity.fail_next(ObservationError("Bedrock is down"), method="inventory")

    assert scene.publish().outcomes == (("chat", "kept"),)
    assert table(scene).version == 1
    assert scene.reporter.alarm_names == [("table_kept", "chat")]


def test_an_unread_inventory_before_the_first_table_publishes_none() -> None:
    scene, script = staged()
    own(scene, 1)
    script.routes = (paid(1, 1.0), replace(ON_DEMAND, weight=0.0))
    scene.clock.advance(MINUTE)
    scene.decide(Loop.ROUTING)
    scene.capacity.fail_next(ObservationError("Bedrock is down"), method="inventory")

    assert scene.publish().outcomes == (("chat", "kept"),)
    assert scene.tables.published == []


def test_without_pts_no_inventory_and_no_release_is_read() -> None:
    scene, _ = staged()
    scene.capacity.fail_next(KeyError("read"), method="inventory")
    scene.fleets.fail_next(KeyError("read"), method="releases")

    assert scene.publish().outcomes == (("chat", "published 1"),)


class CountingCapacity(MemoryCapacity):
    """Counts how often the inventory is read."""

    reads = 0

    @override
    def inventory(self) -> Inventory:
        self.reads += 1
        return super().inventory()


def test_the_inventory_is_read_once_for_all_targets() -> None:
    script = RoutedScript()
    targets = (build_target(name="aaa", model_ids=("other",)), build_target())
    scene = Stage(*targets, core=script, capacity=CountingCapacity)
    own(scene, 1, "aaa")
    own(scene, 2)
    script.routes = (paid(1, 0.5), paid(2, 0.5), replace(ON_DEMAND, weight=0.0))
    scene.clock.advance(30 * MINUTE)
    scene.decide(Loop.ROUTING)
    assert isinstance(scene.capacity, CountingCapacity)
    scene.capacity.reads = 0

    summary = scene.publish()

    assert dict(summary.outcomes) == {"aaa": "published 1", "chat": "published 1"}
    assert scene.capacity.reads == 1


def test_scaling_keeps_order_and_proportion() -> None:
    assert scaled((paid(1, 0.375), paid(2, 0.125))) == (paid(1, 0.75), paid(2, 0.25))
    assert scaled((paid(1, 0.0), paid(2, 0.0))) == (paid(1, 1.0), paid(2, 0.0))


# -- releases ----------------------------------------------------------------------------------


def test_a_withdrawn_pt_is_left_out_and_that_is_noted_on_its_release() -> None:
    scene, _ = with_pts(2)
    scene.fleets.begin_release(build_release(arn=pt_arn(2)))

    assert scene.publish().outcomes == (("chat", "published 2"),)

    assert table(scene).routes == (paid(1, 1.0), replace(ON_DEMAND, weight=0.0))
    (intent,) = scene.fleets.releases("chat")
    assert (intent.withdrawn_version, intent.withdrawn_at) == (2, scene.now)
    assert intent.state is ReleaseState.WITHDRAWN


def test_a_withdrawal_is_noted_only_once_callers_can_see_it() -> None:
    scene, _ = with_pts(2)
    scene.fleets.begin_release(build_release(arn=pt_arn(2)))
    scene.tables.fail_next(ObservationError("SSM is down"), method="project")
    assert scene.publish().outcomes == (("chat", "unobserved"),)
    (intent,) = scene.fleets.releases("chat")
    assert intent.withdrawn_at is None
    scene.clock.advance(MINUTE)

    scene.publish()

    (intent,) = scene.fleets.releases("chat")
    assert (intent.withdrawn_version, intent.withdrawn_at) == (3, scene.now)
    assert scene.tables.projected["chat"].version == 3


def test_a_withdrawal_that_was_noted_stays_as_it_was() -> None:
    scene, _ = with_pts(2)
    scene.fleets.begin_release(build_release(arn=pt_arn(2)))
    scene.publish()
    noted = scene.fleets.releases("chat")
    scene.clock.advance(MINUTE)

    scene.publish()

    assert scene.fleets.releases("chat") == noted


def test_a_later_table_carries_the_withdrawal_on() -> None:
    scene, script = with_pts(2)
    scene.fleets.begin_release(build_release(arn=pt_arn(2)))
    scene.publish()
    noted = scene.now
    scene.clock.advance(MINUTE)
    script.routes = (paid(1, 0.5), replace(ON_DEMAND, weight=0.5))
    scene.decide(Loop.ROUTING)

    assert scene.publish().outcomes == (("chat", "published 3"),)

    (intent,) = scene.fleets.releases("chat")
    assert (intent.withdrawn_version, intent.withdrawn_at) == (3, noted)


def test_a_pt_that_slipped_back_into_the_table_is_withdrawn_anew() -> None:
    scene, _ = with_pts(2)
    scene.fleets.begin_release(build_release(arn=pt_arn(2)))
    scene.publish()
    scene.tables.publish(replace(scene.tables.published[0], version=3))
    scene.clock.advance(9 * MINUTE)

    scene.publish()

    (intent,) = scene.fleets.releases("chat")
    assert (intent.withdrawn_version, intent.withdrawn_at) == (4, scene.now)


def test_a_release_of_a_pt_that_was_never_routed_takes_a_new_version_too() -> None:
    scene, _ = with_pts(2)
    own(scene, 3)
    scene.fleets.begin_release(build_release(arn=pt_arn(3)))

    assert scene.publish().outcomes == (("chat", "published 2"),)

    assert table(scene).routes == scene.tables.published[0].routes
    (intent,) = scene.fleets.releases("chat")
    assert intent.withdrawn_version == 2


def test_a_publisher_that_read_before_a_release_began_cannot_route_its_pt() -> None:
    scene, _ = with_pts(2)
    scene.fleets.begin_release(build_release(arn=pt_arn(2)))
    late = replace(table(scene), version=2)
    scene.publish()

    with pytest.raises(StaleDecisionError):
        scene.tables.publish(late)


def test_callers_are_sent_to_nobody_elses_pt_and_to_no_way_outside_the_options() -> None:
    scene, script = with_pts(1)
    scene.capacity.add(name="by hand", model_id=PT_MODEL)
    elsewhere = Route(kind=OptionKind.GLOBAL_PROFILE, address="global.model", weight=0.25)
    script.routes = (paid(1, 0.25), paid(2, 0.5), elsewhere, replace(ON_DEMAND, weight=0.0))
    scene.clock.advance(30 * MINUTE)
    scene.decide(Loop.ROUTING)

    assert scene.publish().outcomes == (("chat", "unchanged"),)

    assert table(scene).routes == (paid(1, 1.0), replace(ON_DEMAND, weight=0.0))


@pytest.mark.parametrize(
    ("state", "routes"), [(ReleaseState.DELETED, 1), (ReleaseState.CANCELLED, 2)]
)
def test_a_pt_that_lists_still_show_after_its_release_is_not_routed_again(
    state: ReleaseState, routes: int
) -> None:
    scene, _ = with_pts(2)
    scene.fleets.begin_release(build_release(arn=pt_arn(2), state=state))

    scene.publish()

    paid_routes = [r for r in table(scene).routes if r.kind is OptionKind.PROVISIONED]
    assert len(paid_routes) == routes


def test_a_closed_switch_leaves_the_callers_copy_alone() -> None:
    scene, _ = staged()
    scene.publish()
    del scene.tables.projected["chat"]
    scene.switch.value = "stop"

    assert scene.publish().outcomes == (("chat", "unchanged, copy held"),)

    assert scene.tables.projected == {}


def test_a_kept_table_that_names_the_pt_is_no_withdrawal() -> None:
    scene, _ = with_pts(2)
    scene.fleets.begin_release(build_release(arn=pt_arn(2)))
    scene.capacity.pages_missing = True

    scene.publish()

    (intent,) = scene.fleets.releases("chat")
    assert intent.withdrawn_version is None


# -- projection, switch, advise ----------------------------------------------------------------


def test_the_callers_copy_is_repaired_each_tick() -> None:
    scene, _ = staged()
    scene.publish()
    del scene.tables.projected["chat"]

    assert scene.publish().outcomes == (("chat", "unchanged"),)
    assert scene.tables.projected["chat"] == table(scene)


def test_a_callers_copy_from_the_future_is_an_alarm() -> None:
    scene, _ = staged()
    scene.publish()
    scene.tables.projected["chat"] = replace(table(scene), version=7)

    assert scene.publish().outcomes == (("chat", "projection newer"),)
    assert scene.reporter.alarm_names == [("projection_newer", "chat")]


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


def test_advise_repairs_no_callers_copy() -> None:
    scene, _ = staged()
    scene.publish()
    del scene.tables.projected["chat"]
    scene.targets = (build_target(mode=Mode.ADVISE),)

    assert scene.publish().outcomes == (("chat", "unchanged"),)
    assert scene.tables.projected == {}


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


def test_the_callers_copy_is_not_written_when_time_runs_out_before_it() -> None:
    scene = Stage()
    scene.decide(Loop.ROUTING)
    scene.publish()
    scene.tables.projected.clear()
    scene.deadline.left = timedelta(seconds=29)

    assert scene.publish().outcomes == (("chat", "unchanged, copy held"),)
    assert scene.tables.projected == {}
