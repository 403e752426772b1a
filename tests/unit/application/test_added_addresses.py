"""What a target gains an address of was demand before, too: it is read before anything shrinks."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    PT_MODEL,
    UNIT_PRICE,
    build_provisioned,
    build_target,
    build_thresholds,
    build_traffic,
)
from tests.intents import ONE_UNIT
from tests.staging import QUARTERLY, Script, Stage
from tests.unit.application.scenes import latest

DAYS = 3
THRESHOLDS = replace(
    QUARTERLY, observing=build_thresholds(observing={"history_days": DAYS}).observing
)
ONE_ADDRESS = build_target(model_ids=(MODEL,), thresholds=THRESHOLDS)
TWO_ADDRESSES = replace(ONE_ADDRESS, model_ids=(MODEL, PROFILE))


def history_of(scene: Stage) -> tuple[float, float]:
    """Calls a minute, the fewest and the most, in the last days before NOW; NaN with a gap."""
    calls = scene.history.load("chat", NOW - DAYS * 24 * HOUR, NOW).total.invocations
    return float(calls.min()), float(calls.max())


def looked_after_days() -> Stage:
    """A stage whose target has one address of two; each minute has 60 calls of either."""
    scene = Stage(ONE_ADDRESS, core=Script(), history_hours=DAYS * 24)
    minutes = DAYS * 1440 + 120
    scene.metrics.beat_through(NOW, NOW + 2 * HOUR)
    for address in (MODEL, PROFILE):
        scene.metrics.put_traffic(address, build_traffic(minutes, end=NOW + 2 * HOUR))
    scene.decide()
    scene.clock.advance(15 * MINUTE)
    scene.decide()
    return scene


@pytest.mark.parametrize("minutes", [15, 60], ids=["narrow", "whole"])
def test_the_first_look_with_a_new_address_reads_its_past(minutes: int) -> None:
    scene = looked_after_days()
    assert history_of(scene) == (60.0, 60.0)

    scene.targets = (TWO_ADDRESSES,)
    scene.clock.advance(minutes * MINUTE)
    scene.decide()

    assert latest(scene).situation.observation.unread == ()
    assert history_of(scene) == (120.0, 120.0)


def test_the_past_of_an_address_is_read_once() -> None:
    scene = looked_after_days()
    scene.targets = (TWO_ADDRESSES,)
    scene.clock.advance(15 * MINUTE)
    scene.decide()
    scene.metrics.asked.clear()

    scene.clock.advance(15 * MINUTE)
    scene.decide()

    assert len(scene.metrics.asked) == 1
    scene.targets = (ONE_ADDRESS,)
    scene.clock.advance(15 * MINUTE)
    scene.decide()
    assert len(scene.metrics.asked) == 2
    assert history_of(scene) == (120.0, 120.0)


def test_what_cloudwatch_refuses_of_the_past_of_an_address_stays_unread() -> None:
    scene = looked_after_days()
    scene.targets = (TWO_ADDRESSES,)
    scene.clock.advance(15 * MINUTE)
    scene.metrics.fail_next(ObservationError("Throttling"), method="read")
    scene.decide()
    refused = latest(scene).situation.observation

    scene.clock.advance(15 * MINUTE)
    scene.decide()

    assert len(refused.unread) == DAYS + 1
    assert latest(scene).situation.observation.unread == ()
    assert history_of(scene) == (120.0, 120.0)


def test_units_of_others_that_serve_from_now_on_served_before() -> None:
    scene = looked_after_days()
    theirs = scene.capacity.add(name="by-hand", model_id=PT_MODEL, model_units=2)
    scene.capacity.change(theirs, created_at=NOW - 30 * HOUR)
    scene.metrics.put_traffic(theirs, build_traffic(29 * 60, end=NOW))
    provisioned = build_provisioned(use_unmanaged=True)
    scene.targets = (replace(ONE_ADDRESS, provisioned=provisioned),)
    scene.metrics.asked.clear()

    scene.clock.advance(15 * MINUTE)
    scene.decide()

    # The newest minutes, and the two days that it has lived in; it was silent before.
    assert len(scene.metrics.asked) == 1 + 2
    assert history_of(scene) == (60.0, 120.0)


def test_a_purchase_makes_no_day_unread() -> None:
    script = Script()
    script.actions[NOW + 15 * MINUTE] = (ONE_UNIT,)
    scene = Stage(ONE_ADDRESS, core=script, history_hours=DAYS * 24)
    scene.decide()
    scene.clock.advance(MINUTE)
    scene.metrics.asked.clear()

    scene.run(120)

    known = [one.observation for one in script.capacity_situations()]
    assert scene.only_arn() in known[-1].addresses
    assert not any(observation.unread for observation in known)
    # A call of each loop in each of its ticks, and none for a day.
    assert len(scene.metrics.asked) == 120 + 8


def loaded(units: float) -> dict[str, float]:
    """The sums of a minute that load so many of the built target's units."""
    return {
        "invocations": 60 * units,
        "input_tokens": 1_000_000 * units,
        "output_tokens": 300_000 * units,
    }


def test_units_that_the_traffic_of_a_new_address_needs_are_not_released() -> None:
    """Two of them for 1.6 units' worth of calls, of which the first address has 0.2."""
    price = replace(UNIT_PRICE, usd_per_hour=Decimal(36))
    known = replace(ONE_ADDRESS, provisioned=build_provisioned(price=price))
    script = Script()
    one = replace(ONE_UNIT, usd_per_hour=price.usd_per_hour)
    script.actions |= {NOW: (one,), NOW + 15 * MINUTE: (one,)}
    scene = Stage(known, core=script, history_hours=DAYS * 24)
    minutes, end = DAYS * 1440 + 360, NOW + 6 * HOUR
    scene.metrics.beat_through(NOW, end)
    scene.metrics.put_traffic(MODEL, build_traffic(minutes, end=end, **loaded(0.2)))
    scene.metrics.put_traffic(PROFILE, build_traffic(minutes, end=end, **loaded(1.4)))
    scene.run(60)
    for intent in scene.fleets.purchases("chat"):
        scene.serve(str(intent.arn), 180)
    scene.run(30)

    scene.core = decide
    scene.targets = (replace(known, model_ids=(MODEL, PROFILE)),)
    scene.run(150)

    assert latest(scene).decision.actual_units == 2
    assert scene.fleets.releases("chat") == ()
