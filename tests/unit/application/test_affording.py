"""Units and instances under the same caps: whichever grows counts the other."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord, ScalingState
from bedrock_autoscaler.domain.target import AccountRails
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import (
    ACCOUNT,
    AS_OF,
    NOW,
    PT_MODEL,
    build_provisioned,
)
from tests.endpoints import build_scaling_intent, endpoint_arn
from tests.intents import ONE_UNIT
from tests.staging import Stage
from tests.unit.application.affordable_scenes import (
    BUYING,
    GROWING,
    OWN,
    RAILS,
    UNIT_USD,
    USD_EACH,
    WIDE,
    Asking,
    bought,
    hold_unit,
    scaled,
    scene,
    target_with,
)
from tests.unit.application.scenes import buys

# -- an endpoint that grows --------------------------------------------------------------------


@pytest.mark.parametrize("state", [PurchaseState.IN_SERVICE, PurchaseState.RECORDED])
def test_an_endpoint_counts_units_that_are_held_or_reserved(state: PurchaseState) -> None:
    for cap, outcome in ((66, "would make 66.500000 USD per hour"), (67, "scaled to 3")):
        made = scene(target_with(max_usd_per_hour=Decimal(cap)), core=GROWING)
        hold_unit(made, state=state)

        assert outcome in scaled(made)


def test_units_count_at_a_price_that_has_risen() -> None:
    made = scene(target_with(max_usd_per_hour=Decimal(66)), core=GROWING)
    hold_unit(made, usd_per_hour=Decimal(10))

    assert "would make 66.500000 USD per hour" in scaled(made)


def test_an_endpoint_counts_the_targets_other_endpoints() -> None:
    target = target_with(max_usd_per_hour=Decimal(13))
    other = replace(target.options[0], address=endpoint_arn("other"))
    made = scene(replace(target, options=(*target.options, other)), core=GROWING)
    made.endpoints.states[other.address] = replace(
        made.endpoints.states[OWN], address=other.address, instances=4
    )

    assert "would make 14.000000 USD per hour" in scaled(made)


def test_an_endpoint_counts_what_the_whole_stack_pays() -> None:
    for cap, outcome in ((69, "would cost 70.500000 USD per hour"), (71, "scaled to 3")):
        made = scene(target_with(), target_with("email"), core=GROWING)
        made.stack = replace(WIDE, max_usd_per_hour=Decimal(cap))
        hold_unit(made, target="email")

        assert outcome in scaled(made)


def test_an_endpoint_counts_what_its_account_pays() -> None:
    made = scene(target_with(), target_with("email"), core=GROWING)
    rails = AccountRails(account=ACCOUNT, max_units=9, max_usd_per_hour=Decimal(9))
    made.stack = replace(WIDE, accounts=(rails,))

    assert f"in account {ACCOUNT} would cost 10.000000 USD" in scaled(made)


def test_an_endpoint_counts_what_others_hold() -> None:
    made = scene(target_with(max_usd_per_hour=Decimal(66)), core=GROWING)
    made.capacity.add(name="theirs", model_id=PT_MODEL)

    assert "would make 66.500000 USD per hour" in scaled(made)


def test_an_endpoint_counts_nothing_that_a_neighbour_bought_just_now() -> None:
    made = scene(target_with(max_usd_per_hour=Decimal(66)), target_with("email"), core=GROWING)
    arn = made.capacity.add(name="theirs", model_id=PT_MODEL)
    hold_unit(made, target="email", arn=arn)

    assert scaled(made) == "scaled to 3"


@pytest.mark.parametrize("span", ["day", "month"])
def test_an_endpoint_counts_what_is_booked(span: str) -> None:
    # Two instances since midnight of the day, or of the first: 12 hours, or 19 days more.
    hours = 12 if span == "day" else 19 * 24 + 12
    paid = 2 * USD_EACH * hours + 2 * UNIT_USD
    for room, outcome in ((1, f"max_usd_per_{span} is"), (2, "scaled to 3")):
        caps: dict[str, Any] = {f"max_usd_per_{span}": paid + room}
        made = scene(target_with(**caps), core=GROWING)
        hold_unit(made)

        assert outcome in scaled(made)


def test_what_ran_before_is_booked_as_it_ran() -> None:
    made = scene(target_with(max_usd_per_day=Decimal(44)), core=GROWING)
    begun = EndpointRecord(target="chat", address=OWN).begun(
        build_scaling_intent(
            decision_id="earlier",
            from_instances=1,
            to_instances=2,
            recorded_at=NOW - 3 * HOUR,
        )
    )
    ended = begun.stepped(ScalingState.DONE, ended_at=NOW - timedelta(hours=2, minutes=30))
    made.scalings.records["chat", OWN] = ended

    # 9 hours of one and 3 of two: 30 USD, and another instance's first hour.
    assert ended.minutes(2, NOW)[0] == 15 * 60
    assert scaled(made) == "scaled to 3"


def test_an_old_price_of_an_instance_blocks_growing_alone() -> None:
    old = replace(RAILS, as_of=AS_OF - timedelta(days=365))
    growing = scene(target_with(rails=old), core=GROWING)
    leaving = scene(target_with(rails=old), core=Asking(instances=1))

    assert "the price of an instance is of 2025-11-01, which is too old" in scaled(growing)
    assert scaled(leaving) == "scaled to 1"


def lose_inventory(made: Stage) -> None:
    for _ in range(9):
        made.capacity.fail_next(ObservationError("throttled"), method="inventory")


def hide_price(made: Stage) -> None:
    made.targets = (replace(made.targets[0], provisioned=build_provisioned(price=None)),)
    made.capacity.add(name="theirs", model_id=PT_MODEL)


def sell_nothing(made: Stage) -> None:
    made.targets = (replace(made.targets[0], provisioned=None),)
    made.capacity.add(name="theirs", model_id="vendor.other-v1:0")


@pytest.mark.parametrize("unknown", [lose_inventory, hide_price, sell_nothing])
def test_what_is_not_known_blocks_growing_alone(unknown: Callable[[Stage], None]) -> None:
    for instances in (3, 1):
        made = scene(target_with(), core=Asking(instances=instances))
        unknown(made)

        outcome = scaled(made)

        assert ("not known" in outcome) is (instances == 3)
        assert made.endpoints.states[OWN].instances == min(instances, 2)


def test_a_list_that_broke_off_blocks_growing() -> None:
    made = scene(target_with(), core=GROWING)
    made.decide()
    made.capacity.pages_missing = True

    assert "the list of throughputs broke off" in scaled(made)


# -- a purchase --------------------------------------------------------------------------------


def test_a_purchase_counts_the_instances_that_run() -> None:
    for cap, outcome in ((64, "would make 64.500000 USD per hour"), (65, "bought 1")):
        assert outcome in bought(scene(target_with(max_usd_per_hour=Decimal(cap)), core=BUYING))


def test_a_purchase_counts_the_instances_of_all_targets() -> None:
    for cap, outcome in ((68, "would cost 68.500000 USD per hour"), (69, "bought 1")):
        made = scene(target_with(), target_with("email"), core=BUYING)
        made.stack = replace(WIDE, max_usd_per_hour=Decimal(cap))

        assert outcome in bought(made)


def test_a_purchase_counts_what_instances_have_cost() -> None:
    # Two instances since midnight, and the first hour of the unit.
    for cap, outcome in ((108, "max_usd_per_day is 108"), (109, "bought 1")):
        assert outcome in bought(scene(target_with(max_usd_per_day=Decimal(cap)), core=BUYING))


def test_a_purchase_counts_instances_that_are_asked_for() -> None:
    made = scene(target_with(max_usd_per_hour=Decimal(66)), core=Asking(ONE_UNIT, instances=3))
    made.decide()
    made.scalings.fail_next(KeyError("the process dies here"), method="write", after_effect=True)
    with pytest.raises(Exception, match="the pass failed"):
        made.scale_endpoint()

    assert made.endpoints.states[OWN].instances == 2
    assert "would make 66.500000 USD per hour" in bought(made)


def test_nothing_is_bought_while_an_endpoint_cannot_be_read() -> None:
    made = scene(target_with(), core=BUYING)
    made.decide()
    made.endpoints.states.clear()

    made.purchase()

    assert (buys(made), made.fleets.purchases("chat")) == (0, ())
