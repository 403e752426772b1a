"""What each model unit would be used for, and what that is worth.

Unit j (from 0) serves what of the demand lies between j and j + 1: of D units of demand it uses
clip(D - j, 0, 1). It is worth the overflow and the throttling that it avoids. Source:
docs/model.md, section "Sizing".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from bedrock_autoscaler.domain.economics import Economics
from bedrock_autoscaler.domain.observation import Series

MOST_UNITS = 512
"""Units that are looked at one by one; a target that needs more grows in several steps."""


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


def unit_use(samples: Series, units: int) -> Series:
    """Mean use of each of the units 0 .. units - 1 over the samples, 0 to 1.

    Args:
        samples: demand in units, at least 0, without gaps; at least one.
        units: how many.
    """
    bounded = np.minimum(samples, units)
    whole = bounded.astype(np.intp)
    started = np.bincount(whole, weights=bounded - whole, minlength=units + 1)
    filled = np.bincount(whole, minlength=units + 1)[::-1].cumsum()[::-1]
    return (filled[1 : units + 1] + started[:units]) / len(samples)


def curves_of(windows: Sequence[Series], economics: Economics, units: int) -> Curves:
    """Use and worth of the units 0 .. units - 1 under each window's minutes.

    Overflow costs more where a quota ends: each step of its price counts for the use that the
    demand beyond the step would make of the unit.
    """
    used = np.stack([unit_use(samples, units) for samples in windows])
    worth, throttle = np.zeros_like(used), np.zeros_like(used)
    for begin, usd, is_throttle in economics.steps:
        beyond = used if begin == 0 else _beyond(windows, begin, units)
        worth += usd * beyond
        if is_throttle:
            throttle = economics.throttle_usd * beyond
    return Curves(used=used, worth=worth, throttle=throttle)


def units_needed(windows: Sequence[Series]) -> int:
    """Units that the highest of these minutes would use, at most `MOST_UNITS`."""
    highest = max((float(samples.max(initial=0.0)) for samples in windows), default=0.0)
    return ceil(min(highest, MOST_UNITS))


def count_worth(worth: Series, price: float) -> int:
    """How many units in a row from the first are worth `price`."""
    below = np.flatnonzero(worth < price)
    return int(below[0]) if below.size else len(worth)


def full_use(economics: Economics, units: int) -> float:
    """Demand that fills this many units and every quota besides: more would be worth no more."""
    quotas = (tier.capacity_units for tier in economics.tiers)
    return units + 1.0 + sum(capacity for capacity in quotas if capacity != float("inf"))


def _beyond(windows: Sequence[Series], begin: float, units: int) -> Series:
    return np.stack([unit_use(np.maximum(samples - begin, 0.0), units) for samples in windows])


def _falling(values: Series) -> Series:
    return np.minimum.accumulate(values)
