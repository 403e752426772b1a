"""Every fault at every call of a story, one at a time or two together."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import override

from tests.simulation.engine import Outcome, Simulation
from tests.simulation.faults import EVERYWHERE, POSSIBLE, Kind
from tests.simulation.gate import Place, Replay, Run, can_strike
from tests.simulation.story import Story


@dataclass(frozen=True, slots=True)
class Boundary:
    """One call of a story: faults strike before it, or after it."""

    place: Place
    call: str
    function: str


class _Notes(Replay):
    """Strikes where a list says so, and notes what could be struck."""

    def __init__(self, strikes: Mapping[Place, Kind]) -> None:
        super().__init__(strikes)
        self.boundaries: list[Boundary] = []

    @override
    def strike(self, call: str, run: Run) -> Kind | None:
        """Note the call."""
        self.boundaries.append(Boundary((run.moment, run.number, run.calls), call, run.function))
        return super().strike(call, run)


def boundaries_of(story: Story) -> tuple[Boundary, ...]:
    """Every call of the story without faults, in order."""
    notes = _Notes({})
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
    simulation = Simulation(story.plan, strikes)
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


type Point = tuple[Place, Kind]
type Pairs = tuple[Point, list[Boundary]]
"""A first fault, and the calls at which a second one may strike."""


def pairs(boundaries: Sequence[Boundary], within: int) -> Iterator[Pairs]:
    """Each ordered pair of faults at two calls that lie at most so many ticks apart."""
    for first in boundaries:
        seconds = [
            second
            for second in boundaries
            if first.place < second.place and second.place[0] - first.place[0] <= within
        ]
        for kind in POSSIBLE[first.call] if seconds else ():
            yield (first.place, kind), seconds


def sampled_pairs(
    boundaries: Sequence[Boundary], within: int, count: int, seed: int
) -> Iterator[tuple[Point, Point]]:
    """So many of those pairs, drawn by a seed."""
    chance = random.Random(seed)  # noqa: S311 - simulation
    drawn = 0
    while drawn < count:
        first, second = sorted(chance.sample(boundaries, 2), key=lambda each: each.place)
        if second.place[0] - first.place[0] > within:
            continue
        drawn += 1
        kind = chance.choice(POSSIBLE[first.call])
        yield (first.place, kind), (second.place, chance.choice(POSSIBLE[second.call]))


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
    return _summed(story, ((strikes, run_with(story, strikes)) for strikes in variants))


def sweep_pairs(story: Story, variants: Iterator[Pairs]) -> Swept:
    """The same for each of these pairs of faults."""
    return _summed(story, chain.from_iterable(each_pair(story, *each) for each in variants))


class Alone:
    """A story with one fault, and with others after it.

    The first fault often keeps the second one away: its run is over by then, or makes another call
    there. Such a pair is the history of the first fault alone, to the last call, and that is run
    once.
    """

    def __init__(self, story: Story, first: Point) -> None:
        self._story = story
        self._first = dict([first])
        notes = _Notes(self._first)
        simulation = staged(story, self._first)
        simulation.gate.follow(notes)
        self.outcome = simulation.run()
        self._reached = {boundary.place: boundary.call for boundary in notes.boundaries}

    def then(self, place: Place, kind: Kind) -> tuple[dict[Place, Kind], Outcome]:
        """Both faults, and what comes of them."""
        strikes = self._first | {place: kind}
        call = self._reached.get(place)
        is_struck = call is not None and can_strike(kind, call)
        return strikes, run_with(self._story, strikes) if is_struck else self.outcome


def each_pair(
    story: Story, first: Point, seconds: Sequence[Boundary]
) -> Iterator[tuple[dict[Place, Kind], Outcome]]:
    """What comes of a first fault with each second one."""
    alone = Alone(story, first)
    for second in seconds:
        for kind in POSSIBLE[second.call]:
            yield alone.then(second.place, kind)


def sweep_singles(
    story: Story, boundaries: Sequence[Boundary], drawn: Iterator[tuple[Point, Point]]
) -> tuple[Swept, Swept]:
    """Every single fault at these calls, and pairs of them that were drawn."""
    alone = {
        point: Alone(story, point)
        for strikes in single_faults(boundaries)
        for point in strikes.items()
    }
    singles = _summed(story, ((dict([point]), each.outcome) for point, each in alone.items()))
    return singles, _summed(story, (alone[first].then(*second) for first, second in drawn))


def _summed(story: Story, runs: Iterable[tuple[dict[Place, Kind], Outcome]]) -> Swept:
    count, struck, cells, failures = 0, 0, Counter[tuple[str, Kind]](), []
    for strikes, outcome in runs:
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
