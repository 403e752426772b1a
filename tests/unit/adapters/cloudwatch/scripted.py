"""A CloudWatch whose answers a test decides: order, pages, status codes, failures."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
from bedrock_autoscaler.application.ports.cloudwatch import MetricsReading
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, NOW

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

type Point = tuple[datetime, float]


@dataclass
class ScriptedCloudWatch:
    """Answers GetMetricData out of `points` and refuses what the real one refuses.

    Attributes:
        points: by (metric name, value of its one dimension).
        arrange: the order in which the points of a metric come.
        page_size: most points of a metric on a page.
        statuses: final status code by (metric name, dimension value); Complete without an entry.
        failures: errors of the next calls, None for a call that works.
        lost: query ids that never appear in an answer.
        requests: what was asked.
    """

    points: dict[tuple[str, str], list[Point]] = field(default_factory=lambda: defaultdict(list))
    arrange: Callable[[Sequence[Point]], Sequence[Point]] = list
    page_size: int = 100_800
    statuses: dict[tuple[str, str], str] = field(default_factory=dict)
    failures: list[Exception | None] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def client(self) -> "CloudWatchClient":
        """Itself, as the SDK's client."""
        return cast("CloudWatchClient", self)

    def get_paginator(self, operation: str) -> "ScriptedCloudWatch":
        """Itself, as the pages of ListMetrics."""
        assert operation == "list_metrics"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        """Every metric that has points, on one page."""
        assert request == {"Namespace": "AWS/Bedrock", "Dimensions": [{"Name": "ModelId"}]}
        metrics = [
            {"MetricName": name, "Dimensions": [{"Name": "ModelId", "Value": value}]}
            for name, value in self.points
            if name != "Heartbeat"
        ]
        return [{"Metrics": metrics}]

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        """One page; the token is the number of the next."""
        self.requests.append(request)
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        queries = request["MetricDataQueries"]
        minutes = (request["EndTime"] - request["StartTime"]).total_seconds() / 60
        if len(queries) > 500 or len(queries) * minutes > 100_800:
            raise AssertionError(f"{len(queries)} queries over {minutes} minutes are too many")
        page = int(request.get("NextToken", "0"))
        results = [self._result(query, request, page) for query in queries]
        is_last = all(result.pop("IsLast") for result in results)
        answer: dict[str, Any] = {
            "MetricDataResults": [result for result in results if result["Id"] not in self.lost],
            "Messages": [],
        }
        return answer if is_last else answer | {"NextToken": str(page + 1)}

    def _result(self, query: dict[str, Any], request: dict[str, Any], page: int) -> dict[str, Any]:
        stat = query["MetricStat"]
        if "Unit" in stat or stat["Period"] != 60 or stat["Stat"] != "Sum":
            raise AssertionError(f"{stat} asks for another series")
        (dimension,) = stat["Metric"]["Dimensions"]
        key = (stat["Metric"]["MetricName"], dimension["Value"])
        inside = [
            point
            for point in self.points.get(key, [])
            if request["StartTime"] <= point[0] < request["EndTime"]
        ]
        arranged = list(self.arrange(inside))
        shown = arranged[page * self.page_size : (page + 1) * self.page_size]
        is_last = (page + 1) * self.page_size >= len(arranged)
        return {
            "Id": query["Id"],
            "Label": "",
            "Timestamps": [time for time, _ in shown],
            "Values": [value for _, value in shown],
            "StatusCode": self.statuses.get(key, "Complete") if is_last else "PartialData",
            "IsLast": is_last,
        }


START = NOW - 10 * MINUTE
BEAT = ("Heartbeat", "test")
INVOCATIONS = ("Invocations", MODEL)


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
