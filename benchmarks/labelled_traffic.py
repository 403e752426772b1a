"""Seeded traffic whose class is known: 28 days of minutes of each kind, to judge the classifier.

Kinds and ranges are those of section "Labelled traffic" in docs/classifier.md. What the ranges
leave open (how fast a level wanders, how long a flash lasts, what runs outside a batch window) is
drawn widely, so that thresholds are not fitted to one choice of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from types import MappingProxyType

import numpy as np

from bedrock_autoscaler.domain.decision import Label
from bedrock_autoscaler.domain.traffic.observation import Series

DAYS = 28
MINUTES_PER_DAY = 1440
MINUTES = DAYS * MINUTES_PER_DAY
HALF = MINUTES // 2
_CALLS_A_MINUTE = (3.0, 300.0)
_WEEK = 7 * MINUTES_PER_DAY
_SATURDAY = 5


class Volume(Enum):
    """How the usual number of calls a minute is drawn from its range."""

    WIDE = "every order of magnitude alike: half below 30"
    EVEN = "every number alike"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledTraffic:
    """Traffic of one kind and seed.

    Attributes:
        calls, tokens: per minute; tokens are input equivalents.
        label: of the whole trace, or of its first half.
        later: of the second half, where it differs.
        onsets: first minutes of flash crowds.
    """

    kind: str
    seed: int
    calls: Series
    tokens: Series
    label: Label
    later: Label | None
    onsets: tuple[int, ...]

    def label_at(self, minute: int) -> Label:
        """What the traffic before this minute is an example of."""
        return self.later if self.later is not None and minute > HALF else self.label


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shape:
    """Relative demand per minute before it is scaled to calls."""

    demand: Series
    onsets: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A way to make demand, and the class it is an example of."""

    label: Label
    make: Callable[[np.random.Generator], _Shape]
    later: Label | None = None
    wander: tuple[float, float] = (0.03, 0.12)


def generate(kind: str, seed: int, volume: Volume = Volume.WIDE) -> LabelledTraffic:
    """The traffic of this kind and seed; the same for the same arguments, whatever else is made."""
    spec = KINDS[kind]
    random = np.random.default_rng([seed, *kind.encode()])
    shape = spec.make(random)
    demand = shape.demand * _wander(random, random.uniform(*spec.wander))
    if spec.label is Label.IDLE:
        rate = demand
    else:
        draw = random.uniform if volume is Volume.EVEN else partial(_between, random)
        rate = demand / _typical(demand) * draw(*_CALLS_A_MINUTE)
    calls = random.poisson(rate).astype(np.float64)
    # The sum of n gamma sizes of one shape is a gamma of n times that shape.
    form = 1.0 / random.uniform(0.3, 1.5) ** 2
    size = _between(random, 300.0, 5000.0)
    tokens = np.where(calls > 0, random.gamma(np.maximum(calls, 1.0) * form, size / form), 0.0)
    return LabelledTraffic(
        kind=kind,
        seed=seed,
        calls=calls,
        tokens=np.round(tokens),
        label=spec.label,
        later=spec.later,
        onsets=shape.onsets,
    )


# -- shapes ------------------------------------------------------------------------------------


def _steady(_: np.random.Generator) -> _Shape:
    return _Shape(demand=np.ones(MINUTES))


def _diurnal(low: float, high: float) -> Callable[[np.random.Generator], _Shape]:
    def make(random: np.random.Generator) -> _Shape:
        return _Shape(demand=_day_cycle(random, _between(random, low, high)))

    return make


