"""Metrics over CloudWatch: one batched read for all `ModelId`s, discovery, and the heartbeat."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, override

import numpy as np
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from bedrock_autoscaler.adapters.cloudwatch.copies import read_copies
from bedrock_autoscaler.adapters.cloudwatch.points import METRIC_NAMES, Mask, Points, to_traffic
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.cloudwatch import Metrics, MetricsReading
from bedrock_autoscaler.domain.units import MINUTE, floor_minute, iso, whole_minutes
from bedrock_autoscaler.sdk_errors import code_of

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

NAMESPACE = "AWS/Bedrock"
HEARTBEAT_NAMESPACE = "BedrockAutoscaler"
HEARTBEAT = "Heartbeat"

# Limits of GetMetricData. Source: the CloudWatch API reference.
MAX_QUERIES = 500
MAX_POINTS = 100_800
_MAX_WINDOW_MINUTES = 1_440

_PERIOD_SECONDS = 60
_HEARTBEAT_ID = "heartbeat"
_OLDER_NAMES = frozenset(name for names in METRIC_NAMES.values() for name in names[1:])


@dataclass(frozen=True, slots=True)
class _Query:
    """One metric of one `ModelId`."""

    model_id: str
    metric: str


@dataclass(frozen=True, slots=True)
class _Call:
    """Queries over a window of minutes that fit into one call, beside the heartbeat."""

    queries: tuple[_Query, ...]
    window: slice


class CloudWatchMetrics(Metrics):
    """Reads `AWS/Bedrock` by the dimension `ModelId`, per-minute sums, never by unit.

    The unit is left out since AWS changed it between versions of its pages, and a query for
    another unit finds nothing.
    """

    def __init__(self, client: "CloudWatchClient", deployment: str) -> None:
        self._client = client
        self._deployment = deployment
        self._older: frozenset[_Query] | None = None

    @override
    def read(
        self,
        model_ids: Sequence[str],
        start: datetime,
        end: datetime,
        series: Mapping[str, Collection[str]] | None = None,
    ) -> MetricsReading:
        """As few calls as the limits allow; the heartbeat is in each of them.

        Each metric asked for is billed: a series is asked for under an older name only where
        CloudWatch lists that, or was never asked what it lists.
        """
        start, end = floor_minute(start), floor_minute(end)
        minutes = max(whole_minutes(end - start), 0)
        wanted = series or {}
        points = {
            query: Points.over(start, minutes)
            for model_id in dict.fromkeys(model_ids)
            for name in wanted.get(model_id, METRIC_NAMES)
            for query in self._queries(model_id, name)
        }
        read = np.ones(minutes, dtype=np.bool_)
        answered = np.zeros(minutes, dtype=np.bool_)
        calls = list(_plan(tuple(points), minutes))
        failures: list[ObservationError] = []
        for call in calls:
            try:
                read[call.window] &= self._call(call, points, start)
                answered[call.window] = True
            except ObservationError as error:
                failures.append(error)
        if calls and len(failures) == len(calls):
            raise failures[0]
        return _reading(start, read & answered, points, failures)

    @override
    def model_ids(self) -> frozenset[str]:
        """All values that appear alone in the dimension `ModelId`, whatever shows under them.

        Raises:
            ObservationError: a page could not be read.
        """
        pages = self._client.get_paginator("list_metrics").paginate(
            Namespace=NAMESPACE, Dimensions=[{"Name": "ModelId"}]
        )
        try:
            # A series with further dimensions repeats what the plain one has.
            found = {
                _Query(dimensions[0]["Value"], listed["MetricName"])
                for page in pages
                for listed in page["Metrics"]
                if len(dimensions := listed.get("Dimensions", [])) == 1
            }
        except (BotoCoreError, ClientError) as error:
            raise _unread("the list of metrics", error) from error
        self._older = frozenset(query for query in found if query.metric in _OLDER_NAMES)
        return frozenset(query.model_id for query in found)

    @override
    def copies(self, address: str, start: datetime, end: datetime) -> tuple[int, ...]:
        """One call; the dimension is not documented, so `ModelId` with the ARN is assumed.

        Raises:
            ObservationError: they could not be read, or not all of them.
        """
        return read_copies(self._client, address, start, end)

    @override
    def beat(self, at: datetime) -> None:
        """Put the value 1.

        Raises:
            ObservationError: it could not be put, or nobody knows whether it was.
        """
        try:
            self._client.put_metric_data(
                Namespace=HEARTBEAT_NAMESPACE,
                MetricData=[
                    {
                        "MetricName": HEARTBEAT,
                        "Dimensions": [{"Name": "Deployment", "Value": self._deployment}],
                        "Timestamp": floor_minute(at),
                        "Value": 1.0,
                    }
                ],
            )
        except (BotoCoreError, ClientError) as error:
            raise _unread("the heartbeat", error, what="written") from error

    def _queries(self, model_id: str, name: str) -> Iterator[_Query]:
        """The metrics of one series: under its present name, and under those that may be used."""
        for metric in METRIC_NAMES[name]:
            query = _Query(model_id, metric)
            if metric not in _OLDER_NAMES or self._older is None or query in self._older:
                yield query

    def _call(self, call: _Call, points: Mapping[_Query, Points], start: datetime) -> Mask:
        """Read one window of some queries into `points`; where it shows the heartbeat."""
        beats = Points.over(start, call.window.stop)
        by_id = {f"q{index}": points[query] for index, query in enumerate(call.queries)}
        by_id[_HEARTBEAT_ID] = beats
        statuses: dict[str, str] = {}
        for result in self._results(call, start):
            name = result["Id"]
            if name in by_id:
                by_id[name].add(result["Timestamps"], result["Values"])
                statuses[name] = _worse(statuses.get(name), result.get("StatusCode", "Unknown"))
        is_alive = beats.has_point[call.window]
        for name, found in by_id.items():
            found.finish(call.window, statuses.get(name, "Missing"), is_alive=is_alive)
        return is_alive

    def _results(self, call: _Call, start: datetime) -> Iterator[Any]:
        """The results of one call, page by page; a metric may come on several pages."""
        queries: list[Any] = [
            _to_wire(f"q{index}", NAMESPACE, query.metric, {"ModelId": query.model_id})
            for index, query in enumerate(call.queries)
        ]
        queries.append(
            _to_wire(
                _HEARTBEAT_ID, HEARTBEAT_NAMESPACE, HEARTBEAT, {"Deployment": self._deployment}
            )
        )
        first = start + call.window.start * MINUTE
        last = start + call.window.stop * MINUTE
        token: dict[str, Any] = {}
        while True:
            try:
                page = self._client.get_metric_data(
                    MetricDataQueries=queries,
                    StartTime=first,
                    EndTime=last,
                    ScanBy="TimestampAscending",
                    **token,
                )
            except (BotoCoreError, ClientError) as error:
                raise _unread(f"metrics from {iso(first)} to {iso(last)}", error) from error
            yield from page["MetricDataResults"]
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}


def _plan(queries: Sequence[_Query], minutes: int) -> Iterator[_Call]:
    """Calls that cover every query over every minute; one with the heartbeat alone for none."""
    for first in range(0, minutes, _MAX_WINDOW_MINUTES):
        window = slice(first, min(first + _MAX_WINDOW_MINUTES, minutes))
        room = min(MAX_QUERIES, MAX_POINTS // (window.stop - window.start)) - 1
        for index in range(0, max(len(queries), 1), room):
            yield _Call(queries=tuple(queries[index : index + room]), window=window)


def _to_wire(
    name: str, namespace: str, metric: str, dimensions: Mapping[str, str]
) -> dict[str, Any]:
    """One query; the dimension is always named, without it some stores sum over all."""
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": metric,
                "Dimensions": [
                    {"Name": dimension, "Value": value} for dimension, value in dimensions.items()
                ],
            },
            "Period": _PERIOD_SECONDS,
            "Stat": "Sum",
        },
    }


def _worse(before: str | None, now: str) -> str:
    """The status of a query after another page: the newest, but no failure is forgotten.

    A page that is followed by another one may call its metric partial.
    """
    if before is not None and before not in {"Complete", "PartialData"}:
        return before
    return now


def _reading(
    start: datetime,
    read: Mask,
    points: Mapping[_Query, Points],
    failures: Sequence[ObservationError],
) -> MetricsReading:
    by_model: dict[str, dict[str, Points]] = {}
    for query, found in points.items():
        by_model.setdefault(query.model_id, {})[query.metric] = found
    problems = [str(error) for error in failures]
    for model_id, metrics in by_model.items():
        problems += _problems(model_id, metrics)
    return MetricsReading(
        start=start,
        read=read,
        traffic={model_id: to_traffic(metrics) for model_id, metrics in by_model.items()},
        problems=tuple(problems),
        lost=_lost(by_model) if problems else {},
    )


def _lost(by_model: Mapping[str, Mapping[str, Points]]) -> dict[str, Mask]:
    """Where a query of a `ModelId` has no answer, or not all of one."""
    found = {
        model_id: np.logical_or.reduce([each.failed | each.unfinished for each in metrics.values()])
        for model_id, metrics in by_model.items()
    }
    return {model_id: lost for model_id, lost in found.items() if lost.any()}


def _problems(model_id: str, metrics: Mapping[str, Points]) -> Iterator[str]:
    statuses = sorted({status for found in metrics.values() for status in found.statuses})
    for status in statuses:
        names = [name for name, found in metrics.items() if status in found.statuses]
        yield f"metrics of {model_id} ended {status}: {', '.join(names)}"
    flawed = np.logical_or.reduce([found.flawed for found in metrics.values()])
    if flawed.any():
        yield (
            f"metrics of {model_id}: {int(flawed.sum())} minutes have impossible points and are "
            "gaps"
        )


def _unread(subject: str, error: Exception, what: str = "read") -> Exception:
    """ObservationError, unless the request itself was malformed, which is our fault."""
    if isinstance(error, ParamValidationError):
        return error
    return ObservationError(f"{subject} could not be {what}: {code_of(error)}")
