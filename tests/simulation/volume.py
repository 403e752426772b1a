"""Runs ranges of seeds on several processes, and adds their results up."""

import gc
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import batched
from typing import Any

from tests.simulation.engine import Outcome, Simulation
from tests.simulation.faults import ANY_CALL, EVERYWHERE, SCHEDULED, Kind
from tests.simulation.schedule import SCENARIOS, Plan, Scenario, plan

_BATCH = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How long each schedule is, and how many targets it has."""

    moments: int
    targets: int = 3


QUICK = Size(moments=60, targets=2)
"""Schedules of `make check`."""

QUICK_SCHEDULES = 1_001
"""As many of each scenario."""

LONG = Size(moments=100)
"""Schedules of `make soak` and of the recorded run."""


@dataclass(slots=True, kw_only=True)
class Totals:
    """What many schedules came to.

    Attributes:
        schedules, ticks, runs: by decision core.
        cells: faults at calls, by scenario, call and kind.
        happenings: of the world, by scenario and name.
        recovered: how soon all was well once faults had stopped, by how many schedules.
        digests: one for each batch of seeds: (first seed, last seed, hash of their transcripts).
        violations: (seed, oracle, message).
    """

    schedules: Counter[str] = field(default_factory=Counter)
    ticks: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    cells: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    happenings: Counter[tuple[str, str]] = field(default_factory=Counter)
    disturbed: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    recovered: Counter[str] = field(default_factory=Counter)
    digests: list[tuple[int, int, str]] = field(default_factory=list)
    violations: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """All faults: at calls, of the world, and of the events of schedules."""
        parts = (self.cells, self.happenings, self.disturbed)
        return sum(count.total() for count in parts)

    def add(self, outcome: Outcome) -> None:
        """One more schedule."""
        kind = "rules" if outcome.plan.has_rules else "adversary"
        scenario = outcome.plan.scenario.value
        self.schedules[kind] += 1
        self.ticks[kind] += outcome.moments
        self.runs[kind] += outcome.runs
        for (call, fault), count in outcome.strikes.items():
            self.cells[scenario, call, fault.value] += count
        for what, count in outcome.happenings.items():
            self.happenings[scenario, what] += count
        self.disturbed += _disturbed(outcome)
        self.effects += outcome.effects
        if outcome.recovery is not None:
            late, ticks = outcome.recovery.late_ticks, outcome.recovery.table_ticks
            self.recovered[f"every intent resolved {late} ticks after the grace"] += 1
            self.recovered[f"callers had the table after {ticks} ticks"] += 1
        for found in outcome.violations:
            self.violations.append((outcome.plan.seed, found.oracle, found.message))

    def merge(self, other: "Totals") -> None:
        """The totals of other seeds."""
        for name in (*_PLAIN, "cells", "happenings"):
            getattr(self, name).update(getattr(other, name))
        self.digests = sorted({*self.digests, *other.digests})
        self.violations += other.violations

    def lines(self) -> list[str]:
        """The counts as a person reads them."""
        whole = max(self.schedules.total(), 1)
        effects = ", ".join(f"{count:,} {what}" for what, count in self.effects.most_common())
        return [
            *(
                f"{core}: {count:,} schedules ({count / whole:.1%}), {self.ticks[core]:,} ticks, "
                f"{self.runs[core]:,} runs of functions"
                for core, count in sorted(self.schedules.items())
            ),
            (
                f"in all: {whole:,} schedules, {self.ticks.total():,} ticks, "
                f"{self.runs.total():,} runs of functions"
            ),
            (
                f"{self.faults:,} faults: {self.cells.total():,} at calls, "
                f"{self.happenings.total():,} of the world, {self.disturbed.total():,} of events"
            ),
            f"effects: {effects}",
            *(f"{what}: {count:,} schedules" for what, count in sorted(self.recovered.items())),
        ]

    def to_json(self) -> dict[str, Any]:
        """As plain values, keys joined by ` | `."""
        counted = ("cells", "happenings")
        found: dict[str, Any] = {name: dict(sorted(getattr(self, name).items())) for name in _PLAIN}
        for name in counted:
            items = sorted(getattr(self, name).items())
            found[name] = {" | ".join(key): count for key, count in items}
        found["faults"] = self.faults
        found["digests"] = [list(each) for each in self.digests]
        found["violations"] = [list(each) for each in self.violations]
        return found

    @staticmethod
    def from_json(value: dict[str, Any]) -> "Totals":
        """The inverse of `to_json`."""
        totals = Totals()
        for name in _PLAIN:
            getattr(totals, name).update(value[name])
        for key, count in value["cells"].items():
            scenario, call, kind = key.split(" | ")
            totals.cells[scenario, call, kind] = count
        for key, count in value["happenings"].items():
            scenario, what = key.split(" | ")
            totals.happenings[scenario, what] = count
        totals.digests = [(first, last, digest) for first, last, digest in value["digests"]]
        totals.violations = [(seed, oracle, text) for seed, oracle, text in value["violations"]]
        return totals

    def overlaps(self, other: "Totals") -> bool:
        """Whether both count a seed."""
        return any(
            first <= last_too and first_too <= last
            for first, last, _ in self.digests
            for first_too, last_too, _ in other.digests
        )


_PLAIN = ("schedules", "ticks", "runs", "disturbed", "effects", "recovered")


def _disturbed(outcome: Outcome) -> Counter[str]:
    """Events of the schedules that came late, twice, on a skewed clock, or to a cold start."""
    found: Counter[str] = Counter()
    for moment in outcome.plan.moments[: outcome.moments]:
        fired = Counter(firing.function for firing in moment.firings)
        found["event repeated"] += sum(count - 1 for count in fired.values())
        found["event late"] += sum(bool(firing.late) for firing in moment.firings)
        found["clock skewed"] += sum(bool(firing.skew) for firing in moment.firings)
    return found


type Planner = Callable[[int, int, int], Plan]
"""From a seed, the ticks and the targets to a schedule."""


def run_batch(seeds: Sequence[int], size: Size, planner: Planner = plan) -> Totals:
    """Some schedules in this process."""
    totals, digest = Totals(), hashlib.sha256()
    with few_collections():
        for seed in seeds:
            outcome = Simulation(planner(seed, size.moments, size.targets)).run()
            totals.add(outcome)
            digest.update(outcome.digest.encode())
    totals.digests.append((seeds[0], seeds[-1], digest.hexdigest()))
    return totals


@contextmanager
def few_collections() -> Iterator[None]:
    """Collect garbage seldom: a schedule makes much of it, and little that is cyclic."""
    usual = gc.get_threshold()
    collect_seldom()
    try:
        yield
    finally:
        # Before what stood already counts again: the next freeze would keep the cycles made here.
        gc.collect()
        gc.unfreeze()
        gc.set_threshold(*usual)


def collect_seldom() -> None:
    """The same for the rest of this process."""
    gc.set_threshold(_SELDOM)
    gc.freeze()  # what stands already is not gone through each time


_SELDOM = 20_000


def batches_of(seeds: range) -> int:
    """Into how many batches these are divided."""
    return -(-len(seeds) // _BATCH)


def run_range(
    seeds: Iterable[int], size: Size, jobs: int, planner: Planner = plan
) -> Iterator[Totals]:
    """The totals of batches of seeds, in their order."""
    batches = list(batched(seeds, _BATCH, strict=False))
    if jobs == 1:
        yield from (run_batch(batch, size, planner) for batch in batches)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(partial(run_batch, size=size, planner=planner), batches)


def fill(totals: Totals, scenarios: Sequence[Scenario], size: Size) -> None:
    """Run more seeds where a fault has not struck yet, bent on those faults, but not for ever."""
    for scenario in scenarios:
        first = QUICK_SCHEDULES + SCENARIOS.index(scenario)
        for seed in range(first, first + _MOST_MORE * len(SCENARIOS), len(SCENARIOS)):
            missing = missing_cells(totals, [scenario])
            if not missing:
                break
            focus = tuple((call, Kind(kind)) for _, call, kind in missing)
            # The first one has the deployed core, so that its share stays.
            has_rules = seed == first
            bent = replace(plan(seed, size.moments, size.targets), focus=focus, has_rules=has_rules)
            totals.add(Simulation(bent).run())


_MOST_MORE = 20

# -- the table ---------------------------------------------------------------------------------


def missing_cells(
    totals: Totals, scenarios: Sequence[Scenario] = SCENARIOS
) -> list[tuple[str, str, str]]:
    """Faults that could strike and never did, by scenario, call and kind."""
    return [cell for cell in possible_cells(scenarios) if not totals.cells[cell]]


def possible_cells(scenarios: Sequence[Scenario]) -> Iterator[tuple[str, str, str]]:
    """Every call and kind that is possible, in each of the scenarios."""
    for scenario in scenarios:
        for call, kinds in SCHEDULED.items():
            for kind in kinds:
                yield scenario.value, call, kind.value
        for kind in EVERYWHERE:
            yield scenario.value, ANY_CALL, kind.value


def table(totals: Totals) -> str:
    """Counts by call, kind and scenario."""
    names = [scenario.value for scenario in SCENARIOS]
    lines = [f"{'':34}" + "".join(f"{name.split()[0]:>12}" for name in names)]
    for call, kinds in {**SCHEDULED, ANY_CALL: EVERYWHERE}.items():
        lines.append(call)
        for kind in kinds:
            counts = [totals.cells[name, call, kind.value] for name in names]
            lines.append(f"  {kind.value:32}" + "".join(f"{count:12,}" for count in counts))
    return "\n".join(lines)


def impossible(reason: Any) -> str:
    """The cells that cannot be, with the reason."""
    lines = []
    for call in SCHEDULED:
        for kind in Kind:
            why = reason(call, kind)
            if why:
                lines.append(f"{call:28} {kind.value:32} {why}")
    return "\n".join(lines)


def dump(totals: Totals, about: dict[str, Any]) -> str:
    """The results file."""
    return json.dumps(about | totals.to_json(), indent=1) + "\n"
