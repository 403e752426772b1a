"""Sweeps all stories and all meetings on several processes, and tells what came of them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from tests.simulation.meeting import (
    MEETINGS,
    Meeting,
    Met,
    all_stand,
    at_random,
    duplicates,
    meet,
    one_stands,
    two_stand,
)
from tests.simulation.points import (
    Swept,
    boundaries_of,
    pairs,
    sampled_pairs,
    single_faults,
    sweep,
)
from tests.simulation.schedule import Function
from tests.simulation.stories import STORIES, Story

if TYPE_CHECKING:
    from tests.simulation.faults import Kind
    from tests.simulation.gate import Place

WITHIN = 3
"""Ticks between the two faults of a pair, at most."""

_PARTS = 8
_SHORT = 3
_COPIES = 16
_MOST_CALLS = 25
_SHOWN = 5


def sweep_stories(jobs: int, *, pairs: bool, sampled: int) -> tuple[list[str], int]:
    """Every single fault at every call of every story, and pairs if wanted: lines and failures."""
    tasks = [partial(_single, index, part) for index in range(len(STORIES)) for part in range(2)]
    short = _shortest()
    if pairs:
        tasks += [partial(_pairs, index, part) for index in short for part in range(_PARTS)]
    others = [index for index in range(len(STORIES)) if index not in short]
    tasks += [
        partial(_sampled, index, sampled // len(others) // _PARTS + 1, part)
        for index in others
        for part in range(_PARTS if sampled else 0)
    ]
    lines, failures, variants = [], 0, 0
    for what, swept in _all(tasks, jobs):
        variants += swept.variants
        failures += len(swept.failures)
        if swept.failures:
            lines.append(f"{swept.story}, {what}: {len(swept.failures)} of {swept.variants} fail")
        lines += [f"  {faults}: {oracle} {text}" for faults, oracle, text in _some(swept)]
    counts = [f"{story.name}: {len(boundaries_of(story))} calls" for story in STORIES]
    total = f"{len(STORIES)} stories, {variants:,} variants, {failures} failures"
    return [*lines, *counts, total], failures


def sweep_meetings(jobs: int, *, ways: int) -> tuple[list[str], int]:
    """Runs that meet at every call, and sixteen copies of one event: lines and failures."""
    tasks: list[Callable[[], tuple[str, Met]]] = [
        *(partial(_standing, index) for index in range(len(MEETINGS))),
        *(partial(_two, index) for index in range(len(MEETINGS))),
        *(partial(_random, index, ways) for index in range(len(MEETINGS))),
        *(partial(_copies, index) for index in range(len(COPIES))),
    ]
    lines, failures = [], 0
    for what, met in _all(tasks, jobs):
        lines.append(f"{what}: {met.ways} ways, {len(met.failures)} failures")
        lines += [f"  {way}: {oracle} {text}" for way, oracle, text in met.failures[:_SHOWN]]
        failures += len(met.failures)
    return lines, failures


def _all[Result](tasks: Sequence[Callable[[], Result]], jobs: int) -> Iterator[Result]:
    if jobs == 1:
        yield from (task() for task in tasks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        futures = [pool.submit(task) for task in tasks]
        for future in futures:
            yield future.result()


def _some(swept: Swept) -> list[tuple[str, str, str]]:
    return [
        (", ".join(f"{place} {kind.value}" for place, kind in faults.items()), oracle, text)
        for faults, oracle, text in swept.failures[:_SHOWN]
    ]


def _shortest() -> list[int]:
    sizes = [(len(boundaries_of(story)), index) for index, story in enumerate(STORIES)]
    return [index for _, index in sorted(sizes)[:_SHORT]]


def _single(index: int, part: int) -> tuple[str, Swept]:
    story = STORIES[index]
    variants = islice(single_faults(boundaries_of(story)), part, None, 2)
    return "single faults", sweep(story, variants)


def _pairs(index: int, part: int) -> tuple[str, Swept]:
    story = STORIES[index]
    variants: Iterator[dict[Place, Kind]] = pairs(boundaries_of(story), WITHIN)
    return "pairs", sweep(story, islice(variants, part, None, _PARTS))


def _sampled(index: int, count: int, part: int) -> tuple[str, Swept]:
    story = STORIES[index]
    return "sampled pairs", sweep(story, sampled_pairs(boundaries_of(story), WITHIN, count, part))


def _standing(index: int) -> tuple[str, Met]:
    meeting = MEETINGS[index]
    return f"{_called(meeting)}, one stands", meet(meeting, one_stands(meeting))


def _two(index: int) -> tuple[str, Met]:
    meeting = MEETINGS[index]
    return f"{_called(meeting)}, two stand", meet(meeting, two_stand(meeting))


def _random(index: int, ways: int) -> tuple[str, Met]:
    meeting = MEETINGS[index]
    return f"{_called(meeting)}, in any order", meet(meeting, at_random(range(ways)))


def _copies(index: int) -> tuple[str, Met]:
    story, after, function = COPIES[index]
    meeting = duplicates(function, _story(story), after, _COPIES)
    return f"{story}: {_COPIES} times {function}", meet(meeting, all_stand(_MOST_CALLS))


def _called(meeting: Meeting) -> str:
    runs = " + ".join(firing.function.value for firing in meeting.firings)
    return f"{meeting.story.name}: {runs}"


def _story(name: str) -> Story:
    return next(story for story in STORIES if story.name == name)


COPIES: tuple[tuple[str, int, Function], ...] = (
    ("buy and route", 0, Function.CAPACITY),
    ("buy and route", 0, Function.PURCHASE),
    ("commit on a person's word", 0, Function.PURCHASE),
    ("two targets under one cap", 0, Function.PURCHASE),
    ("release", 0, Function.RELEASE),
    ("release", 1, Function.PUBLISH),
    ("release", 2, Function.RELEASE),
)
"""The same event sixteen times at once: in which story, after how many of its moments."""
