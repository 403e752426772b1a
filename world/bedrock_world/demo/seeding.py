"""What was there before the replay: settings, the switch, and the metrics of the days before."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_world.demo.plan import MODEL, TARGET, DemoPlan
from bedrock_world.metrics import NAMESPACE
from bedrock_world.sinks import BATCH

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ssm import SSMClient

HEARTBEAT_NAMESPACE = "BedrockAutoscaler"


def write_settings(ssm: "SSMClient", prefix: str, plan: DemoPlan, account: str) -> None:
    """Create the target in mode `act`, and the switch that permits it to act."""
    document = json.dumps(plan.target_document(account), indent=2)
    ssm.put_parameter(Name=f"{prefix}/settings/targets/{TARGET}", Value=document, Type="String")
    ssm.put_parameter(Name=f"{prefix}/switch", Value="allow", Type="String")


def load_history(
    cloudwatch: "CloudWatchClient",
    trace: Trace,
    minutes: int,
    deployment: str,
    *,
    model: str = MODEL,
) -> int:
    """Put the first `minutes` of a trace into CloudWatch, served on demand; how many points.

    As on AWS a minute without traffic has no point. The deployment's heartbeat has one in every
    minute, since the history counts as read.
    """
    traffic = _batched(_traffic(trace, minutes, model))
    points = 0
    for batch in traffic:
        cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=batch)
        points += len(batch)
    for batch in _batched(_beats(trace.start, minutes, deployment)):
        cloudwatch.put_metric_data(Namespace=HEARTBEAT_NAMESPACE, MetricData=batch)
        points += len(batch)
    return points


def _traffic(trace: Trace, minutes: int, model: str) -> Iterator[dict[str, Any]]:
    names = ("Invocations", "InputTokenCount", "OutputTokenCount")
    columns = (trace.invocations, trace.input_tokens, trace.output_tokens)
    dimensions = [{"Name": "ModelId", "Value": model}]
    for name, column in zip(names, columns, strict=True):
        for k in range(minutes):
            if trace.invocations[k] > 0:
                yield {
                    "MetricName": name,
                    "Dimensions": dimensions,
                    "Timestamp": trace.minute_at(k),
                    "Value": float(column[k]),
                }


def _beats(start: datetime, minutes: int, deployment: str) -> Iterator[dict[str, Any]]:
    for k in range(minutes):
        yield {
            "MetricName": "Heartbeat",
            "Dimensions": [{"Name": "Deployment", "Value": deployment}],
            "Timestamp": start + k * MINUTE,
            "Value": 1.0,
        }


def _batched(data: Iterator[dict[str, Any]]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for datum in data:
        batch.append(datum)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
