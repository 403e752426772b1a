from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from bedrock_autoscaler.domain.decision import NO_MEMORY, Memory
from bedrock_autoscaler.domain.fleet.holdings import Ownership, Status
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.routing.choice import (
    RouteChoice,
    choose_routes,
    describe_change,
)
from bedrock_autoscaler.domain.routing.pressure import throttled_share
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import routing_problem
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    TOKEN_PRICE,
    build_fleet,
    build_observation,
    build_option,
    build_pt,
    build_situation,
    build_target,
    build_traffic,
    pt_arn,
)

GLOBAL = "global.amazon.nova-2-lite-v1:0"
IN_REGION = build_option()
GEOGRAPHIC = build_option(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE)
CHEAP = build_option(
    kind=OptionKind.GLOBAL_PROFILE,
    address=GLOBAL,
    price=replace(TOKEN_PRICE, input_usd_per_1k=Decimal("0.0003")),
)


def choice(
    *options: Any,
    fleet: Any = None,
    throttles: float = 0.0,
    memory: Memory = NO_MEMORY,
) -> RouteChoice:
    """The routes while the cheapest way throttles that many of its 60 calls a minute."""
    traffic = build_traffic(30, throttles=throttles)
    first = min(options, key=lambda option: option is not CHEAP, default=None)
    by_option = ((first.address, traffic),) if first else ()
    return choose_routes(
        build_situation(
            target=build_target(options=options),
            fleet=fleet or build_fleet(),
            observation=build_observation(by_option=by_option),
            memory=memory,
        )
    )


def addresses(found: RouteChoice) -> list[str]:
    return [route.address for route in found.routes]


def codes(found: RouteChoice) -> list[ReasonCode]:
    return [reason.code for reason in found.reasons]


def test_on_demand_ways_are_tried_by_price() -> None:
    found = choice(IN_REGION, CHEAP)

    assert addresses(found) == [GLOBAL, MODEL]
    assert [route.weight for route in found.routes] == [1.0, 0.0]


def test_at_equal_price_the_operators_order_counts() -> None:
    assert addresses(choice(GEOGRAPHIC, IN_REGION)) == [PROFILE, MODEL]
    assert addresses(choice(IN_REGION, GEOGRAPHIC)) == [MODEL, PROFILE]


def test_a_way_without_a_price_comes_last() -> None:
    assert addresses(choice(replace(IN_REGION, price=None), GEOGRAPHIC)) == [PROFILE, MODEL]


def test_paid_units_come_first_and_share_by_their_size() -> None:
    fleet = build_fleet(build_pt(1, model_units=1), build_pt(2, model_units=3))

    found = choice(IN_REGION, fleet=fleet)

    assert addresses(found) == [pt_arn(1), pt_arn(2), MODEL]
    assert [route.weight for route in found.routes] == [0.25, 0.75, 0.0]


def test_only_our_own_units_in_service_are_routed() -> None:
    fleet = build_fleet(
        build_pt(1, status=Status.CREATING),
        build_pt(2, draining=True),
        build_pt(3, status=Status.UPDATING),
        build_pt(4, status=Status.FAILED),
        build_pt(5, ownership=Ownership.UNMANAGED),
    )

    assert addresses(choice(IN_REGION, fleet=fleet)) == [MODEL]


@pytest.mark.parametrize(
    ("fleet", "expected"),
    [
        ({"complete": False, "uses_unmanaged": True}, [0.3, 0.3, 0.4, 0.0]),
        ({"complete": True, "uses_unmanaged": True}, [0.5, 0.5, 0.0]),
        ({"complete": False, "uses_unmanaged": False}, [0.5, 0.5, 0.0]),
    ],
)
def test_what_a_broken_list_does_not_show_keeps_its_share(
    fleet: dict[str, bool], expected: list[float]
) -> None:
    # Others' 3 has two fifths of the table in force; our 1 and 2 share what is left of it.
    ours = (build_pt(1), build_pt(2))
    in_force = (
        replace(route(pt_arn(1)), weight=0.6),
        replace(route(pt_arn(3)), weight=0.4),
        replace(ON_DEMAND, weight=0.0),
    )

    found = choose_routes(build_situation(fleet=build_fleet(*ours, **fleet), routes=in_force))

    assert [each.weight for each in found.routes] == pytest.approx(expected)


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_alone_what_a_broken_list_does_not_show_has_all(weight: float) -> None:
    # It has less where a person put another way first until now.
    in_force = (replace(route(pt_arn(3)), weight=weight), replace(ON_DEMAND, weight=1 - weight))
    fleet = build_fleet(complete=False, uses_unmanaged=True)

    found = choose_routes(build_situation(fleet=fleet, routes=in_force))

    assert [each.weight for each in found.routes] == [1.0, 0.0]


def test_without_another_way_the_table_says_so() -> None:
    found = choice(fleet=build_fleet(build_pt(1)))

    assert addresses(found) == [pt_arn(1)]
    assert codes(found) == [ReasonCode.NO_FALLBACK]


def test_nothing_to_route_to_is_an_empty_table() -> None:
    assert choice().routes == ()