def _weekly(random: np.random.Generator) -> _Shape:
    demand = _day_cycle(random, _between(random, 3.0, 20.0))
    weekday = (np.arange(MINUTES) // MINUTES_PER_DAY) % 7
    factor = random.uniform(0.08, 0.4)
    return _Shape(demand=np.where(weekday >= _SATURDAY, factor, 1.0) * demand)


def _switching(low: float, high: float) -> Callable[[np.random.Generator], _Shape]:
    """Poisson traffic whose rate jumps between two levels (MMPP)."""

    def make(random: np.random.Generator) -> _Shape:
        ratio = _between(random, low, high)
        dwell = (_between(random, 30.0, 360.0), _between(random, 6.0, 60.0))
        return _Shape(demand=1.0 + (ratio - 1.0) * _on_and_off(random, dwell))

    return make


def _sessions(low: float, high: float) -> Callable[[np.random.Generator], _Shape]:
    """Sessions of heavy-tailed length, each calling at a constant rate."""

    def make(random: np.random.Generator) -> _Shape:
        tail, concurrent = random.uniform(1.3, 1.7), random.uniform(low, high)
        shortest = _between(random, 4.0, 20.0)
        mean_length = shortest * tail / (tail - 1.0)
        before = _WEEK
        count = int(random.poisson((MINUTES + before) * concurrent / mean_length))
        begin = random.integers(-before, MINUTES, size=count)
        length = shortest * (1.0 + random.pareto(tail, size=count))
        end = np.minimum(begin + np.maximum(length, 1.0), MINUTES).astype(np.int64)
        change = np.zeros(MINUTES + 1)
        np.add.at(change, np.clip(begin, 0, MINUTES), 1.0)
        np.add.at(change, np.clip(end, 0, MINUTES), -1.0)
        return _Shape(demand=np.cumsum(change)[:MINUTES])

    return make


def _flash(random: np.random.Generator) -> _Shape:
    """An even level with one to three flash crowds in the last three weeks."""
    demand = np.ones(MINUTES)
    onsets = []
    for week in range(int(random.integers(1, 4))):
        onset = int(random.integers(_WEEK * (week + 1), _WEEK * (week + 2) - MINUTES_PER_DAY))
        ramp, hold = int(random.integers(1, 8)), int(_between(random, 15.0, 120.0))
        fall = _between(random, 5.0, 40.0)
        age = np.arange(MINUTES - onset, dtype=np.float64)
        rise = np.minimum((age + 1.0) / ramp, 1.0) * np.exp(-np.maximum(age - hold, 0.0) / fall)
        demand[onset:] += (_between(random, 4.0, 20.0) - 1.0) * rise
        onsets.append(onset)
    return _Shape(demand=demand, onsets=tuple(onsets))


def _trend(low: float, high: float) -> Callable[[np.random.Generator], _Shape]:
    def make(random: np.random.Generator) -> _Shape:
        per_week = random.choice((-1.0, 1.0)) * np.log1p(random.uniform(low, high))
        return _Shape(demand=np.exp(per_week * np.arange(MINUTES) / _WEEK))

    return make


def _batch(random: np.random.Generator) -> _Shape:
    """The same window each day with a start that jitters; little or nothing outside of it."""
    length = int(random.uniform(1.0, 4.0) * 60)
    start = int(random.integers(0, MINUTES_PER_DAY))
    background = random.choice((0.0, _between(random, 0.005, 0.1)))
    demand = np.full(MINUTES, background)
    for day in range(-1, DAYS):
        begin = day * MINUTES_PER_DAY + start + int(random.integers(-10, 11))
        demand[max(begin, 0) : max(begin + length, 0)] = 1.0
    return _Shape(demand=demand)


def _intermittent(random: np.random.Generator) -> _Shape:
    """Clusters of calls with hours of silence between them."""
    gap = _between(random, 60.0, 600.0)
    demand = np.zeros(MINUTES)
    at = random.exponential(gap)
    while at < MINUTES:
        length = int(random.integers(2, 16))
        demand[int(at) : int(at) + length] = random.uniform(0.5, 1.5)
        at += length + random.exponential(gap)
    return _Shape(demand=demand)


def _idle(random: np.random.Generator) -> _Shape:
    return _Shape(demand=np.full(MINUTES, random.uniform(0.5, 5.0) / MINUTES_PER_DAY))


def _diurnal_switching(random: np.random.Generator) -> _Shape:
    day = _diurnal(3.0, 20.0)(random).demand
    return _Shape(demand=day * _switching(5.0, 20.0)(random).demand)


# -- what changes at half time -----------------------------------------------------------------


def _steady_to_bursty(random: np.random.Generator) -> _Shape:
    return _halves(np.ones(MINUTES), _switching(5.0, 20.0)(random).demand)


def _bursty_to_steady(random: np.random.Generator) -> _Shape:
    return _halves(_switching(5.0, 20.0)(random).demand, np.ones(MINUTES))


def _step(random: np.random.Generator) -> _Shape:
    factor = random.uniform(1.8, 3.5) ** random.choice((-1.0, 1.0))
    return _Shape(demand=np.where(np.arange(MINUTES) < HALF, 1.0, factor))


def _stop(_: np.random.Generator) -> _Shape:
    return _Shape(demand=np.where(np.arange(MINUTES) < HALF, 1.0, 0.0))


def _halves(first: Series, second: Series) -> _Shape:
    """Both at the same mean, so that only the kind of variation changes."""
    before = np.arange(MINUTES) < HALF
    return _Shape(demand=np.where(before, first / first.mean(), second / second.mean()))


# -- pieces ------------------------------------------------------------------------------------


def _between(random: np.random.Generator, low: float, high: float) -> float:
    """A number of this range whose logarithm is uniform."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _typical(demand: Series) -> float:
    """Mean of the minutes with demand: what a base of so many calls a minute refers to."""
    return float(demand[demand > 0].mean())


def _wander(random: np.random.Generator, spread: float) -> Series:
    """A level that wanders around 1: the exponential of an Ornstein-Uhlenbeck process."""
    memory = _between(random, 30.0, 720.0)
    keep = np.exp(-1.0 / memory)
    steps = random.normal(0.0, spread * np.sqrt(1.0 - keep**2), size=MINUTES)
    level = np.empty(MINUTES)
    value = random.normal(0.0, spread)
    for minute, step in enumerate(steps.tolist()):
        value = keep * value + step
        level[minute] = value
    return np.exp(level)


def _day_cycle(random: np.random.Generator, ratio: float) -> Series:
    """A day with one peak, `ratio` times the trough, more or less pointed."""
    angle = 2.0 * np.pi * (np.arange(MINUTES) / MINUTES_PER_DAY - random.uniform())
    wave = ((1.0 + np.cos(angle)) / 2.0) ** random.uniform(0.7, 2.0)
    cycle: Series = 1.0 + (ratio - 1.0) * wave
    return cycle


def _on_and_off(random: np.random.Generator, dwell: tuple[float, float]) -> Series:
    """1 while on, 0 while off; both last exponentially long."""
    state = np.zeros(MINUTES)
    at, on = 0.0, False
    while at < MINUTES:
        length = random.exponential(dwell[on])
        if on:
            state[int(at) : int(at + length) + 1] = 1.0
        at, on = at + length, not on
    return state


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "steady": Kind(label=Label.STEADY, make=_steady),
        "flash": Kind(label=Label.STEADY, make=_flash),
        "diurnal": Kind(label=Label.SEASONAL, make=_diurnal(3.0, 20.0)),
        "weekly": Kind(label=Label.SEASONAL, make=_weekly),
        "batch": Kind(label=Label.SEASONAL, make=_batch),
        "trend": Kind(label=Label.TRENDING, make=_trend(0.22, 0.60)),
        "mmpp": Kind(label=Label.BURSTY, make=_switching(5.0, 20.0)),
        "sessions": Kind(label=Label.BURSTY, make=_sessions(0.8, 3.0)),
        "diurnal_mmpp": Kind(label=Label.BURSTY, make=_diurnal_switching),
        "intermittent": Kind(label=Label.INTERMITTENT, make=_intermittent),
        "idle": Kind(label=Label.IDLE, make=_idle),
        "level_step": Kind(label=Label.STEADY, make=_step),
        "steady_to_bursty": Kind(label=Label.STEADY, make=_steady_to_bursty, later=Label.BURSTY),
        "bursty_to_steady": Kind(label=Label.BURSTY, make=_bursty_to_steady, later=Label.STEADY),
        "steady_to_stop": Kind(label=Label.STEADY, make=_stop, later=Label.IDLE),
        "hard_mmpp": Kind(label=Label.BURSTY, make=_switching(2.5, 5.0)),
        "hard_sessions": Kind(label=Label.BURSTY, make=_sessions(3.0, 6.0)),
        "hard_diurnal": Kind(label=Label.SEASONAL, make=_diurnal(1.7, 4.0)),
        "hard_trend": Kind(label=Label.TRENDING, make=_trend(0.12, 0.22)),
        "hard_wander": Kind(label=Label.STEADY, make=_steady, wander=(0.1, 0.3)),
    }
)
"""Every kind by name; those that begin with `hard_` are the hard set."""
