"""CloudWatch as the loops use it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.domain.traffic.observation import Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsReading:
    """One batched read of `AWS/Bedrock`.

    Attributes:
        start: first minute; every array below has one element per minute from here.
        read: True where the minute counts as read: the query that covers it ended
            `Complete` and the heartbeat has a point there.
        traffic: by `ModelId`; NaN where neither read nor a point exists; 0 where read
            without a point. A minute with a point holds its value even when not `read`.
        problems: sentences on what was partial, forbidden or failed.
        lost: by `ModelId`, True where a query of it ended without an answer or with a part of
            one, so that asking again may tell more; without those that were answered whole.
    """

    start: datetime
    read: NDArray[np.bool_]
    traffic: Mapping[str, Traffic]
    problems: tuple[str, ...]
    lost: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)


class Metrics(Protocol):
    """CloudWatch as the loop uses it."""

    @property
    def regions(self) -> frozenset[str]:
        """Source Regions besides its own that it reads; their `ModelId`s end in `@region`."""
        return frozenset()

    def read(
        self,
        model_ids: Sequence[str],
        start: datetime,
        end: datetime,
        series: Mapping[str, Collection[str]] | None = None,
    ) -> MetricsReading:
        """Per-minute sums in [start, end) for all `model_ids` in one batch.

        Sorted by time, free of NaN, negative and duplicate points (those become gaps). A
        failed query is a gap of its `ModelId` alone.

        Args:
            model_ids: values of the dimension `ModelId`.
            start: first minute.
            end: the minute after the last.
            series: names of METRICS to ask for, by `ModelId`; all of one that is not named. What
                is not asked for is 0 in each minute that counts as known.

        Raises:
            ObservationError: nothing at all could be read.
        """

    def model_ids(self) -> frozenset[str]:
        """The values of the `ModelId` dimension that CloudWatch lists now."""

    def copies(self, address: str, start: datetime, end: datetime) -> tuple[int, ...]:
        """The most copies of an imported model that ran in each 5 minutes of [start, end).

        Both lie on whole 5 minutes. Where nothing was published no copy ran.

        Raises:
            ObservationError: they could not be read, or not all of them.
        """

    def beat(self, at: datetime) -> None:
        """Put this deployment's heartbeat into the minute of `at`."""
