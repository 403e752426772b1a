"""What each model unit would be used for, and what that is worth.

Unit j (from 0) serves what of the demand lies between j and j + 1: of D units of demand it uses
clip(D - j, 0, 1). It is worth the overflow and the throttling that it avoids. Source:
docs/model.md, section "Sizing".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.traffic.observation import Series

MOST_UNITS = 1024
"""Units that are looked at one by one: more than `guard_rails.max_units` may ever allow."""

_FEW_UNITS = 4
"""Up to so many a pass over the minutes for each is faster than one that sorts the minutes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sets:
    """Sets of minutes that overlap, as the pieces that they are made of.

    Attributes:
        values: known minutes of demand, in units, piece by piece; a set has a minute once.
        sizes: minutes of each piece.
        members: 1 where a set (row) has a piece (column), else 0.
        counts: minutes of each set.
        instead: by set, the one that stands in for it when it has no minute.
        peak: highest of the values; 0 without any.
    """

    values: Series
    sizes: NDArray[np.intp]
    members: Series
    counts: Series
    instead: tuple[int, ...]
    peak: float

    @staticmethod
    def of(pieces: Iterable[Series], members: Series, instead: tuple[int, ...]) -> "Sets":
        """The sets that are made of these pieces."""
        pieces = tuple(pieces)
        sizes, values = np.array([len(piece) for piece in pieces]), np.concatenate(pieces)
        return Sets(
            values=values,
            sizes=sizes,
            members=members,
            counts=members @ sizes,
            instead=instead,
            peak=float(values.max(initial=0.0)),
        )

    def stand_ins(self) -> list[int]:
        """By set, the first one along `instead` that has a minute (itself where none has)."""
        has_minutes = self.counts.tolist()
        found = list(range(len(self.instead)))
        if all(has_minutes):
            return found
        for index in found:
            for _ in self.instead:
                if has_minutes[found[index]]:
                    break
                found[index] = self.instead[found[index]]
        return found


def one_set(minutes: Series) -> Sets:
    """These minutes alone."""
    return Sets.of((minutes,), np.ones((1, 1)), (0,))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curves:
    """Means over sets of minutes, one row a set, one column a unit.

    Attributes:
        used: share of the unit that the demand uses, 0 to 1.
        worth: USD per hour that it avoids.
        throttle: the part of `worth` that is throttling avoided.
    """

    used: Series
    worth: Series
    throttle: Series

    def mixed(self, weights: Series) -> "Curves":
        """The weighted sum over the rows, made to fall with the unit as each row does."""
        return Curves(
            used=_falling(weights @ self.used),
            worth=_falling(weights @ self.worth),
            throttle=weights @ self.throttle,
        )


def mean_use(sets: Sets, units: int, *, beyond: float = 0.0) -> Series:
    """Mean use of each of the units 0 .. units - 1 over each set, 0 to 1.

    Args:
        sets: minutes of demand in units.
        units: how many.
        beyond: so much of each minute's demand is left out.
    """
    used = (_by_unit if units <= _FEW_UNITS else _by_minute)(sets, units, beyond)
    means: Series = sets.members @ used / np.maximum(sets.counts, 1)[:, np.newaxis]
    return means if all(sets.counts.tolist()) else means[sets.stand_ins()]


def _by_unit(sets: Sets, units: int, beyond: float) -> Series:
    """Use of each unit (column) summed over the minutes of each piece (row), unit after unit."""
    used = np.zeros((len(sets.sizes), units))
    filled = sets.sizes.nonzero()[0]
    begins = (np.cumsum(sets.sizes) - sets.sizes)[filled]
    left = np.maximum(sets.values - beyond, 0.0) if beyond else sets.values
    for unit in range(units if filled.size else 0):
        taken = np.minimum(left, 1.0)
        used[filled, unit] = np.add.reduceat(taken, begins)
        left = left - taken
    return used


def _by_minute(sets: Sets, units: int, beyond: float) -> Series:
    """The same by one look at each minute: how many units it fills, and what is left over."""
    shape = (len(sets.sizes), units + 1)
    count = shape[0] * shape[1]
    values, first = sets.values, np.arange(0, count, shape[1]).repeat(sets.sizes)
    if beyond:
        # What lies below uses no unit: most minutes, where it is a quota that they go beyond.
        above = (values > beyond).nonzero()[0]
        values, first = values[above] - beyond, first[above]
    if sets.peak - beyond > units:
        values = np.minimum(values, units)
    whole = np.floor(values)
    cells = first + whole.astype(np.intp)
    started = np.bincount(cells, values - whole, count).reshape(shape)
    at_most = np.add.accumulate(np.bincount(cells, minlength=count).reshape(shape), axis=1)
    used: Series = at_most[:, -1:] - at_most[:, :-1] + started[:, :-1]
    return used


def curves_of(sets: Sets, economics: Economics, units: int) -> Curves:
    """Use and worth of the units 0 .. units - 1 under each set's minutes.

    Overflow costs more where a quota ends: each step of its price counts for the use that the
    demand beyond the step would make of the unit.
    """
    used = mean_use(sets, units)
    worth, throttle = np.zeros(used.shape), np.zeros(used.shape)
    for begin, usd, is_throttle in economics.steps:
        beyond = used if begin == 0 else mean_use(sets, units, beyond=begin)
        worth += usd * beyond
        if is_throttle:
            throttle = economics.throttle_usd * beyond
    return Curves(used=used, worth=worth, throttle=throttle)


def units_needed(sets: Sets) -> int:
    """Units that the highest of these minutes would use, at most `MOST_UNITS`."""
    return ceil(min(sets.peak, MOST_UNITS))


def count_worth(worth: Series, price: float) -> int:
    """How many units in a row from the first are worth `price`."""
    below = (worth < price).nonzero()[0]
    return int(below[0]) if below.size else len(worth)


def full_use(economics: Economics, units: int) -> float:
    """Demand that fills this many units and every quota besides: more would be worth no more."""
    quotas = (tier.capacity_units for tier in economics.tiers)
    return units + 1.0 + sum(capacity for capacity in quotas if capacity != float("inf"))


def _falling(values: Series) -> Series:
    return np.minimum.accumulate(values)
