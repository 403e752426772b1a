"""ServeGen: clients of Alibaba Cloud Model Studio, as rates and distributions.

Source: README and `servegen/clientpool.py` of github.com/alibaba/ServeGen, read 2026-11-21. A
client is a pair of files. `chunk-N-trace.csv` has no header and one row per window:
start in seconds, requests a second, coefficient of variation, law of the gaps between requests
(`Gamma`, `Weibull`, or empty for a window without requests), shape, scale. `chunk-N-dataset.json`
gives per six hours the distributions of `input_tokens` and `output_tokens`, each a Python
dictionary literal inside a string; `{}` where the client sent too little.

These are not requests, so requests are drawn: a window gets its measured number of them, spaced
by its law, with tokens from the newest distribution that is not empty (from the first one before
that). The same seed gives the same table on the same numpy.
"""

import ast
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.backtest.errors import TraceError
from bedrock_autoscaler.backtest.trace import MOST_AMOUNT, Trace
from bedrock_autoscaler.traces.requests import RequestCounter
from bedrock_autoscaler.traces.source import field, number, open_text, read_json

TRACE_SUFFIX = "-trace.csv"
DATASET_SUFFIX = "-dataset.json"

_LAWS = ("Gamma", "Weibull")
_MOST_REQUESTS = 10_000_000
"""Of a window: what is drawn for more fills the memory."""

