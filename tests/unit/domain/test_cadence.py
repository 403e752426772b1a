"""How often a target is looked at: by what moves, never less often than safety needs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.domain.cadence import (
    AT_ONCE,
    QUIET,
    WATCHFUL,
    is_moving,
    minutes_between,
    needs_acting,
    slot_after,
)
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import Loop, Mode, OptionKind
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    build_decision,
    build_fleet,
    build_observation,
    build_pt,
    build_situation,
    build_traffic,
)
from tests.intents import ONE_UNIT

CALLS = st.lists(st.integers(0, 500).map(float), min_size=60, max_size=60).map(np.array)


def pace(calls: Series | float = 60.0, **overrides: object) -> int:
    """Of a situation with so many calls a minute, each with the same tokens."""
    calls = np.full(120, calls) if isinstance(calls, float) else calls
    traffic = build_traffic(
        len(calls), invocations=calls, input_tokens=calls * 1000, output_tokens=calls * 200
    )
    situation = build_situation(observation=build_observation(traffic=traffic), **overrides)
    return minutes_between(situation, build_decision())


def stepped(minute: int, after: float) -> Series:
    """60 calls a minute, and another number since so many minutes."""
    calls = np.full(120, 60.0)
    calls[-minute:] = after
    return calls


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        (60.0, QUIET),
        (0.0, QUIET),
        (stepped(5, 300.0), AT_ONCE),
        (stepped(5, 0.0), AT_ONCE),
        (stepped(30, 300.0), WATCHFUL),  # calm again for a quarter of an hour, not for an hour
        (stepped(70, 300.0), QUIET),
        (stepped(5, 75.0), QUIET),  # a quarter more is no change of pace
    ],
)
def test_the_pace_follows_the_traffic(calls: Series | float, expected: int) -> None:
    assert pace(calls) == expected


def test_chance_alone_keeps_nobody_awake() -> None:
    generator = np.random.default_rng(3)
    paces = [pace(generator.poisson(6.0, 120).astype(float)) for _ in range(200)]

    assert paces.count(QUIET) >= 190


def test_a_target_that_holds_units_is_looked_at_every_five_minutes() -> None:
    assert pace(60.0, fleet=build_fleet(build_pt())) == WATCHFUL


def test_unread_minutes_are_not_quiet_and_are_not_asked_for_each_minute() -> None:
    gaps = np.full(120, 60.0)
    gaps[-3:] = np.nan

    assert pace(gaps) == WATCHFUL
    assert pace(np.full(20, 60.0)) == WATCHFUL


@pytest.mark.parametrize(
    "fleet",
    [
        build_fleet(open_purchase_units=1),
        build_fleet(complete=False),
        build_fleet(build_pt(status=Status.CREATING)),
        build_fleet(build_pt(draining=True)),
    ],
)
def test_whatever_is_in_flight_is_looked_at_each_minute(fleet: object) -> None:
    assert pace(60.0, fleet=fleet) == AT_ONCE


def test_refused_calls_a_trial_and_pressure_are_looked_at_each_minute() -> None:
    refused = build_situation(
        observation=build_observation(traffic=build_traffic(120, throttles=1.0))
    )
    quiet, decision = build_situation(), build_decision()
    on_trial = replace(decision, memory=replace(decision.memory, trial=(MODEL, NOW)))
    pressed = replace(decision, memory=replace(decision.memory, pressure_until=NOW + MINUTE))

    assert is_moving(refused, decision)
    assert is_moving(quiet, on_trial)
    assert not is_moving(quiet, replace(on_trial, mode=Mode.ADVISE))
    assert is_moving(quiet, pressed)
    assert not is_moving(quiet, decision)


def test_routes_that_wait_to_be_published_are_in_flight_for_the_routing_loop() -> None:
    routes = (Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=1.0),)
    decision = replace(build_decision(), routes=routes)

    assert is_moving(build_situation(loop=Loop.ROUTING), decision)
    assert not is_moving(build_situation(loop=Loop.ROUTING, routes=routes), decision)
    assert not is_moving(build_situation(loop=Loop.ROUTING), replace(decision, mode=Mode.ADVISE))


def test_nobody_waits_for_a_share_that_moves_in_its_last_bits() -> None:
    in_force = (
        Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=0.9),
        Route(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE, weight=0.1),
    )
    moved = tuple(replace(route, weight=route.weight + 1e-12) for route in in_force)
    situation = build_situation(loop=Loop.ROUTING, routes=in_force)

    assert not is_moving(situation, replace(build_decision(), routes=moved))


def test_whoever_holds_something_or_waits_for_it_needs_the_acting_functions() -> None:
    decision, quiet = build_decision(), build_situation()

    assert not needs_acting(quiet, decision)
    assert needs_acting(quiet, replace(decision, actions=(ONE_UNIT,)))
    assert needs_acting(build_situation(fleet=build_fleet(build_pt(1))), decision)
    assert needs_acting(build_situation(fleet=build_fleet(open_purchase_units=1)), decision)
    waiting = replace(
        decision, routes=(Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=1.0),)
    )
    assert needs_acting(build_situation(loop=Loop.ROUTING), waiting)
    assert not needs_acting(build_situation(loop=Loop.ROUTING), replace(waiting, mode=Mode.ADVISE))


def test_a_refusal_that_fills_a_dip_makes_no_hour_quiet() -> None:
    calls, refused = np.full(60, 40.0), np.zeros(60)
    calls[5:10], refused[5] = 5.0, 175.0

    def paced(throttles: Series) -> int:
        traffic = build_traffic(60, invocations=calls, throttles=throttles)
        situation = build_situation(observation=build_observation(traffic=traffic))
        return minutes_between(situation, build_decision())

    assert paced(refused) <= paced(np.zeros(60)) == WATCHFUL


@given(CALLS, st.floats(0.5, 1.0), st.integers(0, 59))
def test_throttles_never_lengthen_the_pace(calls: Series, share: float, minute: int) -> None:
    def of(throttles: Series) -> int:
        traffic = build_traffic(60, invocations=calls, throttles=throttles)
        situation = build_situation(observation=build_observation(traffic=traffic))
        return minutes_between(situation, build_decision())

    more = np.zeros(60)
    more[minute] = share * 10

    assert of(more) <= of(np.zeros(60))


@given(CALLS, st.integers(1, 60))
def test_a_gap_never_makes_a_target_quiet(calls: Series, minutes: int) -> None:
    gaps = calls.copy()
    gaps[-minutes:] = np.nan

    assert pace(gaps) <= WATCHFUL


@given(st.integers(0, 3000), st.sampled_from([1, 5, 10, 15]), st.integers(0, 14))
def test_the_next_slot_comes_within_the_pace_and_then_at_it(
    start: int, minutes: int, offset: int
) -> None:
    at = NOW + start * MINUTE

    first = slot_after(at, minutes, offset)
    second = slot_after(first, minutes, offset)

    assert at < first <= at + minutes * MINUTE
    assert second - first == minutes * MINUTE
