"""An export of CloudWatch becomes a trace, whose gaps are those of its heartbeats."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bedrock_autoscaler.backtest.errors import TraceError
from bedrock_autoscaler.traces.formats import Gaps, TraceFormat
from bedrock_autoscaler.traces.importing import import_trace
from tests.unit.traces.files import OPTIONS, rows, written


def result(query: str, points: Mapping[int, float], status: str = "Complete") -> dict[str, object]:
    """One query's answer with points at minutes past midnight."""
    return {
        "Id": query,
        "Label": query,
        "Timestamps": [f"2025-04-01T00:{minute:02}:00+00:00" for minute in points],
        "Values": list(points.values()),
        "StatusCode": status,
    }


def export(path: Path, results: Sequence[dict[str, object]]) -> Path:
    return written(path, json.dumps({"MetricDataResults": results, "Messages": []}))


TOKENS = [
    result("invocations", {0: 4, 2: 2}),
    result("input_tokens", {0: 40, 2: 20}),
    result("output_tokens", {0: 8, 2: 4}),
]
BEATS = result("heartbeat", {0: 1, 1: 1, 2: 1, 3: 1})


def test_cloudwatch_read_minute_without_a_point_is_zero_traffic(tmp_path: Path) -> None:
    path = export(tmp_path / "e.json", [*TOKENS, BEATS])

    trace = import_trace(TraceFormat.CLOUDWATCH, [path], OPTIONS)

    assert trace.start == datetime(2025, 4, 1, tzinfo=UTC)
    assert rows(trace) == [(4, 40, 8), (0, 0, 0), (2, 20, 4), (0, 0, 0)]


def test_cloudwatch_minute_without_a_heartbeat_is_a_gap_even_with_points(tmp_path: Path) -> None:
    path = export(tmp_path / "e.json", [*TOKENS, result("heartbeat", {0: 1, 1: 1, 3: 1})])

    with pytest.raises(TraceError, match="minute 2025-04-01T00:02:00Z was not read"):
        import_trace(TraceFormat.CLOUDWATCH, [path], OPTIONS)


def test_cloudwatch_gaps_become_zero_on_the_callers_word(tmp_path: Path) -> None:
    path = export(tmp_path / "e.json", TOKENS)

    with pytest.raises(TraceError, match="no heartbeat"):
        import_trace(TraceFormat.CLOUDWATCH, [path], OPTIONS)
    trace = import_trace(TraceFormat.CLOUDWATCH, [path], replace(OPTIONS, gaps=Gaps.ZERO))

    assert rows(trace) == [(4, 40, 8), (0, 0, 0), (2, 20, 4)]


def test_cloudwatch_points_outside_the_heartbeats_count_on_the_callers_word(
    tmp_path: Path,
) -> None:
    path = export(tmp_path / "e.json", [*TOKENS, result("heartbeat", {1: 1})])

    trace = import_trace(TraceFormat.CLOUDWATCH, [path], replace(OPTIONS, gaps=Gaps.ZERO))

    assert rows(trace) == [(4, 40, 8), (0, 0, 0), (2, 20, 4)]


def test_cloudwatch_refuses_dates_that_lie_far_apart(tmp_path: Path) -> None:
    far = result("throttles", {0: 1}) | {"Timestamps": ["1999-01-01T00:00:00Z"]}
    path = export(tmp_path / "e.json", [*TOKENS, far])

    with pytest.raises(TraceError, match="at most 5,270,400, ten years"):
        import_trace(TraceFormat.CLOUDWATCH, [path], replace(OPTIONS, gaps=Gaps.ZERO))


def test_cloudwatch_adds_model_ids_and_throttled_demand(tmp_path: Path) -> None:
    path = export(
        tmp_path / "e.json",
        [
            result("invocations", {0: 1}),
            result("invocations_pt1", {0: 3}),
            result("input_tokens", {0: 10}),
            result("input_tokens_pt1", {0: 30}),
            result("output_tokens", {0: 8}),
            result("throttles", {0: 8, 1: 2}),
            result("heartbeat", {0: 1, 1: 1}),
        ],
    )

    trace = import_trace(TraceFormat.CLOUDWATCH, [path], replace(OPTIONS, attempts_per_call=2.0))

    # Minute 0: 4 admitted, 8 / 2 throttled: twice the tokens. Minute 1: one throttled call of
    # the mean size, 40 / 4 and 8 / 4 tokens.
    assert rows(trace) == [(8, 80, 16), (1, 10, 2)]


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ([*TOKENS[:2], BEATS], "has no series 'output_tokens'"),
        ([*TOKENS, BEATS, result("latency", {0: 1})], "query id 'latency' is none of"),
        ([*TOKENS[:2], BEATS, result("output_tokens", {}, "PartialData")], "ended PartialData"),
        ([*TOKENS, BEATS, result("throttles", {0: -1})], "-1 at 2025-04-01T00:00:00Z is no count"),
        ([*TOKENS, BEATS, result("throttles", {0: float("inf")})], "inf at 2025-04-01T00:00:00Z"),
        ([*TOKENS, BEATS, result("throttles", {0: 10**400})], "0000 at 2025-04-01T00:00:00Z is no"),
        (
            [*TOKENS, BEATS, *(result(f"invocations_{k}", {0: 9e14}) for k in range(2))],
            "invocations holds a negative or non-finite number, or one above 1e+15",
        ),
        ([*TOKENS, BEATS, result("invocations", {0: 5})], "has two values"),
    ],
)
def test_cloudwatch_refuses_what_it_cannot_trust(
    tmp_path: Path, results: Sequence[dict[str, object]], reason: str
) -> None:
    path = export(tmp_path / "e.json", results)

    with pytest.raises(TraceError) as caught:
        import_trace(TraceFormat.CLOUDWATCH, [path], OPTIONS)

    assert reason in str(caught.value)


def test_cloudwatch_query_whose_last_page_is_complete_is_complete(tmp_path: Path) -> None:
    first, last = result("invocations", {0: 4}, "PartialData"), result("invocations", {2: 2})
    path = export(tmp_path / "e.json", [first, last, *TOKENS[1:], BEATS])

    trace = import_trace(TraceFormat.CLOUDWATCH, [path], OPTIONS)

    assert trace.invocations.tolist() == [4, 0, 2, 0]
