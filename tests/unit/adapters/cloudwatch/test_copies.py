"""Copies of imported models: what is read, and what cannot be."""

from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from bedrock_autoscaler.adapters.cloudwatch.copies import read_copies
from bedrock_autoscaler.application.errors import ObservationError
from tests.builders import NOW
from tests.world.support import CREDENTIALS

ARN = "arn:aws:bedrock:us-east-1:111122223333:imported-model/abcdef123456"
END = NOW + timedelta(minutes=10)


def read(answer: dict[str, Any] | None = None) -> tuple[int, ...]:
    """What is read of an answer; of a refusal without one."""
    client: Any = boto3.client("cloudwatch", **CREDENTIALS)
    with Stubber(client) as stub:
        if answer is None:
            stub.add_client_error("get_metric_data", "Throttling", http_status_code=400)
        else:
            usual = {"Id": "copies", "StatusCode": "Complete"}
            stub.add_response("get_metric_data", {"MetricDataResults": [usual | answer]})
        return read_copies(client, ARN, NOW, END)


def test_a_window_without_a_point_ran_none() -> None:
    later = NOW + timedelta(minutes=5)

    assert read({"Timestamps": [later], "Values": [2.0]}) == (0, 2)
    assert read({"Timestamps": [], "Values": []}) == (0, 0)
    assert read({"Timestamps": [END], "Values": [2.0]}) == (0, 0)


def test_what_is_read_in_part_is_not_read() -> None:
    with pytest.raises(ObservationError, match="ended PartialData"):
        read({"Timestamps": [], "Values": [], "StatusCode": "PartialData"})


def test_a_refusal_is_named() -> None:
    with pytest.raises(ObservationError, match="could not be read: Throttling"):
        read()
