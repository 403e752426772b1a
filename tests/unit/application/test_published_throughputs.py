"""The throughputs that a table may name: in service, ours, and not being released."""

from dataclasses import replace
from typing import override

import pytest

from bedrock_autoscaler.application.errors import ObservationError, StaleDecisionError
from bedrock_autoscaler.application.ports.bedrock import Inventory
from bedrock_autoscaler.domain.fleet.intent import ReleaseState
from bedrock_autoscaler.domain.routing.route import Route, scaled
from bedrock_autoscaler.domain.target import Loop, OptionKind
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, PT_MODEL, build_target, pt_arn
from tests.fakes.memory_capacity import MemoryCapacity
from tests.intents import build_release, withdraw
from tests.staging import Stage
from tests.unit.application.routed import (
    ON_DEMAND,
    RoutedScript,
    own,
    paid,
    staged,
    table,
    with_pts,
)

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
    withdraw(scene.fleets, build_release(arn=pt_arn(2)))

    assert scene.publish().outcomes == (("chat", "published 2"),)

    assert table(scene).routes == (paid(1, 1.0), replace(ON_DEMAND, weight=0.0))
    (intent,) = scene.fleets.releases("chat")
    assert (intent.withdrawn_version, intent.withdrawn_at) == (2, scene.now)
    assert intent.state is ReleaseState.WITHDRAWN


def test_a_withdrawal_is_noted_only_once_callers_can_see_it() -> None:
    scene, _ = with_pts(2)
    withdraw(scene.fleets, build_release(arn=pt_arn(2)))
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
    withdraw(scene.fleets, build_release(arn=pt_arn(2)))
    scene.publish()
    noted = scene.fleets.releases("chat")
    scene.clock.advance(MINUTE)

    scene.publish()

    assert scene.fleets.releases("chat") == noted


def test_a_later_table_carries_the_withdrawal_on() -> None:
    scene, script = with_pts(2)
    withdraw(scene.fleets, build_release(arn=pt_arn(2)))
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
    withdraw(scene.fleets, build_release(arn=pt_arn(2)))
    scene.publish()
    scene.tables.publish(replace(scene.tables.published[0], version=3))
    scene.clock.advance(9 * MINUTE)

    scene.publish()

    (intent,) = scene.fleets.releases("chat")
    assert (intent.withdrawn_version, intent.withdrawn_at) == (4, scene.now)


def test_a_release_of_a_pt_that_was_never_routed_takes_a_new_version_too() -> None:
    scene, _ = with_pts(2)
    own(scene, 3)
    withdraw(scene.fleets, build_release(arn=pt_arn(3)))

    assert scene.publish().outcomes == (("chat", "published 2"),)

    assert table(scene).routes == scene.tables.published[0].routes
    (intent,) = scene.fleets.releases("chat")
    assert intent.withdrawn_version == 2


def test_a_publisher_that_read_before_a_release_began_cannot_route_its_pt() -> None:
    scene, _ = with_pts(2)
    withdraw(scene.fleets, build_release(arn=pt_arn(2)))
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
    withdraw(scene.fleets, build_release(arn=pt_arn(2), state=state))

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
    withdraw(scene.fleets, build_release(arn=pt_arn(2)))
    scene.capacity.pages_missing = True

    scene.publish()

    (intent,) = scene.fleets.releases("chat")
    assert intent.withdrawn_version is None
