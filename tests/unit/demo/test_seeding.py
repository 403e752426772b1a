from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
from bedrock_autoscaler.backtest.trace import Trace
from bedrock_world.demo.plan import MODEL
from bedrock_world.demo.seeding import load_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_cloudwatch import CloudWatchClient

START = datetime(2025, 3, 3, tzinfo=UTC)
# Two minutes with traffic, one without, and one that belongs to the replay.
TRACE = Trace.of("t", START, ([2, 0, 3, 9], [20, 0, 30, 90], [4, 0, 6, 18]))


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> "Iterator[CloudWatchClient]":
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield boto3.client("cloudwatch", region_name="us-east-1")


def test_the_application_reads_the_history_as_complete(cloudwatch: "CloudWatchClient") -> None:
    points = load_history(cloudwatch, TRACE, 3, "demo")

    reading = CloudWatchMetrics(cloudwatch, "demo").read(
        [MODEL], START, START + timedelta(minutes=4)
    )
    traffic = reading.traffic[MODEL]
    # Three metrics in two minutes, and three heartbeats.
    assert points == 9
    assert reading.read.tolist() == [True, True, True, False]
    assert traffic.invocations[:3].tolist() == [2, 0, 3]
    assert traffic.input_tokens[:3].tolist() == [20, 0, 30]
    assert traffic.output_tokens[:3].tolist() == [4, 0, 6]
