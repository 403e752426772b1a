"""Prints what 10 to 10,000 targets cost in AWS calls, CPU and memory; see docs/scale.md.

    python -m benchmarks.scale [TARGETS ...] [--save]      default 10 100 1000 10000

The dispatcher and the workers run for a virtual hour over the real adapters and the clients of
`benchmarks.counted_aws`, in one process, as one worker would that gets every message. Each target
has 14 days of history in the ledger and traffic of one of the labelled kinds.

All times are CPU time of this process, so that waiting for a core does not count; what neighbours
on the machine take of its caches does, which is why the load is printed. The time of the clients
in memory is measured call by call and told apart from ours. A full decision is a visit: a capacity
decision over the whole history and the routing decision that goes with it, each observed, decided,
recorded and reported. `--save` writes benchmarks/results/scale.txt. Exits 1 outside a bound.
"""

import gc
import os
import sys

# numpy's library of linear algebra starts its threads when it is imported.
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # noqa: TID251 - read by the library, not by us

from dataclasses import dataclass
from itertools import pairwise
from math import log
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import process_time_ns

from bedrock_autoscaler.domain.target import Loop
from benchmarks.counted_fleet import Fleet
from benchmarks.surroundings import commit, machine, python

RESULT = Path(__file__).parent / "results" / "scale.txt"
SIZES = (10, 100, 1_000, 10_000)
MINUTES = 60
PLACES = 80
"""20 accounts with 4 Regions each."""

