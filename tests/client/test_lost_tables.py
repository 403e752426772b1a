"""A table that cannot be read, or a control plane that is gone, costs no call."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from bedrock_autoscaler.client.document import routing_table_text
from bedrock_world.server import RunningWorld
from bedrock_world.world import World
from tests.client.stage import (
    IN_REGION_THEN_PROFILE,
    NO_CONTROL_PLANE,
    caller,
    document_with,
    route,
    table,
)
from tests.world.support import NOVA_LITE_PROFILE


def test_an_unreadable_table_costs_no_call(world: World, running: RunningWorld) -> None:
    made = caller(running)
    made.say_hello()
    made.source.error = NO_CONTROL_PLANE
    made.clock.now += 3600

    assert made.say_hello(10) == {"served": 10}
    assert {each.version for each in made.attempts} == {1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        document_with(IN_REGION_THEN_PROFILE, routes=[]),
        document_with(IN_REGION_THEN_PROFILE, schema=2),
        routing_table_text(table(route("no-such-model"), target="other", version=9)),
    ],
)
def test_a_malformed_table_costs_no_call(world: World, running: RunningWorld, text: str) -> None:
    made = caller(running)
    made.say_hello()
    made.source.show(text)
    made.clock.now += 3600

    assert made.say_hello(10) == {"served": 10}
    assert made.source.reads == 2
    assert {each.version for each in made.attempts} == {1}


def test_a_table_that_was_never_readable_costs_no_call(world: World, running: RunningWorld) -> None:
    assert caller(running, "{").say_hello(10) == {"served": 10}


def test_a_day_without_any_control_plane(
    build: Callable[..., World], running: RunningWorld
) -> None:
    world = build(applied_quotas={"L-E386A278": 30.0, "L-89F8391A": 20.0})
    made = caller(running)
    made.say_hello()
    made.source.error = NO_CONTROL_PLANE

    for _ in range(24):
        world.advance(timedelta(hours=1))
        made.clock.now += 3600
        # 40 a minute fit into no single route.
        assert made.say_hello(40) == {"served": 40}

    assert made.source.reads == 1 + 24
    assert made.places()[NOVA_LITE_PROFILE] > 0


def test_a_day_without_a_control_plane_from_the_first_call_on(
    world: World, running: RunningWorld
) -> None:
    made = caller(running, None)

    for _ in range(24):
        world.advance(timedelta(hours=1))
        made.clock.now += 3600
        assert made.say_hello(5) == {"served": 5}

    assert made.source.reads == 24
