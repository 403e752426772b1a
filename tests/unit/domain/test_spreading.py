"""The load is spread by quotas where no way carries it alone, in the order that admits most."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.domain.acting.controls import Controls, RouteOverride
from bedrock_autoscaler.domain.option import InferenceOption
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.routing.spreading import Load, spread_weights
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    build_fleet,
    build_observation,
    build_option,
    build_pt,
    build_target,
    build_traffic,
    pt_arn,
)
from tests.unit.domain.spreads import IN_REGION, US, admitting, choice, weights

LOAD = Load(calls=100.0, input_tokens=80_000.0, output_tokens=4_000.0)
AWAY = replace(US, region="us-west-2")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # 60 of 100 calls fit each, nine tenths of them are offered: 54, and the 46 that are left.
        ([IN_REGION, US], (0.55, 0.45)),
        # 90,000 of 80,000 + 5 x 4,000 quota tokens fit; 81% are offered.
        ([admitting(None, tokens=90_000.0), US], (0.8, 0.2)),
        # 18% and 18% are too little for all: they are offered equally.
        ([admitting(20.0), admitting(20.0, address=PROFILE)], (0.5, 0.5)),
        # A tier has no quota of its own.
        ([IN_REGION, replace(IN_REGION, tier="priority"), US], (0.55, 0.0, 0.45)),
        # Where nothing is admitted all goes to the first.
        ([admitting(0.0), admitting(0.0, address=PROFILE)], (1.0, 0.0)),
        # What is not known is offered what is left.
        ([admitting(20.0), build_option(address=PROFILE, quota=None)], (0.2, 0.8)),
    ],
)
def test_each_way_is_offered_what_its_quota_admits(
    options: list[InferenceOption], expected: tuple[float, ...]
) -> None:
    assert spread_weights(options, LOAD) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        # 300 of 1,020 are 5.88 twentieths, 80 are 1.57: 5 and nine times 1, and the 6 that are left
        # go to the first, which lacks most, and to five of the others.
        ([30.0, *[8.0] * 9], (0.3, *[0.1] * 5, *[0.05] * 4)),
        # 20 / 11 are 1.82: eleven times 1, and 9 are left.
        ([5.0] * 11, (*[0.1] * 9, *[0.05] * 2)),
        # 20 / 12 are 1.67: twelve times 1, and 8 are left.
        ([5.0] * 12, (*[0.1] * 8, *[0.05] * 4)),
    ],
)
def test_rounding_takes_less_than_a_twentieth_from_any_way(
    limits: list[float], expected: tuple[float, ...]
) -> None:
    options = [admitting(limit, address=f"way-{n}") for n, limit in enumerate(limits)]

    assert spread_weights(options, LOAD) == pytest.approx(expected)


@given(st.lists(st.floats(min_value=0.0, max_value=1e6), min_size=1, max_size=24))
def test_weights_always_make_a_table(limits: list[float]) -> None:
    options = [admitting(limit, address=f"way-{n}") for n, limit in enumerate(limits)]

    weights = spread_weights(options, LOAD)

    assert sum(weights) == pytest.approx(1.0)
    assert all(0 <= weight <= 1 for weight in weights)
    assert [weight * 20 for weight in weights] == pytest.approx([round(w * 20) for w in weights])


def test_a_load_beyond_the_first_way_is_spread() -> None:
    # 60 + 60 / 3 = 80 are wanted and 54 offered to the first: 67.5%, and 32.5% to the second.
    found = choice()

    assert weights(found) == {MODEL: 0.7, PROFILE: 0.3}
    assert [reason.code for reason in found.reasons] == [ReasonCode.LOAD_SPREAD]


def test_shares_are_written_with_two_digits() -> None:
    # Both are too small for 400 calls: of the 180 that are offered 54 and 126 are 0.3 and 0.7.
    target = build_target(options=(IN_REGION, admitting(140.0, address=PROFILE)))

    found = choice(calls=300.0, throttles=300.0, target=target)

    assert [route.weight for route in found.routes] == [0.3, 0.7]


def test_a_throttle_that_the_quota_does_not_explain_changes_the_order() -> None:
    found = choice(calls=30.0, throttles=3.0)

    assert [route.address for route in found.routes] == [PROFILE, MODEL]


def test_a_twentieth_that_nobody_could_be_offered_is_no_spread() -> None:
    # 54 of 54 + 3 / 3 = 55 are offered: 98.2%, which rounds to all, and throttles go on.
    found = choice(calls=54.0, throttles=3.0)

    assert [route.address for route in found.routes] == [PROFILE, MODEL]


def test_the_share_that_is_told_is_less_than_all() -> None:
    # 57 + 3 / 3 = 58 are wanted: 60 of 58 are 103%, and nine tenths of that are 93%.
    (reason,) = choice(calls=57.0, throttles=3.0).reasons

    assert reason.message == (
        f"{MODEL} can be offered 93% of 58 calls a minute, so that the load is spread: "
        f"{MODEL} 95%, {PROFILE} 5%"
    )


def test_ways_of_one_address_are_told_apart() -> None:
    target = build_target(options=(US, AWAY))
    traffic = build_traffic(30, throttles=60.0)
    seen = build_observation(traffic=traffic, by_option=((PROFILE, traffic),))

    (reason, *_) = choice(target=target, observation=seen).reasons

    assert reason.message.endswith(f"{PROFILE} 70%, {PROFILE} (us-west-2) 30%")


def test_behind_units_the_order_of_spilling_changes_whatever_the_whole_load_is() -> None:
    # The units take most of the 80 calls: that a quota is below them all says nothing of the spill.
    found = choice(fleet=build_fleet(build_pt()))

    assert [route.address for route in found.routes] == [pt_arn(1), PROFILE, MODEL]
    assert [reason.code for reason in found.reasons] == [ReasonCode.SPILL_REORDERED]
    assert found.memory.spread == ()


@pytest.mark.parametrize(
    ("others", "order"),
    [
        # 33 + 3 / 3 = 34 are wanted; nine tenths of 30 are 27, and of 60 are 54.
        ((30.0,), [MODEL, "way-0"]),
        ((30.0, 60.0), ["way-1", MODEL, "way-0"]),
        ((None, 60.0), ["way-0", MODEL, "way-1"]),
    ],
)
def test_only_a_way_that_carries_the_load_takes_the_place_of_one_that_throttles(
    others: tuple[float | None, ...], order: list[str]
) -> None:
    small = [admitting(limit, address=f"way-{n}") for n, limit in enumerate(others)]

    found = choice(calls=33.0, throttles=3.0, target=build_target(options=(IN_REGION, *small)))

    assert [route.address for route in found.routes] == order


@pytest.mark.parametrize("address", [MODEL, PROFILE])
@pytest.mark.parametrize("calls", [30.0, 60.0])
def test_nothing_is_said_of_an_order_or_a_spread_that_a_person_overrides(
    address: str, calls: float
) -> None:
    override = RouteOverride(address=address, until=NOW + 60 * MINUTE, by="jane")
    target = build_target(options=(IN_REGION, US), controls=Controls(route=override))
    spread = choice().memory

    found = choice(calls=calls, throttles=6.0, target=target, memory=spread)

    assert found.routes[0].address == address
    assert found.routes[0].weight == 1.0
    assert [reason.code for reason in found.reasons] == [ReasonCode.ROUTE_OVERRIDE]
    assert found.memory.spread == ()
