"""What CloudWatch did not answer is a gap of what it covered, or an error."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError

from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, PROFILE
from tests.comparing import plain
from tests.unit.adapters.cloudwatch.scripted import INVOCATIONS, START, build_cloud, read


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret"}}, "GetMetricData")


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
