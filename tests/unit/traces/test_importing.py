import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bedrock_autoscaler.backtest.errors import TraceError
from bedrock_autoscaler.traces.formats import Gaps, ImportOptions, TraceFormat
from bedrock_autoscaler.traces.importing import import_trace

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
OPTIONS = ImportOptions(epoch=EPOCH, seed=1, gaps=Gaps.REFUSE, attempts_per_call=1.0)
BURSTGPT = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def rows(trace: object) -> list[tuple[float, float, float]]:
    columns = [getattr(trace, name) for name in ("invocations", "input_tokens", "output_tokens")]
    return [tuple(values) for values in zip(*(column.tolist() for column in columns), strict=True)]


def test_burstgpt_sums_requests_by_minute_and_fills_quiet_minutes(tmp_path: Path) -> None:
    path = written(
        tmp_path / "b.csv",
        BURSTGPT
        + "5,ChatGPT,472,18,490,Conversation log\n"
        + "45,GPT-4,100,2,102,API log\n"
        + "130.5,ChatGPT,7,0,7,API log\n",
    )

    trace = import_trace(TraceFormat.BURSTGPT, [path], OPTIONS)

    assert trace.start == EPOCH
    assert rows(trace) == [(2, 572, 20), (0, 0, 0), (1, 7, 0)]


def test_burstgpt_reads_the_columns_of_release_2_by_name(tmp_path: Path) -> None:
    path = written(
        tmp_path / "b.csv",
        "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,"
        "Log Type\n60,s1,1.5,GPT-4,10,3,13,Conversation log\n",
    )

    trace = import_trace(TraceFormat.BURSTGPT, [path], OPTIONS)

    assert trace.start == datetime(2024, 1, 1, 0, 1, tzinfo=UTC)
    assert rows(trace) == [(1, 10, 3)]


def test_azure_2023_has_times_without_a_zone(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(
        gzip.compress(
            (
                AZURE + "2023-11-16 18:17:03.9799600,4808,10\n"
                "2023-11-16 18:17:59,1,2\n2023-11-16 18:18:00.0000000,5,6\n"
            ).encode()
        )
    )

    trace = import_trace(TraceFormat.AZURE_2023, [path], OPTIONS)

    assert trace.start == datetime(2023, 11, 16, 18, 17, tzinfo=UTC)
    assert rows(trace) == [(2, 4809, 12), (1, 5, 6)]


def test_azure_2024_has_times_with_a_zone(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.csv",
        AZURE + "2024-05-10 00:00:00.009930+00:00,10,1\n2024-05-10 02:01:00+02:00,20,2\n",
    )

    trace = import_trace(TraceFormat.AZURE_2024, [path], OPTIONS)

    assert trace.start == datetime(2024, 5, 10, tzinfo=UTC)
    assert rows(trace) == [(1, 10, 1), (1, 20, 2)]


@pytest.mark.parametrize(
    ("source", "text", "reason"),
    [
        (TraceFormat.BURSTGPT, "time,tokens\n", "x.csv: line 1: column 'Timestamp' is missing"),
        (TraceFormat.BURSTGPT, BURSTGPT, "x.csv: holds no request"),
        (TraceFormat.BURSTGPT, BURSTGPT + "5,ChatGPT,-1,18\n", "line 2: '-1' is negative"),
        (TraceFormat.BURSTGPT, BURSTGPT + "5,ChatGPT,1.5,18\n", "line 2: '1.5' is not a whole"),
        (TraceFormat.BURSTGPT, BURSTGPT + "5,ChatGPT\n", "line 2: has 2 fields"),
        (TraceFormat.BURSTGPT, BURSTGPT + "nan,ChatGPT,1,1\n", "line 2: 'nan' is negative or not"),
        (TraceFormat.AZURE_2023, AZURE + "yesterday,1,1\n", "line 2: time 'yesterday'"),
        (
            TraceFormat.AZURE_2023,
            AZURE + "2024-05-10 00:00:00.0+00:00,1,1\n",
            "is it the other release?",
        ),
        (TraceFormat.AZURE_2024, AZURE + "2023-11-16 18:17:03.97,1,1\n", "the other release"),
        (TraceFormat.BURSTGPT, BURSTGPT + "5,m,1e16,1\n", "'1e16' is negative or not finite, or"),
        (TraceFormat.BURSTGPT, BURSTGPT + "1700000000000,m,1,1\n", "are the times seconds?"),
        (TraceFormat.BURSTGPT, BURSTGPT + "5,m,1,1\n1e12,m,1,1\n", "at most 5,270,400, ten years"),
        (TraceFormat.BURSTGPT, BURSTGPT + f"5,{'x' * 200_000},1,1\n", "is not CSV: field larger"),
        (TraceFormat.AZURE_2024, AZURE + "0001-01-01 00:00:00+10:00,1,1\n", "line 2: time '0001"),
        (
            TraceFormat.AZURE_2023,
            AZURE + "0001-01-01 00:00:00,1,1\n",
            "past the years 1970 to 9000",
        ),
        (TraceFormat.CLOUDWATCH, "[" * 100_000, "nested too deeply"),
        (TraceFormat.CLOUDWATCH, f"[{'1' * 5_000}]", "is not usable JSON: Exceeds the limit"),
        (TraceFormat.CLOUDWATCH, "{}", "has no list MetricDataResults"),
        (TraceFormat.CLOUDWATCH, "x", "line 1: is not JSON"),
        (TraceFormat.SERVEGEN, "0,1,1,Gamma,1,1\n", "name a client's file"),
    ],
)
def test_refuses_a_wrong_file_with_its_place_and_reason(
    tmp_path: Path, source: TraceFormat, text: str, reason: str
) -> None:
    path = written(tmp_path / "x.csv", text)

    with pytest.raises(TraceError, match=r"x\.csv") as caught:
        import_trace(source, [path], OPTIONS)

    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_refuses_damaged_gzip_data(tmp_path: Path) -> None:
    path = tmp_path / "b.csv.gz"
    packed = bytearray(gzip.compress(BURSTGPT.encode() + b"5,m,1,1\n" * 99))
    packed[20:24] = b"\xff\xff\xff\xff"
    path.write_bytes(packed)

    with pytest.raises(TraceError, match=r"b\.csv\.gz: cannot be read: Error -3"):
        import_trace(TraceFormat.BURSTGPT, [path], OPTIONS)


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="cannot be read: No such file"):
        import_trace(TraceFormat.BURSTGPT, [tmp_path / "none.csv"], OPTIONS)


