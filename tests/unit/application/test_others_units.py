"""Units that others bought serve where a target is told so, and stay theirs."""

import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    NOW,
    PT_MODEL,
    build_provisioned,
    build_target,
)
from tests.staging import Script, Stage
from tests.unit.application.scenes import actions, calls


@pytest.mark.parametrize("is_told", [False, True])
def test_others_units_serve_only_when_told_so(is_told: bool) -> None:  # noqa: FBT001 - a table's column
    bought_option = build_provisioned(use_unmanaged=is_told)
    scene = Stage(build_target(provisioned=bought_option), core=Script())
    theirs = scene.capacity.add(name="by-hand", model_id=PT_MODEL, model_units=2)

    scene.run(17)

    table = scene.tables.current("chat")
    assert table is not None
    assert (theirs in {route.address for route in table.routes}) is is_told
    assert isinstance(scene.core, Script)
    fleet = scene.core.situations[-1].fleet
    assert fleet.in_service_units == (2 if is_told else 0)
    assert fleet.staying_units == (2 if is_told else 0)
    assert fleet.held_units == 2
    assert ("unmanaged_pt", "chat") in scene.reporter.alarm_names


@pytest.mark.parametrize("breaks_off", [True, False])
def test_others_units_stay_in_the_table_while_the_list_cannot_be_read(*, breaks_off: bool) -> None:
    scene = Stage(build_target(provisioned=build_provisioned(use_unmanaged=True)))
    scene.capacity.add(name="by-hand", model_id=PT_MODEL, model_units=2)
    scene.run(16)
    before = scene.tables.current("chat")
    if breaks_off:
        scene.capacity.pages_missing = True
    else:
        scene.capacity.fail_next(ObservationError("throttled"), method="inventory")

    scene.decide(Loop.ROUTING)
    scene.capacity.pages_missing = False
    scene.publish()

    assert scene.tables.current("chat") == before


def test_what_others_units_serve_is_the_targets_traffic_when_told_so() -> None:
    bought_option = build_provisioned(use_unmanaged=True)
    scene = Stage(build_target(provisioned=bought_option), core=Script())
    theirs = scene.capacity.add(name="by-hand", model_id=PT_MODEL, model_units=2)
    scene.serve(theirs, 30)

    scene.run(31)

    assert isinstance(scene.core, Script)
    newest = scene.core.capacity_situations()[-1].observation.traffic
    assert newest.invocations[-1] == 60.0


def test_others_units_are_never_released_even_when_they_serve() -> None:
    bought_option = build_provisioned(use_unmanaged=True)
    scene = Stage(build_target(provisioned=bought_option), core=Script())
    theirs = scene.capacity.add(name="by-hand", model_id=PT_MODEL, model_units=2)
    for quarter in range(8):
        actions(scene)[NOW + quarter * 15 * MINUTE] = (Release(arn=theirs, model_units=2),)

    scene.run(120)

    assert calls(scene) == []
    assert scene.fleets.releases("chat") == ()
