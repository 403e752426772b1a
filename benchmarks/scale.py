"""Prints what 10 to 10,000 targets cost in AWS calls, CPU and memory; see docs/scale.md.

    python -m benchmarks.scale [MOST | SIZE SIZE ...] [--save]

Without an argument 10, 100, 1,000 and 10,000 targets; with one number, these up to that many. The
dispatcher, a worker and who acts run for a virtual hour over the real adapters and the clients of
`benchmarks.counted_aws`. The worker, which gets every message, has a process of its own, with the
SDK's clients of each place: its memory is what a worker has that serves them all, and nothing that
stands in for AWS is in it. Each target has 14 days of history in the ledger and traffic of one of
the labelled kinds. Before the hour comes a minute in which all targets are due at once, since
nobody has heard of any.

All times are CPU time, so that waiting for a core does not count; what neighbours on the machine
take of its caches does, which is why the load is printed. The time of the clients in memory, and of
asking them in another process, is measured call by call and told apart from ours. A full decision
is a visit: a capacity decision over the whole history and the routing decision that goes with it,
each observed, decided, recorded and reported. `--save`, and a run of all four sizes, write
benchmarks/results/scale.txt and scale.md. Exits 1 outside a bound.
"""

import gc
import os
import sys

# numpy's library of linear algebra starts its threads when it is imported.
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # noqa: TID251 - read by the library, not by us

from itertools import pairwise
from math import log
from pathlib import Path
from time import process_time_ns

from bedrock_autoscaler.domain.target import Loop
from benchmarks.counted_fleet import Fleet
from benchmarks.scale_run import (
    LEAST_PER_SECOND,
    MINUTE_SECONDS,
    MOST_EXPONENT,
    MOST_MB,
    Run,
    Together,
    markdown,
    show,
)
from benchmarks.surroundings import commit, machine, python

RESULT = Path(__file__).parent / "results" / "scale.txt"
SIZES = (10, 100, 1_000, 10_000)
MINUTES = 60
PLACES = 80
"""20 accounts with 4 Regions each."""

_SAVE = "--save"
_printed: list[str] = []


def main() -> int:
    """Print a table for each size, then the bounds; 1 when one is exceeded."""
    sizes = sizes_of([argument for argument in sys.argv[1:] if argument != _SAVE])
    command = f"python -m benchmarks.scale {' '.join(map(str, sizes))}"
    surroundings = f"{machine()}; {python()}; commit {commit()}"
    print_line(command)
    print_line(f"{surroundings}; {_load()}")
    runs = []
    for size in sizes:
        runs.append(measure(size))
        for line in show(runs[-1]):
            print_line(line)
    growth, outcome = conclude(runs)
    print_line(f"at the end {_load()}")
    if _SAVE in sys.argv or sizes == SIZES:
        RESULT.write_text("".join(_printed), encoding="utf-8")
        page = markdown(runs, command, surroundings, growth)
        RESULT.with_suffix(".md").write_text(page, encoding="utf-8")
    return outcome


def sizes_of(arguments: list[str]) -> tuple[int, ...]:
    """The sizes of a command; one number is the most, several are themselves."""
    given = tuple(map(int, arguments))
    if len(given) != 1:
        return given or SIZES
    (most,) = given
    return (*(size for size in SIZES if size < most), most)


def measure(size: int) -> Run:
    """A minute in which all are due, and one virtual hour of a fleet of this size."""
    fleet = Fleet(size, PLACES, is_apart=True)
    idle_mb = fleet.worker_mb
    fleet.reset()
    minute = fleet.minute()
    together = Together(
        due=minute.due,
        done=minute.done,
        seconds=minute.visits_ns / 1e9,
        calls=dict(fleet.meter.calls),
        fullest=_fullest(fleet),
        units=dict(fleet.meter.units),
    )
    # The collector would walk all that the clients hold in place of AWS, at our expense.
    gc.collect()
    gc.freeze()
    fleet.reset()
    begun = process_time_ns()
    visits_ns, capacity_ns, clients_ns, core_ns, busiest, late = 0, 0, 0, 0, 0, 0
    decided = dict.fromkeys(Loop, 0)
    for _ in range(MINUTES):
        minute = fleet.minute()
        visits_ns += minute.visits_ns
        capacity_ns += minute.capacity_ns
        clients_ns += minute.clients_ns
        core_ns += minute.core_ns
        busiest = max(busiest, minute.due)
        late += minute.due - minute.done
        for loop, count in minute.decided.items():
            decided[loop] += count
    own_ns = process_time_ns() - begun - fleet.meter.own_ns
    gc.unfreeze()
    fleet.close()
    return Run(
        targets=size,
        places=min(size, PLACES),
        seconds=(own_ns + visits_ns) / 1e9,
        visits_seconds=visits_ns / 1e9,
        capacity_seconds=capacity_ns / 1e9,
        clients_seconds=clients_ns / 1e9,
        core_seconds=core_ns / 1e9,
        acting_seconds=fleet.acted.cpu_ns / 1e9,
        looks=fleet.acted.looks,
        decisions=decided,
        calls=dict(sorted(fleet.meter.calls.items())),
        units=dict(sorted(fleet.meter.units.items())),
        late=late,
        idle_mb=idle_mb,
        worker_mb=fleet.worker_mb,
        busiest=busiest,
        together=together,
    )


def conclude(runs: list[Run]) -> tuple[list[str], int]:
    """The growth from size to size, and the bounds."""
    print_line("")
    kept, growth = True, []
    for small, large in pairwise(runs):
        ratio = log(large.targets / small.targets)
        exponent = log(large.seconds / small.seconds) / ratio
        calls = log(sum(large.calls.values()) / sum(small.calls.values())) / ratio
        growth.append(
            f"{small.targets:,} to {large.targets:,}: CPU grows by the power {exponent:.2f}, "
            f"calls by {calls:.2f}"
        )
        print_line(growth[-1])
        kept = kept and exponent <= MOST_EXPONENT and calls <= MOST_EXPONENT
    last = runs[-1]
    kept = kept and last.full_per_second >= LEAST_PER_SECOND
    kept = kept and all(run.late == 0 and run.worker_mb <= MOST_MB for run in runs)
    kept = kept and last.together.longest_seconds <= MINUTE_SECONDS
    bounds = (
        f"bounds: power at most {MOST_EXPONENT}, at least {LEAST_PER_SECOND:.0f} full decisions a "
        f"second, at most {MOST_MB:.0f} MB for a worker, none late, at the limits of the APIs at "
        f"most {MINUTE_SECONDS} s for all targets at once: {'kept' if kept else 'exceeded'}"
    )
    growth.append(bounds)
    print_line(bounds)
    return growth, 0 if kept else 1


def print_line(text: str) -> None:
    """A line at once, since a large fleet takes minutes."""
    _printed.append(text + "\n")
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _fullest(fleet: Fleet) -> dict[str, int]:
    """Calls of each operation in that account and Region that had most of them."""
    found: dict[str, int] = {}
    for (_, name), count in fleet.meter.there.items():
        found[name] = max(found.get(name, 0), count)
    return found


def _load() -> str:
    """How busy the machine is, this process among the rest."""
    return f"load {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
