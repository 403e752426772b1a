"""The forecast of a minute's demand as a distribution: a mixture of what was seen, recalibrated.

The learned weights of the look-back windows make a mixture of their minutes. Where outcomes fell
in that mixture is counted, and quantiles are read where the counts say that they lie. Source:
docs/model.md, section "Forecast".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

import numpy as np

from bedrock_autoscaler.domain.forecasting.learning import Learned, order_window
from bedrock_autoscaler.domain.forecasting.lookback import moment_at
from bedrock_autoscaler.domain.forecasting.use import Sets
from bedrock_autoscaler.domain.thresholds import Sizing
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes

QUANTILES = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
_BINS = 40
_EDGES = np.linspace(0.0, 1.0, _BINS + 1)
_PRIOR_COUNTS = 40.0
_HALF_LIFE_MINUTES = 3 * 1440.0
_PERIOD_MINUTES = 15
_SAMPLES = 60
_OUTCOMES = 6
_LEAST_HISTORY = 60
_POINT = 1e-9
_BOUNDS = tuple(bound / 2 for share in (0.8, 0.95) for bound in (1 - share, 1 + share))
"""Of the central intervals that are judged, one after the other."""
_TAIL, _BEYOND = 0.02, 1.5
"""So much of the weight lies beyond what was seen, on either side, by this factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Where outcomes fell in the mixtures that were forecast for them.

    Attributes:
        until: the newest forecast whose outcomes are counted; None before the first.
        counts: outcomes by the fortieth of the mixture that they fell in, halved every 3 days.
        within_80, within_95: share of outcomes inside the central intervals as they were read.
        judged: outcomes that these shares rest on, halved alike.
    """

    until: datetime | None = None
    counts: tuple[float, ...] = (0.0,) * _BINS
    within_80: float = 0.0
    within_95: float = 0.0
    judged: float = 0.0

    def levels_of(self, probabilities: Sequence[float]) -> Series:
        """The shares of the mixture below which these shares of outcomes fell."""
        return np.interp(probabilities, self._reached(), _EDGES)

    def probability_of(self, levels: Series) -> Series:
        """The share of outcomes below these shares of the mixture."""
        return np.interp(levels, _EDGES, self._reached())

    def _reached(self) -> Series:
        counts = np.array(self.counts) + _PRIOR_COUNTS / _BINS
        return np.concatenate(([0.0], np.add.accumulate(counts) / counts.sum()))


NOT_CALIBRATED = Calibration()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Distribution:
    """Equally spoken-for demands of a minute.

    Attributes:
        values: in units, rising.
        reached: share of the weight at or below each value.
    """

    values: Series
    reached: Series

    def below(self, outcomes: Series) -> tuple[Series, Series]:
        """Shares of the weight strictly below, and at or below, each outcome."""
        reached = np.concatenate(([0.0], self.reached))
        return (
            reached[self.values.searchsorted(outcomes, side="left")],
            reached[self.values.searchsorted(outcomes, side="right")],
        )

    def at(self, levels: Series) -> Series:
        """The demands that these shares of the weight do not exceed."""
        index = self.reached.searchsorted(levels)
        return self.values[np.minimum(index, len(self.values) - 1)]


def mixture(windows: Sets, weights: Series) -> Distribution:
    """The minutes of all windows, each by the trust in the windows that hold it.

    Long pieces are thinned to at most 120 minutes, evenly. What was never seen may come: a little
    weight lies beyond the lowest and the highest minute.
    """
    sizes, counts = windows.sizes.tolist(), windows.counts
    trust = np.bincount(windows.stand_ins(), np.maximum(weights, 0.0), len(counts))
    by_minute = (trust / np.maximum(counts, 1)) @ windows.members
    pieces = [
        windows.values[end - size : end : max(size // _SAMPLES, 1)]
        for end, size in zip(accumulate(sizes), sizes, strict=True)
    ]
    seen, kept = np.concatenate(pieces), np.array([len(piece) for piece in pieces])
    weight = (by_minute * windows.sizes / np.maximum(kept, 1)).repeat(kept)
    total = float(weight.sum())
    weight = weight / total if total > 0 else np.full(len(seen), 1.0 / len(seen))
    values = np.concatenate((seen, (seen.min() / _BEYOND, seen.max() * _BEYOND)))
    weight = np.concatenate((weight, (_TAIL, _TAIL)))
    order = values.argsort(kind="stable")
    reached = np.add.accumulate(weight[order])
    return Distribution(values=values[order], reached=reached / reached[-1])


def quantiles(
    distribution: Distribution, calibration: Calibration
) -> tuple[tuple[float, float], ...]:
    """(probability, demand in units) for each of `QUANTILES`."""
    demands = distribution.at(calibration.levels_of(QUANTILES))
    return tuple(zip(QUANTILES, demands.tolist(), strict=True))


def calibrate(
    calibration: Calibration, demand: Demand, learned: Learned, *, now: datetime, sizing: Sizing
) -> Calibration:
    """Count where the newest outcomes fell; once in a quarter of an hour.

    Args:
        calibration: before.
        demand: what is known now.
        learned: as the previous decision left it, so that no outcome judges itself.
        now: the moment of the decision.
        sizing: periods.
    """
    begin, end = order_window(sizing)
    newest = demand.end - end * MINUTE
    at = newest - newest.minute % _PERIOD_MINUTES * MINUTE
    at = at.replace(second=0, microsecond=0)
    first = demand.start + _LEAST_HISTORY * MINUTE
    if at < first or (calibration.until is not None and at <= calibration.until):
        return calibration
    moment = moment_at(demand, at, now)
    windows, outcome = moment.windows(), moment.outcome(begin, end, 0.5)
    if windows is None or outcome is None:
        return calibration
    low, high = mixture(windows, np.array(learned.order_weights)).below(
        outcome[:: max(len(outcome) // _OUTCOMES, 1)]
    )
    passed = _PERIOD_MINUTES if calibration.until is None else whole_minutes(at - calibration.until)
    kept = 0.5 ** (passed / _HALF_LIFE_MINUTES)
    old = calibration.judged * kept
    inside = _inside(calibration, low, high)
    judged = old + len(low)
    return Calibration(
        until=at,
        counts=tuple((np.array(calibration.counts) * kept + _spread(low, high)).tolist()),
        within_80=float(calibration.within_80 * old + inside[0]) / judged,
        within_95=float(calibration.within_95 * old + inside[1]) / judged,
        judged=judged,
    )


def _inside(calibration: Calibration, low: Series, high: Series) -> tuple[float, ...]:
    """How many outcomes lie within each central interval; an atom counts in part."""
    bounds = calibration.levels_of(_BOUNDS)[:, np.newaxis]
    passed = _passed(bounds, low, high)
    return tuple((passed[1::2] - passed[::2]).sum(axis=1).tolist())


def _spread(low: Series, high: Series) -> Series:
    """Each outcome as one count, spread over the shares of the mixture between both."""
    counts: Series = np.diff(_passed(_EDGES[:, np.newaxis], low, high), axis=0).sum(axis=1)
    return counts


def _passed(bounds: Series, low: Series, high: Series) -> Series:
    """How much of each outcome lies below each bound; one between two values is there whole."""
    width = np.maximum(high - low, _POINT)
    # What exceeds all that was foreseen lies at 1, and in the last fortieth.
    return np.clip((bounds - np.minimum(low, 1.0 - _POINT)) / width, 0.0, 1.0)
