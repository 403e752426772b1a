"""What is lost of the world around a caller costs no more calls than the capacity that went."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from bedrock_autoscaler.client import FollowedTable, RoutedClient
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_world.server import RunningWorld, serve
from bedrock_world.settings import DEFAULT_UNIT_RATE
from bedrock_world.world import World
from tests.client.refusals import UNANSWERED, UNREACHABLE, refusal
from tests.client.stage import (
    ManualClock,
    MemorySource,
    at_once,
    caller,
    route,
    runtime_client,
    table,
)
from tests.world.support import (
    CREDENTIALS,
    HELLO,
    NOVA_2_PROFILE,
    NOVA_LITE,
    NOVA_LITE_PROFILE,
    ROOM,
    buy,
    world_with,
)

ELSEWHERE = "us-west-2"
LATELY = 11.0
"""Seconds after its last served call in which a PT that calls a request invalid counts as there."""


@pytest.fixture
def other_region() -> Iterator[RunningWorld]:
    """A world of another Region, on a port of its own."""
    with serve(world_with(region=ELSEWHERE)) as served:
        yield served


class Stub:
    """A client without a network: it serves each call, or fails with an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.meta = SimpleNamespace(region_name="us-east-1")
        self.error = error
        self.asked = 0

    def converse(self, **_: object) -> dict[str, object]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return {"stopReason": "end_turn"}


def stubbed(shown: RoutingTable, home: Stub, away: Stub, clock: ManualClock) -> Any:
    """A routed client over stubs, patient as it is by default."""
    made: Any = (home, away)
    followed = FollowedTable(MemorySource(shown), "chat", clock=lambda: 0.0, start=at_once)
    return RoutedClient(
        made[0], followed, clients=lambda _: made[1], sleep=clock.sleep, clock=clock
    )


def bought(running: RunningWorld, world: World, name: str = "fleet-1") -> str:
    """The ARN of a PT that is in service."""
    bedrock = boto3.Session(**CREDENTIALS).client("bedrock", endpoint_url=running.url)
    arn = buy(bedrock, name)
    bedrock.close()
    world.advance(timedelta(minutes=15))
    return arn


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ValidationException"])
def test_a_pt_that_vanishes_costs_no_call(
    build: Callable[..., World], running: RunningWorld, code: str
) -> None:
    world = build(deleted_pt_error=code, default_unit_rate=DEFAULT_UNIT_RATE)
    arn = bought(running, world)
    made = caller(running, table(route(arn), route(NOVA_2_PROFILE)))
    assert made.say_hello(3) == {"served": 3}
    assert made.places() == {arn: 3}

    world.purchases.remove(arn)
    made.clock.now += LATELY
    outcomes = made.say_hello(20)

    assert outcomes == {"served": 20}
    # The PT is asked once more, and left alone from then on.
    assert made.places(code) == {arn: 1}


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ValidationException"])
def test_pts_that_vanish_together_cost_no_call(
    build: Callable[..., World], running: RunningWorld, code: str
) -> None:
    world = build(deleted_pt_error=code, default_unit_rate=DEFAULT_UNIT_RATE)
    first, second = bought(running, world), bought(running, world, "fleet-2")
    made = caller(running, table(route(first, 0.5), route(second, 0.5), route(NOVA_2_PROFILE)))
    made.say_hello(4)

    for arn in (first, second):
        world.purchases.remove(arn)
    made.clock.now += LATELY

    assert made.say_hello(20) == {"served": 20}
    assert made.places(code) == {first: 1, second: 1}


def test_of_two_pts_the_other_takes_what_it_can(
    build: Callable[..., World], running: RunningWorld
) -> None:
    # The profile admits nothing, and a PT all that is asked here.
    world = build(applied_quotas={**ROOM, "L-F06F1187": 0.0}, default_unit_rate=DEFAULT_UNIT_RATE)
    first, second = bought(running, world), bought(running, world, "fleet-2")
    made = caller(running, table(route(first, 0.5), route(second, 0.5), route(NOVA_2_PROFILE)))
    made.say_hello(4)
    world.purchases.remove(first)

    assert made.say_hello(20) == {"served": 20}


def test_a_region_that_is_gone_costs_no_call(
    world: World, running: RunningWorld, other_region: RunningWorld
) -> None:
    shown = table(
        route(NOVA_LITE_PROFILE, 0.5, region=ELSEWHERE),
        route(NOVA_LITE, 0.3, region=ELSEWHERE),
        route(NOVA_LITE, 0.2),
    )
    made = caller(running, shown, clients=lambda region: runtime_client(other_region.url, region))
    assert made.say_hello(40) == {"served": 40}
    assert {each.route.region for each in made.attempts} == {ELSEWHERE, ""}

    other_region.stop()
    outcomes = made.say_hello(40)

    assert outcomes == {"served": 40}
    # One refused connection lets the whole Region rest, so the other route there is not tried.
    assert made.places("EndpointConnectionError").total() == 1


