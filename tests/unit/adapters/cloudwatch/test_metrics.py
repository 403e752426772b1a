"""How metric answers of every shape become readings."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
from bedrock_autoscaler.adapters.cloudwatch.points import METRIC_NAMES
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.cloudwatch import MetricsReading
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, NOW, PROFILE
from tests.comparing import plain
from tests.unit.adapters.cloudwatch.scripted import Point, ScriptedCloudWatch

START = NOW - 10 * MINUTE
BEAT = ("Heartbeat", "test")
INVOCATIONS = ("Invocations", MODEL)
NAN = float("nan")


def build_cloud(*invocations: float | None, beats: bool = True) -> ScriptedCloudWatch:
    """One point of Invocations per minute from START, none for None."""
    cloud = ScriptedCloudWatch()
    for index, value in enumerate(invocations):
        minute = START + index * MINUTE
        if beats:
            cloud.points[BEAT].append((minute, 1.0))
        if value is not None:
            cloud.points[INVOCATIONS].append((minute, value))
    return cloud


def read(cloud: ScriptedCloudWatch, minutes: int, *model_ids: str) -> MetricsReading:
    metrics = CloudWatchMetrics(cloud.client, "test")
    return metrics.read(model_ids or (MODEL,), START, START + minutes * MINUTE)


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret"}}, "GetMetricData")


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


@pytest.mark.parametrize("status", ["InternalError", "Forbidden", "SomethingNew"])
def test_a_failed_query_is_a_gap_of_its_model_id_alone(status: str) -> None:
    cloud = build_cloud(1.0, 2.0)
    cloud.points["Invocations", PROFILE] = [(START, 7.0)]
    cloud.statuses["InvocationThrottles", MODEL] = status

    reading = read(cloud, 2, MODEL, PROFILE)

    assert plain(reading.traffic[MODEL].invocations) == (None, None)
    assert plain(reading.traffic[PROFILE].invocations) == (7.0, 0.0)
    assert reading.read.tolist() == [True, True]
    assert reading.problems == (f"metrics of {MODEL} ended {status}: InvocationThrottles",)


def test_a_partial_query_is_known_only_where_it_has_points() -> None:
    cloud = build_cloud(1.0, None, 3.0)
    cloud.statuses[INVOCATIONS] = "PartialData"
    cloud.points["InputTokenCount", MODEL] = [(START + MINUTE, 8.0)]

    reading = read(cloud, 3)

    assert plain(reading.traffic[MODEL].invocations) == (1.0, None, 3.0)
    assert plain(reading.traffic[MODEL].input_tokens) == (0.0, None, 0.0)
    assert reading.problems == (f"metrics of {MODEL} ended PartialData: Invocations",)


def test_a_metric_that_is_partial_on_a_page_and_complete_on_the_last_is_complete() -> None:
    cloud = build_cloud(1.0, None, 3.0)
    cloud.page_size = 1

    reading = read(cloud, 3)

    assert len(cloud.requests) == 3
    assert plain(reading.traffic[MODEL].invocations) == (1.0, 0.0, 3.0)
    assert reading.problems == ()


def test_a_query_without_a_result_is_a_gap() -> None:
    cloud = build_cloud(1.0, 2.0)
    cloud.lost = {"q3"}

    reading = read(cloud, 2)

    assert plain(reading.traffic[MODEL].invocations) == (None, None)
    assert reading.problems == (f"metrics of {MODEL} ended Missing: InvocationServerErrors",)


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


@pytest.mark.parametrize(
    "failure", [error("ThrottlingException"), ReadTimeoutError(endpoint_url="loopback")]
)
def test_nothing_read_at_all_is_an_error_without_aws_text(failure: Exception) -> None:
    cloud = build_cloud(1.0)
    cloud.failures = [failure]

    with pytest.raises(ObservationError, match=r"ThrottlingException|ReadTimeoutError") as caught:
        read(cloud, 1)

    assert "secret" not in str(caught.value)


def test_a_failed_call_is_a_gap_of_what_it_covered() -> None:
    # Two calls: the first with all metrics of model-0 to model-44, the second with the last ones.
    ids = [f"model-{index}" for index in range(60)]
    cloud = build_cloud(1.0, 1.0)
    cloud.points["Invocations", "model-0"] = [(START, 5.0)]
    cloud.failures = [None, error("InternalServiceFault")]

    reading = read(cloud, 2, *ids)

    assert plain(reading.traffic["model-0"].invocations) == (5.0, 0.0)
    assert plain(reading.traffic["model-59"].invocations) == (None, None)
    assert any("InternalServiceFault" in problem for problem in reading.problems)
    assert {name: plain(lost) for name, lost in reading.lost.items()} == {
        f"model-{index}": (True, True) for index in range(45, 60)
    }


@pytest.mark.parametrize("status", ["InternalError", "PartialData", "Forbidden"])
def test_what_a_query_did_not_answer_is_lost_until_it_is_asked_again(status: str) -> None:
    cloud = build_cloud(1.0, 2.0)
    cloud.statuses["OutputTokenCount", MODEL] = status

    assert plain(read(cloud, 2, MODEL, "other").lost) == {MODEL: (True, True)}


def test_impossible_points_and_silence_are_answers() -> None:
    cloud = build_cloud(-1.0, 2.0)
    cloud.points["Heartbeat", "test"] = []

    reading = read(cloud, 2, MODEL, "silent")

    assert reading.problems
    assert reading.lost == {}


def test_a_failure_on_a_later_page_is_a_gap_though_points_came() -> None:
    cloud = build_cloud(1.0, 2.0)
    cloud.page_size = 1
    metrics = CloudWatchMetrics(cloud.client, "test")
    cloud.failures = [None, error("Throttling")]

    with pytest.raises(ObservationError):
        metrics.read([MODEL], START, START + 2 * MINUTE)


def test_a_malformed_request_is_our_fault_and_passes_through() -> None:
    cloud = build_cloud(1.0)
    cloud.failures = [ParamValidationError(report="x")]

    with pytest.raises(ParamValidationError):
        read(cloud, 1)


def test_results_of_different_lengths_are_gaps() -> None:
    cloud = build_cloud(1.0, 2.0)
    answer = cloud.get_metric_data

    def torn(**request: object) -> dict[str, object]:
        page = answer(**request)
        page["MetricDataResults"][0]["Values"].pop()
        return page

    cloud.get_metric_data = torn  # type: ignore[method-assign] # one answer is torn on its way

    assert plain(read(cloud, 2).traffic[MODEL].invocations) == (None, None)


def test_moments_within_minutes_are_read_by_whole_minutes() -> None:
    metrics = CloudWatchMetrics(build_cloud(1.0, 2.0, 3.0).client, "test")

    reading = metrics.read([MODEL], START + MINUTE / 2, START + 2.5 * MINUTE)

    assert reading.start == START
    assert plain(reading.traffic[MODEL].invocations) == (1.0, 2.0)


def listed(*dimensions: str) -> dict[str, object]:
    return {
        "Namespace": "AWS/Bedrock",
        "MetricName": "Invocations",
        "Dimensions": [{"Name": name, "Value": f"{name}-value"} for name in dimensions],
    }


def build_stubbed() -> tuple[CloudWatchMetrics, Stubber]:
    client = boto3.client(
        "cloudwatch",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - the stub sends nothing
    )
    return CloudWatchMetrics(client, "test"), Stubber(client)


def test_every_page_of_the_list_is_read_and_only_plain_series_count() -> None:
    metrics, stub = build_stubbed()
    tiered = listed("ModelId", "ServiceTier", "ResolvedServiceTier")
    stub.add_response("list_metrics", {"Metrics": [tiered], "NextToken": "2"})
    stub.add_response("list_metrics", {"Metrics": [listed("ModelId")]})

    with stub:
        found = metrics.model_ids()

    assert found == {"ModelId-value"}
    stub.assert_no_pending_responses()


def test_a_list_that_breaks_off_is_an_error() -> None:
    metrics, stub = build_stubbed()
    stub.add_response("list_metrics", {"Metrics": [listed("ModelId")], "NextToken": "2"})
    stub.add_client_error("list_metrics", "InternalServiceFault")

    with stub, pytest.raises(ObservationError, match="list of metrics could not be read: Internal"):
        metrics.model_ids()


def test_the_heartbeat_is_one_point_at_the_whole_minute() -> None:
    metrics, stub = build_stubbed()
    point = {
        "MetricName": "Heartbeat",
        "Dimensions": [{"Name": "Deployment", "Value": "test"}],
        "Timestamp": NOW,
        "Value": 1.0,
    }
    stub.add_response(
        "put_metric_data", {}, {"Namespace": "BedrockAutoscaler", "MetricData": [point]}
    )

    with stub:
        metrics.beat(NOW + MINUTE / 2)

    stub.assert_no_pending_responses()


def test_a_heartbeat_that_is_refused_is_an_error() -> None:
    metrics, stub = build_stubbed()
    stub.add_client_error("put_metric_data", "Throttling")

    with stub, pytest.raises(ObservationError, match="heartbeat could not be written: Throttling"):
        metrics.beat(NOW)


def test_a_failure_on_one_page_is_not_forgotten_on_the_next() -> None:
    cloud = build_cloud(1.0, 2.0)
    cloud.page_size = 1
    answer = cloud.get_metric_data

    def broken(**request: Any) -> dict[str, Any]:
        page = answer(**request)
        if "NextToken" in page:
            page["MetricDataResults"][0]["StatusCode"] = "InternalError"
        return page

    cloud.get_metric_data = broken  # type: ignore[method-assign] # one page of two is changed

    assert plain(read(cloud, 2).traffic[MODEL].invocations) == (None, None)
