"""Sweeps all stories and all meetings on several processes, and tells what came of them."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from hashlib import sha256
from itertools import chain, islice

from rich.console import Console
from rich.progress import track

from tests.simulation.meeting import (
    MEETINGS,
    Meeting,
    Met,
    all_stand,
    at_random,
    calls_of_one,
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
    sweep_pairs,
    sweep_singles,
)
from tests.simulation.schedule import Function
from tests.simulation.stories import BRIEF, STORIES
from tests.simulation.story import Story
from tests.simulation.volume import collect_seldom
from tests.simulation.wire_outcome import AMID_FAULTS, WireOutcome

WITHIN = 3
"""Ticks between the two faults of a pair, at most."""

_PARTS = 8
COPIES_AT_ONCE = 16
_SHOWN = 5


type Told = tuple[list[str], int]
"""Lines for a person, and how much failed."""


def sweep_stories(jobs: int, *, pairs: bool, sampled: int) -> Told:
    """Every single fault at every call of every story, and pairs of faults if wanted."""
    brief = range(len(BRIEF))
    others = [index for index in range(len(_ALL)) if index not in brief]
    each = sampled // len(others) // _PARTS + 1 if sampled else 0
    tasks = [partial(_single, index, 0 if index in brief else each) for index in range(len(_ALL))]
    if pairs:
        tasks += [partial(_pairs, index, part) for index in brief for part in range(_PARTS)]
    lines, failures = [], 0
    variants: Counter[tuple[str, str]] = Counter()
    for what, swept in chain.from_iterable(_all(tasks, jobs, "stories")):
        variants[what, swept.story] += swept.variants
        failures += len(swept.failures)
        if swept.failures:
            lines.append(f"{swept.story}, {what}: {len(swept.failures)} of {swept.variants} fail")
        lines += [f"  {faults}: {oracle} {text}" for faults, oracle, text in _some(swept)]
    counts = [f"{story}, {what}: {count:,}" for (what, story), count in variants.items()]
    total = f"{len(_ALL)} stories, {variants.total():,} variants, {failures} failures"
    return [*lines, *counts, total], failures


def sweep_meetings(jobs: int, *, ways: int) -> Told:
    """Runs that meet at every call, and copies of one event."""
    tasks: list[Callable[[], tuple[str, Met]]] = [
        *(partial(_standing, index) for index in range(len(MEETINGS))),
        *(partial(_two, index) for index in range(len(MEETINGS))),
        *(partial(_random, index, ways) for index in range(len(MEETINGS))),
        *(partial(_copies, index, 16) for index in range(len(COPIES))),
        *(partial(_copies, index, count) for index in range(len(COPIES)) for count in range(2, 9)),
    ]
    lines, failures = [], 0
    for what, met in _all(tasks, jobs, "meetings"):
        lines.append(f"{what}: {met.ways} ways, {len(met.failures)} failures")
        lines += [f"  {way}: {oracle} {text}" for way, oracle, text in met.failures[:_SHOWN]]
        failures += len(met.failures)
    return lines, failures


def sweep_wire(jobs: int, seeds: range) -> Told:
    """Schedules through handlers, adapters, moto and the Bedrock world."""
    outcomes = list(_all([partial(_wired, seed) for seed in seeds], jobs, "wire"))
    lines = [
        f"seed {outcome.seed}: {oracle} {text}"
        for outcome in outcomes
        for oracle, text in outcome.violations
    ]
    quiet = _quiet(outcomes)
    ticks = sum(outcome.ticks for outcome in outcomes)
    faults = sum(outcome.struck.total() + outcome.happened.total() for outcome in outcomes)
    total = f"{len(outcomes)} schedules on the wire, {ticks:,} ticks, {faults:,} faults"
    transcripts = sha256("".join(outcome.digest for outcome in outcomes).encode()).hexdigest()
    told = [
        *(f"{total}, {len(lines)} violations", *_sent(outcomes), *quiet),
        f"transcripts {transcripts[:16]}",
    ]
    return [*lines, *told], len(lines) + len(quiet)


def _sent(outcomes: Sequence[WireOutcome]) -> Iterator[str]:
    """How often a call that changes Bedrock went out, and in how many schedules."""
    sent = sum((outcome.sent for outcome in outcomes), Counter[tuple[str, str]]())
    for (operation, when), count in sorted(sent.items(), key=lambda item: item[0][::-1]):
        busy = sum(outcome.sent[operation, when] > 0 for outcome in outcomes)
        yield f"sent {when}: {count:,} {operation} in {busy} schedules"


def _quiet(outcomes: Sequence[WireOutcome]) -> list[str]:
    """What was sent in too few schedules: where little goes out, little is tested."""
    if len(outcomes) < _JUDGED:
        return []
    return [
        f"{operation} was sent while faults strike in {busy} schedules, wanted are {wanted:g}"
        for operation, share in _BUSY.items()
        if (busy := sum(outcome.sent[operation, AMID_FAULTS] > 0 for outcome in outcomes))
        < (wanted := share * len(outcomes))
    ]


_JUDGED = 20
_BUSY = {"CreateProvisionedModelThroughput": 0.5, "DeleteProvisionedModelThroughput": 0.2}


def _all[Result](tasks: Sequence[Callable[[], Result]], jobs: int, what: str) -> Iterator[Result]:
    """The results in the order of the tasks, with a bar that shows how far it is."""
    bar = partial(track, description=what, total=len(tasks), console=Console(stderr=True))
    if jobs == 1:
        yield from bar(task() for task in tasks)
        return
    with ProcessPoolExecutor(jobs, initializer=collect_seldom) as pool:
        futures = [pool.submit(task) for task in tasks]
        yield from bar(future.result() for future in futures)


def _some(swept: Swept) -> list[tuple[str, str, str]]:
    return [
        (", ".join(f"{place} {kind.value}" for place, kind in faults.items()), oracle, text)
        for faults, oracle, text in swept.failures[:_SHOWN]
    ]


_ALL = (*BRIEF, *STORIES)


def _single(index: int, sampled: int) -> list[tuple[str, Swept]]:
    story = _ALL[index]
    boundaries = boundaries_of(story)
    drawn = [
        pair
        for part in range(_PARTS if sampled else 0)
        for pair in sampled_pairs(boundaries, WITHIN, sampled, part)
    ]
    singles, both = sweep_singles(story, boundaries, iter(drawn))
    return [("single faults", singles), *([("sampled pairs", both)] if drawn else [])]


def _pairs(index: int, part: int) -> list[tuple[str, Swept]]:
    story = _ALL[index]
    firsts = islice(pairs(boundaries_of(story), WITHIN), part, None, _PARTS)
    return [("pairs", sweep_pairs(story, firsts))]


def _standing(index: int) -> tuple[str, Met]:
    meeting = MEETINGS[index]
    return f"{_called(meeting)}, one stands", meet(meeting, one_stands(meeting))


def _two(index: int) -> tuple[str, Met]:
    meeting = MEETINGS[index]
    return f"{_called(meeting)}, two stand", meet(meeting, two_stand(meeting))


def _random(index: int, ways: int) -> tuple[str, Met]:
    meeting = MEETINGS[index]
    return f"{_called(meeting)}, in any order", meet(meeting, at_random(range(ways)))


def _copies(index: int, count: int) -> tuple[str, Met]:
    story, after, function = COPIES[index]
    meeting = duplicates(function, _story(story), after, count)
    return f"{story}: {count} times {function}", meet(meeting, all_stand(calls_of_one(meeting)))


def _wired(seed: int) -> WireOutcome:
    from tests.simulation.wire import SOAK_TICKS, run_wire  # noqa: PLC0415 - it loads moto

    return run_wire(seed, SOAK_TICKS)


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
    ("an endpoint grows and shrinks", 0, Function.SCALE),
)
"""The same event sixteen times at once: in which story, after how many of its moments."""
