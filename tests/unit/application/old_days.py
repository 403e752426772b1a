"""A scene on which reading takes its time, with targets whose old days are still to be read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import override

import numpy as np

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.cloudwatch import MetricsReading
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.traffic.observation import METRICS, Traffic
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes
from tests.builders import NOW, build_target, build_thresholds
from tests.fakes.memory_metrics import MemoryMetrics
from tests.staging import QUARTERLY, FakeDeadline, Stage

DAY = timedelta(days=1)
TODAY = NOW.replace(hour=0)
FORTNIGHT = tuple(TODAY - index * DAY for index in range(15))
"""The days of UTC that 14 days before noon lie in."""

_CALL = timedelta(seconds=0.3)
_POINT = timedelta(microseconds=12)
"""What a point asked for takes a Lambda of 1,024 MB, where four series of nine have one."""


class KilledError(BaseException):
    """Lambda has stopped the function: nothing catches that."""


class BusyMetrics(MemoryMetrics):
    """Every minute of every `ModelId` has calls; a read takes the time of a deadline.

    Attributes:
        read_from: the first minute of each read.
        refused: first minutes of reads that CloudWatch refuses.
        hanging: first minutes of reads that never come back.
        broken: `ModelId`s of which nothing old can be read, for a reason that nobody foresaw.
    """

    def __init__(self, deadline: FakeDeadline) -> None:
        super().__init__()
        self.read_from: list[datetime] = []
        self.refused: set[datetime] = set()
        self.hanging: set[datetime] = set()
        self.broken: set[str] = set()
        self._deadline = deadline

    @override
    def read(
        self,
        model_ids: Sequence[str],
        start: datetime,
        end: datetime,
        series: Mapping[str, Collection[str]] | None = None,
    ) -> MetricsReading:
        """Calls in each minute."""
        wanted = {name: tuple((series or {}).get(name, METRICS)) for name in model_ids}
        minutes = whole_minutes(end - start)
        self.asked.append(wanted)
        self.read_from.append(start)
        self._deadline.left -= _CALL + minutes * sum(map(len, wanted.values())) * _POINT
        if self._deadline.left < timedelta(0) or start in self.hanging:
            raise KilledError
        if self.broken & wanted.keys() and start in FORTNIGHT:
            raise ValueError
        if start in self.refused:
            raise ObservationError("metrics could not be read: Throttling")
        calls, silence = np.full(minutes, 60.0), np.zeros(minutes)
        series = dict.fromkeys(METRICS, silence) | {"invocations": calls, "input_tokens": calls}
        traffic = Traffic(start=start, **series)
        return MetricsReading(
            start=start,
            read=np.ones(minutes, dtype=np.bool_),
            traffic=dict.fromkeys(wanted, traffic),
            problems=(),
        )


class Scene:
    """A stage over busy metrics, with one target that has been decided for long."""

    def __init__(self, *, history_days: int = 14) -> None:
        thresholds = replace(
            QUARTERLY,
            observing=build_thresholds(observing={"history_days": history_days}).observing,
        )
        self.known = build_target(thresholds=thresholds)
        self.stage = Stage(self.known)
        self.metrics = BusyMetrics(self.stage.deadline)
        self.stage.metrics = self.metrics
        self.stage.wire()
        self._thresholds = thresholds

    def cold(self, count: int) -> tuple[Target, ...]:
        """New targets of four busy `ModelId`s each."""
        return tuple(
            build_target(
                name=f"new{number}",
                model_ids=tuple(f"profile-{number}-{index}" for index in range(4)),
                thresholds=self._thresholds,
            )
            for number in range(count)
        )

    def tick(self) -> RecordedDecision:
        """One tick of a function with 50 seconds; what became of the target that is known."""
        self.stage.clock.advance(15 * MINUTE)
        self.stage.deadline.left = timedelta(seconds=50)
        self.metrics.asked.clear()
        self.metrics.read_from.clear()
        self.stage.decide()
        return self.newest("chat")

    def newest(self, name: str) -> RecordedDecision:
        """The newest decision on capacity."""
        recorded = self.stage.decisions.latest(name, Loop.CAPACITY)
        assert recorded is not None
        return recorded

    def unread(self, name: str) -> tuple[datetime, ...]:
        """Days that are still to be read."""
        return self.newest(name).situation.observation.unread

    def gaps(self, name: str) -> int:
        """Minutes of 14 days of the history that are not known."""
        end = self.newest(name).situation.observation.traffic.end.replace(minute=0)
        kept = self.stage.history.load(name, end - 14 * DAY, end).total.invocations
        return 14 * 1440 - int(np.count_nonzero(~np.isnan(kept)))