def test_a_day_without_a_region_costs_no_call() -> None:
    home, away, clock = Stub(), Stub(UNREACHABLE), ManualClock()
    shown = table(route(NOVA_LITE, region=ELSEWHERE), route(NOVA_LITE))
    client = stubbed(shown, home, away, clock)

    for _ in range(24 * 360):
        clock.now += 10
        assert client.converse(modelId="m", messages=HELLO)["stopReason"]

    assert home.asked == 24 * 360
    # Rests of 30 s by half up or down end at one of the calls, 10 s apart: 20 to 50 s each.
    assert 86_400 / 50 <= away.asked <= 86_400 / 20


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "InvalidClientTokenId"])
def test_a_region_that_does_not_know_the_credentials_costs_no_call(code: str) -> None:
    home, away = Stub(), Stub(refusal(code, status=403))
    shown = table(route(NOVA_LITE, region=ELSEWHERE), route(NOVA_LITE, region="us-east-1"))
    client = stubbed(shown, home, away, ManualClock())

    for _ in range(3):
        assert client.converse(modelId="m", messages=HELLO)["stopReason"]
    assert (away.asked, home.asked) == (1, 3)

    home.error = away.error
    with pytest.raises(ClientError, match=code):
        client.converse(modelId="m", messages=HELLO)
    # The own Region's word on them is final.
    assert (away.asked, home.asked) == (1, 4)


def test_an_answer_that_never_comes_is_paid_twice_at_most() -> None:
    home, clock = Stub(UNANSWERED), ManualClock()
    shown = table(*(route(f"model-{number}") for number in range(4)))

    with pytest.raises(ReadTimeoutError):
        stubbed(shown, home, home, clock).converse(modelId="m", messages=HELLO)

    assert home.asked == 2
    assert clock.slept == []


def test_the_own_region_may_be_the_one_that_is_gone(
    world: World, running: RunningWorld, other_region: RunningWorld
) -> None:
    shown = table(route(NOVA_LITE), route(NOVA_LITE_PROFILE, region="eu-west-1"))
    made = caller(other_region, shown, clients=lambda region: runtime_client(running.url, region))
    other_region.stop()

    assert made.say_hello(10) == {"served": 10}


def test_routes_of_regions_without_a_client_are_left_out_with_one_warning(
    world: World, running: RunningWorld, caplog: pytest.LogCaptureFixture
) -> None:
    away, here = route(NOVA_LITE, region=ELSEWHERE), route(NOVA_LITE_PROFILE)
    made = caller(running, table(away, here))

    for version in (1, 1, 2):
        made.source.show(table(away, here, version=version))
        made.clock.now += 100
        assert made.say_hello() == {"served": 1}

    assert made.places() == {NOVA_LITE_PROFILE: 3}
    assert made.attempts[-1].version == 2
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.endswith("1 of 2 routes are in Regions without a client: us-west-2")


def test_a_profile_that_answers_403_costs_no_call(
    build: Callable[..., World], running: RunningWorld
) -> None:
    build(denied={NOVA_LITE_PROFILE})
    made = caller(running, table(route(NOVA_LITE_PROFILE), route(NOVA_LITE)))

    assert made.say_hello(20) == {"served": 20}
    assert made.places("AccessDeniedException") == {NOVA_LITE_PROFILE: 1}


def test_where_every_route_answers_403_the_caller_sees_it(
    build: Callable[..., World], running: RunningWorld
) -> None:
    build(denied={NOVA_LITE_PROFILE, NOVA_LITE})

    assert caller(running).say_hello(2) == {"AccessDeniedException": 2}


def test_a_capacity_that_went_is_missed_by_no_more_than_itself(
    build: Callable[..., World], running: RunningWorld
) -> None:
    # 30 a minute in the Region and 20 by the profile; 40 are wanted, so 20 are lost at most.
    world = build(applied_quotas={"L-E386A278": 30.0, "L-89F8391A": 20.0})
    made = caller(running, table(route(NOVA_LITE, 0.6), route(NOVA_LITE_PROFILE, 0.4)))
    assert made.say_hello(40) == {"served": 40}

    world.advance(timedelta(minutes=1))
    made.clock.now += 60
    world.reconfigure(denied={NOVA_LITE})
    outcomes = made.say_hello(40)

    assert outcomes == {"served": 20, "ThrottlingException": 20}
