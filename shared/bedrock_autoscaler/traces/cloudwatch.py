"""A CloudWatch export: the JSON that `aws cloudwatch get-metric-data` prints.

One query per series, with a period of 60 seconds and the statistic Sum, its id being one of
`invocations`, `throttles`, `input_tokens`, `output_tokens`, `heartbeat`, or that and a suffix
(`invocations_pt1`) when several `ModelId`s carry the traffic; suffixed series are added up.
`throttles` may be left out.

The rule of the loop holds here too: a minute counts as read when every query of its file ended
`Complete` and the deployment's heartbeat has a point there. A read minute without a point is
zero traffic, any other is a gap, and a trace has no gaps. `gaps_are_zero` is the caller's own
word that a minute without a point had no traffic; it is what remains without a heartbeat.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeIs

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.backtest.errors import TraceError
from bedrock_autoscaler.backtest.trace import MOST_AMOUNT, Trace
from bedrock_autoscaler.domain.units import MINUTE, as_utc, floor_minute, iso, whole_minutes
from bedrock_autoscaler.traces.source import Floats, check_span, read_json, trace_of

REQUIRED = ("invocations", "input_tokens", "output_tokens")
HEARTBEAT = "heartbeat"
SERIES = (*REQUIRED, "throttles", HEARTBEAT)

Points = dict[datetime, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Export:
    """Points by query id, over all files."""

    points: Mapping[str, Points]

    def series(self, name: str) -> Points:
        """The sum of all queries of one series."""
        total: defaultdict[datetime, float] = defaultdict(float)
        for query, points in self.points.items():
            if _series_of(query) == name:
                for moment, value in points.items():
                    total[moment] += value
        return dict(total)


def read_cloudwatch(
    files: Sequence[Path], *, gaps_are_zero: bool, attempts_per_call: float
) -> Trace:
    """The exported minutes from the first to the last that was read, or has a point.

    Demand includes what was throttled: to the requests admitted in a minute come those
    throttled, and its tokens rise in the same proportion; where none was admitted, a throttled
    request has the mean size over the export.

    Args:
        files: exports, of different spans or of different series.
        gaps_are_zero: take each minute without a point for one without traffic, and all points,
            also those before the first heartbeat or after the last.
        attempts_per_call: throttles that one call shows up as, since the callers' SDK retries.

    Raises:
        TraceError: not such an export, an incomplete query, a missing series, or a gap.
    """
    export = _Export(points=_read_points(files))
    for name in REQUIRED:
        if not any(_series_of(query) == name for query in export.points):
            raise TraceError(files[0], None, f"has no series {name!r}; give a query that id")
    if gaps_are_zero:
        moments = {moment for points in export.points.values() for moment in points}
    else:
        moments = set(export.series(HEARTBEAT))
        _refuse_gaps(files[0], moments)
    if not moments:
        raise TraceError(files[0], None, "has no point in any series")
    first, last = min(moments), max(moments)
    length = whole_minutes(last - first) + 1
    check_span(files[0], length)
    return trace_of(
        files[0], "cloudwatch", first, _columns(export, first, length, attempts_per_call)
    )


def _read_points(files: Sequence[Path]) -> dict[str, Points]:
    points: defaultdict[str, Points] = defaultdict(dict)
    for path in files:
        status: dict[str, str] = {}
        for result in _results(path):
            query = str(result.get("Id", ""))
            # The pages of one query follow each other; the last one says whether it is whole.
            status[query] = str(result.get("StatusCode", "missing"))
            for moment, value in _values(path, query, result):
                if points[query].setdefault(moment, value) != value:
                    raise TraceError(path, None, f"query {query!r} has two values at {iso(moment)}")
        partial = [query for query, code in status.items() if code != "Complete"]
        if partial:
            raise TraceError(
                path,
                None,
                f"query {partial[0]!r} ended {status[partial[0]]}, not Complete; export it again",
            )
    return dict(points)


def _results(path: Path) -> list[dict[str, object]]:
    document = read_json(path)
    results = document.get("MetricDataResults") if isinstance(document, dict) else None
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        raise TraceError(path, None, "has no list MetricDataResults; use get-metric-data")
    for result in results:
        if _series_of(str(result.get("Id", ""))) not in SERIES:
            raise TraceError(
                path,
                None,
                f"query id {result.get('Id')!r} is none of {', '.join(SERIES)}, with or"
                " without a suffix after an underscore",
            )
    return results


def _series_of(query: str) -> str:
    """The series that a query id names: `input_tokens_pt1` names `input_tokens`."""
    for name in SERIES:
        if query == name or query.startswith(f"{name}_"):
            return name
    return query


def _values(
    path: Path, query: str, result: Mapping[str, object]
) -> Iterable[tuple[datetime, float]]:
    stamps, values = result.get("Timestamps"), result.get("Values")
    if not isinstance(stamps, list) or not isinstance(values, list) or len(stamps) != len(values):
        raise TraceError(path, None, f"query {query!r}: Timestamps and Values do not match")
    for stamp, value in zip(stamps, values, strict=True):
        moment = _moment(stamp)
        if moment is None or moment != floor_minute(moment):
            raise TraceError(
                path, None, f"query {query!r}: {stamp!r} is not the start of a minute in UTC"
            )
        if not _is_count(value):
            reason = f"query {query!r}: {str(value)[:40]} at {iso(moment)} is no count"
            raise TraceError(path, None, reason)
        yield moment, float(value)


def _is_count(value: object) -> TypeIs[int | float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= MOST_AMOUNT


def _moment(stamp: object) -> datetime | None:
    """A time as the AWS CLI writes it: ISO 8601 with a zone, or seconds since 1970."""
    try:
        if isinstance(stamp, int | float):
            return datetime.fromtimestamp(stamp, tz=UTC)
        return as_utc(datetime.fromisoformat(str(stamp)))
    except (ValueError, OverflowError, OSError):
        return None


def _refuse_gaps(path: Path, beats: set[datetime]) -> None:
    if not beats:
        raise TraceError(
            path,
            None,
            "has no heartbeat, so a quiet minute looks like an unread one; export the metric"
            " BedrockAutoscaler/Heartbeat too, or say --gaps zero",
        )
    start, end = min(beats), max(beats)
    for k in range(whole_minutes(end - start)):
        if start + k * MINUTE not in beats:
            raise TraceError(
                path,
                None,
                f"minute {iso(start + k * MINUTE)} was not read (no heartbeat); leave it out of"
                " the export, or say --gaps zero",
            )


def _columns(
    export: _Export, start: datetime, length: int, attempts_per_call: float
) -> tuple[Floats, Floats, Floats]:
    admitted, throttles, inputs, outputs = (
        _array(export.series(name), start, length)
        for name in ("invocations", "throttles", "input_tokens", "output_tokens")
    )
    return with_refused(admitted, throttles, (inputs, outputs), attempts_per_call=attempts_per_call)


def with_refused(
    admitted: Floats, throttles: Floats, tokens: tuple[Floats, Floats], *, attempts_per_call: float
) -> tuple[Floats, Floats, Floats]:
    """What was asked for: requests, input tokens and output tokens, refused ones included.

    A refused request is as large as those admitted in its minute; where none was, as large as the
    mean over the series.
    """
    throttled = throttles / attempts_per_call
    calls = max(float(admitted.sum()), 1.0)
    raised = np.where(admitted > 0, throttled / np.maximum(admitted, 1.0), 0.0)
    unserved = np.where(admitted > 0, 0.0, throttled)
    inputs, outputs = (column * (1 + raised) + unserved * column.sum() / calls for column in tokens)
    return admitted + throttled, inputs, outputs


def _array(points: Points, start: datetime, length: int) -> NDArray[np.float64]:
    values = np.zeros(length)
    for moment, value in points.items():
        k = whole_minutes(moment - start)
        if 0 <= k < length:
            values[k] = value
    return values
