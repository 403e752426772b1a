"""Clocks that step back, and days, months and hours that end (row 36 of the failure model)."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
)
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    NOW,
    UNIT_PRICE,
    build_guard_rails,
    build_provisioned,
    build_target,
    build_thresholds,
)
from tests.intents import ONE_UNIT
from tests.staging import Script, Stage
from tests.unit.application.scenes import (
    ARN,
    actions,
    bought,
    calls,
    reasons,
)

ALWAYS_IN_THE_WINDOW = build_thresholds(
    sizing={"decision_minutes": 15},
    draining={"release_window_minutes": 60, "quiet_minutes": 1},
)


def test_a_clock_that_steps_back_shortens_no_rest() -> None:
    scene = bought(0)
    scene.capacity.fail_next(
        CapacityUnavailableError("no room", code="ServiceQuotaExceededException"), method="buy"
    )
    scene.run(1)
    (refused,) = scene.fleets.purchases("chat")
    assert refused.ended_at == NOW
    for quarter in range(-2, 12):
        actions(scene)[NOW + quarter * 15 * MINUTE] = (ONE_UNIT,)

    scene.clock.set(NOW - 20 * MINUTE)
    scene.run(20 + 119)

    assert calls(scene) == []  # the refused one did not get as far as being counted
    scene.run(2)
    assert calls(scene) == ["buy"]


def test_a_clock_that_steps_back_hides_no_purchase_from_a_cap() -> None:
    """The cap of the day has room for one unit-hour; the clock of the run that buys it is ahead."""
    scene = bought(0, guard_rails=build_guard_rails(max_units=5, max_usd_per_day=Decimal(61)))
    actions(scene)[NOW + MINUTE] = (ONE_UNIT,)
    scene.clock.set(NOW + 3 * MINUTE)
    scene.decide(Loop.CAPACITY, NOW)
    scene.purchase(NOW)

    scene.clock.set(NOW + MINUTE)
    scene.decide(Loop.CAPACITY, NOW + MINUTE)
    scene.purchase(NOW + MINUTE)

    assert calls(scene) == ["buy"]
    (held,) = reasons(scene, "purchase_held")
    assert "60.500000 USD are booked this day" in held


def test_a_clock_that_steps_back_shortens_no_drain() -> None:
    """The paid period allows the Delete and the throughput is silent: the drain alone waits."""
    scene = bought(16, thresholds=ALWAYS_IN_THE_WINDOW)
    scene.serve(ARN, 14)
    actions(scene)[NOW + 30 * MINUTE] = (Release(arn=ARN, model_units=1),)
    scene.run(16)
    (release,) = scene.fleets.releases("chat")
    assert release.withdrawn_at == NOW + 30 * MINUTE
    scene.metrics.beat_through(scene.now, NOW + HOUR)

    scene.clock.set(release.withdrawn_at - 10 * MINUTE)
    for _ in range(10 + 12):
        scene.release()
        scene.clock.advance(MINUTE)

    assert "delete" not in calls(scene)
    scene.release()
    assert "delete" in calls(scene)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 12, 31, 23, 58, tzinfo=UTC),
        datetime(2028, 2, 28, 23, 58, tzinfo=UTC),
        datetime(2028, 2, 29, 23, 58, tzinfo=UTC),
        datetime(2027, 3, 28, 0, 58, tzinfo=UTC),  # clocks change in Europe
        datetime(2026, 10, 25, 0, 58, tzinfo=UTC),
    ],
)
def test_no_boundary_of_the_calendar_counts_twice_or_not_at_all(moment: datetime) -> None:
    script = Script()
    minute = moment + 2 * MINUTE
    script.actions[minute] = (ONE_UNIT,)
    price = replace(UNIT_PRICE, as_of=moment.date())
    target = build_target(provisioned=build_provisioned(price=price))
    scene = Stage(target, core=script, history_hours=0)
    scene.clock.set(moment)

    scene.run(125)

    (intent,) = scene.fleets.purchases("chat")
    assert intent.recorded_at == minute
    spend = script.situations[-1].fleet.spend
    # Bought at the boundary: three started hours, all of the new day.
    assert spend.day_usd == 3 * Decimal("60.5")
    assert spend.month_usd == spend.day_usd
