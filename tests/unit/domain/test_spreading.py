"""The load is spread by quotas where no way carries it alone, and does not swing."""

from dataclasses import replace
from datetime import datetime
from math import nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.domain.acting.controls import Controls, RouteOverride
from bedrock_autoscaler.domain.decision import NO_MEMORY, Memory
from bedrock_autoscaler.domain.option import InferenceOption, OptionKind, Quota
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.routing.choice import RouteChoice, choose_routes
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
    build_situation,
    build_target,
    build_thresholds,
    build_traffic,
    pt_arn,
)

LOAD = Load(calls=100.0, input_tokens=80_000.0, output_tokens=4_000.0)


def admitting(calls: float | None, *, tokens: float | None = None, **changes: Any) -> Any:
    """An option with these quotas."""
    quota = Quota(
        tokens_per_minute=tokens, requests_per_minute=calls, output_burndown=5.0, source="test"
    )
    return replace(build_option(), quota=quota, **changes)


IN_REGION = admitting(60.0)
US = admitting(60.0, kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE)
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


def choice(
    *,
    calls: float = 60.0,
    throttles: float = 60.0,
    memory: Memory = NO_MEMORY,
    at: datetime = NOW,
    **changes: Any,
) -> RouteChoice:
    """Routes while so many calls a minute are served, and refused three times each."""
    traffic = build_traffic(30, invocations=calls, throttles=throttles, end=at - 3 * MINUTE)
    situation = build_situation(
        target=build_target(options=(IN_REGION, US)),
        observation=build_observation(traffic=traffic, by_option=((MODEL, traffic),)),
        memory=memory,
        scheduled_at=at,
    )
    return choose_routes(replace(situation, **changes))


def weights(found: RouteChoice) -> dict[str, Any]:
    return {route.address: pytest.approx(route.weight) for route in found.routes}


def test_a_load_beyond_the_first_way_is_spread() -> None:
    # 60 + 60 / 3 = 80 are wanted and 54 offered to the first: 67.5%, and 32.5% to the second.
    found = choice()

    assert weights(found) == {MODEL: 0.7, PROFILE: 0.3}
    assert [reason.code for reason in found.reasons] == [ReasonCode.LOAD_SPREAD]


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


def test_a_load_about_what_the_next_way_carries_does_not_swing_the_table() -> None:
    target = build_target(options=(admitting(1_000.0), admitting(60.0, address="way-0")))
    found = choice(calls=50.0, throttles=3.0, target=target)
    for minute in range(1, 10):
        # Nine tenths of 60 are 54: less than 59, and more than 50.
        found = choice(
            calls=59.0 if minute % 2 else 50.0,
            throttles=0.0,
            target=target,
            memory=found.memory,
            routes=found.routes,
            at=NOW + minute * MINUTE,
        )

        assert [route.address for route in found.routes] == ["way-0", MODEL]


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


def test_small_changes_leave_the_shares_alone() -> None:
    first = choice()
    # 75 are wanted: 54 of 75 are 72%, which is a tenth neither way.
    again = choice(calls=60.0, throttles=45.0, memory=first.memory, at=NOW + MINUTE)

    assert weights(again) == weights(first)
    assert again.memory.spread == first.memory.spread


def test_it_stays_spread_while_the_load_would_not_fit() -> None:
    memory = choice().memory
    for minute in range(1, 120):
        found = choice(calls=80.0, throttles=0.0, memory=memory, at=NOW + minute * MINUTE)
        memory = found.memory

        assert weights(found) == {MODEL: 0.7, PROFILE: 0.3}


def test_it_stays_spread_however_short_the_calm_is() -> None:
    thresholds = build_thresholds(routing={"calm_minutes": 1})
    target = build_target(options=(IN_REGION, US), thresholds=thresholds)
    memory = choice(target=target).memory
    for minute in range(1, 10):
        at = NOW + minute * MINUTE
        found = choice(calls=80.0, throttles=0.0, memory=memory, at=at, target=target)
        memory = found.memory

        assert weights(found) == {MODEL: 0.7, PROFILE: 0.3}


def test_a_load_about_what_the_first_way_carries_does_not_swing_the_table() -> None:
    memory = choice().memory
    for minute in range(1, 60):
        # 54 of 60 calls are offered, and now more are wanted, now fewer.
        calls = 58.0 if minute % 2 else 50.0
        found = choice(calls=calls, throttles=0.0, memory=memory, at=NOW + minute * MINUTE)
        memory = found.memory

        assert found.routes[0].address == MODEL
        assert found.routes[0].weight >= 0.7


def test_it_ends_when_the_load_has_fitted_the_first_way_for_the_calm_minutes() -> None:
    memory = choice().memory

    fits = choice(calls=40.0, throttles=0.0, memory=memory, at=NOW + 14 * MINUTE)
    ended = choice(calls=40.0, throttles=0.0, memory=fits.memory, at=NOW + 15 * MINUTE)

    assert weights(fits) == {MODEL: 0.7, PROFILE: 0.3}
    (reason,) = fits.reasons
    assert reason.message == (
        f"{MODEL} can be offered all of 40 calls a minute again, and the load stays spread until "
        f"2026-11-20 12:15 UTC: {MODEL} 70%, {PROFILE} 30%"
    )
    assert weights(ended) == {MODEL: 1.0, PROFILE: 0.0}
    assert ended.memory.spread == ()
    assert ended.reasons == ()


def test_a_first_way_that_throttles_what_its_quota_admits_gives_way_at_once() -> None:
    found = choice(calls=40.0, throttles=6.0, memory=choice().memory, at=NOW + MINUTE)

    assert found.routes[0].address == PROFILE
    assert found.memory.spread == ()


def test_minutes_that_were_not_read_end_no_spread_and_no_pressure() -> None:
    spread, reordered = choice().memory, choice(calls=30.0, throttles=3.0).memory
    for minute in range(1, 40):
        at = NOW + minute * MINUTE
        still = choice(calls=nan, memory=spread, at=at)
        behind = choice(calls=nan, memory=reordered, at=at)
        spread, reordered = still.memory, behind.memory

        assert weights(still) == {MODEL: 0.7, PROFILE: 0.3}
        assert "was not read" in still.reasons[0].message
        assert [route.address for route in behind.routes] == [PROFILE, MODEL]