LEAST_PER_SECOND = 300.0
MOST_MB = 512.0
MOST_EXPONENT = 1.1
_MB = 1_024.0
_SAVE = "--save"
_printed: list[str] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one size came to.

    Attributes:
        seconds: CPU of the virtual hour, without the clients' own.
        visits_seconds: of it, in visits; the rest is the dispatcher.
        capacity_seconds: of these, in batches with a capacity decision.
        clients_seconds: CPU of the clients in memory in these batches, on top.
        core_seconds: of the visits, in `decide`.
        late: targets that were due in a minute and not decided in it.
        grown_mb: memory that the hour added to what the fleet itself takes.
    """

    targets: int
    seconds: float
    visits_seconds: float
    capacity_seconds: float
    clients_seconds: float
    core_seconds: float
    decisions: dict[Loop, int]
    calls: dict[str, int]
    units: dict[str, float]
    late: int
    grown_mb: float
    busiest: int


def main() -> int:
    """Print a table for each size, then the bounds; 1 when one is exceeded."""
    arguments = [argument for argument in sys.argv[1:] if argument != _SAVE]
    sizes = tuple(map(int, arguments)) or SIZES
    print_line(f"python -m benchmarks.scale {' '.join(map(str, sizes))}")
    print_line(f"{machine()}; {python()}; commit {commit()}; {_load()}")
    runs = []
    for size in sizes:
        runs.append(measure(size))
        show(runs[-1])
    outcome = conclude(runs)
    print_line(f"at the end {_load()}")
    if _SAVE in sys.argv:
        RESULT.write_text("".join(_printed), encoding="utf-8")
    return outcome


def measure(size: int) -> Run:
    """One virtual hour of a fleet of this size."""
    fleet = Fleet(size, PLACES)
    fleet.hour(1)  # what a process loads once, and the first look of each target
    # The collector would walk all that the clients hold in place of AWS, at our expense.
    gc.collect()
    gc.freeze()
    fleet.reset()
    before = _rss_mb()
    begun = process_time_ns()
    visits_ns, capacity_ns, clients_ns, busiest, late = 0, 0, 0, 0, 0
    decided = dict.fromkeys(Loop, 0)
    for _ in range(MINUTES):
        minute = fleet.minute()
        visits_ns += minute.visits_ns
        capacity_ns += minute.capacity_ns
        clients_ns += minute.clients_ns
        busiest = max(busiest, minute.due)
        late += minute.due - minute.done
        for loop, count in minute.decided.items():
            decided[loop] += count
    gc.unfreeze()
    return Run(
        targets=size,
        seconds=(process_time_ns() - begun - fleet.meter.own_ns) / 1e9,
        visits_seconds=visits_ns / 1e9,
        capacity_seconds=capacity_ns / 1e9,
        clients_seconds=clients_ns / 1e9,
        core_seconds=fleet.core_ns / 1e9,
        decisions=decided,
        calls=dict(sorted(fleet.meter.calls.items())),
        units=dict(sorted(fleet.meter.units.items())),
        late=late,
        grown_mb=_rss_mb() - before,
        busiest=busiest,
    )


def show(run: Run) -> None:
    """One size."""
    print_line("")
    places = min(run.targets, PLACES)
    print_line(f"{run.targets} targets in {places} accounts and Regions, one virtual hour")
    for name, count in {**run.calls, **run.units}.items():
        print_line(f"  {name:44}{count:12,.0f}{count / run.targets:12.2f} per target")
    for loop, count in run.decisions.items():
        print_line(f"  decisions, {loop.value:33}{count:12,}{count / run.targets:12.2f} per target")
    print_line(f"  {'CPU seconds, ours':44}{run.seconds:12.2f}")
    print_line(f"  {'of which in visits':44}{run.visits_seconds:12.2f}")
    print_line(f"  {'of which in the decision core':44}{run.core_seconds:12.2f}")
    print_line(f"  {'CPU seconds of full decisions':44}{run.capacity_seconds:12.2f}")
    print_line(f"  {'of the clients in memory for these, left out':44}{run.clients_seconds:12.2f}")
    print_line(f"  {'decisions of either loop a CPU second':44}{each_per_second(run):12.0f}")
    print_line(f"  {'full decisions a CPU second':44}{per_second(run):12.0f}")
    print_line(f"  {'memory grown by, MB':44}{run.grown_mb:12.1f}")
    print_line(f"  {'most targets due in a minute':44}{run.busiest:12,}")
    print_line(f"  {'due and not decided in their minute':44}{run.late:12,}")


def conclude(runs: list[Run]) -> int:
    """The growth from size to size, and the bounds."""
    print_line("")
    kept = True
    for small, large in pairwise(runs):
        ratio = log(large.targets / small.targets)
        exponent = log(large.seconds / small.seconds) / ratio
        calls = log(sum(large.calls.values()) / sum(small.calls.values())) / ratio
        print_line(
            f"{small.targets} to {large.targets}: CPU grows by the power {exponent:.2f}, "
            f"calls by {calls:.2f}"
        )
        kept = kept and exponent <= MOST_EXPONENT and calls <= MOST_EXPONENT
    last = runs[-1]
    kept = kept and per_second(last) >= LEAST_PER_SECOND and last.late == 0
    kept = kept and all(run.grown_mb <= MOST_MB for run in runs)
    print_line(
        f"bounds: power at most {MOST_EXPONENT}, at least {LEAST_PER_SECOND:.0f} full decisions a "
        f"second, at most {MOST_MB:.0f} MB, none late: {'kept' if kept else 'exceeded'}"
    )
    return 0 if kept else 1


def per_second(run: Run) -> float:
    """Capacity decisions a second of CPU, with all that belongs to them."""
    return run.decisions[Loop.CAPACITY] / max(run.capacity_seconds, 1e-9)


def each_per_second(run: Run) -> float:
    """Decisions of either loop a second of CPU, each with all that belongs to it."""
    return sum(run.decisions.values()) / max(run.visits_seconds, 1e-9)


def print_line(text: str) -> None:
    """A line at once, since a large fleet takes minutes."""
    _printed.append(text + "\n")
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _load() -> str:
    """How busy the machine is, this process among the rest."""
    return f"load {os.getloadavg()[0]:.1f}"


def _rss_mb() -> float:
    """The most memory that this process has had."""
    return getrusage(RUSAGE_SELF).ru_maxrss / _MB


if __name__ == "__main__":
    sys.exit(main())
