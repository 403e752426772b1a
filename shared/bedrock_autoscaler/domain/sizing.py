"""How many model units are worth their price: marginal value under a weighted set of futures.

Unit j serves what of the demand lies between j and j + 1. It is worth the overflow and the
throttling that it avoids, and is held while that is at least its price. The worth falls with j,
so the levels are decided one by one. Source: docs/model.md, section "Sizing".
"""

from dataclasses import dataclass
from math import exp

import numpy as np

from bedrock_autoscaler.domain.decision import Alternative, ExpertRecord
from bedrock_autoscaler.domain.economics import Economics
from bedrock_autoscaler.domain.forecast import Future
from bedrock_autoscaler.domain.observation import Series
from bedrock_autoscaler.domain.target import Sizing

_FORGETTING_MINUTES = 3 * 1440.0
_TRUST = 20.0
_CHURN_SHARE = 0.25
_EXTRA_LEVELS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SizePlan:
    """The outcome of sizing.

    Attributes:
        grow_to: units worth buying; keep: units worth keeping at a boundary.
        worth: expected USD per hour that unit j avoids, by j.
        experts: updated records; weights by the same order.
    """

    grow_to: int
    keep: int
    worth: Series
    alternatives: tuple[Alternative, ...]
    experts: tuple[ExpertRecord, ...]
    weights: tuple[tuple[str, float], ...]


def plan_size(
    forecasts: tuple[Future, ...],
    *,
    recent: Series,
    records: tuple[ExpertRecord, ...],
    economics: Economics,
    sizing: Sizing,
    held: int,
    most: int,
    settling: int,
) -> SizePlan:
    """Weigh the forecasts by their record and size the fleet.

    Args:
        recent: known demand of the newest decision period, in units (may be empty).
        records: of the experts, from the previous decision.
        held: units in service or on their way.
        most: no more units than this are considered.
        settling: newest minutes that are not seen yet, for matching proposals to outcomes.
    """
    curves = {
        future.name: worth_of_units(future.samples, economics, most) for future in forecasts
    }
    wanted = {name: count_worth(curve, economics.unit_usd) for name, curve in curves.items()}
    updated = _judge(records, wanted, recent, economics, sizing, settling)
    weights = _weights(tuple(record for record in updated if record.name in curves))
    worth = np.zeros(most)
    for name, weight in weights:
        worth = worth + weight * curves[name]
    grow_to = count_worth(worth, sizing.grow_margin * economics.unit_usd)
    keep = count_worth(worth, sizing.keep_margin * economics.unit_usd)
    top = max(grow_to, held) + _EXTRA_LEVELS
    return SizePlan(
        grow_to=grow_to,
        keep=keep,
        worth=worth,
        alternatives=_alternatives(forecasts, dict(weights), economics, sizing, top),
        experts=updated,
        weights=weights,
    )


def worth_of_units(samples: Series, economics: Economics, most: int) -> Series:
    """Expected USD per hour that each of the units 0 .. most - 1 avoids; never rising with j."""
    worth = np.zeros(most)
    if not samples.size:
        return worth
    levels = min(most, int(np.ceil(samples.max())))
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


def cost_of_holding(units: int, demand: Series, economics: Economics) -> float:
    """USD per hour of holding `units` under this demand: their price and what overflows."""
    served, throttled = economics.overflow_usd(np.maximum(demand - units, 0.0))
    return units * economics.unit_usd + float((served + throttled).mean())


def _judge(
    records: tuple[ExpertRecord, ...],
    wanted: dict[str, int],
    recent: Series,
    economics: Economics,
    sizing: Sizing,
    settling: int,
) -> tuple[ExpertRecord, ...]:
    """Charge each expert for its proposal whose window is now observed; keep the new one.

    A proposal speaks of the time from `lead_minutes` on, so it is judged that much later, plus
    the settling time, on the newest decision period.
    """
    period = sizing.decision_minutes
    delay = -(-(sizing.lead_minutes + settling) // period) + 1
    kept = exp(-period / _FORGETTING_MINUTES)
    known = {record.name: record for record in records}
    names = [record.name for record in records]
    names += [name for name in wanted if name not in known]
    updated = []
    for name in names:
        record = known.get(name) or ExpertRecord(name=name, loss_usd=0.0, proposals=())
        proposals = record.proposals
        loss = record.loss_usd
        if len(proposals) >= delay and recent.size:
            units, before = proposals[-delay], proposals[max(-delay - 1, -len(proposals))]
            hours = period / 60.0
            churn = _CHURN_SHARE * economics.unit_usd * max(units - before, 0)
            loss = loss * kept + cost_of_holding(units, recent, economics) * hours + churn
        proposal = wanted.get(name, proposals[-1] if proposals else 0)
        updated.append(
            ExpertRecord(
                name=name, loss_usd=loss, proposals=(*proposals[-delay:], proposal)
            )
        )
    return tuple(updated)


def _weights(records: tuple[ExpertRecord, ...]) -> tuple[tuple[str, float], ...]:
    """Exponential weights by loss relative to the best; equal while nothing is known."""
    best = min(record.loss_usd for record in records)
    scale = best if best > 0 else 1.0
    raw = [exp(-_TRUST * min((record.loss_usd - best) / scale, 30.0)) for record in records]
    total = sum(raw)
    return tuple(
        (record.name, value / total) for record, value in zip(records, raw, strict=True)
    )


def _alternatives(
    forecasts: tuple[Future, ...],
    weights: dict[str, float],
    economics: Economics,
    sizing: Sizing,
    top: int,
) -> tuple[Alternative, ...]:
    """Expected cost of each fleet size from none to `top`, over one billing period."""
    hours = sizing.billing_minutes / 60.0
    found = []
    for units in range(top + 1):
        overflow = throttle = used = 0.0
        for future in forecasts:
            weight = weights[future.name]
            left = np.maximum(future.samples - units, 0.0)
            served, throttled = economics.overflow_usd(left)
            overflow += weight * float(served.mean())
            throttle += weight * float(throttled.mean())
            used += weight * float(np.minimum(future.samples, units).mean())
        found.append(
            Alternative(
                units=units,
                units_usd=units * economics.unit_usd * hours,
                overflow_usd=overflow * hours,
                throttle_usd=throttle * hours,
                total_usd=(units * economics.unit_usd + overflow + throttle) * hours,
                utilization=used / units if units else 0.0,
            )
        )
    return tuple(found)
