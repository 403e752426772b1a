"""What the emulator does with more work than it needs, done with less, with the same answers.

It sorts a whole table for each query of one partition, looks through all points of all metrics for
each minute of each series, and works out anew for each value of an answer how it may be called.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

from moto.cloudwatch.models import CloudWatchBackend
from moto.core.model import Shape
from moto.core.serialize import AttributePickerContext, XFormedAttributePicker
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

type _Series = tuple[str, tuple[tuple[str, str], ...]]
type _Query = Mapping[str, Any]

_cast_anew: Any = DynamoType.cast_value
_read_all: Any = CloudWatchBackend.get_metric_data
_names_anew: Any = XFormedAttributePicker.get_possible_keys


def _cast_value(value: DynamoType) -> Any:
    """A string is what it is; the rest is asked for seldom."""
    return value.value if value.type == "S" else _cast_anew.fget(value)


def _all_items(table: Table) -> list[Item]:
    """In the order of their keys, which are strings in all our tables."""
    kept: Any = table.items  # by partition; without sort keys, the items themselves
    if table.range_key_attr is None:
        return sorted(kept.values(), key=lambda item: item.hash_key.value)
    items = [item for partition in kept.values() for item in partition.values()]
    return sorted(items, key=lambda item: (item.hash_key.value, item.range_key.value))


class _Points:
    """Those of an account by series; points are only ever added."""

    def __init__(self, points: list[Any]) -> None:
        self.points = points
        self._seen = 0
        self._series: dict[_Series, list[Any]] = {}

    def of(self, query: _Query) -> list[Any]:
        """Those that a query asks for; the emulator heeds no namespace where it has dimensions."""
        for point in self.points[self._seen :]:
            self._series.setdefault(_key(point.name, point.dimensions), []).append(point)
        self._seen = len(self.points)
        metric = query["MetricStat"]["Metric"]
        wanted = tuple(sorted((d["Name"], d["Value"]) for d in metric["Dimensions"]))
        return self._series.get((metric["MetricName"], wanted), [])


def _key(name: str, dimensions: Any) -> _Series:
    return name, tuple(sorted((each.name, each.value) for each in dimensions))


_points: WeakKeyDictionary[CloudWatchBackend, _Points] = WeakKeyDictionary()


def _get_metric_data(
    backend: CloudWatchBackend, queries: list[dict[str, Any]], **span: Any
) -> list[dict[str, Any]]:
    """The emulator's own answer for each query, from the points of its series alone."""
    if not all(_has_dimensions(query) for query in queries):
        found: list[dict[str, Any]] = _read_all(backend, queries, **span)
        return found
    points = _points.get(backend)
    if points is None or points.points is not backend.metric_data:  # another test's account
        points = _points[backend] = _Points(backend.metric_data)
    answers = []
    for query in queries:
        series = points.of(query)
        alone = SimpleNamespace(get_all_metrics=lambda series=series: series)
        answers += _read_all(alone, [query], **span)
    return answers


def _possible_keys(
    picker: XFormedAttributePicker, context: AttributePickerContext
) -> tuple[str, ...]:
    """Of a value in a dictionary its names depend on the service model alone."""
    if type(context.obj) is dict:
        return _names(tuple(picker.alias_providers), context.key, context.shape)
    return tuple(_names_anew(picker, context))


@lru_cache(maxsize=4_096)
def _names(aliases: tuple[Any, ...], key: str, shape: Shape) -> tuple[str, ...]:
    picker = XFormedAttributePicker(alias_providers=list(aliases))
    return tuple(_names_anew(picker, AttributePickerContext(obj={}, key=key, shape=shape)))


def _has_dimensions(query: _Query) -> bool:
    return bool(query.get("MetricStat", {}).get("Metric", {}).get("Dimensions"))


QUICKER: dict[str, Any] = {
    "moto.dynamodb.models.dynamo_type.DynamoType.cast_value": property(_cast_value),
    "moto.dynamodb.models.table.Table.all_items": _all_items,
    "moto.cloudwatch.models.CloudWatchBackend.get_metric_data": _get_metric_data,
    "moto.core.serialize.XFormedAttributePicker.get_possible_keys": _possible_keys,
}
"""By the name of what they stand for."""
