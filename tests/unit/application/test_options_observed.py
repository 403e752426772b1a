"""What is observed and published of the ways besides plain on-demand inference."""

from dataclasses import replace
from datetime import timedelta

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.option import OptionKind
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.traffic.observation import CopiesSeen
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import ACCOUNT, NOW, PROFILE, REGION, build_option, build_target, build_traffic
from tests.staging import QUARTERLY, Stage

IMPORTED = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:imported-model/abcdef123456"
US = build_option(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE)
FLEX = replace(US, tier="flex")


def imported_target() -> Target:
    option = build_option(kind=OptionKind.IMPORTED_MODEL, address=IMPORTED, price=None, quota=None)
    return build_target(
        provisioned=None, options=(option,), model_ids=(IMPORTED,), thresholds=QUARTERLY
    )


def test_copies_of_an_imported_model_are_read_by_the_capacity_loop() -> None:
    scene = Stage(imported_target())
    # 12:00 is decided on the settled minutes up to 11:57, whose last whole window ends at 11:55.
    scene.metrics.put_copies(IMPORTED, NOW - 65 * MINUTE, 1)
    scene.metrics.put_copies(IMPORTED, NOW - 6 * MINUTE, 3)
    scene.metrics.put_copies(IMPORTED, NOW - 4 * MINUTE, 9)

    scene.decide(Loop.CAPACITY)
    scene.decide(Loop.ROUTING)

    seen = [
        latest.situation.observation.copies
        for loop in Loop
        if (latest := scene.decisions.latest("chat", loop)) is not None
    ]
    assert sorted(seen, key=len) == [
        (),
        (CopiesSeen(address=IMPORTED, by_window=(1, *(0,) * 10, 3)),),
    ]


def test_copies_that_cannot_be_read_are_told_and_cost_no_decision() -> None:
    scene = Stage(imported_target())
    scene.metrics.fail_next(ObservationError("throttled"), method="copies")

    scene.decide(Loop.CAPACITY)

    latest = scene.decisions.latest("chat", Loop.CAPACITY)
    assert latest is not None
    assert latest.situation.observation.copies == ()
    assert "throttled" in [alarm.message for alarm in scene.reporter.alarms]


def test_ways_of_one_address_are_published_as_they_are_asked_for() -> None:
    slo = replace(build_target().slo, deferrable_share=0.5)
    away = replace(US, region="us-west-2")
    scene = Stage(build_target(options=(US, away, FLEX), slo=slo, thresholds=QUARTERLY))
    scene.decide(Loop.ROUTING)

    scene.publish()

    table = scene.tables.current("chat")
    assert table is not None
    assert [(route.place, route.weight) for route in table.routes] == [
        ((PROFILE, "", "", ""), 1.0),
        ((PROFILE, "us-west-2", "", ""), 0.0),
    ]
    assert [route.place for route in table.deferrable] == [(PROFILE, "", "flex", "")]


def test_a_tier_or_region_that_the_settings_no_longer_name_is_not_published() -> None:
    slo = replace(build_target().slo, deferrable_share=0.5)
    away, fast = replace(US, region="us-west-2"), replace(US, tier="priority")
    scene = Stage(build_target(options=(US, away, fast, FLEX), slo=slo, thresholds=QUARTERLY))
    scene.decide(Loop.ROUTING)
    scene.targets = (build_target(options=(US,), slo=slo, thresholds=QUARTERLY),)

    scene.publish()

    table = scene.tables.current("chat")
    assert table is not None
    assert [route.place for route in table.routes] == [(PROFILE, "", "", "")]
    assert table.deferrable == ()


def test_what_is_called_from_another_region_is_not_mistaken_for_the_own() -> None:
    scene = Stage(
        build_target(
            options=(US, replace(US, region="us-west-2")),
            model_ids=(PROFILE,),
            thresholds=QUARTERLY,
        )
    )
    calls = build_traffic(60, end=NOW, invocations=7.0)
    scene.metrics.put_traffic(PROFILE, calls)
    scene.metrics.beat_through(NOW - timedelta(hours=1), NOW)

    scene.decide(Loop.ROUTING)

    latest = scene.decisions.latest("chat", Loop.ROUTING)
    assert latest is not None
    assert [series for series, _ in latest.situation.observation.by_option] == [PROFILE]
