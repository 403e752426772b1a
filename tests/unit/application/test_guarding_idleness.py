"""Mass idleness: how much of a fleet may leave within an hour, whatever was decided."""

from dataclasses import replace
from datetime import datetime

import pytest

from bedrock_autoscaler.application.releasing.draining import hour_problem
from bedrock_autoscaler.domain.decision import Decision, Release, Situation
from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, PT_MODEL, build_guard_rails, build_target, build_thresholds, pt_arn
from tests.intents import build_held, build_release
from tests.staging import Script, Stage
from tests.unit.application.scenes import reasons


def test_a_core_that_always_releases_takes_a_quarter_of_the_fleet_in_an_hour() -> None:
    """Eight idle PTs, one decision a quarter of an hour: two may go in each hour."""
    target = build_target(
        thresholds=build_thresholds(draining={"release_window_minutes": 59}),
        guard_rails=build_guard_rails(max_releases_per_day=100),
    )
    scene = Stage(target, core=Script())
    for number in range(1, 9):
        hold(scene, number, units=1)
    scene.run(30)

    def release_one(situation: Situation) -> Decision:
        script = Script()
        idle = [pt for pt in situation.fleet.owned if not pt.draining]
        script.actions[situation.scheduled_at] = tuple(
            Release(arn=pt.arn, model_units=1) for pt in idle[:1]
        )
        return script(situation)

    scene.core = release_one
    begun = scene.now
    scene.run(240)

    ends = [
        release.ended_at
        for release in scene.fleets.releases("chat")
        if release.ended_at is not None and release.state is ReleaseState.DELETED
    ]
    assert len(ends) >= 4
    for end in ends:
        within = sum(end - HOUR < other <= end for other in ends)
        assert within <= 2, (begun, ends)
    assert all(call.method == "delete" for call in scene.capacity.calls)


def test_a_large_pt_does_not_follow_a_small_one_within_the_hour() -> None:
    """25 % of eight units are two: after one unit has gone, four more would be far above them."""
    script = Script()
    window = build_thresholds(draining={"release_window_minutes": 59})
    scene = Stage(build_target(thresholds=window), core=script)
    small, large = (hold(scene, number, units) for number, units in ((1, 1), (2, 4)))
    hold(scene, 3, 3)
    scene.run(30)
    script.actions[scene.now] = (Release(arn=small, model_units=1),)
    script.actions[scene.now + 15 * MINUTE] = (Release(arn=large, model_units=4),)

    scene.run(55)

    assert [call.subject for call in scene.capacity.calls] == [small]
    assert any("1 left within the hour" in why for why in reasons(scene, "release_held"))


def test_a_large_pt_that_missed_its_window_goes_before_a_small_one() -> None:
    """It drains, is paid for, and serves nobody: the small one would hold it for an hour more."""
    script = Script()
    scene = Stage(core=script)
    large, _ = (hold(scene, number, units) for number, units in ((1, 4), (2, 3)))
    script.actions[NOW + 30 * MINUTE] = (Release(arn=large, model_units=4),)
    scene.run(50)
    small = hold(scene, 3, 1, since=scene.now)
    scene.switch.value = "stop"
    scene.run(15)
    scene.switch.value = "allow"
    script.actions[NOW + 90 * MINUTE] = (Release(arn=small, model_units=1),)

    scene.run(60)

    assert [call.subject for call in scene.capacity.calls] == [large]
    assert any("left within the hour or drain" in why for why in reasons(scene, "release_held"))


def test_what_was_begun_in_another_hour_leaves_in_another_hour() -> None:
    """The bound is looked at again before the Delete, with the size of what would go."""
    scene = Stage(core=Script())
    arns = [hold(scene, number, units) for number, units in ((1, 1), (2, 4), (3, 1), (4, 2))]
    scene.run(1)
    purchases = scene.fleets.purchases("chat")
    gone = build_release(
        decision_id="r-1", arn=arns[0], state=ReleaseState.DELETED, ended_at=scene.now
    )

    large, small = Release(arn=arns[1], model_units=4), Release(arn=arns[2], model_units=1)
    assert hour_problem(build_target(), purchases, (gone,), scene.now, wanted=large) is not None
    assert hour_problem(build_target(), purchases, (gone,), scene.now, wanted=small) is None
    assert hour_problem(build_target(), purchases, (), scene.now, wanted=large) is None


