"""Cuts a failing schedule down to the few faults that it needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tests.simulation.engine import Simulation
from tests.simulation.faults import Kind
from tests.simulation.gate import Place
from tests.simulation.oracles.findings import Violation
from tests.simulation.schedule import Firing, Happening, Moment, Plan


@dataclass(frozen=True, slots=True)
class Atom:
    """One thing that may be left out: a fault at a call, a happening, or an event."""

    what: str
    place: Place
    kind: Kind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """A failing schedule with everything left out that it does not need."""

    plan: Plan
    strikes: dict[Place, Kind]
    violation: Violation

    def lines(self) -> list[str]:
        """The schedule as a person reads it, and as `--script` takes it."""
        found = [
            f"{self.violation.oracle} at tick {self.violation.moment}: {self.violation.message}"
        ]
        elapsed = 0.0
        for number, moment in enumerate(self.plan.moments):
            elapsed += moment.step.total_seconds() / 60
            events = [_event(index, f) for index, f in enumerate(moment.firings) if not f.is_lost]
            happened = [_happening(each) for each in moment.happenings]
            struck = [
                f"run {run} call {call}: {kind.value}"
                for (at, run, call), kind in sorted(self.strikes.items())
                if at == number
            ]
            if events or happened or struck:
                parts = "; ".join([*happened, *events, *struck])
                found.append(f"  tick {number} at +{elapsed:.0f} min: {parts}")
        return found


def shrink(plan: Plan, strikes: dict[Place, Kind], violation: Violation, tries: int) -> Shrunk:
    """Leave out half of what is there, then quarters, and so on, while the oracle still fails.

    Args:
        plan: the failing schedule.
        strikes: what struck its calls.
        violation: what it failed with; only the oracle must stay the same.
        tries: how many runs this may take.
    """
    plan = replace(plan, moments=plan.moments[: violation.moment + 1])
    left = [tries]

    def fails(atoms: Sequence[Atom]) -> bool:
        left[0] -= 1
        return _violation(plan, atoms, violation.oracle) is not None

    atoms = _atoms(plan, strikes)
    if not fails(atoms):
        return Shrunk(plan=plan, strikes=strikes, violation=violation)
    atoms = _reduced(atoms, fails, left)
    found = _violation(plan, atoms, violation.oracle)
    cut, kept = _only(plan, atoms)
    return Shrunk(plan=cut, strikes=kept, violation=found or violation)


def _reduced(
    atoms: list[Atom], fails: Callable[[Sequence[Atom]], bool], left: list[int]
) -> list[Atom]:
    """Delta debugging: the smallest set found whose every part is needed."""
    size = max(len(atoms) // 2, 1)
    while left[0] > 0:
        for start in range(0, len(atoms), size):
            rest = atoms[:start] + atoms[start + size :]
            if left[0] > 0 and rest and fails(rest):
                atoms = rest
                break
        else:
            if size == 1:
                return atoms
            size = max(size // 2, 1)
    return atoms


def _violation(plan: Plan, atoms: Sequence[Atom], oracle: str) -> Violation | None:
    cut, strikes = _only(plan, atoms)
    outcome = Simulation(cut, strikes).run()
    return next((v for v in outcome.violations if v.oracle == oracle), None)


def _atoms(plan: Plan, strikes: dict[Place, Kind]) -> list[Atom]:
    found = [Atom("strike", place, kind) for place, kind in strikes.items()]
    for number, moment in enumerate(plan.moments):
        found += [Atom("happening", (number, i, 0)) for i in range(len(moment.happenings))]
        found += [Atom("event", (number, i, 0)) for i in range(len(moment.firings))]
    return found


def _only(plan: Plan, atoms: Sequence[Atom]) -> tuple[Plan, dict[Place, Kind]]:
    """The schedule with nothing but these."""
    kept = {(atom.what, atom.place) for atom in atoms}
    moments = []
    for number, moment in enumerate(plan.moments):
        happenings = tuple(
            each
            for i, each in enumerate(moment.happenings)
            if ("happening", (number, i, 0)) in kept
        )
        firings = tuple(
            replace(each, is_lost=("event", (number, i, 0)) not in kept)
            for i, each in enumerate(moment.firings)
        )
        moments.append(Moment(moment.step, happenings, firings))
    strikes = {atom.place: atom.kind for atom in atoms if atom.kind is not None}
    return replace(plan, moments=tuple(moments)), strikes


def _event(index: int, firing: Firing) -> str:
    late = f" {firing.late} late" if firing.late else ""
    skew = f", its clock off by {firing.skew.total_seconds():.0f} s" if firing.skew else ""
    return f"run {index} {firing.function}{late}{skew}"


def _happening(happening: Happening) -> str:
    return f"{happening.what}({happening.share:.2f}, {happening.value})"
