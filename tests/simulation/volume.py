"""Runs ranges of seeds on several processes, and adds their results up."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

from tests.simulation.engine import Outcome, Simulation
from tests.simulation.faults import ANY_CALL, EVERYWHERE, POSSIBLE, Kind
from tests.simulation.schedule import SCENARIOS, plan

_BATCH = 25


@dataclass(slots=True, kw_only=True)
class Totals:
    """What many schedules came to.

    Attributes:
        schedules, ticks, runs: by decision core.
        cells: faults at calls, by scenario, call and kind.
        happenings: of the world, by scenario and name.
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
        for found in outcome.violations:
            self.violations.append((outcome.plan.seed, found.oracle, found.message))

    def merge(self, other: "Totals") -> None:
        """The totals of other seeds."""
        for name in ("schedules", "ticks", "runs", "cells", "happenings", "disturbed", "effects"):
            getattr(self, name).update(getattr(other, name))
        self.digests = sorted({*self.digests, *other.digests})
        self.violations += other.violations

    def to_json(self) -> dict[str, Any]:
        """As plain values, keys joined by ` | `."""
        counted = ("cells", "happenings")
        plain = ("schedules", "ticks", "runs", "disturbed", "effects")
        found: dict[str, Any] = {name: dict(sorted(getattr(self, name).items())) for name in plain}
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
        for name in ("schedules", "ticks", "runs", "disturbed", "effects"):
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


def _disturbed(outcome: Outcome) -> Counter[str]:
    """Events of the schedules that came late, twice, on a skewed clock, or to a cold start."""
    found: Counter[str] = Counter()
    for moment in outcome.plan.moments[: outcome.moments]:
        fired = Counter(firing.function for firing in moment.firings)
        found["event repeated"] += sum(count - 1 for count in fired.values())
        found["event late"] += sum(bool(firing.late) for firing in moment.firings)
        found["clock skewed"] += sum(bool(firing.skew) for firing in moment.firings)
    return found


def run_batch(seeds: tuple[int, ...], moments: int) -> Totals:
    """Some schedules in this process."""
    totals, digest = Totals(), hashlib.sha256()
    for seed in seeds:
        outcome = Simulation(plan(seed, moments)).run()
        totals.add(outcome)
        digest.update(outcome.digest.encode())
    totals.digests.append((seeds[0], seeds[-1], digest.hexdigest()))
    return totals


def run_range(seeds: Iterable[int], moments: int, jobs: int) -> Iterator[Totals]:
    """The totals of batches of seeds, in their order."""
    batches = list(batched(seeds, _BATCH, strict=False))
    if jobs == 1:
        yield from (run_batch(batch, moments) for batch in batches)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(run_batch, batches, [moments] * len(batches))


# -- the table ---------------------------------------------------------------------------------


def missing_cells(totals: Totals) -> list[tuple[str, str, str]]:
    """Faults that could strike and never did, by scenario, call and kind."""
    return [cell for cell in possible_cells() if not totals.cells[cell]]


def possible_cells() -> Iterator[tuple[str, str, str]]:
    """Every call and kind that is possible, in every scenario."""
    for scenario in SCENARIOS:
        for call, kinds in POSSIBLE.items():
            for kind in kinds:
                yield scenario.value, call, kind.value
        for kind in EVERYWHERE:
            yield scenario.value, ANY_CALL, kind.value


def table(totals: Totals) -> str:
    """Counts by call and kind, summed over scenarios, with the least of any scenario beside."""
    lines = []
    for call, kinds in {**POSSIBLE, ANY_CALL: EVERYWHERE}.items():
        lines.append(call)
        for kind in kinds:
            counts = [totals.cells[scenario.value, call, kind.value] for scenario in SCENARIOS]
            lines.append(f"  {kind.value:32} {sum(counts):9,}   least {min(counts):7,}")
    return "\n".join(lines)


def impossible(reason: Any) -> str:
    """The cells that cannot be, with the reason."""
    lines = []
    for call in POSSIBLE:
        for kind in Kind:
            why = reason(call, kind)
            if why:
                lines.append(f"{call:28} {kind.value:32} {why}")
    return "\n".join(lines)


def dump(totals: Totals, about: dict[str, Any]) -> str:
    """The results file."""
    return json.dumps(about | totals.to_json(), indent=1) + "\n"
