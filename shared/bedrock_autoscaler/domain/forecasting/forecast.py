"""What each unit will be used for in the coming hour: a learned mixture of what was seen.

Source: docs/model.md, section "Forecast".
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.forecasting.learning import Learned
from bedrock_autoscaler.domain.forecasting.lookback import WINDOWS, moment_at
from bedrock_autoscaler.domain.forecasting.use import Curves, Sets, curves_of, units_needed
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """Expected use and worth of each unit, over two spans.

    Attributes:
        order: from the lead time to the end of the first paid period of a unit ordered now.
        keep: from now over the next paid period of a unit that is held.
        by_window: what each look-back window says by itself, in the order of `WINDOWS`.
        windows: the known minutes of each look-back window, in the order of `WINDOWS`.
        weights: trust in each window for `order`; 0 at least, they add to about 1.
    """

    order: Curves
    keep: Curves
    by_window: Curves
    windows: Sets
    weights: Series

    def weight_of(self) -> dict[str, float]:
        """Trust by the name of the window."""
        return dict(zip(WINDOWS, self.weights.tolist(), strict=True))

    def agreement(self, usd: float) -> Series:
        """Share of the trust that is in windows by which the unit alone is worth this, by unit."""
        total = float(self.weights.sum())
        shares: Series = self.weights @ (self.by_window.worth >= usd)
        return shares / total if total > 0 else shares


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecaster:
    """Forecasts of one decision: the history, the trust in its windows, and the prices.

    Attributes:
        units: units to forecast at least, one column each.
    """

    demand: Demand
    now: datetime
    learned: Learned
    economics: Economics
    units: int

    def forecast(self, gaps_as: float | None = None) -> Forecast | None:
        """The forecast; None while no minute of demand is known.

        Args:
            gaps_as: demand that a gap stands for: 0 to grow on what was seen alone, full use to
                shrink on what was seen alone. By default gaps are left out.
        """
        windows = moment_at(self.demand, self.now, self.now, gaps_as).windows()
        if windows is None:
            return None
        order = np.array(self.learned.order_weights)
        keep = np.array(self.learned.keep_weights)
        units = max(units_needed(windows), self.units)
        curves = curves_of(windows, self.economics, units)
        return Forecast(
            order=curves.mixed(order),
            keep=curves.mixed(keep),
            by_window=curves,
            windows=windows,
            weights=order,
        )
