"""What every source of metrics guarantees."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
from bedrock_autoscaler.adapters.cloudwatch.points import METRIC_NAMES
from bedrock_autoscaler.application.ports.cloudwatch import Metrics
from bedrock_autoscaler.domain.traffic.observation import METRICS
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, NOW, PROFILE, pt_arn
from tests.comparing import plain
from tests.contract.conftest import BACKENDS
from tests.fakes.memory_metrics import MemoryMetrics

START = NOW - 10 * MINUTE


@dataclass(frozen=True)
class World:
    """The port, and Bedrock's side of it: `put(model_id, minute, invocations=3)`."""

    metrics: Metrics
    put: Callable[..., None]


@pytest.fixture(params=BACKENDS)
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        memory = MemoryMetrics()
        return World(memory, memory.put)
    client = request.getfixturevalue("cloudwatch")

    def put(model_id: str, minute: datetime, **sums: float) -> None:
        for name, value in sums.items():
            client.put_metric_data(
                Namespace="AWS/Bedrock",
                MetricData=[
                    {
                        "MetricName": METRIC_NAMES[name][0],
                        "Dimensions": [{"Name": "ModelId", "Value": model_id}],
                        "Timestamp": minute,
                        "Value": value,
                    }
                ],
            )

    return World(CloudWatchMetrics(client, "test"), put)


def test_copies_are_the_most_of_each_5_minutes(request: pytest.FixtureRequest) -> None:
    arn = "arn:aws:bedrock:us-east-1:111122223333:imported-model/abcdef123456"
    published = ((1, 1), (4, 3), (12, 2), (60, 9))
    memory, client = MemoryMetrics(), request.getfixturevalue("cloudwatch")
    for minute, running in published:
        memory.put_copies(arn, NOW + minute * MINUTE, running)
        datum: Any = {
            "MetricName": "ModelCopy",
            "Dimensions": [{"Name": "ModelId", "Value": arn}],
            "Timestamp": NOW + minute * MINUTE,
            "Value": float(running),
        }
        client.put_metric_data(Namespace="AWS/Bedrock", MetricData=[datum])

    for metrics in (memory, CloudWatchMetrics(client, "test")):
        assert metrics.copies(arn, NOW, NOW + 15 * MINUTE) == (3, 0, 2)


def beat_through(world: World, start: datetime, minutes: int) -> None:
    for index in range(minutes):
        world.metrics.beat(start + index * MINUTE)


def test_a_read_minute_without_a_point_is_zero(world: World) -> None:
    beat_through(world, START, 3)
    world.put(MODEL, START + MINUTE, invocations=4.0, input_tokens=400.5)

    reading = world.metrics.read([MODEL], START, START + 3 * MINUTE)

    assert reading.start == START
    assert reading.read.tolist() == [True, True, True]
    assert plain(reading.traffic[MODEL].invocations) == (0.0, 4.0, 0.0)
    assert plain(reading.traffic[MODEL].input_tokens) == (0.0, 400.5, 0.0)
    assert plain(reading.traffic[MODEL].throttles) == (0.0, 0.0, 0.0)
    assert reading.problems == ()


def test_without_a_heartbeat_a_minute_without_a_point_is_a_gap(world: World) -> None:
    world.metrics.beat(START)
    world.put(MODEL, START + MINUTE, invocations=4.0)

    reading = world.metrics.read([MODEL], START, START + 3 * MINUTE)

    assert reading.read.tolist() == [True, False, False]
    assert plain(reading.traffic[MODEL].invocations) == (0.0, 4.0, None)


def test_a_minute_with_any_point_is_known_in_all_series(world: World) -> None:
    world.put(MODEL, START, throttles=7.0)

    reading = world.metrics.read([MODEL], START, START + 2 * MINUTE)

    found = {name: plain(getattr(reading.traffic[MODEL], name)) for name in METRICS}
    assert found == {name: (7.0 if name == "throttles" else 0.0, None) for name in METRICS}


def test_every_series_comes_from_its_metric(world: World) -> None:
    sums = {name: float(index + 1) for index, name in enumerate(METRICS)}
    world.put(MODEL, START, **sums)

    traffic = world.metrics.read([MODEL], START, START + MINUTE).traffic[MODEL]

    assert {name: float(getattr(traffic, name)[0]) for name in METRICS} == sums


def test_the_end_is_excluded_and_the_start_included(world: World) -> None:
    beat_through(world, START - MINUTE, 4)
    for index in range(-1, 3):
        world.put(MODEL, START + index * MINUTE, invocations=10.0 + index)

    reading = world.metrics.read([MODEL], START, START + 2 * MINUTE)

    assert plain(reading.traffic[MODEL].invocations) == (10.0, 11.0)


def test_model_ids_are_read_apart_and_unknown_ones_are_silent(world: World) -> None:
    beat_through(world, START, 1)
    world.put(MODEL, START, invocations=1.0)
    world.put(PROFILE, START, invocations=2.0)

    traffic = world.metrics.read([MODEL, PROFILE, pt_arn(1)], START, START + MINUTE).traffic

    assert {name: plain(found.invocations) for name, found in traffic.items()} == {
        MODEL: (1.0,),
        PROFILE: (2.0,),
        pt_arn(1): (0.0,),
    }


def test_the_same_model_id_twice_is_read_once(world: World) -> None:
    world.put(MODEL, START, invocations=1.0)

    traffic = world.metrics.read([MODEL, MODEL], START, START + MINUTE).traffic

    assert list(traffic) == [MODEL]
    assert plain(traffic[MODEL].invocations) == (1.0,)


def test_no_model_ids_still_tell_what_was_read(world: World) -> None:
    world.metrics.beat(START)

    reading = world.metrics.read([], START, START + 2 * MINUTE)

    assert reading.read.tolist() == [True, False]
    assert reading.traffic == {}


def test_an_empty_window_has_no_minutes(world: World) -> None:
    reading = world.metrics.read([MODEL], START, START)

    assert len(reading.read) == 0
    assert len(reading.traffic[MODEL]) == 0


def test_beats_in_the_same_minute_are_one(world: World) -> None:
    world.metrics.beat(START + MINUTE / 2)
    world.metrics.beat(START + MINUTE / 3)

    reading = world.metrics.read([], START, START + 2 * MINUTE)

    assert reading.read.tolist() == [True, False]


def test_model_ids_are_discovered(world: World) -> None:
    world.put(MODEL, START, invocations=1.0)
    world.put(pt_arn(1), START, throttles=1.0)

    assert world.metrics.model_ids() == {MODEL, pt_arn(1)}
