"""Runs that meet: one stands at each of its calls while others go by, or all stand at one."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, tee

from tests.simulation.ending import heal_and_check
from tests.simulation.engine import Outcome, Simulation
from tests.simulation.overlap import Turn
from tests.simulation.points import staged
from tests.simulation.schedule import Firing, Function, Moment
from tests.simulation.stories import STORIES
from tests.simulation.story import Story

type Way = tuple[str, Callable[[Simulation], None]]
"""One order of turns, with its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A moment of a story at which runs meet.

    Attributes:
        after: how many moments of the story come first.
        firings: what meets.
        two: also in the quick run two stand, since they meet over more than one decision.
    """

    story: Story
    after: int
    firings: tuple[Firing, ...]
    two: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """What many ways of one meeting came to.

    Attributes:
        ways: how many orders were tried.
        failures: (description, oracle, message).
    """

    ways: int
    failures: tuple[tuple[str, str, str], ...]


def _named(name: str) -> Story:
    return next(story for story in STORIES if story.name == name)


def _all(*functions: Function) -> tuple[Firing, ...]:
    return tuple(Firing(function) for function in functions)


_R, _C, _P, _D, _T, _S = (
    Function.ROUTING,
    Function.CAPACITY,
    Function.PURCHASE,
    Function.RELEASE,
    Function.PUBLISH,
    Function.SCALE,
)
MEETINGS: tuple[Meeting, ...] = (
    Meeting(story=_named("buy and route"), after=0, firings=_all(_C, _P, _D, _T, _R)),
    Meeting(story=_named("buy and route"), after=1, firings=_all(_P, _P, _T, _C)),
    Meeting(story=_named("two targets under one cap"), after=0, firings=_all(_C, _P, _P), two=True),
    Meeting(story=_named("two decisions in turn"), after=1, firings=_all(_C, _P, _P)),
    Meeting(story=_named("release"), after=1, firings=_all(_D, _T, _C, _D)),
    Meeting(story=_named("release"), after=2, firings=_all(_D, _D, _T, _R)),
    Meeting(story=_named("two releases in turn"), after=1, firings=_all(_C, _D, _D), two=True),
    Meeting(story=_named("restore"), after=1, firings=_all(_C, _D, _T, _D)),
    Meeting(story=_named("commit on a person's word"), after=0, firings=_all(_C, _P, _P, _P)),
    Meeting(story=_named("an endpoint grows and shrinks"), after=0, firings=_all(_C, _S, _S)),
)


def one_stands(meeting: Meeting) -> Iterator[Way]:
    """Each run stands before each of its calls while all others go from end to end.

    Decisions come first, so that there is something to meet over.
    """
    for index, firing in enumerate(meeting.firings):
        for steps in range(1, _most_calls(meeting, index) + 1):
            name = f"{firing.function} {index} stands before call {steps}"
            yield name, partial(_stand_and_go, standing=index, steps=steps)


def two_stand(meeting: Meeting) -> Iterator[Way]:
    """One run stands before a call, all else is decided, another stands, then each goes on.

    What the first one has read is then older than what the second one has.
    """
    actors = [i for i, each in enumerate(meeting.firings) if each.function != Function.CAPACITY]
    most = {index: _most_calls(meeting, index) for index in actors}
    for first in actors:
        for second in actors:
            if first == second:
                continue
            for steps in range(1, most[first] + 1):
                for more in range(1, most[second] + 1):
                    name = f"{first} stands before call {steps}, {second} before call {more}"
                    stands = ((first, steps), (second, more))
                    yield name, partial(_stand_twice, stands=stands)


def quick_ways(meeting: Meeting) -> Iterator[Way]:
    """The ways of the quick run: one stands; in some meetings also two, not in every way."""
    yield from one_stands(meeting)
    if meeting.two:
        yield from islice(two_stand(meeting), 0, None, _THINNED)


_THINNED = 4


def _stand_twice(
    simulation: Simulation, *, stands: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    turns = list(simulation.overlap.waiting)
    (first, steps), (second, more) = stands
    _go(simulation, turns[first], steps)
    _first_decisions(simulation, turns)
    _go(simulation, turns[second], more)
    for turn in (turns[first], turns[second]):
        _go(simulation, turn)


def _go(simulation: Simulation, turn: Turn, steps: int | None = None) -> None:
    """So many calls, or all to the end."""
    done = 0
    while not turn.is_over and done != steps:
        simulation.overlap.step_through(turn)
        done += 1


def _most_calls(meeting: Meeting, index: int) -> int:
    """How many calls this run makes when nobody is in its way."""
    simulation = _begun(meeting)
    try:
        turns = _waiting(simulation, meeting)
        _first_decisions(simulation, turns)
        turn = turns[index]
        _go(simulation, turn)
        return turn.steps
    finally:
        simulation.overlap.abort()


def _stand_and_go(simulation: Simulation, *, standing: int, steps: int) -> None:
    turns = list(simulation.overlap.waiting)
    stands = turns[standing]
    if stands.run.function != Function.CAPACITY:
        _first_decisions(simulation, turns)
    _go(simulation, stands, steps)
    for turn in (*(turn for turn in turns if turn is not stands), stands):
        _go(simulation, turn)


def meet(meeting: Meeting, ways: Iterator[Way]) -> Met:
    """Try each way on a fresh world, and ask what must come true afterwards."""
    ways, named = tee(ways)
    count, failures = 0, []
    for (name, _), outcome in zip(named, each_way(meeting, ways), strict=True):
        count += 1
        failures += [(name, v.oracle, v.message) for v in outcome.violations]
    return Met(ways=count, failures=tuple(failures))


def each_way(meeting: Meeting, ways: Iterator[Way]) -> Iterator[Outcome]:
    """What came of each way, on a fresh world."""
    for _, way in ways:
        simulation = _begun(meeting)
        try:
            _waiting(simulation, meeting)
            way(simulation)
            simulation.finish()
            if not simulation.findings.violations:
                simulation.recovery = heal_and_check(simulation)
        finally:
            simulation.overlap.abort()
        yield simulation.outcome()


def at_random(seeds: Sequence[int]) -> Iterator[Way]:
    """All runs, in any order at every call."""
    for seed in seeds:
        yield f"seed {seed}", partial(_shuffle, seed=seed)


def _shuffle(simulation: Simulation, *, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - simulation
    simulation.overlap.drive(chance.choice)


def duplicates(function: Function, story: Story, after: int, count: int) -> Meeting:
    """The same event so many times at once."""
    return Meeting(story=story, after=after, firings=_all(*[function] * count))


def all_stand(calls: int) -> Iterator[Way]:
    """All runs stand before the same call, for each call, and then go on in any order."""
    for steps in range(1, calls + 1):
        yield f"all before call {steps}", partial(_stand_together, steps=steps)


def crowds(function: Function, story: Story, after: int) -> Iterator[tuple[Meeting, Way]]:
    """Two to eight runs of one event that stand before the same call, for each of its calls."""
    for count in range(2, MOST_OVERLAPPING + 1):
        meeting = duplicates(function, story, after, count)
        for way in all_stand(calls_of_one(meeting)):
            yield meeting, way


MOST_OVERLAPPING = 8


def calls_of_one(meeting: Meeting) -> int:
    """How many calls the first run of a meeting makes when nobody is in its way."""
    return _most_calls(meeting, 0)


def _stand_together(simulation: Simulation, *, steps: int) -> None:
    for turn in list(simulation.overlap.waiting):
        _go(simulation, turn, steps)
    _shuffle(simulation, seed=steps)


def _begun(meeting: Meeting) -> Simulation:
    simulation = staged(meeting.story, {})
    moments = simulation.plan.moments
    for number, moment in enumerate(moments[: meeting.after]):
        simulation.play(number, moment)
    now = moments[meeting.after]
    simulation.play(meeting.after, Moment(now.step, now.happenings, ()))
    return simulation


def _waiting(simulation: Simulation, meeting: Meeting) -> list[Turn]:
    decisions = [f for f in meeting.firings if f.function is Function.CAPACITY]
    if not decisions and meeting.after == 0:
        simulation.fire(meeting.after, 99, Firing(Function.CAPACITY))
    for index, firing in enumerate(meeting.firings):
        simulation.enter(meeting.after, index, firing)
    return list(simulation.overlap.waiting)


def _first_decisions(simulation: Simulation, turns: Sequence[Turn]) -> None:
    for turn in turns:
        if turn.run.function == Function.CAPACITY:
            _go(simulation, turn)