_NO_DICTIONARY = (
    KeyError,
    ValueError,
    SyntaxError,
    AttributeError,
    TypeError,
    OverflowError,
    RecursionError,
    MemoryError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """A span of constant rate: `start` and `seconds` in seconds, `rate` in requests a second.

    Attributes:
        line: of the file that it stands in.
    """

    line: int
    start: float
    seconds: float
    rate: float
    law: str
    shape: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Tokens:
    """The token distributions that hold from `start` (seconds) on."""

    start: float
    input_tokens: NDArray[np.float64]
    input_shares: NDArray[np.float64]
    output_tokens: NDArray[np.float64]
    output_shares: NDArray[np.float64]


def read_servegen(files: Sequence[Path], epoch: datetime, seed: int) -> Trace:
    """Requests drawn for the clients of `files`, by minute; second 0 of the source is `epoch`.

    Args:
        files: the `-trace.csv` of each client; its `-dataset.json` lies beside it.
        epoch: what second 0 is dated.
        seed: of the draws.

    Raises:
        TraceError: a name, row or distribution that the format does not have, or no request.
    """
    counter = RequestCounter(epoch)
    for path in files:
        if not path.name.endswith(TRACE_SUFFIX):
            raise TraceError(path, None, f"name a client's file that ends in {TRACE_SUFFIX!r}")
        windows = _read_windows(path)
        tokens = _read_tokens(path.with_name(path.name.removesuffix(TRACE_SUFFIX) + DATASET_SUFFIX))
        rng = np.random.default_rng([seed, *path.name.encode()])
        for window in windows:
            arrivals = _arrivals(path, window, rng)
            _draw(counter, arrivals, _tokens_at(tokens, window.start), rng)
    return counter.trace(files)


def _read_windows(path: Path) -> list[_Window]:
    """The windows with requests; the last one is as long as the one before it."""
    with open_text(path) as file:
        rows = list(csv.reader(file))
    starts = [number(path, k, field(path, k, row, 0)) for k, row in enumerate(rows, start=1)]
    if len(starts) <= 1 or any(later <= earlier for earlier, later in pairwise(starts)):
        raise TraceError(path, None, "needs at least two windows with rising starts")
    lengths = [later - earlier for earlier, later in pairwise(starts)]
    windows = []
    for line, (row, seconds) in enumerate(zip(rows, [*lengths, lengths[-1]], strict=True), start=1):
        law = field(path, line, row, 3)
        if law and law not in _LAWS:
            raise TraceError(path, line, f"law {law!r} is unknown; known are {', '.join(_LAWS)}")
        if law:
            windows.append(
                _Window(
                    line=line,
                    start=starts[line - 1],
                    seconds=seconds,
                    rate=number(path, line, field(path, line, row, 1)),
                    law=law,
                    shape=number(path, line, field(path, line, row, 4)),
                )
            )
    return windows


def _read_tokens(path: Path) -> list[_Tokens]:
    """The distributions that are not empty, by rising start."""
    document = read_json(path)
    if not isinstance(document, dict):
        raise TraceError(path, None, "has no distributions by their start")
    found = []
    for start, fields in document.items():
        inputs = _distribution(path, start, fields, "input_tokens")
        outputs = _distribution(path, start, fields, "output_tokens")
        if inputs and outputs:
            found.append(_tokens(number(path, 1, start), inputs, outputs))
    if not found:
        raise TraceError(path, None, "has no token distribution; draw from another client's file")
    return sorted(found, key=lambda tokens: tokens.start)


def _distribution(path: Path, start: str, fields: dict[str, str], name: str) -> dict[float, float]:
    try:
        values = ast.literal_eval(fields[name])
        found = {float(tokens): float(share) for tokens, share in values.items()}
    except _NO_DICTIONARY as error:
        raise TraceError(
            path, None, f"{name} at {start!r} is not a dictionary of tokens and shares"
        ) from error
    amounts = (*found, *found.values())
    if found and not (all(0 <= one <= MOST_AMOUNT for one in amounts) and any(found.values())):
        reason = f"{name} at {start!r} has a negative or too large number, or no share above 0"
        raise TraceError(path, None, reason)
    return found


def _tokens(start: float, inputs: dict[float, float], outputs: dict[float, float]) -> _Tokens:
    return _Tokens(
        start=start,
        input_tokens=np.array(list(inputs)),
        input_shares=np.array(list(inputs.values())) / sum(inputs.values()),
        output_tokens=np.array(list(outputs)),
        output_shares=np.array(list(outputs.values())) / sum(outputs.values()),
    )


def _tokens_at(tokens: Sequence[_Tokens], start: float) -> _Tokens:
    earlier = [one for one in tokens if one.start <= start]
    return earlier[-1] if earlier else tokens[0]


def _arrivals(path: Path, window: _Window, rng: np.random.Generator) -> NDArray[np.float64]:
    """When the window's measured number of requests arrive, in seconds, spaced by its law.

    Raises:
        TraceError: they are too many, or the law's shape leaves no gap between them.
    """
    requests = round(window.rate * window.seconds)
    if requests > _MOST_REQUESTS:
        reason = f"a window of {requests:,} requests; at most {_MOST_REQUESTS:,} are drawn"
        raise TraceError(path, window.line, reason)
    gaps = (
        rng.gamma(window.shape, size=requests + 1)
        if window.law == "Gamma"
        else rng.weibull(window.shape, size=requests + 1)
    )
    # One more gap than requests, and all of them stretched to the window: the count is the
    # measured one, so only the shape of the law is left to follow.
    with np.errstate(over="ignore"):
        sums, whole = np.cumsum(gaps), gaps.sum()
    if requests and not 0 < whole < np.inf:
        raise TraceError(path, window.line, f"shape {window.shape:g} gives no gaps to draw from")
    arrivals: NDArray[np.float64] = window.start + window.seconds * sums[:-1] / whole
    return arrivals


def _draw(
    counter: RequestCounter,
    arrivals: NDArray[np.float64],
    tokens: _Tokens,
    rng: np.random.Generator,
) -> None:
    """Add the requests that arrive at these seconds, with tokens of their own."""
    requests = len(arrivals)
    inputs = rng.choice(tokens.input_tokens, size=requests, p=tokens.input_shares)
    outputs = rng.choice(tokens.output_tokens, size=requests, p=tokens.output_shares)
    for arrival, input_tokens, output_tokens in zip(arrivals, inputs, outputs, strict=True):
        counter.add(int(arrival // 60), int(input_tokens), int(output_tokens))
