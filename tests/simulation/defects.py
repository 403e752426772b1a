"""Planted defects: each switches one guard off, and the quick run must notice.

A defect that nothing notices is a missing oracle.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.simulation.engine import Outcome, Simulation
from tests.simulation.fanning import FANNED, fanned_plan
from tests.simulation.meeting import MEETINGS, each_way, quick_ways
from tests.simulation.persons import PERSONS, person_plan
from tests.simulation.points import quick_boundaries, run_with, single_faults
from tests.simulation.schedule import SCENARIOS, Scenario, plan
from tests.simulation.stories import STORIES, STRUCK
from tests.simulation.volume import QUICK, QUICK_SCHEDULES, Planner


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One guard switched off.

    Attributes:
        rows: of the failure model that the guard is for.
        plants: what is replaced (a module and, after a colon, the attribute's path) by what makes
            the faulty one of the sound one. More than one where a guard has a second behind it.
        scenario: in which it is likely to show; the quick run has all.
        near: a story or a meeting of the quick run in which it is sure to show; None: a schedule.
        apart: the seeds and the planner of schedules of their own in which it shows.
    """

    guard: str
    rows: str
    plants: tuple[tuple[str, Callable[[Any], Any]], ...]
    scenario: Scenario
    near: str | None = None
    apart: tuple[range, Planner] | None = None


OF_PERSONS = (PERSONS, person_plan)
OF_FLEETS = (FANNED, fanned_plan)


@contextmanager
def planted(defect: Defect) -> Iterator[None]:
    """The defect, for as long as the block lasts."""
    with ExitStack() as stack:
        for place, plant in defect.plants:
            stack.enter_context(_replaced(place, plant))
        yield


@contextmanager
def _replaced(place: str, plant: Callable[[Any], Any]) -> Iterator[None]:
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    sound = vars(owner)[name]
    setattr(owner, name, plant(sound))
    try:
        yield
    finally:
        setattr(owner, name, sound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """How a defect was noticed; `oracle` is empty when it was not.

    Attributes:
        tries: how many schedules, stories and meetings had to run.
    """

    guard: str
    rows: str
    oracle: str
    tries: int
    message: str


def hunt(defect: Defect) -> Caught:
    """Do what the quick run does until an oracle fails, the likely place first."""
    count, found = 0, None
    with planted(defect):
        for outcome in _variants(defect):
            count += 1
            if outcome.violations:
                found = outcome.violations[0]
                break
    return Caught(
        guard=defect.guard,
        rows=defect.rows,
        oracle=found.oracle if found else "",
        tries=count,
        message=found.message if found else "nobody noticed",
    )


def _variants(defect: Defect) -> Iterator[Outcome]:
    if defect.near is not None:
        yield from _stories(defect.near)
    if defect.apart is not None:
        seeds, planner = defect.apart
        for seed in seeds:
            yield Simulation(planner(seed, QUICK.moments, QUICK.targets)).run()
    yield from _schedules(defect.scenario)
    for story in STORIES:
        yield from _stories(story.name)


def _schedules(likely: Scenario) -> Iterator[Outcome]:
    first = range(SCENARIOS.index(likely), QUICK_SCHEDULES, len(SCENARIOS))
    for seed in (*first, *(seed for seed in range(QUICK_SCHEDULES) if seed not in first)):
        yield Simulation(plan(seed, QUICK.moments, QUICK.targets)).run()


def _stories(name: str) -> Iterator[Outcome]:
    """What the quick run does with a story: as it is, with runs that meet, and with faults."""
    story = next(story for story in STORIES if story.name == name)
    yield run_with(story, {})
    for meeting in MEETINGS:
        if meeting.story is story:
            yield from each_way(meeting, quick_ways(meeting))
    if name in STRUCK:
        for strikes in single_faults(quick_boundaries(story)):
            yield run_with(story, strikes)


def report(found: list[Caught]) -> list[str]:
    """The table, one line for each defect."""
    lines = [f"{'guard switched off':44} {'rows':10} {'oracle':7} {'tries':>6}  first sign"]
    lines += [
        f"{c.guard:44} {c.rows:10} {c.oracle or '-':7} {c.tries:6}  {c.message[:90]}" for c in found
    ]
    missed = sum(not each.oracle for each in found)
    return [*lines, f"{len(found)} defects, {missed} not noticed"]
