"""AWS in memory for measurements of scale: the SDK's clients, each of which counts its calls.

The clients answer what the adapters ask and nothing else, as fast as they can, and note the time
that they took themselves, so that it can be left out. What the SDK adds to a real call (signing,
HTTP, parsing) is not here.
"""
# ruff: noqa: ANN401 - requests and answers of the SDK have any shape

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import wraps
from math import ceil
from time import process_time_ns
from typing import Any

import numpy as np
from botocore.exceptions import ClientError

from bedrock_autoscaler.domain.traffic.observation import Series

_READ_BYTES = 4_096
_WRITE_BYTES = 1_024
_PAGE_BYTES = 1_000_000
_MOST_KEYS = 100
_MOST_PARAMETERS = 10
_MINUTE = timedelta(minutes=1)
_WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)
_KEPT = 16


@dataclass
class Meter:
    """What was asked of AWS.

    Attributes:
        calls: by `service:Operation`.
        there: the same by (account and Region, operation), of services whose limits are there.
        units: what AWS bills: metrics asked for, read and write request units.
        own_ns: CPU time of these clients.
    """

    calls: Counter[str] = field(default_factory=Counter)
    units: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    own_ns: int = 0
    there: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self, name: str, place: str = "") -> None:
        """One call, in a place where it matters which."""
        self.calls[name] += 1
        if place:
            self.there[place, name] += 1

    def reset(self) -> None:
        """Count from nothing."""
        self.calls.clear()
        self.there.clear()
        self.units.clear()
        self.own_ns = 0


