import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.backtest.errors import TraceError
from bedrock_autoscaler.backtest.trace import HEADER, Trace, read_trace, write_trace
from tests.unit.backtest.worlds import START, trace_of

GOOD = (
    f"{HEADER}\n"
    "2025-04-01T00:00:00Z,3,120,40.5\n"
    "2025-04-01T00:01:00Z,0,0,0\n"
    "2025-04-01T00:02:00Z,1e1,2E2,.5\n"
)


def written(folder: Path, text: str, name: str = "week.csv") -> Path:
    path = folder / name
    data = text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["week.csv", "week.csv.gz"])
def test_reads_numbers_and_minutes(tmp_path: Path, name: str) -> None:
    trace = read_trace(written(tmp_path, GOOD, name))

    assert (trace.name, trace.start, len(trace)) == ("week", START, 3)
    assert trace.end == datetime(2025, 4, 1, 0, 3, tzinfo=UTC)
    assert trace.invocations.tolist() == [3, 0, 10]
    assert trace.input_tokens.tolist() == [120, 0, 200]
    assert trace.output_tokens.tolist() == [40.5, 0, 0.5]


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.removesuffix("\n"),
        GOOD.replace(":00Z,", ":00+00:00,"),
        GOOD.replace("2025-04-01T00:01:00Z", "2025-04-01T00:01Z"),
    ],
    ids=["crlf", "no final line end", "offset zero", "one minute without seconds"],
)
def test_reads_other_spellings_of_the_same(tmp_path: Path, text: str) -> None:
    trace = read_trace(written(tmp_path, text))

    assert trace.output_tokens.tolist() == [40.5, 0, 0.5]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "header '' is unknown"),
        (GOOD.replace("invocations", "requests"), 1, "header 'minute,requests,"),
        (f"{HEADER}\n", 2, "no minute"),
        (GOOD.replace("2025-04-01T00:02", "2025-04-01T00:03"), 4, "a gap before minute"),
        (GOOD.replace("2025-04-01T00:02", "2025-04-01T00:01"), 4, "a repeated or earlier minute"),
        (GOOD.replace("T00:02:00Z", "T00:02:30Z"), 4, "not a whole minute"),
        (GOOD.replace("T00:02:00Z", "T00:02:00"), 4, "not UTC"),
        (GOOD.replace("T00:00:00Z", "T00:00:00+02:00"), 2, "not UTC"),
        (GOOD.replace("2025-04-01T00:02:00Z", "noon"), 4, "minute 'noon' is not ISO 8601"),
        (GOOD.replace("2025-04-01T00:02:00Z", "2025-04-31T00:02:00Z"), 4, "not ISO 8601"),
        (GOOD.replace(",120,", ",-120,"), 2, "input_tokens is '-120'"),
        (GOOD.replace(",0,0,0", ",nan,0,0"), 3, "invocations is 'nan'"),
        (GOOD.replace(",0,0,0", ",0,inf,0"), 3, "input_tokens is 'inf'"),
        (GOOD.replace(",0,0,0", ",0,0,1e999"), 3, "output_tokens is '1e999'"),
        (GOOD.replace(",0,0,0", ",0,0,"), 3, "output_tokens is ''"),
        (GOOD.replace(",0,0,0", ",0,0,1_0"), 3, "output_tokens is '1_0'"),
        (GOOD.replace(",0,0,0", ",0,0,1e"), 3, "output_tokens is '1e'"),
        (GOOD.replace(",0,0,0", ",0,0"), 3, "3 fields, expected 4"),
        (GOOD.replace(",0,0,0", ",0,0,0,0"), 3, "5 fields, expected 4"),
        (GOOD.replace("2025-04-01T00:01:00Z,0,0,0", ""), 3, "the row is empty"),
        (GOOD.replace(",0,0,0", ",0,0,1.1e15"), 3, "output_tokens is '1.1e15'; it must be a"),
        (GOOD.replace(",0,0,0", ",1e308,0,0"), 3, "invocations is '1e308'"),
        (f"{HEADER}\n0001-01-01T00:00:00Z,0,0,0\n", 2, "past the years 1970 to 9000"),
        (f"{HEADER}\n1969-12-31T23:59:00Z,0,0,0\n", 2, "past the years 1970 to 9000"),
        (f"{HEADER}\n9999-12-31T23:59:00Z,0,0,0\n", 2, "past the years 1970 to 9000"),
        (
            f"{HEADER}\n9000-12-31T23:59:00Z,0,0,0\n9001-01-01T00:00:00Z,0,0,0\n",
            3,
            "past the years 1970 to 9000",
        ),
    ],
)
def test_refuses_what_is_not_a_trace_and_names_the_line(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    path = written(tmp_path, text)

    with pytest.raises(TraceError) as caught:
        read_trace(path)

    message = str(caught.value)
    assert message.startswith(f"{path}: line {line}: ")
    assert reason in message
    assert "\n" not in message


def test_refuses_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "week.csv"
    path.write_bytes(GOOD.encode() + b"\xff\n")

    with pytest.raises(TraceError, match="line 5: the text is not UTF-8"):
        read_trace(path)


def test_refuses_damaged_gzip_data(tmp_path: Path) -> None:
    path = tmp_path / "week.csv.gz"
    path.write_bytes(gzip.compress(GOOD.encode())[:-12])

    with pytest.raises(TraceError, match="gzip data are damaged"):
        read_trace(path)


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="cannot be read: No such file"):
        read_trace(tmp_path / "none.csv")


