"""Where published metrics go: a list, or a CloudWatch."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from bedrock_world.metrics import Datum

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

# PutMetricData takes at most 1,000 metrics in a call.
BATCH = 1000


class MetricSink(Protocol):
    """Takes published data."""

    def put(self, namespace: str, data: Sequence[Datum]) -> None:
        """Store `data`, which is never empty."""


class MemorySink:
    """Keeps everything it was given, in order."""

    def __init__(self) -> None:
        self.data: list[tuple[str, Datum]] = []

    def put(self, namespace: str, data: Sequence[Datum]) -> None:
        """Store `data`."""
        self.data += [(namespace, datum) for datum in data]

    def sums(self, metric: str, model_id: str) -> dict[datetime, float]:
        """The Sum of each minute that has a point."""
        sums: defaultdict[datetime, float] = defaultdict(float)
        for _, datum in self.data:
            if (datum.metric, datum.model_id) == (metric, model_id):
                sums[datum.minute] += datum.sum
        return dict(sums)


class CloudWatchSink:
    """Puts data into a CloudWatch; meant for an emulator, AWS keeps `AWS/` to itself."""

    def __init__(self, client: "CloudWatchClient") -> None:
        self._client = client

    def put(self, namespace: str, data: Sequence[Datum]) -> None:
        """Send `data` in batches, without a Unit."""
        for batch in _batches([_entry(datum) for datum in data]):
            self._client.put_metric_data(Namespace=namespace, MetricData=batch)


def _batches(entries: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(entries), BATCH):
        yield entries[start : start + BATCH]


def _entry(datum: Datum) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "MetricName": datum.metric,
        "Dimensions": [{"Name": "ModelId", "Value": datum.model_id}],
        "Timestamp": datum.minute,
    }
    if datum.counts:
        entry["Values"] = [value for value, _ in datum.counts]
        entry["Counts"] = [float(count) for _, count in datum.counts]
    else:
        entry["StatisticValues"] = {
            "SampleCount": float(datum.samples),
            "Sum": datum.total,
            "Minimum": datum.low,
            "Maximum": datum.high,
        }
    return entry
