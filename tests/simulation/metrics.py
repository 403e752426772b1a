"""A fast model of CloudWatch: points that come late, minutes without a heartbeat, lost series."""

import random
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.ports.cloudwatch import MetricsReading
from bedrock_autoscaler.domain.traffic.observation import METRICS, Series, Traffic
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes

EPOCH = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
_MINUTES = 366 * 24 * 60
_BEAT_LAG = 1
_TOKENS = {"input_tokens": 1_000.0, "output_tokens": 200.0, "quota_tokens": 1_200.0}


def minute_of(moment: datetime) -> int:
    """Whole minutes since EPOCH."""
    return int((moment - EPOCH) // MINUTE)


class SimulatedMetrics:
    """Implements Metrics.

    Attributes:
        lag: minutes after which a point is shown.
        missed: share of minutes without a heartbeat.
        dark_until: points of earlier minutes, heartbeats included, are not shown before then.
        failing: `ModelId`s whose queries fail.
        regions: other source Regions that it reads: none.
    """

    def __init__(self, clock: Clock, lag: int = 2, missed: float = 0.0) -> None:
        self.lag = lag
        self.missed = missed
        self._chance = random.Random(lag)  # noqa: S311 - simulation
        self.dark: tuple[int, int] = (0, 0)
        self.failing: set[str] = set()
        self.regions: frozenset[str] = frozenset()
        self._clock = clock
        self._calls: dict[str, dict[int, float]] = defaultdict(dict)
        self._beats = np.zeros(_MINUTES, dtype=np.bool_)

    def heal(self) -> None:
        """Everything is shown again."""
        self.dark, self.missed = (0, 0), 0.0
        self.failing.clear()

    def put(self, model_id: str, minute: int, calls: float) -> None:
        """Calls of one minute of one `ModelId`."""
        known = self._calls[model_id]
        known[minute] = known.get(minute, 0.0) + calls

    def beat_through(self, start: datetime, end: datetime) -> None:
        """A heartbeat in each minute of [start, end), but for those that the chance takes."""
        first, last = minute_of(start), minute_of(end)
        if not self.missed:
            self._beats[first:last] = True
            return
        for minute in range(first, last):
            self._beats[minute] |= self._chance.random() >= self.missed

    def has_shown_calls(self, model_id: str, since: int) -> bool:
        """Whether a query now would show any call of this series since that minute."""
        horizon = self._horizon()
        calls = self._calls.get(model_id)
        return calls is not None and any(since <= minute <= horizon for minute in calls)

    def calls_within(self, model_id: str, first: int, last: int) -> bool:
        """Whether there truly were calls in these minutes, shown or not."""
        calls = self._calls.get(model_id, {})
        return any(minute in calls for minute in range(first, last))

    def shown_beats(self, first: int, last: int) -> int:
        """How many of these minutes show a heartbeat now."""
        return int(self._beats[first : min(last, self._horizon(_BEAT_LAG) + 1)].sum())

    # -- the port ------------------------------------------------------------------------------

    def read(
        self,
        model_ids: Sequence[str],
        start: datetime,
        end: datetime,
        series: Mapping[str, Collection[str]] | None = None,
    ) -> MetricsReading:
        """What is shown now."""
        asked = _asked(model_ids, series or {})
        return self._read(asked, start, end, frozenset(self.failing))

    def partial_read(
        self,
        model_ids: Sequence[str],
        start: datetime,
        end: datetime,
        series: Mapping[str, Collection[str]] | None = None,
    ) -> MetricsReading:
        """The same without every other series."""
        asked = _asked(model_ids, series or {})
        return self._read(asked, start, end, frozenset(sorted(model_ids)[::2]))

    def copies(self, address: str, start: datetime, end: datetime) -> tuple[int, ...]:
        """No target here has an imported model."""
        raise NotImplementedError(address)

    def model_ids(self) -> frozenset[str]:
        """Those that have a point."""
        return frozenset(self._calls)

    def beat(self, at: datetime) -> None:
        """One heartbeat."""
        self._beats[minute_of(at)] = True

    def _horizon(self, lag: int | None = None) -> int:
        """The newest minute that is shown; heartbeats are shown sooner than other series."""
        now = minute_of(self._clock.now())
        first, last = self.dark
        if first <= now < last:
            return first - 1
        return now - (self.lag if lag is None else lag)

    def _read(
        self,
        asked: Mapping[str, Collection[str]],
        start: datetime,
        end: datetime,
        failing: frozenset[str],
    ) -> MetricsReading:
        first, count = minute_of(start), max(whole_minutes(end - start), 0)
        shown = min(max(self._horizon() + 1 - first, 0), count)
        read = self._beats[first : first + count].copy()
        read[max(self._horizon(_BEAT_LAG) + 1 - first, 0) :] = False
        silent = _zeros(count) if read.all() else np.where(read, 0.0, np.nan)
        traffic: dict[str, Traffic] = {}
        problems, lost = [], {}
        silence = _even(start, silent)
        for model_id, wanted in asked.items():
            if model_id in failing:
                problems.append(f"metrics of {model_id}: InternalError")
                lost[model_id] = np.ones_like(read)
                traffic[model_id] = _even(start, _gaps(count))
            else:
                traffic[model_id] = self._series(model_id, silence, shown, wanted)
        return MetricsReading(
            start=start, read=read, traffic=traffic, problems=tuple(problems), lost=lost
        )

    def _series(
        self, model_id: str, silence: Traffic, shown: int, wanted: Collection[str]
    ) -> Traffic:
        """The series that were asked for, and silence in place of the others."""
        first, silent = minute_of(silence.start), silence.invocations
        calls = self._calls.get(model_id, {})
        inside = [m for m in calls if first <= m < first + shown] if calls else []
        if not inside:
            return silence
        places = [minute - first for minute in inside]
        # A minute with a point is known, whether or not it counts as read.
        base = silent
        if np.isnan(silent[places]).any():
            base = silent.copy()
            base[places] = 0.0
        counts = base.copy()
        counts[places] = [calls[minute] for minute in inside]
        series = dict.fromkeys(METRICS, base)
        series["invocations"] = counts
        series |= {name: counts * each for name, each in _TOKENS.items() if name in wanted}
        return Traffic(start=silence.start, **series)


def dark_for(now: datetime, length: timedelta) -> tuple[int, int]:
    """The span of minutes in which nothing new is shown."""
    return minute_of(now), minute_of(now + length)


@lru_cache(maxsize=64)
def _zeros(count: int) -> Series:
    return _frozen(np.zeros(count))


@lru_cache(maxsize=64)
def _gaps(count: int) -> Series:
    return _frozen(np.full(count, np.nan))


def _frozen(array: Series) -> Series:
    array.setflags(write=False)
    return array


def _even(start: datetime, values: Series) -> Traffic:
    return Traffic(start=start, **dict.fromkeys(METRICS, values))


def _asked(
    model_ids: Sequence[str], series: Mapping[str, Collection[str]]
) -> Mapping[str, Collection[str]]:
    """The series to read of each `ModelId`: all where nothing is said of it."""
    return {model_id: series.get(model_id, METRICS) for model_id in model_ids}