@pytest.mark.parametrize("units", [(1, 1, 1), (3, 5, 7, 11), (1, 6)])
def test_every_table_is_fit_to_be_published(units: tuple[int, ...]) -> None:
    fleet = build_fleet(*(build_pt(n, model_units=size) for n, size in enumerate(units)))

    assert routing_problem(choice(IN_REGION, CHEAP, fleet=fleet).routes, no_fallback=False) is None
    assert routing_problem(choice(fleet=fleet).routes, no_fallback=True) is None


def test_a_way_that_throttles_changes_places_with_the_next() -> None:
    # 2 of 62 attempts are 3.2 %, more than 1 %.
    found = choice(IN_REGION, GEOGRAPHIC, CHEAP, throttles=2.0)

    assert addresses(found) == [MODEL, GLOBAL, PROFILE]
    assert codes(found) == [ReasonCode.SPILL_REORDERED, ReasonCode.ROUTE_ON_TRIAL]
    assert found.memory.pressure_until == NOW + 15 * MINUTE


@pytest.mark.parametrize(
    ("throttles", "told"),
    [
        (2.0, "throttled 3.2% in the newest 5 minutes (allowed 1.0%)"),
        (0.0, "throttled 0.0% in the newest 5 minutes and above the allowed 1.0% less than 15 min"),
    ],
)
def test_what_is_said_of_a_new_order_holds_now(throttles: float, told: str) -> None:
    memory = replace(NO_MEMORY, pressure_until=NOW + MINUTE)

    (reason, *_) = choice(IN_REGION, CHEAP, throttles=throttles, memory=memory).reasons

    assert told in reason.message


def test_some_throttling_is_borne() -> None:
    # 0.6 of 60.6 attempts are 0.99 %.
    assert addresses(choice(IN_REGION, CHEAP, throttles=0.6)) == [GLOBAL, MODEL]


@pytest.mark.parametrize(("minutes", "order"), [(1, [MODEL, GLOBAL]), (0, [GLOBAL, MODEL])])
def test_the_usual_order_returns_after_a_calm_quarter_of_an_hour(
    minutes: int, order: list[str]
) -> None:
    memory = replace(NO_MEMORY, pressure_until=NOW + minutes * MINUTE)

    found = choice(IN_REGION, CHEAP, memory=memory)

    assert addresses(found) == order
    assert found.memory.pressure_until == (memory.pressure_until if minutes else None)


def test_a_single_way_has_nothing_to_change_places_with() -> None:
    found = choice(IN_REGION, throttles=30.0)

    assert addresses(found) == [MODEL]
    assert found.reasons == ()
    assert found.memory.pressure_until is None


def test_a_way_that_was_not_observed_is_under_no_pressure() -> None:
    situation = build_situation(
        target=build_target(options=(IN_REGION, CHEAP)),
        observation=build_observation(by_option=()),
    )

    assert choose_routes(situation).memory.pressure_until is None


def test_only_the_newest_minutes_tell_of_pressure() -> None:
    traffic = build_traffic(30, throttles=np.concatenate([np.full(25, 60.0), np.zeros(5)]))

    assert throttled_share(traffic, 5) == 0.0
    assert throttled_share(traffic, 6) == pytest.approx(60 / 420)
    assert throttled_share(build_traffic(0), 5) == 0.0


def route(address: str, kind: OptionKind = OptionKind.PROVISIONED) -> Route:
    return Route(kind=kind, address=address, weight=0.5)


ON_DEMAND = route(MODEL, OptionKind.ON_DEMAND)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((ON_DEMAND,), (ON_DEMAND,), [ReasonCode.ROUTES_UNCHANGED]),
        ((), (ON_DEMAND,), [ReasonCode.ROUTES_CHANGED]),
        ((ON_DEMAND,), (route("a"), ON_DEMAND), [ReasonCode.PT_ROUTED]),
        ((route("a"), ON_DEMAND), (ON_DEMAND,), [ReasonCode.PT_WITHDRAWN]),
        ((route("a"),), (route("b"),), [ReasonCode.PT_ROUTED, ReasonCode.PT_WITHDRAWN]),
    ],
)
def test_says_what_changes_in_the_table(
    before: tuple[Route, ...], after: tuple[Route, ...], expected: list[ReasonCode]
) -> None:
    assert [reason.code for reason in describe_change(before, after)] == expected


def test_one_route_stays_as_it_is() -> None:
    (reason,) = describe_change((ON_DEMAND,), (ON_DEMAND,))

    assert reason.message == "the route in force stays as it is"


def test_a_share_that_moves_in_its_last_bits_is_no_change() -> None:
    moved = replace(ON_DEMAND, weight=ON_DEMAND.weight + 1e-9)

    (reason,) = describe_change((ON_DEMAND,), (moved,))

    assert reason.code is ReasonCode.ROUTES_UNCHANGED


def test_a_new_order_is_spelled_out() -> None:
    profile = route(PROFILE, OptionKind.GEOGRAPHIC_PROFILE)

    (reason,) = describe_change((ON_DEMAND, profile), (profile, ON_DEMAND))

    assert reason.message == f"the table becomes {PROFILE} 50% > {MODEL} 50%"


def test_new_shares_are_told_for_each_way() -> None:
    here = replace(ON_DEMAND, weight=0.75)
    there = replace(ON_DEMAND, weight=0.25, region="us-west-2")

    (reason,) = describe_change((ON_DEMAND, there), (here, there))

    assert reason.message == f"the table becomes {MODEL} 75% > {MODEL} (us-west-2) 25%"
