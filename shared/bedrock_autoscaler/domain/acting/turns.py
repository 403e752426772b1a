"""In which order throughputs leave where an hour has no room for all of them.

Each may go once per paid period only, and what went counts for an hour. So a small one that goes
now may hold back larger ones, which are then paid for longer. Source: docs/model.md, "Gate".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import ceil

_MOST = 5
"""Throughputs whose orders are tried: 120 of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaver:
    """A throughput that is to leave.

    Attributes:
        units: that it has.
        chance: minutes until its release can be decided; then again once per period.
        notice: minutes from then until it is gone and its period is over.
    """

    units: int
    chance: float
    notice: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast throughputs may leave.

    Attributes:
        units: that may leave together; a single throughput always may.
        minutes: for which what left counts.
        period: minutes that are paid at once.
    """

    units: int
    minutes: float
    period: float


def saved_by_waiting(leaver: Leaver, others: Sequence[Leaver], pace: Pace) -> float:
    """How many unit-minutes are saved if `leaver` does not go first; 0 where it had better.

    All orders of leaving are priced; compared are the cheapest of all and the cheapest of those
    that `leaver` begins. Example: 3 units may leave in an hour, one of 1 unit could go now and one
    of 3 units in 10 minutes. If the small one goes first, the large one has room in 70 minutes:
    3 x 70 = 210 unit-minutes. If the large one goes first, the small one has room in 120 minutes:
    3 x 10 + 1 x 120 = 150. Waiting saves 60.

    Args:
        leaver: the one that could go now.
        others: that are to leave too; of many the largest ones count.
        pace: how fast they may.
    """
    largest = sorted(others, key=lambda other: (-other.units, other.chance))[: _MOST - 1]
    paid = [(order[0] is leaver, _paid(order, pace)) for order in permutations((leaver, *largest))]
    return min(cost for is_first, cost in paid if is_first) - min(cost for _, cost in paid)


def _paid(order: Sequence[Leaver], pace: Pace) -> float:
    """Unit-minutes until all are gone, each at its first chance after the one before it."""
    gone: list[tuple[float, int]] = []
    at = 0.0
    for leaver in order:
        at = leaver.chance + pace.period * max(ceil((at - leaver.chance) / pace.period), 0)
        while not _fits(leaver, at, gone, pace):
            at += pace.period
        gone.append((at + leaver.notice, leaver.units))
    return sum(left * units for left, units in gone)


def _fits(leaver: Leaver, at: float, gone: Sequence[tuple[float, int]], pace: Pace) -> bool:
    counted = sum(units for left, units in gone if at < left + pace.minutes)
    return counted == 0 or counted + leaver.units <= pace.units
