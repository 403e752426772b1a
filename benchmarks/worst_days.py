"""How often a day, or a few, cost more than all on demand, under the policy as shipped.

    python -m benchmarks.worst_days [--traces FOLDER] [--scenario NAME] [--workers N] [--save]

Each trace of more than a week is replayed once. Windows of 1, 2, 4 and 7 days begin every two hours
after the first week, so that they overlap; one with less than 2% of the trace's usual traffic is
left out, as there a single unit-hour is many times the bill. An excess is relative to what the
window costs on demand, or to what a window of its length usually does. Without traces it runs on
generated traffic and says so.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from bedrock_autoscaler.backtest.policy import run_policy
from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.scenario import DAY_MINUTES, STANDARD_NAMES
from bedrock_autoscaler.backtest.timeline import plan_of
from benchmarks.order import DEFAULT_TRACES
from benchmarks.population import (
    LONG_MINUTES,
    Part,
    Source,
    find_sources,
    generated_sources,
    load,
)
from benchmarks.scoring import policy_for, replay_of
from benchmarks.summary import CLOSED
from benchmarks.surroundings import ROOT, commit, machine, python

RESULT = ROOT / "benchmarks" / "results" / "worst_days.txt"
SCENARIO = "claude50-x2"
DAYS = (1, 2, 4, 7)
# Where all on demand is no way out, no window can be held against it.
_OPEN = tuple(name for name in STANDARD_NAMES if name not in CLOSED)
_EVERY_MINUTES = 120
_LEAST_TRAFFIC = 0.02
_EXCESSES = (0.02, 0.05, 0.10)
_MUCH = 0.05
_HEADER = (
    f"{'days':<6}{'windows':>8}{'left out':>9}{'mean':>8}"
    + "".join(f"{f'>{excess:.0%}':>7}" for excess in _EXCESSES)
    + f"{'worst':>9}{f'>{_MUCH:.0%} of a usual one':>21}{'worst':>8}"
)

type Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windows:
    """The windows of one length in one or more traces.

    Attributes:
        excess: cost above all on demand as a share of it, by window; negative: a saving.
        usual: the same as a share of what such a window usually costs on demand.
        left_out: windows with hardly any traffic.
    """

    excess: Floats
    usual: Floats
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One trace: its windows by their length in days."""

    part: Part
    windows: Mapping[int, Windows]


def main() -> int:
    """Run, print, and save if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--traces", type=Path, default=DEFAULT_TRACES, help="folder of traces")
    parser.add_argument("--scenario", choices=_OPEN, default=SCENARIO, help="prices and volume")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--save", action="store_true", help="write the result file")
    asked = parser.parse_args()
    found = find_sources(asked.traces)
    sources = [one for one in found or generated_sources() if one.minutes > LONG_MINUTES]
    tasks = [(source, asked.scenario) for source in sources]
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        running = pool.map(_trace, tasks)
        console = Console(stderr=True)
        traced = list(track(running, "traces", total=len(tasks), console=console))
    text = report(traced, asked.scenario, are_real=bool(found))
    sys.stdout.write(text)
    if asked.save:
        RESULT.write_text(text, encoding="utf-8")
    return 0


def windows_of(cost: Floats, on_demand: Floats, days: int) -> Windows:
    """The windows of one length, of USD by minute.

    Args:
        cost: what each minute cost.
        on_demand: what it would have cost all on demand.
        days: length of a window.
    """
    length = days * DAY_MINUTES
    begins = np.arange(LONG_MINUTES, len(cost) - length + 1, _EVERY_MINUTES)
    paid, without = (_sums(usd, begins, length) for usd in (cost, on_demand))
    usual = float(on_demand.mean()) * length
    counts = without >= _LEAST_TRAFFIC * usual
    lost = (paid - without)[counts]
    return Windows(
        excess=lost / without[counts],
        usual=lost / usual,
        left_out=int(np.count_nonzero(~counts)),
    )


def report(traced: Sequence[Traced], scenario: str, *, are_real: bool) -> str:
    """A table for all traces, for those for tuning and for those kept aside."""
    traffic = "traces of more than a week" if are_real else "series of GENERATED traffic"
    lines = [
        " ".join(["python -m benchmarks.worst_days", *sys.argv[1:]]),
        f"commit {commit()}, {python()}, {machine()}",
        f"{len(traced)} {traffic} in {scenario}, as shipped; cost above all on demand",
    ]
    for part in Part:
        chosen = [one for one in traced if part in (Part.ALL, one.part)]
        lines += ["", f"{part.value} ({len(chosen)} traces)", _HEADER]
        lines += [_row(days, [one.windows[days] for one in chosen]) for days in DAYS]
    return "\n".join([*lines, ""])


def _row(days: int, windows: Sequence[Windows]) -> str:
    excess = np.concatenate([np.empty(0), *(one.excess for one in windows)])
    usual = np.concatenate([np.empty(0), *(one.usual for one in windows)])
    left_out = sum(one.left_out for one in windows)
    begin = f"{days:<6}{len(excess):>8}{left_out:>9}"
    if not excess.size:
        return begin
    shares = "".join(f"{np.mean(excess > least):>7.1%}" for least in _EXCESSES)
    much = f"{np.mean(usual > _MUCH):>21.1%}{usual.max():>+8.1%}"
    return f"{begin}{excess.mean():>+8.1%}{shares}{excess.max():>+9.1%}{much}"


def _sums(usd: Floats, begins: NDArray[np.intp], length: int) -> Floats:
    before = np.concatenate(([0.0], np.cumsum(usd)))
    sums: Floats = before[begins + length] - before[begins]
    return sums


def _trace(task: tuple[Source, str]) -> Traced:
    """One trace in a worker process."""
    source, scenario = task
    replay = replay_of(load(source), scenario)
    cost, on_demand = _as_shipped(replay), replay.load * replay.price
    return Traced(
        part=source.part,
        windows={days: windows_of(cost, on_demand, days) for days in DAYS},
    )


def _as_shipped(replay: Replay) -> Floats:
    """USD by minute under the policy with its defaults."""
    trace, scenario = replay.trace, replay.scenario
    run = run_policy(policy_for(replay, None), trace, scenario)
    return replay.usd_by_minute(plan_of(run.lines, trace, scenario))


if __name__ == "__main__":
    sys.exit(main())
