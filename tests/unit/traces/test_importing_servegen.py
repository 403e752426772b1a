"""Clients of ServeGen become a trace: the measured count of each window, tokens drawn by a seed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bedrock_autoscaler.backtest.errors import TraceError
from bedrock_autoscaler.traces.formats import TraceFormat
from bedrock_autoscaler.traces.importing import import_trace
from tests.unit.traces.files import EPOCH, OPTIONS, rows, written


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
