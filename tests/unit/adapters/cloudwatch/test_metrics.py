"""How metric answers of every shape become readings."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
from bedrock_autoscaler.adapters.cloudwatch.points import METRIC_NAMES
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL
from tests.comparing import plain
from tests.unit.adapters.cloudwatch.scripted import (
    BEAT,
    INVOCATIONS,
    START,
    Point,
    ScriptedCloudWatch,
    build_cloud,
    read,
)

NAN = float("nan")


@given(st.permutations(range(8)), st.integers(min_value=1, max_value=9))
def test_neither_the_order_of_points_nor_pages_change_the_reading(
    order: Sequence[int], page_size: int
) -> None:
    values = (1.0, 2.0, None, 4.0, 5.0, None, 7.0, 8.0)
    expected = read(build_cloud(*values), 8)
    cloud = build_cloud(*values)
    cloud.page_size = page_size
    cloud.arrange = lambda points: [points[index] for index in order if index < len(points)]

    assert plain(read(cloud, 8)) == plain(expected)


@given(st.sets(st.integers(min_value=0, max_value=7)), st.sets(st.integers(0, 7)))
def test_a_missing_point_is_zero_only_where_the_heartbeat_is(
    missing: set[int], silent: set[int]
) -> None:
    cloud = build_cloud(*(None if index in missing else 5.0 for index in range(8)))
    cloud.points[BEAT] = [
        point for index, point in enumerate(cloud.points[BEAT]) if index not in silent
    ]

    traffic = read(cloud, 8).traffic[MODEL]

    expected = tuple(
        5.0 if index not in missing else None if index in silent else 0.0 for index in range(8)
    )
    assert plain(traffic.invocations) == expected


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        ((START + MINUTE, 5.0), "twice"),
        ((START + 1.5 * MINUTE, 5.0), "off the minute, and a second one"),
    ],
)
def test_a_second_point_makes_its_minute_a_gap_in_all_series(added: Point, reason: str) -> None:
    cloud = build_cloud(1.0, 5.0, 3.0)
    cloud.points["OutputTokenCount", MODEL] = [(START + MINUTE, 9.0)]
    cloud.points[INVOCATIONS].append(added)

    reading = read(cloud, 3)

    assert plain(reading.traffic[MODEL].invocations) == (1.0, None, 3.0), reason
    assert plain(reading.traffic[MODEL].output_tokens) == (0.0, None, 0.0), reason
    assert reading.problems == (
        f"metrics of {MODEL}: 1 minutes have impossible points and are gaps",
    )


@pytest.mark.parametrize("value", [-1.0, NAN, float("inf")])
def test_an_impossible_value_makes_its_minute_a_gap(value: float) -> None:
    reading = read(build_cloud(1.0, value, 3.0), 3)

    assert plain(reading.traffic[MODEL].invocations) == (1.0, None, 3.0)
    assert len(reading.problems) == 1


def test_a_point_off_the_minute_makes_its_minute_a_gap() -> None:
    cloud = build_cloud(1.0, None, 3.0)
    cloud.points[INVOCATIONS].append((START + MINUTE + timedelta(seconds=1), 5.0))

    assert plain(read(cloud, 3).traffic[MODEL].invocations) == (1.0, None, 3.0)


@pytest.mark.parametrize("series", ["cache_read_tokens", "cache_write_tokens"])
def test_cache_tokens_come_under_either_name_and_are_not_added(series: str) -> None:
    new, old = METRIC_NAMES[series]
    cloud = build_cloud(1.0, 1.0, 1.0, 1.0)
    cloud.points[new, MODEL] = [(START, 10.0), (START + 2 * MINUTE, 30.0)]
    cloud.points[old, MODEL] = [(START + MINUTE, 20.0), (START + 2 * MINUTE, 30.0)]

    traffic = read(cloud, 4).traffic[MODEL]

    assert plain(getattr(traffic, series)) == (10.0, 20.0, 30.0, 0.0)


def test_an_older_name_is_asked_for_only_where_it_is_listed() -> None:
    new, old = METRIC_NAMES["cache_read_tokens"]
    cloud = build_cloud(1.0)
    cloud.points["Invocations", "modern"] = [(START, 1.0)]
    cloud.points[old, MODEL] = [(START, 20.0)]
    metrics = CloudWatchMetrics(cloud.client, "test")

    assert metrics.model_ids() == {MODEL, "modern"}
    reading = metrics.read([MODEL, "modern"], START, START + MINUTE)

    asked = {
        (metric["MetricName"], metric["Dimensions"][0]["Value"])
        for query in cloud.requests[0]["MetricDataQueries"]
        for metric in [query["MetricStat"]["Metric"]]
    }
    assert {(new, MODEL), (old, MODEL), (new, "modern")} <= asked
    assert (old, "modern") not in asked
    # Nine series of each, one of them under two names, and the heartbeat.
    assert len(asked) == 20
    assert plain(reading.traffic[MODEL].cache_read_tokens) == (20.0,)


def test_long_windows_and_many_model_ids_stay_within_the_limits() -> None:
    # 3 days and 60 ModelIds: 660 metrics over 4,320 minutes. The scripted client refuses a call
    # over 500 metrics or 100,800 points.
    ids = [f"model-{index}" for index in range(60)]
    cloud = ScriptedCloudWatch()
    cloud.points["Invocations", "model-59"] = [
        (START, 1.0),
        (START + 1439 * MINUTE, 2.0),
        (START + 1440 * MINUTE, 3.0),
        (START + 4319 * MINUTE, 4.0),
    ]

    traffic = read(cloud, 4320, *ids).traffic

    found = traffic["model-59"].invocations
    assert {index: found[index] for index in (0, 1439, 1440, 4319)} == {
        0: 1.0, 1439: 2.0, 1440: 3.0, 4319: 4.0,
    }  # fmt: skip
    assert all(
        any(query["Id"] == "heartbeat" for query in request["MetricDataQueries"])
        for request in cloud.requests
    )


def test_five_hundred_metrics_go_into_one_call() -> None:
    # 45 ModelIds of 11 metrics and the heartbeat are 496; the 46th needs a second call.
    cloud = build_cloud(1.0)

    read(cloud, 1, *(f"model-{index}" for index in range(45)))
    assert len(cloud.requests) == 1

    read(cloud, 1, *(f"model-{index}" for index in range(46)))
    assert [len(request["MetricDataQueries"]) for request in cloud.requests[1:]] == [500, 8]


def test_impossible_points_and_silence_are_answers() -> None:
    cloud = build_cloud(-1.0, 2.0)
    cloud.points["Heartbeat", "test"] = []

    reading = read(cloud, 2, MODEL, "silent")

    assert reading.problems
    assert reading.lost == {}


def test_moments_within_minutes_are_read_by_whole_minutes() -> None:
    metrics = CloudWatchMetrics(build_cloud(1.0, 2.0, 3.0).client, "test")

    reading = metrics.read([MODEL], START + MINUTE / 2, START + 2.5 * MINUTE)

    assert reading.start == START
    assert plain(reading.traffic[MODEL].invocations) == (1.0, 2.0)
