"""CloudWatch of several source Regions as one: calls show where they are made from.

A `ModelId` of another Region carries its name behind it: `us.amazon.nova-lite-v1:0@us-west-2`. Each
Region has a heartbeat of its own, since only what was read together with one is known to be
complete. A Region that cannot be read is a gap of its own `ModelId`s, never a lack of traffic.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import override

import numpy as np

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.merging import gap
from bedrock_autoscaler.application.ports.cloudwatch import Metrics, MetricsReading

_AT = "@"


class RegionalMetrics(Metrics):
    """The metrics of the stack's own Region, and of others under their names."""

    def __init__(self, home: Metrics, elsewhere: Mapping[str, Callable[[], Metrics]]) -> None:
        """Nothing is made or called yet.

        Args:
            home: of the stack's own Region.
            elsewhere: by Region, what makes its metrics; called when they are first needed.
        """
        self._home = home
        self._make = elsewhere
        self._made: dict[str, Metrics] = {}
        self._unlisted: dict[str, str] = {}

    @property
    @override
    def regions(self) -> frozenset[str]:
        """Those that were named."""
        return frozenset(self._make)

    @override
    def read(
        self,
        model_ids: Sequence[str],
        start: datetime,
        end: datetime,
        series: Mapping[str, Collection[str]] | None = None,
    ) -> MetricsReading:
        """One batch for each Region that is asked for.

        Raises:
            ObservationError: nothing at all could be read of the stack's own Region.
        """
        by_region = self._by_region(model_ids)
        found = self._home.read(by_region.pop("", []), start, end, _of("", series))
        traffic, problems, lost = dict(found.traffic), [*found.problems], dict(found.lost)
        for region, ids in by_region.items():
            try:
                there = self._reading(region).read(ids, start, end, _of(region, series))
            except ObservationError as error:
                problems.append(f"{region}: {error}")
                traffic |= {_named(name, region): gap(start, end) for name in ids}
                lost |= {_named(name, region): np.ones_like(found.read) for name in ids}
                continue
            problems += [f"{region}: {problem}" for problem in there.problems]
            traffic |= {_named(name, region): part for name, part in there.traffic.items()}
            lost |= {_named(name, region): part for name, part in there.lost.items()}
        return MetricsReading(
            start=found.start,
            read=found.read,
            traffic=traffic,
            problems=tuple(problems),
            lost=lost,
        )

    @override
    def model_ids(self) -> frozenset[str]:
        """Those of all Regions; one whose list cannot be read proves no silence until it can.

        Raises:
            ObservationError: those of the stack's own Region could not be read.
        """
        found = set(self._home.model_ids())
        for region in self._make:
            try:
                found |= {_named(name, region) for name in self._at(region).model_ids()}
            except ObservationError as error:
                self._unlisted[region] = str(error)
            else:
                self._unlisted.pop(region, None)
        return frozenset(found)

    @override
    def copies(self, address: str, start: datetime, end: datetime) -> tuple[int, ...]:
        """Of the stack's own Region: an imported model is called where it is."""
        return self._home.copies(address, start, end)

    @override
    def beat(self, at: datetime) -> None:
        """In each Region, the stack's own first.

        Raises:
            ObservationError: the first of those that could not be put.
        """
        failures = list(self._beats(at))
        if failures:
            raise failures[0]

    def _beats(self, at: datetime) -> Iterable[ObservationError]:
        for region in ("", *self._make):
            try:
                (self._at(region) if region else self._home).beat(at)
            except ObservationError as error:
                yield ObservationError(f"{region}: {error}") if region else error

    def _reading(self, region: str) -> Metrics:
        """The metrics of a Region whose list of `ModelId`s is known."""
        if region not in self._make:
            raise ObservationError("its metrics are not among those that this stack reads")
        if region in self._unlisted:
            raise ObservationError(self._unlisted[region])
        return self._at(region)

    def _at(self, region: str) -> Metrics:
        if region not in self._made:
            self._made[region] = self._make[region]()
        return self._made[region]

    def _by_region(self, model_ids: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in model_ids:
            plain, region = _parted(name)
            found.setdefault(region, []).append(plain)
        return found


def _named(model_id: str, region: str) -> str:
    return f"{model_id}{_AT}{region}"


def _parted(name: str) -> tuple[str, str]:
    """A `ModelId` and its Region, empty for the stack's own."""
    plain, _, region = name.partition(_AT)
    return plain, region


def _of(
    region: str, series: Mapping[str, Collection[str]] | None
) -> Mapping[str, Collection[str]] | None:
    """What is asked of one Region, under the names that it knows."""
    if series is None:
        return None
    parts = ((_parted(name), names) for name, names in series.items())
    return {plain: names for (plain, at), names in parts if at == region}
