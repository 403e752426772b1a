"""Ninety days of traffic out of one or two weeks, with something happening in the middle."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.backtest.scenario import DAY_MINUTES
from bedrock_autoscaler.backtest.trace import Trace
from benchmarks.population import Source

type Floats = NDArray[np.float64]

DAYS = 90
TURN = 45
"""Day on which the traffic takes its turn."""
_LEVEL_DEVIATION = 0.05
_START = datetime(2025, 1, 6, tzinfo=UTC)
_SATURDAY = 5


class Turn(StrEnum):
    """What the traffic does from day 45 on."""

    REPEATED = "repeated"
    HALVED = "halved"
    DOUBLED = "doubled"
    STOPPED = "stopped"

    @property
    def factor(self) -> float:
        """By which the traffic is multiplied."""
        return {Turn.REPEATED: 1.0, Turn.HALVED: 0.5, Turn.DOUBLED: 2.0, Turn.STOPPED: 0.0}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One trace and the turn that its extension takes."""

    source: Source
    turn: Turn
    seed: int


def stories(sources: Sequence[Source], seed: int) -> tuple[Story, ...]:
    """Each trace once; a quarter of them takes each turn."""
    order = np.random.default_rng(seed).permutation(len(sources))
    turns = tuple(Turn)
    return tuple(
        Story(source=source, turn=turns[int(place) % len(turns)], seed=seed)
        for source, place in zip(sources, order, strict=True)
    )


def extended(trace: Trace, story: Story) -> Trace:
    """Ninety days, each one of the trace's own days of the same kind, at a level of its own.

    Workdays stand for workdays and days of the weekend for such, where the trace has both; the
    level of each day is drawn with a deviation of 5%. The same seed gives the same days.
    """
    chance = np.random.default_rng([story.seed, *story.source.name.encode()])
    whole = len(trace) // DAY_MINUTES
    weekend = [(trace.start + timedelta(days=day)).weekday() >= _SATURDAY for day in range(whole)]
    parts: list[tuple[Floats, Floats, Floats]] = []
    for day in range(DAYS):
        is_weekend = (_START + timedelta(days=day)).weekday() >= _SATURDAY
        alike = [known for known in range(whole) if weekend[known] is is_weekend]
        chosen = int(chance.choice(alike or list(range(whole))))
        level = float(np.exp(chance.normal(0.0, _LEVEL_DEVIATION)))
        factor = level * (story.turn.factor if day >= TURN else 1.0)
        rows = slice(chosen * DAY_MINUTES, (chosen + 1) * DAY_MINUTES)
        columns = (trace.invocations, trace.input_tokens, trace.output_tokens)
        calls, inputs, outputs = (column[rows] * factor for column in columns)
        parts.append((calls, inputs, outputs))
    calls, inputs, outputs = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Trace.of(trace.name, _START, (calls, inputs, outputs))