@pytest.mark.parametrize("name", ["copy.csv", "copy.csv.gz"])
@given(rows=st.lists(st.tuples(*[st.floats(0, 1e15)] * 3), min_size=1, max_size=20))
def test_what_is_written_reads_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, name: str, rows: list[tuple[float, float, float]]
) -> None:
    path = tmp_path_factory.mktemp("traces") / name
    invocations, inputs, outputs = zip(*rows, strict=True)
    trace = Trace.of("copy", START, (invocations, inputs, outputs))

    write_trace(trace, path)
    first = path.read_bytes()
    read = read_trace(path)
    write_trace(read, path)

    assert path.read_bytes() == first
    for column in ("invocations", "input_tokens", "output_tokens"):
        np.testing.assert_array_equal(getattr(read, column), getattr(trace, column))


def test_scaling_multiplies_all_columns() -> None:
    scaled = trace_of([10.0, 20.0]).scaled(2.5)

    assert scaled.input_tokens.tolist() == [25.0, 50.0]
    assert scaled.invocations.tolist() == [2.5, 2.5]


@pytest.mark.parametrize("factor", [-1.0, float("nan"), float("inf"), 1e308, 1e14])
def test_refuses_a_scale_that_makes_no_traffic(factor: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        trace_of([10.0, 20.0]).scaled(factor)


def test_cut_keeps_the_first_minutes() -> None:
    assert trace_of([1.0, 2.0, 3.0]).cut(2).input_tokens.tolist() == [1.0, 2.0]


def test_columns_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        trace_of([1.0]).input_tokens[0] = 2.0


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (([1.0], [1.0], [1.0, 2.0]), "differ in length"),
        (([1.0], [-1.0], [1.0]), "input_tokens holds a negative or non-finite number"),
        (([1.0], [1.0], [float("nan")]), "output_tokens holds a negative or non-finite number"),
        (([1e16], [1.0], [1.0]), "invocations holds a negative or non-finite number, or one above"),
    ],
)
def test_columns_must_fit_and_hold_amounts(
    columns: tuple[list[float], list[float], list[float]], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Trace.of("odd", START, columns)


def test_row_of_a_minute_needs_a_whole_minute() -> None:
    trace = trace_of([1.0, 2.0])

    assert trace.index_of(datetime(2025, 4, 1, 0, 1, tzinfo=UTC)) == 1
    with pytest.raises(ValueError, match="not a whole minute"):
        trace.index_of(datetime(2025, 4, 1, 0, 1, 30, tzinfo=UTC))
