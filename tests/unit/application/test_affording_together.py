"""Units and instances that grow at once, and what is told of both near a cap."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_autoscaler.domain.fleet.intent import HOLDING_STATES, PurchaseState
from bedrock_autoscaler.domain.fleet.scalings import ScalingState
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from tests.intents import ONE_UNIT, build_purchase, reserve
from tests.staging import Script, Stage
from tests.unit.application.affordable_scenes import (
    OWN,
    UNIT_USD,
    USD_EACH,
    WIDE,
    Asking,
    scene,
    target_with,
)
from tests.unit.application.scenes import buys, interrupt

# -- both at once ------------------------------------------------------------------------------


def both(**caps: Any) -> Stage:
    """A stage whose decision asks for a unit and for a third instance at once."""
    made = scene(target_with(**caps), core=Asking(ONE_UNIT, instances=3))
    made.decide()
    return made


def scale_with_a_purchase_meanwhile(made: Stage, *, after: bool = False) -> None:
    """A purchase right before the change of the endpoint is written, or right after."""
    interrupt(made.scalings, "write", made.purchase, after=after)
    made.scale_endpoint()


def purchase_with_a_scaling_meanwhile(made: Stage, *, after: bool = False) -> None:
    """A change of the endpoint right before the purchase is written, or right after."""
    interrupt(made.fleets, "begin_purchase", made.scale_endpoint, after=after)
    made.purchase()


def grown(made: Stage) -> tuple[int, int]:
    """Instances that run, and purchases that were sent."""
    return made.endpoints.states[OWN].instances, buys(made)


@pytest.mark.parametrize("after", [False, True])
def test_of_an_endpoint_and_a_purchase_meanwhile_the_first_to_be_written_goes_on(
    *, after: bool
) -> None:
    made = both(max_usd_per_hour=Decimal(66))

    scale_with_a_purchase_meanwhile(made, after=after)

    assert grown(made) == ((3, 0) if after else (2, 1))
    change = made.scalings.records["chat", OWN].changes[-1]
    assert (change.state is ScalingState.REFUSED) is not after


@pytest.mark.parametrize("after", [False, True])
def test_of_a_purchase_and_an_endpoint_meanwhile_the_first_to_be_written_goes_on(
    *, after: bool
) -> None:
    made = both(max_usd_per_hour=Decimal(66))

    purchase_with_a_scaling_meanwhile(made, after=after)

    assert grown(made) == ((2, 1) if after else (3, 0))
    assert made.fleets.account().reserved_units == buys(made)
    if not after:
        (intent,) = made.fleets.purchases("chat")
        assert intent.state is PurchaseState.REFUSED
        assert intent.detail == f"not_sent: {OWN} grows meanwhile"


def test_a_purchase_meanwhile_counts_against_the_first_hour_of_an_endpoint() -> None:
    """Two instances since midnight and the unit's first hour leave room for half of another."""
    made = both(max_usd_per_day=Decimal(24 * USD_EACH) + UNIT_USD + 1)

    scale_with_a_purchase_meanwhile(made)

    assert grown(made) == (2, 1)


def test_a_purchase_gives_way_where_endpoints_cannot_be_read_again() -> None:
    made = both()
    interrupt(made.fleets, "begin_purchase", made.endpoints.states.clear, after=True)

    made.purchase()

    (intent,) = made.fleets.purchases("chat")
    assert (buys(made), intent.state) == (0, PurchaseState.REFUSED)
    assert "could not be read again" in intent.detail


STEPS = ("decide", "purchase", "scale", "turn", "purchase within scale", "scale within purchase")


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=16), spare=st.integers(1, 4))
def test_no_order_of_events_crosses_the_cap(steps: list[str], spare: int) -> None:
    """Room for a unit, or else for more instances than are to spare beside it."""
    cap = UNIT_USD + spare * USD_EACH
    core = Asking(ONE_UNIT, instances=4)
    made = scene(target_with(max_usd_per_hour=cap), core=core, running=1)
    made.stack = replace(WIDE, max_usd_per_hour=cap)
    made.decide()
    for step in steps:
        match step:
            case "decide":
                made.endpoints.settle()
                made.clock.advance(15 * MINUTE)
                made.decide()
            case "purchase":
                made.purchase()
            case "scale":
                made.scale_endpoint()
            case "turn":
                core.instances = 1 if core.instances == 4 else 4
            case "purchase within scale":
                scale_with_a_purchase_meanwhile(made)
            case _:
                purchase_with_a_scaling_meanwhile(made)
        assert paid(made) <= cap


def paid(made: Stage) -> Decimal:
    """USD an hour of what there is: units that were bought, instances that run."""
    units = sum(
        intent.model_units
        for intent in made.fleets.purchases("chat")
        if intent.state in HOLDING_STATES and intent.arn is not None
    )
    return units * UNIT_USD + made.endpoints.states[OWN].instances * USD_EACH


def test_the_cap_is_reached_by_both_together() -> None:
    """So that the property above is not true for want of growth."""
    cap = UNIT_USD + 3 * USD_EACH
    made = both(max_usd_per_hour=cap)
    made.purchase()
    made.scale_endpoint()

    assert paid(made) == cap


def test_what_is_reserved_without_an_answer_keeps_an_endpoint_small() -> None:
    made = both(max_usd_per_hour=Decimal(66))
    reserve(made.fleets, build_purchase(decision_id="earlier"))

    made.scale_endpoint()

    assert made.endpoints.states[OWN].instances == 2


# -- what is told ------------------------------------------------------------------------------


def told(made: Stage) -> list[tuple[str, str]]:
    """The alarms of caps at one decision."""
    made.decide()
    return [each for each in made.reporter.alarm_names if "cap" in each[0]]


@pytest.mark.parametrize("span", ["day", "month"])
def test_what_instances_have_cost_is_told_near_a_cap(span: str) -> None:
    """Two of them since midnight, or since the first: 48 USD, or 1872."""
    paid_usd = 48 if span == "day" else 1872
    for cap, alarms in (
        (paid_usd * 2, []),
        (paid_usd + 1, [("spend_near_cap", "chat")]),
    ):
        caps: dict[str, Any] = {f"max_usd_per_{span}": Decimal(cap)}

        made = scene(target_with(**caps), core=Script())
        made.stack = WIDE

        assert told(made) == alarms


@pytest.mark.parametrize(("cap", "used"), [("max_usd_per_hour", 8), ("max_usd_per_day", 96)])
def test_the_instances_of_all_targets_are_told_near_a_cap_of_the_stack(cap: str, used: int) -> None:
    near = [("stack_near_cap", "chat"), ("stack_near_cap", "email")]
    for most, alarms in ((used * 2, []), (used + 1, near)):
        made = scene(target_with(), target_with("email"), core=Script())
        caps: dict[str, Any] = {cap: Decimal(most)}
        made.stack = replace(WIDE, **caps)

        assert told(made) == alarms


def test_an_endpoint_that_cannot_be_read_holds_up_no_decision_and_is_told() -> None:
    made = scene(target_with(max_usd_per_day=Decimal(1)), core=Script())
    made.endpoints.states.clear()

    assert told(made) == []
    assert ("unobserved", "") in made.reporter.alarm_names
    assert made.decisions.latest("chat", Loop.CAPACITY) is not None
