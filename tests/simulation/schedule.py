"""A fault schedule: all that a seed decides before anything runs.

What strikes single calls is drawn while the schedule runs; everything here is a plain value, so
that a failing schedule can be cut down and run again.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import ACCOUNT, REGION
from tests.simulation.faults import SCHEDULED, Kind
from tests.simulation.settings import NAMES, START, consents, document, stack_document


class Scenario(StrEnum):
    """What a schedule dwells upon; single calls fail in each of them."""

    CALM = "calm"
    LAGGING = "lagging"
    REFUSING = "refusing"
    FAILING = "failing PTs"
    NEIGHBOURS = "neighbours"
    SETTINGS = "settings"
    SWITCH = "switch"
    CLOCKS = "clocks"
    METRICS = "metrics"
    RESTORED = "restored"
    OUTAGE = "outage"
    OVERLAPPING = "overlapping"
    TERMS = "terms"


SCENARIOS = tuple(Scenario)


class Function(StrEnum):
    """What the schedules start."""

    ROUTING = "routing"
    CAPACITY = "capacity"
    PURCHASE = "purchase"
    RELEASE = "release"
    PUBLISH = "publish"
    SCALE = "scale"
    DISPATCH = "dispatch"
    VISIT = "visit"


@dataclass(frozen=True, slots=True)
class Firing:
    """One event of a schedule.

    Attributes:
        late: by how much its scheduled time lies before the moment.
        skew: of the clock of the environment that runs it.
        cold: a new environment runs it.
        is_lost: it never comes; a schedule that is cut down loses events this way.
    """

    function: Function
    late: timedelta = timedelta(0)
    skew: timedelta = timedelta(0)
    cold: bool = False
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that the world does by itself.

    Attributes:
        share: which of those that it may happen to, 0 to 1.
    """

    what: str
    share: float = 0.0
    value: Any = None