def test_what_never_served_takes_nothing_of_what_may_leave_within_the_hour() -> None:
    failed = build_held(2, decision_id="d-2", state=PurchaseState.FAILED, in_service_since=None)
    ended = replace(failed, decision_id="d-3", arn=pt_arn(3), state=PurchaseState.RELEASED)
    releases = (
        build_release(arn=pt_arn(2), state=ReleaseState.DELETING, delete_sent_at=NOW),
        build_release(arn=pt_arn(3), state=ReleaseState.DELETED, ended_at=NOW),
    )

    wanted = Release(arn=pt_arn(1), model_units=1)
    purchases = (build_held(1), failed, ended)
    assert hour_problem(build_target(), purchases, releases, NOW, wanted=wanted) is None


def hold(scene: Stage, number: int, units: int, *, since: datetime = NOW) -> str:
    """The ARN of a PT of so many units in service since then, with calls in its first minutes."""
    arn = scene.capacity.add(
        name=f"pt-{number}",
        model_id=PT_MODEL,
        deployment="test",
        target="chat",
        decision_id=f"d-{number}",
        model_units=units,
    )
    intent = build_held(
        number,
        arn=arn,
        decision_id=f"d-{number}",
        model_units=units,
        billed_from=since,
        in_service_since=since,
    )
    scene.fleets.put(intent, is_reserved=True)
    scene.serve(arn, 20)
    return arn


@pytest.mark.parametrize(
    ("gone", "held", "is_held"),
    [
        (0, 8, False),
        (1, 7, False),  # 25 % of 8 are two
        (2, 6, True),
        (1, 2, True),  # 25 % of 3 are less than one: one has gone
        (4, 1, True),
    ],
)
def test_within_an_hour_a_quarter_of_what_serves_may_go(
    gone: int,
    held: int,
    is_held: bool,  # noqa: FBT001 - a table's column
) -> None:
    # Their paid hour ends in five minutes: a Delete could go out now.
    purchases = tuple(
        build_held(number, decision_id=f"d-{number}", billed_from=NOW - 55 * MINUTE)
        for number in range(held)
    )
    releases = tuple(
        build_release(
            decision_id=f"r-{number}",
            arn=pt_arn(100 + number),
            state=ReleaseState.DELETED,
            recorded_at=NOW - 74 * MINUTE,
            ended_at=NOW - 59 * MINUTE,
        )
        for number in range(gone)
    )

    wanted = Release(arn=pt_arn(1), model_units=1)
    problem = hour_problem(build_target(), purchases, releases, NOW, wanted=wanted)

    assert (problem is not None) is is_held
    assert hour_problem(build_target(), purchases, releases, NOW + MINUTE, wanted=wanted) is None


@pytest.mark.parametrize(("ago", "is_held"), [(46, True), (47, False)])
def test_what_drains_first_may_begin_when_its_delete_comes_an_hour_after_the_last(
    ago: int,
    is_held: bool,  # noqa: FBT001 - a table's column
) -> None:
    # Its paid hour ends in 18 minutes: its Delete goes out in 13 at the earliest.
    purchases = (build_held(1, billed_from=NOW - 42 * MINUTE),)
    gone = build_release(
        arn=pt_arn(2),
        state=ReleaseState.DELETED,
        recorded_at=NOW - 61 * MINUTE,
        ended_at=NOW - ago * MINUTE,
    )

    wanted = Release(arn=pt_arn(1), model_units=1)
    problem = hour_problem(build_target(), purchases, (gone,), NOW, wanted=wanted)

    assert (problem is not None) is is_held
