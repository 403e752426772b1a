"""Logs of requests become traces by the minute: BurstGPT and Azure."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bedrock_autoscaler.backtest.errors import TraceError
from bedrock_autoscaler.traces.formats import TraceFormat
from bedrock_autoscaler.traces.importing import import_trace
from tests.unit.traces.files import EPOCH, OPTIONS, rows, written

BURSTGPT = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n"


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