def _counted(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Count a method as the operation that it stands for."""

    def wrap(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def counted(self: Any, **request: Any) -> Any:
            begun = process_time_ns()
            self.meter.count(name, getattr(self, "place", ""))
            try:
                return method(self, **request)
            finally:
                self.meter.own_ns += process_time_ns() - begun

        return counted

    return wrap


# -- DynamoDB ----------------------------------------------------------------------------------


def _wire_bytes(item: Mapping[str, Any]) -> int:
    """About what DynamoDB counts for an item in wire form."""
    return sum(len(name) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, held),) = value.items()
    if kind in {"S", "B"}:
        return len(held)
    if kind == "L":
        return 3 + sum(1 + _value_bytes(each) for each in held)
    if kind == "M":
        return 3 + sum(1 + len(name) + _value_bytes(each) for name, each in held.items())
    return 10


class CountedDynamoDB:
    """One table with the keys `pk` and `sk`; conditions are those on absence alone."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self._items: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self._sorted: dict[str, list[str]] = defaultdict(list)
        self._bytes: dict[tuple[str, str], int] = {}

    @_counted("dynamodb:GetItem")
    def get_item(self, **request: Any) -> dict[str, Any]:
        """The item, or nothing."""
        pk, sk = _key(request["Key"])
        item = self._items.get(pk, {}).get(sk)
        self._read(self._bytes.get((pk, sk), 0), request)
        return {"Item": item} if item is not None else {}

    @_counted("dynamodb:BatchGetItem")
    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """The items that there are, a hundred keys at most."""
        ((table, wanted),) = request["RequestItems"].items()
        if len(wanted["Keys"]) > _MOST_KEYS:
            raise ClientError(
                {"Error": {"Code": "ValidationException", "Message": ""}}, "BatchGetItem"
            )
        keys = [_key(key) for key in wanted["Keys"]]
        for key in keys:
            self._read(self._bytes.get(key, 0), wanted)
        found = [self._items[pk][sk] for pk, sk in keys if sk in self._items.get(pk, {})]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    @_counted("dynamodb:Query")
    def query(self, **request: Any) -> dict[str, Any]:
        """Items of one partition by a range of sort keys, a megabyte a page."""
        values = request["ExpressionAttributeValues"]
        pk = values[":pk"]["S"]
        first, last = values[":first"]["S"], values[":last"]["S"]
        keys = self._sorted.get(pk, [])
        found = keys[bisect_left(keys, first) : bisect_right(keys, last)]
        if not request.get("ScanIndexForward", True):
            found = found[::-1]
        begun = request.get("ExclusiveStartKey")
        if begun:
            found = found[found.index(begun["sk"]["S"]) + 1 :]
        return self._page(pk, found, request)

    def _page(self, pk: str, found: list[str], request: Mapping[str, Any]) -> dict[str, Any]:
        limit = request.get("Limit", len(found))
        names = request.get("ProjectionExpression")
        wanted = [name.strip().removeprefix("#") for name in names.split(",")] if names else None
        items, size, more = [], 0, len(found) > limit
        for sk in found[:limit]:
            item = self._items[pk][sk]
            items.append({n: item[n] for n in wanted if n in item} if wanted else item)
            size += self._bytes[pk, sk]
            if size > _PAGE_BYTES:
                more = len(items) < len(found)
                break
        self._read(size, request)
        page: dict[str, Any] = {"Items": items}
        if more and items:
            page["LastEvaluatedKey"] = {"pk": {"S": pk}, "sk": {"S": found[len(items) - 1]}}
        return page

    @_counted("dynamodb:PutItem")
    def put_item(self, **request: Any) -> dict[str, Any]:
        """Write one item."""
        self._put(request)
        return {}

    @_counted("dynamodb:TransactWriteItems")
    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        """Write several; each costs twice."""
        for change in request["TransactItems"]:
            self._put(change["Put"] if "Put" in change else _as_put(change["Update"]), times=2)
        return {}

    def _put(self, request: Mapping[str, Any], times: int = 1) -> None:
        item = request["Item"]
        pk, sk = _key(item)
        size = _wire_bytes(item)
        self.meter.units["dynamodb write units"] += times * ceil(size / _WRITE_BYTES)
        if sk in self._items[pk]:
            if "ConditionExpression" in request:
                raise ClientError(
                    {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "PutItem"
                )
        else:
            insort(self._sorted[pk], sk)
            self.meter.units["dynamodb stored items"] += 1
            self.meter.units["dynamodb stored bytes"] += size
        self._items[pk][sk] = item
        self._bytes[pk, sk] = size

    def copy(self, source: str, target: str) -> None:
        """All items of a partition under another key, their values shared; counts nothing."""
        for sk, item in self._items[source].items():
            self._items[target][sk] = item | {"pk": {"S": target}}
            self._bytes[target, sk] = self._bytes[source, sk]
        self._sorted[target] = list(self._sorted[source])

    def _read(self, size: int, request: Mapping[str, Any]) -> None:
        """A unit for each started four kilobytes; half of it where the read is not consistent."""
        share = 1.0 if request.get("ConsistentRead") else 0.5
        self.meter.units["dynamodb read units"] += share * max(ceil(size / _READ_BYTES), 1)


def _as_put(update: Mapping[str, Any]) -> dict[str, Any]:
    """An update that sets each attribute to the value of its name, as the item that it leaves."""
    values = update["ExpressionAttributeValues"]
    item = {name.removeprefix(":"): value for name, value in values.items()}
    return {"Item": update["Key"] | item}


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item.get("sk", {"S": ""})["S"]


# -- CloudWatch --------------------------------------------------------------------------------


class CountedCloudWatch:
    """Series of `AWS/Bedrock` by `ModelId`, each a template's, and a heartbeat in each minute.

    Args:
        start: first minute of the templates.
        series: sums by (ModelId, metric); a metric that is not there has no points.
    """

    def __init__(
        self,
        meter: Meter,
        start: datetime,
        series: Callable[[str, str], Series | None],
        model_ids: tuple[str, ...],
        *,
        place: str = "",
    ) -> None:
        self.meter = meter
        self.place = place
        self._start = start
        self._series = series
        self._model_ids = model_ids
        self._times: dict[tuple[datetime, int], list[datetime]] = {}

    @_counted("cloudwatch:GetMetricData")
    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        """Every minute that has a point."""
        queries = request["MetricDataQueries"]
        self.meter.units["metrics asked for"] += len(queries)
        first = int((request["StartTime"] - self._start) / _MINUTE)
        minutes = int((request["EndTime"] - request["StartTime"]) / _MINUTE)
        times = self._minutes(request["StartTime"], minutes)
        return {
            "MetricDataResults": [self._result(query, first, times) for query in queries],
            "Messages": [],
        }

    def _result(self, query: Any, first: int, times: list[datetime]) -> dict[str, Any]:
        metric = query["MetricStat"]["Metric"]
        name = metric["MetricName"]
        if name == "Heartbeat":
            found, values = times, [1.0] * len(times)
        else:
            series = self._series(metric["Dimensions"][0]["Value"], name)
            found, values = [], []
            if series is not None:
                cut = series[first : first + len(times)]
                places = np.flatnonzero(cut)
                values = cut[places].tolist()
                found = times if len(places) == len(times) else [times[i] for i in places]
        return {"Id": query["Id"], "Timestamps": found, "Values": values, "StatusCode": "Complete"}

    def _minutes(self, start: datetime, minutes: int) -> list[datetime]:
        if (start, minutes) not in self._times:
            if len(self._times) > _KEPT:
                self._times.clear()
            self._times[start, minutes] = [start + i * _MINUTE for i in range(minutes)]
        return self._times[start, minutes]

    @_counted("cloudwatch:PutMetricData")
    def put_metric_data(self, **_: Any) -> dict[str, Any]:
        """The heartbeat."""
        return {}

    def get_paginator(self, _: str) -> "CountedPages":
        """Of ListMetrics."""
        names = ("Invocations", "InputTokenCount", "OutputTokenCount", "EstimatedTPMQuotaUsage")
        metrics = [
            {"MetricName": name, "Dimensions": [{"Name": "ModelId", "Value": value}]}
            for value in self._model_ids
            for name in names
        ]
        name = "cloudwatch:ListMetrics"
        return CountedPages(self.meter, name, "Metrics", metrics, 500, self.place)


@dataclass(frozen=True, slots=True)
class CountedPages:
    """A paginator over a list."""

    meter: Meter
    name: str
    member: str
    entries: list[Any]
    size: int = 100
    place: str = ""

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        """Page by page, at least one."""
        for first in range(0, max(len(self.entries), 1), self.size):
            self.meter.count(self.name, self.place)
            yield {self.member: self.entries[first : first + self.size]}


# -- Parameter Store, Bedrock, quotas, SQS -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class CountedParameters:
    """The switch, which allows everything, the callers' routing tables, and documents."""

    meter: Meter
    values: dict[str, str] = field(default_factory=dict)

    def get_paginator(self, _: str) -> CountedPages:
        """Of GetParametersByPath, whatever the path."""
        found = [
            {"Name": name, "Value": value, "LastModifiedDate": _WRITTEN}
            for name, value in self.values.items()
        ]
        name = "ssm:GetParametersByPath"
        return CountedPages(self.meter, name, "Parameters", found, _MOST_PARAMETERS)

    @_counted("ssm:GetParameter")
    def get_parameter(self, **request: Any) -> dict[str, Any]:
        """The value, or an error."""
        name = request["Name"]
        if name.endswith("/switch"):
            return {"Parameter": {"Value": "allow"}}
        if name not in self.values:
            raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": ""}}, "Get")
        return {"Parameter": {"Value": self.values[name]}}

    @_counted("ssm:PutParameter")
    def put_parameter(self, **request: Any) -> dict[str, Any]:
        """Replace it."""
        self.values[request["Name"]] = request["Value"]
        return {}


@dataclass(frozen=True, slots=True)
class CountedBedrock:
    """No throughput at all, and every model on sale."""

    meter: Meter
    place: str = ""

    def get_paginator(self, _: str) -> CountedPages:
        """Of ListProvisionedModelThroughputs."""
        name = "bedrock:ListProvisionedModelThroughputs"
        return CountedPages(self.meter, name, "provisionedModelSummaries", [], place=self.place)

    @_counted("bedrock:GetFoundationModel")
    def get_foundation_model(self, **request: Any) -> dict[str, Any]:
        """ACTIVE and sold as provisioned."""
        return {
            "modelDetails": {
                "modelId": request["modelIdentifier"],
                "modelLifecycle": {"status": "ACTIVE"},
                "inferenceTypesSupported": ["PROVISIONED"],
            }
        }


@dataclass(frozen=True, slots=True)
class CountedQuotas:
    """Ten model units."""

    meter: Meter
    place: str = ""

    @_counted("service-quotas:GetServiceQuota")
    def get_service_quota(self, **_: Any) -> dict[str, Any]:
        """The applied value."""
        return {"Quota": {"Value": 10.0}}


class CountedQueue:
    """Keeps the bodies that were sent, in order."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.bodies: list[str] = []

    @_counted("sqs:SendMessageBatch")
    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        """All of them are accepted."""
        self.bodies += [entry["MessageBody"] for entry in request["Entries"]]
        return {}

    def receive(self, most: int = 10) -> list[str]:
        """What one worker gets, and deletes when it is done."""
        batch, self.bodies = self.bodies[:most], self.bodies[most:]
        self.meter.calls["sqs:ReceiveMessage"] += 1
        self.meter.calls["sqs:DeleteMessageBatch"] += 1
        return batch
