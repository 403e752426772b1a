"""Growth of daily demand, told from chance and from a single step.

Source: docs/model.md, section "Classes".
"""

from math import exp, expm1, log

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.domain.traffic.bins import BINS_PER_DAY, mean_known
from bedrock_autoscaler.domain.traffic.observation import Series

_FEWEST_DAYS = 5
_LARGEST_LOG = 50.0
_STEP_SIDE = 2


def measure_trend(load: Series) -> tuple[float, float]:
    """(growth per week, Mann-Kendall z) of daily means; zeros where one step explains more.

    Args:
        load: demand per bin, NaN where unknown; days are counted back from the end.
    """
    days = len(load) // BINS_PER_DAY
    daily = mean_known(load[len(load) - days * BINS_PER_DAY :].reshape(days, BINS_PER_DAY))
    position = np.flatnonzero(np.nan_to_num(daily) > 0)
    count = len(position)
    if count < _FEWEST_DAYS:
        return 0.0, 0.0
    logs = np.log(daily[position])
    if _is_step(logs, position):
        return 0.0, 0.0
    first, second = np.triu_indices(count, k=1)
    rise = logs[second] - logs[first]
    slope = float(np.median(rise / (position[second] - position[first])))
    score = float(np.sign(rise).sum())
    spread = float(np.sqrt(count * (count - 1) * (2 * count + 5) / 18))
    growth = expm1(min(max(7 * slope, -_LARGEST_LOG), _LARGEST_LOG))
    return growth, (score - float(np.sign(score))) / spread


def _is_step(logs: Series, position: NDArray[np.int64]) -> bool:
    """Whether two levels fit the daily logarithms better than a line.

    The day of the step is chosen to fit, a freedom that the line has not; without its price (one
    parameter of the Bayesian information criterion) slow growth in noise would pass for a step.
    """
    count = len(logs)
    centred = position - position.mean()
    slope = float(centred @ logs) / float(centred @ centred)
    line_error = float(((logs - logs.mean() - slope * centred) ** 2).sum())
    return _step_error(logs) < line_error * exp(-log(count) / count)


def _step_error(logs: Series) -> float:
    """Squared error of the best two levels, each of two days or more."""
    count = len(logs)
    sizes = np.arange(_STEP_SIDE, count - _STEP_SIDE + 1)
    sums = np.cumsum(logs)
    before = sums[sizes - 1]
    explained = before**2 / sizes + (sums[-1] - before) ** 2 / (count - sizes)
    return max(float(logs @ logs) - float(explained.max()), 0.0)
