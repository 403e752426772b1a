"""Pressure belongs to the way that throttled: no other one counts as throttling for it."""

from dataclasses import replace
from typing import Any

import pytest

from bedrock_autoscaler.domain.decision import NO_MEMORY, Memory
from bedrock_autoscaler.domain.routing.choice import RouteChoice, choose_routes
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    build_observation,
    build_option,
    build_situation,
    build_target,
    build_traffic,
)

THIRD = "eu.amazon.nova-2-lite-v1:0"
WAYS = tuple(build_option(address=address) for address in (MODEL, PROFILE, THIRD))
CALM = 15 * MINUTE
PRESSED = replace(NO_MEMORY, pressure_until=NOW + CALM, pressed=MODEL)
REFUSED: dict[str, Any] = {"refused": ((MODEL, NOW + 60 * MINUTE),)}


def choose(memory: Memory, throttled: str = "", **changes: Any) -> RouteChoice:
    """The routes while each way serves a call a second, and one throttles as many."""
    seen = tuple(
        (way.address, build_traffic(30, throttles=60.0 * (way.address == throttled)))
        for way in WAYS
    )
    situation = build_situation(
        target=build_target(options=WAYS),
        observation=build_observation(by_option=seen),
        memory=memory,
    )
    return choose_routes(replace(situation, **changes))


def order(found: RouteChoice) -> list[str]:
    return [route.address for route in found.routes]


def test_pressure_is_remembered_with_the_way_that_throttles() -> None:
    memory = choose(NO_MEMORY, MODEL).memory

    assert (memory.pressed, memory.pressure_until) == (MODEL, NOW + CALM)
    assert order(choose(memory)) == [PROFILE, MODEL, THIRD]


def test_the_next_way_does_not_count_as_throttling_when_the_first_is_refused() -> None:
    found = choose(replace(PRESSED, **REFUSED))

    assert order(found) == [PROFILE, THIRD]
    assert (found.memory.pressed, found.memory.pressure_until) == ("", None)


def test_the_next_way_has_pressure_of_its_own() -> None:
    found = choose(replace(PRESSED, **REFUSED), PROFILE)

    assert order(found) == [THIRD, PROFILE]
    assert found.memory.pressed == PROFILE


def test_a_load_that_fits_the_next_way_is_not_kept_spread_for_the_first() -> None:
    spread = ((f"{MODEL}|||", 0.5), (f"{PROFILE}|||", 0.3), (f"{THIRD}|||", 0.2))

    found = choose(replace(PRESSED, spread=spread, **REFUSED))

    assert [route.weight for route in found.routes] == [1.0, 0.0]
    assert found.memory.spread == ()


@pytest.mark.parametrize(
    ("changes", "expected"), [({}, [PROFILE, MODEL, THIRD]), (REFUSED, [THIRD, PROFILE])]
)
def test_older_pressure_is_that_of_the_way_that_comes_first_and_is_so_noted(
    changes: dict[str, Any], expected: list[str]
) -> None:
    older = replace(PRESSED, pressed="", **changes)

    found = choose(older)

    assert order(found) == expected
    assert found.memory.pressed == expected[1]
    assert found.memory.pressure_until == older.pressure_until
