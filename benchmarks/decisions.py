"""Prints how long a full decision takes with 14 days of history; exits 1 above the bounds.

    python -m benchmarks.decisions [WEEKS, default 1]

Each kind of generated traffic is decided every quarter of an hour for that many weeks, after two
weeks that are history alone, under three scenarios: on demand without quota, with one, and without
on-demand ways. Times are CPU time of this process, on one core, so that neighbours do not count.
They hold all of a tick between reading and writing: building the situation, `decide`, and carrying
the decision out in the backtest's books.
"""

import os
import sys

# numpy's library of linear algebra starts its threads when it is imported.
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # noqa: TID251 - read by the library, not by us

from collections.abc import Iterator
from datetime import UTC, datetime
from time import process_time_ns

import numpy as np

from bedrock_autoscaler.backtest.policy import PolicyContext
from bedrock_autoscaler.backtest.scenario import scenario_for
from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.cli.backtest.policies import core_policy
from bedrock_autoscaler.domain.traffic.observation import Series
from benchmarks.labelled_traffic import generate

MEAN_LIMIT_MS = 3.0
P95_LIMIT_MS = 10.0

KINDS = ("steady", "weekly", "trend", "mmpp", "sessions", "intermittent", "level_step", "idle")
SCENARIOS = ("claude50-x2", "quota50-x2", "custom50-x2")
SEED = 20_260_101

_COLUMNS = ("mean ms", "p50 ms", "p95 ms", "max ms", "a second")
_START = datetime(2026, 1, 5, tzinfo=UTC)
_DAY = 1440
_HISTORY = 14 * _DAY


def main() -> int:
    """Print a line for each kind and scenario, and for all; 1 above a bound."""
    weeks = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    lines = [
        "python -m benchmarks.decisions",
        "".join(
            [f"{'traffic':16}{'scenario':16}{'decisions':>10}", *map("{:>9}".format, _COLUMNS)]
        ),
    ]
    everything: list[Series] = []
    for kind in KINDS:
        for name in SCENARIOS:
            times = np.array(list(_decided(_trace(kind), name, weeks)))
            everything.append(times)
            lines.append(_line(kind, name, times))
    times = np.concatenate(everything)
    lines.append(_line("all", "", times))
    mean, p95 = float(times.mean()), float(np.quantile(times, 0.95))
    kept = mean <= MEAN_LIMIT_MS and p95 <= P95_LIMIT_MS
    lines.append(
        f"bounds: mean {MEAN_LIMIT_MS:.0f} ms, p95 {P95_LIMIT_MS:.0f} ms: "
        f"{'kept' if kept else 'exceeded'}"
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if kept else 1


def _trace(kind: str) -> Trace:
    """The traffic as demand of one workload, a fifth of its calls' tokens being output."""
    traffic = generate(kind, SEED)
    return Trace(
        name=kind,
        start=_START,
        invocations=traffic.calls,
        input_tokens=0.5 * traffic.tokens,
        output_tokens=0.1 * traffic.tokens,
    )


def _decided(trace: Trace, name: str, weeks: int) -> Iterator[float]:
    """Milliseconds of each decision under the shipped settings."""
    benchmark = scenario_for(name, trace)
    scaled = trace.scaled(benchmark.scale)
    policy = core_policy(
        PolicyContext(
            scenario=benchmark.scenario,
            settings=None,
            settings_path=None,
            start=scaled.start,
            score_from=scaled.start,
        )
    )
    lag, end = policy.publication_lag_minutes, _HISTORY + weeks * 7 * _DAY
    for minute in range(_HISTORY + lag, end, policy.interval_minutes):
        seen, now = scaled.cut(minute - lag), scaled.minute_at(minute)
        begun = process_time_ns()
        policy.decide(seen, now)
        yield (process_time_ns() - begun) / 1e6


def _line(kind: str, scenario: str, times: Series) -> str:
    mean = float(times.mean())
    p50, p95 = np.quantile(times, [0.5, 0.95])
    return (
        f"{kind:16}{scenario:16}{len(times):10}{mean:9.2f}{p50:9.2f}{p95:9.2f}"
        f"{times.max():9.2f}{1e3 / mean:9.0f}"
    )


if __name__ == "__main__":
    sys.exit(main())
