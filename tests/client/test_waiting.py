"""Calls that may wait go by the routes that are set apart for them."""

from collections.abc import Callable
from dataclasses import replace

from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_world.server import RunningWorld
from bedrock_world.world import World
from tests.client.stage import caller, route, table
from tests.world.support import NOVA_LITE, NOVA_LITE_PROFILE


def test_calls_that_may_take_long_go_by_the_flex_tier_and_else_as_usual(
    build: Callable[..., World], running: RunningWorld
) -> None:
    build(applied_quotas={"L-89F8391A": 2.0})
    shown = replace(table(route(NOVA_LITE)), deferrable=(route(NOVA_LITE_PROFILE, tier="flex"),))
    patient, prompt = caller(running, shown, waits=True), caller(running, shown)

    assert patient.say_hello(5) == {"served": 5}
    assert prompt.say_hello(5) == {"served": 5}
    # Two calls fit the flexible way; the rest of them, and all prompt ones, go as usual.
    assert patient.places() == {NOVA_LITE_PROFILE: 2, NOVA_LITE: 3}
    assert prompt.places() == {NOVA_LITE: 5}


def test_where_nothing_is_set_apart_patience_changes_nothing(
    world: World, running: RunningWorld
) -> None:
    batch = Route(kind=OptionKind.BATCH, address=NOVA_LITE_PROFILE, weight=0.0)
    shown = replace(table(route(NOVA_LITE)), deferrable=(batch,))
    made = caller(running, shown, waits=True)

    assert made.say_hello(3) == {"served": 3}
    assert made.places() == {NOVA_LITE: 3}
