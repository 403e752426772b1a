"""How many model units are worth their price: marginal value under a weighted set of futures.

Unit j serves what of the demand lies between j and j + 1. It is worth the overflow and the
throttling that it avoids, and is held while that is at least its price. The worth falls with j,
so the levels are decided one by one. Source: docs/model.md, section "Sizing".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from bedrock_autoscaler.domain.decision import Alternative, ExpertRecord, Reason
from bedrock_autoscaler.domain.economics import Economics
from bedrock_autoscaler.domain.forecast import Future
from bedrock_autoscaler.domain.judging import Track, judge, weigh
from bedrock_autoscaler.domain.observation import Series
from bedrock_autoscaler.domain.target import Sizing

_LEVEL_BOUND = 512
_EXTRA_LEVELS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SizePlan:
    """The outcome of sizing.

    Attributes:
        grow_to: units worth buying; never above `keep`.
        keep: units worth keeping at a boundary.
        worth: expected USD per hour that unit j avoids, by j.
        alternatives: cost of each size from none to two above the larger of held and wanted.
        experts: updated records.
        weights: trust in each forecast that had data, by name; adds to 1.
        trust: the same over all forecasts, with those that had none.
        caution: what gaps in the history changed; None when nothing.
    """

    grow_to: int
    keep: int
    worth: Series
    alternatives: tuple[Alternative, ...]
    experts: tuple[ExpertRecord, ...]
    weights: Mapping[str, float]
    trust: Mapping[str, float]
    caution: Reason | None = None


def plan_size(
    forecasts: Sequence[Future],
    *,
    track: Track,
    economics: Economics,
    sizing: Sizing,
    held: int,
    peak: float,
) -> SizePlan:
    """Weigh the forecasts by their record and size the fleet.

    Args:
        forecasts: of the window that a unit ordered now would serve.
        track: how the forecasts did so far.
        economics: prices.
        sizing: margins and periods.
        held: units that stay if nothing is done.
        peak: highest demand on record, in units: growth goes at most one unit beyond it.
    """
    most = _levels(forecasts, held)
    curves = {
        future.name: worth_of_units(future.samples, economics, most)
        for future in forecasts
        if future.samples.size
    }
    wanted = {name: count_worth(curve, economics.unit_usd) for name, curve in curves.items()}
    experts = judge(track, wanted, economics, sizing)
    trust = weigh(experts, [future.name for future in forecasts])
    weights = _shared_among(trust, curves)
    worth = sum((weights[name] * curve for name, curve in curves.items()), np.zeros(most))
    grow_to = count_worth(worth, sizing.grow_margin * economics.unit_usd)
    grow_to = min(grow_to, ceil(min(peak, _LEVEL_BOUND)) + 1)
    top = max(grow_to, held) + _EXTRA_LEVELS
    return SizePlan(
        grow_to=grow_to,
        keep=max(count_worth(worth, sizing.keep_margin * economics.unit_usd), grow_to),
        worth=worth,
        alternatives=_alternatives(forecasts, weights, economics, sizing, top=top),
        experts=experts,
        weights=weights,
        trust=trust,
    )


def mixed_worth(
    forecasts: Sequence[Future], trust: Mapping[str, float], economics: Economics, most: int
) -> Series:
    """Expected USD per hour that each of the units 0 .. most - 1 avoids, over all forecasts."""
    worth = np.zeros(most)
    for future in forecasts:
        worth = worth + trust[future.name] * worth_of_units(future.samples, economics, most)
    return worth


def worth_of_units(samples: Series, economics: Economics, most: int) -> Series:
    """Expected USD per hour that each of the units 0 .. most - 1 avoids.

    It never rises with j while avoiding a throttle is worth at least the dearest way on demand.
    """
    worth = np.zeros(most)
    levels = min(most, ceil(min(float(samples.max(initial=0.0)), float(most))))
    if levels == 0:
        return worth
    overflow = np.maximum(samples - np.arange(levels + 1)[:, np.newaxis], 0.0)
    served, throttled = economics.overflow_usd(overflow)
    cost = (served + throttled).mean(axis=1)
    worth[:levels] = cost[:-1] - cost[1:]
    return worth


def count_worth(worth: Series, price: float) -> int:
    """How many units in a row from the first are worth `price`."""
    below = np.flatnonzero(worth < price)
    return int(below[0]) if below.size else len(worth)


def full_use(economics: Economics, units: int) -> float:
    """Demand that fills this many units and every quota besides: more would be worth no more."""
    quotas = (tier.capacity_units for tier in economics.tiers)
    return units + 1.0 + sum(capacity for capacity in quotas if capacity != float("inf"))


def _levels(forecasts: Sequence[Future], held: int) -> int:
    """Units that are looked at: as many as any forecast could fill, and one above those held."""
    highest = max((float(f.samples.max(initial=0.0)) for f in forecasts), default=0.0)
    return max(ceil(min(highest, _LEVEL_BOUND)), held + 1)


def _shared_among(trust: Mapping[str, float], names: Mapping[str, object]) -> dict[str, float]:
    """The trust in these forecasts alone, scaled to add to 1."""
    total = sum(trust[name] for name in names)
    return {name: trust[name] / total for name in names}


def _alternatives(
    forecasts: Sequence[Future],
    weights: Mapping[str, float],
    economics: Economics,
    sizing: Sizing,
    *,
    top: int,
) -> tuple[Alternative, ...]:
    """Expected cost of each fleet size from none to `top`, over one billing period."""
    hours = sizing.billing_minutes / 60.0
    overflow, throttle, used = np.zeros(top + 1), np.zeros(top + 1), np.zeros(top + 1)
    units = np.arange(top + 1)
    for future in forecasts:
        if not future.samples.size:
            continue
        left = np.maximum(future.samples - units[:, np.newaxis], 0.0)
        served, throttled = economics.overflow_usd(left)
        weight = weights[future.name]
        overflow += weight * served.mean(axis=1)
        throttle += weight * throttled.mean(axis=1)
        used += weight * (future.samples - left).mean(axis=1)
    return tuple(
        Alternative(
            units=size,
            units_usd=size * economics.unit_usd * hours,
            overflow_usd=float(overflow[size]) * hours,
            throttle_usd=float(throttle[size]) * hours,
            total_usd=float(size * economics.unit_usd + overflow[size] + throttle[size]) * hours,
            utilization=float(used[size]) / size if size else 0.0,
        )
        for size in range(top + 1)
    )
