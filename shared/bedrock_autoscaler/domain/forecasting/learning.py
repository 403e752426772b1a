"""How far each look-back window is trusted: a ridge regression learned online, per target.

What a unit turned out to be worth is explained by what it was worth in each look-back window.
The weights are at least 0, so that more demand never lowers a forecast, and the forecast is a
mixture of what was seen. All levels of units share one regression. What was learned travels
from decision to decision as sums of products. Source: docs/model.md, section "Forecast".
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.forecasting.lookback import PRIOR_WEIGHTS, WINDOWS, moment_at
from bedrock_autoscaler.domain.forecasting.use import curves_of, units_needed
from bedrock_autoscaler.domain.thresholds import Sizing
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes

_COUNT = len(WINDOWS)
_TRIANGLE = np.triu_indices(_COUNT)
_ROW_MINUTES = 15
_PRIOR_STRENGTH = 30.0
_RIDGE = _PRIOR_STRENGTH * np.eye(_COUNT)
_PRIOR = _PRIOR_STRENGTH * np.array(PRIOR_WEIGHTS)
_MIN_KNOWN = 0.9
_LEAST_HISTORY = 60
_MOST_ROWS = 400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """Sums over the moments learned from; a moment counts by the minutes that it stands for.

    Attributes:
        until: the newest moment learned from; None before the first.
        products: of the windows with each other, upper triangle by row.
        ordered: of the windows with the worth from the lead time on.
        kept: of the windows with the worth from the moment on.
        order_weights: trust in each window when ordering a unit; each at least 0.
        keep_weights: the same when keeping one.
    """

    until: datetime | None = None
    products: tuple[float, ...] = (0.0,) * len(_TRIANGLE[0])
    ordered: tuple[float, ...] = (0.0,) * _COUNT
    kept: tuple[float, ...] = (0.0,) * _COUNT
    order_weights: tuple[float, ...] = PRIOR_WEIGHTS
    keep_weights: tuple[float, ...] = PRIOR_WEIGHTS

    def weighed(self) -> "Learned":
        """The same with the weights that follow from its sums.

        Weights stay as they were where worths are so large that the ridge is lost in rounding.
        """
        products = np.empty((_COUNT, _COUNT))
        products[_TRIANGLE] = products.T[_TRIANGLE] = self.products
        products += _RIDGE
        sums = _PRIOR + np.array((self.ordered, self.kept))
        try:
            order, keep = np.linalg.solve(products, sums.T).T
            order, keep = (
                _at_least_0(order, products, sums[0]),
                _at_least_0(keep, products, sums[1]),
            )
        except np.linalg.LinAlgError:
            return self
        return replace(self, order_weights=tuple(order.tolist()), keep_weights=tuple(keep.tolist()))


NOTHING_LEARNED = Learned()


def order_window(sizing: Sizing) -> tuple[int, int]:
    """(first, last) minute after an order in which the unit serves within its first period.

    A lead time of a period or more leaves none of the first one: then the first quarter of an
    hour in service counts.
    """
    lead = sizing.lead_minutes
    return lead, max(sizing.billing_minutes, lead + _ROW_MINUTES)


def learn(
    learned: Learned, demand: Demand, now: datetime, *, economics: Economics, sizing: Sizing
) -> Learned:
    """Learn from each moment whose outcome is known by now and that was not learned from.

    A backlog (the first decision of a target with a history, or a stopped loop) is learned from
    in at most 400 moments, evenly spread.
    """
    moments, step = _moments(learned, demand, now, sizing)
    if not moments:
        return learned
    products, ordered, kept = np.zeros((_COUNT, _COUNT)), np.zeros(_COUNT), np.zeros(_COUNT)
    for at in moments:
        row = _row(demand, at, now, economics=economics, sizing=sizing)
        if row is not None:
            windows, order_worth, keep_worth = row
            products += windows @ windows.T
            ordered += windows @ order_worth
            kept += windows @ keep_worth
    share = step / _ROW_MINUTES
    now_learned = replace(
        learned,
        until=moments[-1],
        products=_added(learned.products, share * products[_TRIANGLE]),
        ordered=_added(learned.ordered, share * ordered),
        kept=_added(learned.kept, share * kept),
    )
    # Weights move slowly: once in a quarter of an hour is often enough.
    before = None if learned.until is None else _on_grid(learned.until, _ROW_MINUTES)
    is_due = before != _on_grid(moments[-1], _ROW_MINUTES)
    return now_learned.weighed() if is_due else now_learned


def _moments(
    learned: Learned, demand: Demand, now: datetime, sizing: Sizing
) -> tuple[list[datetime], int]:
    """The moments to learn from, and the minutes between two."""
    step = sizing.decision_minutes
    span = max(order_window(sizing)[1], sizing.billing_minutes)
    newest = _on_grid(demand.end - span * MINUTE, step)
    oldest = demand.start + _LEAST_HISTORY * MINUTE
    first = oldest if learned.until is None else max(learned.until + step * MINUTE, oldest)
    behind = whole_minutes(newest - first)
    if behind < 0 or now <= demand.start:
        return [], step
    step *= -(-(behind // step + 1) // _MOST_ROWS)
    return [newest - k * step * MINUTE for k in reversed(range(behind // step + 1))], step


def _row(
    demand: Demand, at: datetime, now: datetime, *, economics: Economics, sizing: Sizing
) -> tuple[Series, Series, Series] | None:
    """Worth by unit in each window, after an order and after a renewal; None with gaps."""
    moment = moment_at(demand, at, now)
    order = moment.outcome(*order_window(sizing), _MIN_KNOWN)
    keep = moment.outcome(0, sizing.billing_minutes, _MIN_KNOWN)
    if order is None or keep is None:
        return None
    sets = moment.windows(order, keep)
    if sets is None:
        return None
    worth = curves_of(sets, economics, units_needed(sets)).worth / economics.reference_usd
    return worth[:-2], worth[-2], worth[-1]


def _added(sums: tuple[float, ...], more: Series) -> tuple[float, ...]:
    return tuple((np.array(sums) + more).tolist())


def _on_grid(moment: datetime, step: int) -> datetime:
    minutes = whole_minutes(moment - _EPOCH)
    return _EPOCH + minutes // step * step * MINUTE


def _at_least_0(weights: Series, products: Series, sums: Series) -> Series:
    """The same least squares with weights of at least 0: what is negative is left out in turn."""
    active = np.ones(_COUNT, dtype=bool)
    while (weights < 0).any():
        active &= weights >= 0
        weights = np.zeros(_COUNT)
        index = active.nonzero()[0]
        weights[index] = np.linalg.solve(products[index][:, index], sums[index])
    return weights