def client(folder: Path, windows: str, tokens: object) -> Path:
    (folder / "chunk-7-dataset.json").write_text(json.dumps(tokens))
    return written(folder / "chunk-7-trace.csv", windows)


FIXED = {"0": {"input_tokens": "{10: 1.0}", "output_tokens": "{3: 1.0}"}}


def test_servegen_keeps_the_measured_count_of_each_window(tmp_path: Path) -> None:
    # 0.5 and 0.1 requests a second for 600 s: 300 and 60 requests, none between.
    path = client(
        tmp_path,
        "0,0.5,1,Gamma,1,2\n600,0,0,,0,0\n1200,0.1,3,Weibull,0.5,4\n",
        FIXED,
    )

    trace = import_trace(TraceFormat.SERVEGEN, [path], OPTIONS)

    assert trace.start == EPOCH
    assert trace.invocations[:10].sum() == 300
    assert trace.invocations[10:20].sum() == 0
    assert trace.invocations[20:].sum() == 60
    assert trace.input_tokens.sum() == 360 * 10
    assert trace.output_tokens.sum() == 360 * 3


def test_servegen_draws_the_same_for_a_seed(tmp_path: Path) -> None:
    path = client(tmp_path, "0,0.5,1,Gamma,1,2\n600,0.1,1,Gamma,1,2\n", FIXED)

    first, again = (import_trace(TraceFormat.SERVEGEN, [path], OPTIONS) for _ in range(2))
    other = import_trace(TraceFormat.SERVEGEN, [path], replace(OPTIONS, seed=2))

    assert rows(first) == rows(again)
    assert rows(first) != rows(other)


def test_servegen_passes_over_empty_distributions(tmp_path: Path) -> None:
    empty = {"input_tokens": "{}", "output_tokens": "{}"}
    path = client(
        tmp_path,
        "0,0.5,1,Gamma,1,2\n600,0.1,1,Gamma,1,2\n",
        {"0": empty, "21600": FIXED["0"], "43200": empty},
    )

    trace = import_trace(TraceFormat.SERVEGEN, [path], OPTIONS)

    assert trace.input_tokens.sum() == 360 * 10


def test_servegen_refuses_an_unknown_law(tmp_path: Path) -> None:
    path = client(tmp_path, "0,0.5,1,Pareto,1,2\n600,0,0,,0,0\n", FIXED)

    with pytest.raises(TraceError, match="line 1: law 'Pareto' is unknown"):
        import_trace(TraceFormat.SERVEGEN, [path], OPTIONS)


@pytest.mark.parametrize(
    ("windows", "tokens", "reason"),
    [
        ("0,0.5,1,Gamma,0,2\n600,0,0,,0,0\n", FIXED, "line 1: shape 0 gives no gaps"),
        ("0,0,1,,0,2\n600,1,0,Weibull,0,0\n", FIXED, "line 2: shape 0 gives no gaps"),
        ("0,1e12,1,Gamma,1,2\n600,0,0,,0,0\n", FIXED, "line 1: a window of 600,000,000,000,000"),
        ("0,1,1,Gamma,1,2\n1e18,0,0,,0,0\n", FIXED, "line 2: '1e18' is negative or not finite, or"),
        ("0,1,1,Gamma,1,2\n600,0,0,,0,0\n", [], "has no distributions by their start"),
        ("0,1,1,Gamma,1,2\n600,0,0,,0,0\n", "{10: 0}", "no share above 0"),
        ("0,1,1,Gamma,1,2\n600,0,0,,0,0\n", "{10: -1, 20: 2}", "has a negative or too large"),
        ("0,1,1,Gamma,1,2\n600,0,0,,0,0\n", "{-10: 1}", "has a negative or too large"),
        ("0,1,1,Gamma,1,2\n600,0,0,,0,0\n", "{1e999: 1}", "has a negative or too large"),
        ("0,1,1,Gamma,1,2\n600,0,0,,0,0\n", f"{{1{'0' * 400}: 1}}", "is not a dictionary"),
    ],
)
def test_servegen_refuses_what_nothing_can_be_drawn_from(
    tmp_path: Path, windows: str, tokens: Any, reason: str
) -> None:
    if isinstance(tokens, str):
        tokens = {"0": {"input_tokens": tokens, "output_tokens": "{3: 1.0}"}}
    path = client(tmp_path, windows, tokens)

    with pytest.raises(TraceError) as caught:
        import_trace(TraceFormat.SERVEGEN, [path], OPTIONS)

    assert reason in str(caught.value)


def test_servegen_runs_no_code_of_its_files(tmp_path: Path) -> None:
    code = {"0": {"input_tokens": "{1: exit(3)}", "output_tokens": "{3: 1.0}"}}
    path = client(tmp_path, "0,0.5,1,Gamma,1,2\n600,0,0,,0,0\n", code)

    with pytest.raises(TraceError, match="input_tokens at '0' is not a dictionary"):
        import_trace(TraceFormat.SERVEGEN, [path], OPTIONS)


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