@dataclass(frozen=True, slots=True)
class Moment:
    """One scheduled minute: what happened since the last one, and what fires."""

    step: timedelta
    happenings: tuple[Happening, ...]
    firings: tuple[Firing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEndpoint:
    """A Marketplace endpoint of the account.

    Attributes:
        instances: that it runs at first.
        target: whose settings may change it; None: it is somebody else's.
    """

    address: str
    instances: int
    target: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One schedule.

    Attributes:
        documents: the settings as they stand at first, by name.
        rate: of faults per call.
        focus: faults that shall strike where their calls come up.
        held: age in minutes of the PTs that each target begins with; drawn when None.
        lags: of lists, tags, InService, in minutes; `token` the lifetime of tokens.
        endpoints: what the account has besides PTs; without one no function looks for any.
        asks: persons are asked where a purchase needs their word.
        fans_out: a dispatcher hands the targets to workers.
    """

    seed: int
    scenario: Scenario
    targets: tuple[str, ...]
    documents: tuple[tuple[str, str], ...]
    decision_minutes: int
    lags: tuple[tuple[str, int], ...]
    rate: float
    focus: tuple[tuple[str, Kind], ...]
    moments: tuple[Moment, ...]
    has_rules: bool
    consents: tuple[RecordedConsent, ...] = ()
    held: tuple[int, ...] | None = None
    endpoints: tuple[PlannedEndpoint, ...] = ()
    asks: bool = False
    fans_out: bool = False


ENDPOINTS = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint"
FOREIGN_ENDPOINT = f"{ENDPOINTS}/foreign"
"""An endpoint of the account that no target may change."""

PERIODS = (5, 15)
"""Minutes between capacity decisions that schedules have."""

_STEPS = (1, 1, 1, 1, 1, 1, 2, 2, 3, 4)
_RULES_EVERY = 19


def plan(seed: int, moments: int, targets: int = len(NAMES)) -> Plan:
    """The schedule of a seed, so many ticks and targets; the same seed gives the same one."""
    chance = random.Random(f"schedule {seed}")  # noqa: S311 - simulation
    scenario, names = SCENARIOS[seed % len(SCENARIOS)], NAMES[:targets]
    round_number = seed // len(SCENARIOS)
    period = chance.choice((5, 15))
    cells = _focus(round_number)
    shared = chance.random() < _SHARED
    documents = [(name, document(name, chance, shared=shared)) for name in names]
    if chance.random() < _CAPPED:
        documents.append(("stack", stack_document(chance)))
    return Plan(
        seed=seed,
        scenario=scenario,
        targets=names,
        documents=tuple(documents),
        consents=consents(names, chance, shared=shared),
        decision_minutes=period,
        lags=tuple(_lags(scenario, chance).items()),
        rate=chance.choice((0.0, 0.003, 0.006, 0.012, 0.03)),
        focus=tuple(cells),
        moments=tuple(_moments(scenario, moments, period, chance)),
        has_rules=seed % _RULES_EVERY == 0,
    )


def _focus(round_number: int) -> list[tuple[str, Kind]]:
    """The kinds that this schedule shall see at its calls, each in its turn.

    A schedule of the next round begins with the next kind of each call, so that every kind has
    its turn at the first occasion, however seldom a call comes up. Calls that come up all the time
    have a fault in every other round, so that a schedule is not faults alone.
    """
    found = []
    for index, (call, kinds) in enumerate(SCHEDULED.items()):
        every = 1 if call in SELDOM else 2
        if (index + round_number) % every == 0:
            first, turns = round_number // every, 1
            if call in _SCARCE:
                # A Delete that failed is sent again by the next run, so that many can strike.
                turns = 6 if call == "releasing.delete" and round_number % 2 else 3
            found += [(call, kinds[(first + offset) % len(kinds)]) for offset in range(turns)]
    return found


_SCARCE = frozenset({"fleets.trip", "fleets.consent", "purchasing.buy", "releasing.delete"})
SELDOM = _SCARCE | {
    "fleets.account",
    "fleets.begin_purchase",
    "fleets.begin_release",
    "fleets.record_of",
    "fleets.update_purchase",
    "fleets.update_release",
    "capacity.is_active",
    "capacity.end_of_life",
    "capacity.model_unit_quota",
    "releasing.get",
}
"""Calls that come up a few times in a schedule, or not at all."""

_SHARED, _CAPPED = 0.3, 0.4


def _lags(scenario: Scenario, chance: random.Random) -> dict[str, int]:
    is_lagging = scenario is Scenario.LAGGING
    return {
        "list": chance.choice((1, 5, 10, 15)) if is_lagging else chance.choice((0, 0, 0, 1)),
        "tags": chance.choice((0, 1, 5, 15)) if is_lagging else 0,
        "lead": chance.choice((0, 1, 3, 5, 10)),
        "token": chance.choice((15, 60, 1_440)),
        "descending": chance.choice((0, 1)),
        "metrics": chance.choice((1, 2, 3)),
    }


# -- moments -----------------------------------------------------------------------------------


def _moments(scenario: Scenario, count: int, period: int, chance: random.Random) -> list[Moment]:
    found = []
    now = START
    decided = now - timedelta(days=1)
    for _ in range(count):
        step = timedelta(minutes=chance.choice(_STEPS))
        if chance.random() < _LONG:
            step = timedelta(minutes=chance.choice((10, 20, 45)))
        now += step
        is_due = _floor(now, period) > decided
        decided = _floor(now, period) if is_due else decided
        found.append(
            Moment(
                step=step,
                happenings=tuple(_happenings(scenario, chance)),
                firings=tuple(_firings(scenario, chance, is_due=is_due)),
            )
        )
    return found


_LONG = 0.02


def _floor(now: datetime, period: int) -> datetime:
    return now - (now - START) % (period * MINUTE)


_FIRES = {
    Function.ROUTING: 0.15,
    Function.PURCHASE: 0.7,
    Function.RELEASE: 0.7,
    Function.PUBLISH: 0.7,
}


def _firings(scenario: Scenario, chance: random.Random, *, is_due: bool) -> list[Firing]:
    """What fires: some events are lost, doubled, late or out of order."""
    functions = [each for each, share in _FIRES.items() if chance.random() < share]
    if is_due:
        functions.insert(0, Function.CAPACITY)
    doubled = 0.1 if scenario is Scenario.OVERLAPPING else 0.03
    found = []
    for function in functions:
        times = 1
        if chance.random() < doubled:
            times = chance.choice((2, 2, 3, 3, 8)) if scenario is Scenario.OVERLAPPING else 2
        found += [_firing(function, scenario, chance) for _ in range(times)]
    if chance.random() < _DISORDERED:
        chance.shuffle(found)
    return found or [Firing(Function.PUBLISH)]


_DISORDERED = 0.3


def _firing(function: Function, scenario: Scenario, chance: random.Random) -> Firing:
    late = timedelta(0)
    if chance.random() < _LATE:
        late = timedelta(minutes=chance.choice((1, 2, 4, 6, 30, 180)))
    skew = timedelta(0)
    if scenario is Scenario.CLOCKS:
        skew = timedelta(seconds=chance.choice((-120, -90, -30, 0, 30, 90, 120)))
    return Firing(function, late=late, skew=skew, cold=chance.random() < _COLD)


_LATE, _COLD = 0.03, 0.1

_BASE = (
    ("demand", 0.2),
    ("lead", 0.05),
    ("switch", 0.01),
    ("foreign", 0.01),
    ("vanish", 0.005),
    ("poison", 0.02),
    ("mend", 0.1),
    ("reset", 0.1),
    ("reopen", 0.15),
    ("direct", 0.02),
    ("trip", 0.01),
)
_EXTRA: dict[Scenario, tuple[tuple[str, float], ...]] = {
    Scenario.CALM: (),
    Scenario.LAGGING: (("vanish", 0.03),),
    Scenario.REFUSING: (("quota", 0.1), ("legacy", 0.05)),
    Scenario.FAILING: (("failed", 0.15), ("stuck", 0.05), ("vanish", 0.05)),
    Scenario.NEIGHBOURS: (
        ("foreign", 0.04),
        ("foreign_tagged", 0.02),
        ("foreign_gone", 0.1),
        ("vanish", 0.02),
        ("untag", 0.02),
        ("retag", 0.02),
        ("rename", 0.03),
        ("spoil_projection", 0.05),
    ),
    Scenario.SETTINGS: (
        ("edit", 0.15),
        ("poison", 0.15),
        ("remove", 0.03),
        ("defaults", 0.05),
        ("stack", 0.08),
    ),
    Scenario.SWITCH: (("switch", 0.25),),
    Scenario.CLOCKS: (),
    Scenario.METRICS: (("dark", 0.06), ("series", 0.1), ("direct", 0.08)),
    Scenario.RESTORED: (("backup", 0.1), ("restore", 0.06)),
    Scenario.OUTAGE: (("outage", 0.08),),
    Scenario.OVERLAPPING: (),
    Scenario.TERMS: (),
}


def _happenings(scenario: Scenario, chance: random.Random) -> list[Happening]:
    found = []
    for what, share in (*_BASE, *_EXTRA[scenario]):
        if chance.random() < share:
            found.append(Happening(what, chance.random(), chance.randrange(1 << 16)))
    return found
