"""The list of `ModelId`s that have metrics, and the heartbeat that is written beside them."""

import boto3
import pytest
from botocore.stub import Stubber

from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW


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
