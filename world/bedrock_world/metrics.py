"""`AWS/Bedrock` as CloudWatch would show it: successes only, missing means none, and late."""

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bedrock_world.settings import Config

NAMESPACE = "AWS/Bedrock"
_MINUTE = 60
# PutMetricData's own bound on distinct values in one datum.
MOST_VALUES = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """One metric of one minute.

    Attributes:
        counts: how often each value occurred, ascending by value; at most 150 values.
        low, high, total, samples: a statistic set, when single values are not kept.
    """

    metric: str
    model_id: str
    minute: datetime
    counts: tuple[tuple[float, int], ...] = ()
    low: float = 0.0
    high: float = 0.0
    total: float = 0.0
    samples: int = 0

    @property
    def sum(self) -> float:
        """The Sum statistic."""
        return self.total if not self.counts else sum(v * n for v, n in self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one successful call contributes; `output_tokens` None for an embedding model."""

    input_tokens: int
    output_tokens: int | None
    cache_read_tokens: int
    cache_write_tokens: int
    quota_tokens: int
    latency_ms: int


@dataclass(slots=True)
class Traffic:
    """The truth about one address and minute, for whoever keeps score."""

    served: int = 0
    throttled: int = 0
    client_errors: int = 0
    server_errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class _Set:
    """A growing statistic set."""

    __slots__ = ("high", "low", "samples", "total")

    def __init__(self) -> None:
        self.samples = 0
        self.total = 0.0
        self.low = 0.0
        self.high = 0.0

    def add(self, value: float) -> None:
        """One more sample."""
        if not self.samples:
            self.low = self.high = value
        elif value < self.low:
            self.low = value
        elif value > self.high:
            self.high = value
        self.samples += 1
        self.total += value


@dataclass(slots=True)
class _Cell:
    """What is still to be published of one address and minute."""

    events: Counter[str] = field(default_factory=Counter)
    sets: dict[str, _Set] = field(default_factory=dict)
    latencies: Counter[int] = field(default_factory=Counter)

    def add(self, metric: str, value: float) -> None:
        """One more sample of a metric."""
        held = self.sets.get(metric)
        if held is None:
            held = self.sets[metric] = _Set()
        held.add(value)


class Recorder:
    """Counts what happened, and publishes each minute when its lag is over."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._truth: dict[tuple[str, int], Traffic] = {}
        # By ModelId, minute and whether the samples come with the backfill.
        self._cells: dict[tuple[str, int, bool], _Cell] = {}
        self._serial = 0

    def served(self, model_id: str, ended: float, sample: Sample) -> None:
        """A call that ended well, counted in the minute of its end."""
        truth, cell = self._open(model_id, ended)
        truth.served += 1
        truth.input_tokens += sample.input_tokens
        truth.output_tokens += sample.output_tokens or 0
        cell.events["Invocations"] += 1
        cell.latencies[_rounded(sample.latency_ms)] += 1
        cell.add("InputTokenCount", sample.input_tokens)
        cell.add("EstimatedTPMQuotaUsage", sample.quota_tokens)
        if sample.output_tokens is not None:
            cell.add("OutputTokenCount", sample.output_tokens)
        suffix = self._config.current.cache_metric_suffix
        if sample.cache_read_tokens:
            cell.add(f"CacheReadInputToken{suffix or 's'}", sample.cache_read_tokens)
        if sample.cache_write_tokens:
            cell.add(f"CacheWriteInputToken{suffix or 's'}", sample.cache_write_tokens)

    def copies(self, model_id: str, at: float, running: int) -> None:
        """Copies of an imported model that run in a minute; its Maximum is what is billed."""
        key = (model_id, int(at // _MINUTE) * _MINUTE, False)
        self._cells.setdefault(key, _Cell()).add("ModelCopy", running)

    def throttled(self, model_id: str, at: float) -> None:
        """A call refused for want of capacity."""
        truth, cell = self._open(model_id, at)
        truth.throttled += 1
        cell.events["InvocationThrottles"] += 1

    def failed(self, model_id: str, at: float, *, by_server: bool) -> None:
        """A call refused for another reason."""
        truth, cell = self._open(model_id, at)
        if by_server:
            truth.server_errors += 1
            cell.events["InvocationServerErrors"] += 1
        else:
            truth.client_errors += 1
            cell.events["InvocationClientErrors"] += 1

    def _open(self, model_id: str, at: float) -> tuple[Traffic, _Cell]:
        minute = int(at // _MINUTE) * _MINUTE
        truth = self._truth.get((model_id, minute))
        if truth is None:
            truth = self._truth[model_id, minute] = Traffic()
        key = (model_id, minute, self._comes_late())
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = _Cell()
        return truth, cell

    def _comes_late(self) -> bool:
        share = self._config.current.backfill_share
        if not share:
            return False
        self._serial += 1
        return _fraction(f"{self._config.current.seed}/backfill/{self._serial}") < share

    def publish(self, now: datetime) -> tuple[Datum, ...]:
        """The data whose lag is over and that no earlier call returned, oldest first.

        Samples that reach a minute after its publication come as a further datum of that
        minute; CloudWatch adds the two.
        """
        due = sorted(key for key in self._cells if self._due(key) <= now)
        due.sort(key=lambda key: key[1])
        data: list[Datum] = []
        for model_id, minute, late in due:
            cell = self._cells.pop((model_id, minute, late))
            data += _data(model_id, datetime.fromtimestamp(minute, tz=UTC), cell)
        return tuple(data)

    def _due(self, key: tuple[str, int, bool]) -> datetime:
        model_id, minute, late = key
        settings = self._config.current
        lag = settings.backfill_lag if late else self._lag(model_id, minute)
        return datetime.fromtimestamp(minute + _MINUTE, tz=UTC) + lag

    def _lag(self, model_id: str, minute: int) -> timedelta:
        """The publication lag of one series and minute, drawn between the two bounds."""
        settings = self._config.current
        longest = settings.metric_lag_longest
        if longest is None or longest <= settings.metric_lag:
            return settings.metric_lag
        drawn = _fraction(f"{settings.seed}/lag/{model_id}/{minute}")
        return settings.metric_lag + drawn * (longest - settings.metric_lag)

    def truth(self, start: datetime, end: datetime) -> Mapping[tuple[str, datetime], Traffic]:
        """What really happened in [start, end), by ModelId and minute, without any lag."""
        first, stop = start.timestamp(), end.timestamp()
        return {
            (model_id, datetime.fromtimestamp(minute, tz=UTC)): traffic
            for (model_id, minute), traffic in sorted(self._truth.items())
            if first <= minute < stop
        }


def _data(model_id: str, minute: datetime, cell: _Cell) -> list[Datum]:
    data = [
        Datum(metric=metric, model_id=model_id, minute=minute, counts=((1.0, count),))
        for metric, count in sorted(cell.events.items())
    ]
    data += [
        Datum(
            metric=metric,
            model_id=model_id,
            minute=minute,
            low=held.low,
            high=held.high,
            total=held.total,
            samples=held.samples,
        )
        for metric, held in sorted(cell.sets.items())
    ]
    latencies = sorted((float(value), count) for value, count in cell.latencies.items())
    data += [
        Datum(
            metric="InvocationLatency",
            model_id=model_id,
            minute=minute,
            counts=tuple(latencies[start : start + MOST_VALUES]),
        )
        for start in range(0, len(latencies), MOST_VALUES)
    ]
    return data


def _rounded(latency_ms: int) -> int:
    """Two significant digits: few distinct values, percentiles within 5%."""
    scale: int = 10 ** max(0, len(str(latency_ms)) - 2)
    return round(latency_ms / scale) * scale


def _fraction(text: str) -> float:
    """A number in [0, 1) that the text alone decides."""
    return zlib.crc32(text.encode()) / 2**32
