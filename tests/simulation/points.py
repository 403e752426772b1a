"""Every fault at every call of a story, one at a time or two together."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.simulation.engine import Outcome, Simulation
from tests.simulation.faults import EVERYWHERE, POSSIBLE, Kind
from tests.simulation.gate import Place, Run
from tests.simulation.story import Story


@dataclass(frozen=True, slots=True)
class Boundary:
    """One call of a story: faults strike before it, or after it."""

    place: Place
    call: str
    function: str


class _Notes:
    """Strikes nothing, and notes what could be struck."""

    def __init__(self) -> None:
        self.struck: dict[Place, Kind] = {}
        self.boundaries: list[Boundary] = []

    def strike(self, call: str, run: Run) -> Kind | None:
        """Note the call."""
        self.boundaries.append(Boundary((run.moment, run.number, run.calls), call, run.function))
        return None


def boundaries_of(story: Story) -> tuple[Boundary, ...]:
    """Every call of the story without faults, in order."""
    notes = _Notes()
    simulation = staged(story, {})
    simulation.gate.follow(notes)
    simulation.run(heal=False)
    return tuple(notes.boundaries)


def quick_boundaries(story: Story) -> tuple[Boundary, ...]:
    """Those that the quick run strikes: all of most stories."""
    return tuple(
        boundary
        for boundary in boundaries_of(story)
        if not story.struck or story.struck & {boundary.function, boundary.call.partition(".")[0]}
    )


def staged(story: Story, strikes: Mapping[Place, Kind]) -> Simulation:
    """The story, ready to run with these faults."""
    simulation = Simulation(story.plan(), strikes)
    simulation.core = story.core
    return simulation


def run_with(story: Story, strikes: Mapping[Place, Kind]) -> Outcome:
    """The story with these faults, and what must come true afterwards."""
    return staged(story, strikes).run()


def single_faults(boundaries: Sequence[Boundary]) -> Iterator[dict[Place, Kind]]:
    """Each possible fault at each call."""
    for boundary in boundaries:
        for kind in (*POSSIBLE[boundary.call], *EVERYWHERE):
            yield {boundary.place: kind}


def pairs(boundaries: Sequence[Boundary], within: int) -> Iterator[dict[Place, Kind]]:
    """Each ordered pair of faults at two calls that lie at most so many ticks apart."""
    for first in boundaries:
        for second in boundaries:
            if first.place < second.place and second.place[0] - first.place[0] <= within:
                for kind in POSSIBLE[first.call]:
                    for other in POSSIBLE[second.call]:
                        yield {first.place: kind, second.place: other}


def sampled_pairs(
    boundaries: Sequence[Boundary], within: int, count: int, seed: int
) -> Iterator[dict[Place, Kind]]:
    """So many of those pairs, drawn by a seed."""
    chance = random.Random(seed)  # noqa: S311 - simulation
    drawn = 0
    while drawn < count:
        first, second = sorted(chance.sample(boundaries, 2), key=lambda each: each.place)
        if second.place[0] - first.place[0] > within:
            continue
        drawn += 1
        yield {
            first.place: chance.choice(POSSIBLE[first.call]),
            second.place: chance.choice(POSSIBLE[second.call]),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What many variants of one story came to.

    Attributes:
        variants: how many ran.
        struck: in how many of them all the faults struck; a first one may keep a second one away.
        cells: faults by (call, kind).
        failures: (faults, oracle, message); `never` is the oracle of what must not come about.
    """

    story: str
    variants: int
    struck: int
    cells: Counter[tuple[str, Kind]]
    failures: tuple[tuple[dict[Place, Kind], str, str], ...]


def sweep(story: Story, variants: Iterator[dict[Place, Kind]]) -> Swept:
    """Run a story with each of these sets of faults."""
    count, struck, cells, failures = 0, 0, Counter[tuple[str, Kind]](), []
    for strikes in variants:
        outcome = run_with(story, strikes)
        count += 1
        struck += outcome.strikes.total() == len(strikes)
        cells.update(outcome.strikes)
        failures += [(strikes, found.oracle, found.message) for found in outcome.violations]
        failures += [(strikes, "never", what) for what in story.never & outcome.effects.keys()]
    return Swept(
        story=story.name,
        variants=count,
        struck=struck,
        cells=cells,
        failures=tuple(failures),
    )
