"""What is measured of a target's demand before it is given a class.

Source: docs/model.md, section "Classes".
"""

from dataclasses import dataclass
from math import expm1

import numpy as np

from bedrock_autoscaler.domain.bins import BINS_PER_DAY, BINS_PER_HOUR, mean_known, to_bins
from bedrock_autoscaler.domain.demand import Demand
from bedrock_autoscaler.domain.observation import Series
from bedrock_autoscaler.domain.seasonality import expected_demand, measure_season
from bedrock_autoscaler.domain.variation import measure_variation

_SHOT_CAP = 25.0
_VARIATION_DAYS = 3
_TREND_DAYS = 5
_TREND_CAP = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What is measured of 5-minute demand; all without unit unless said, all finite.

    Attributes:
        hours: of history with data. requests_per_day: in the newest 24 hours.
        interval: 1 / share of 5-minute bins with traffic over 7 days.
        seasonal_skill: variance of hourly demand explained by the other days, 0 to 1.
        burstiness: variation faster than hours beyond shot noise; `burstiness_robust` the same
            without its worst 6 hours; `burstiness_day` over 24 hours.
        wander: slow variation around the expected level.
        episodes: separate bursts in 24 hours.
        trend_per_week, trend_z: growth and its significance.
    """

    hours: float
    requests_per_day: float
    interval: float
    seasonal_skill: float
    burstiness: float
    burstiness_robust: float
    burstiness_day: float
    wander: float
    episodes: float
    trend_per_week: float
    trend_z: float


def measure(demand: Demand) -> Features:
    """All features; zeros where the history is too short or too silent for one."""
    bins = to_bins(demand)
    hours = float(np.count_nonzero(~np.isnan(bins.load))) / BINS_PER_HOUR
    requests_per_day = float(np.nansum(bins.requests[-BINS_PER_DAY:]))
    total, total_requests = float(np.nansum(bins.load)), float(np.nansum(bins.requests))
    if total <= 0 or total_requests <= 0:
        return _silent(hours, requests_per_day)
    mean_size = total / total_requests
    shot = _shot_noise(bins.load, bins.requests, mean_size)
    season = measure_season(bins)
    newest = slice(-_VARIATION_DAYS * BINS_PER_DAY, None)
    expected = expected_demand(bins, season)
    variation = measure_variation(bins.load[newest], expected[newest], shot * mean_size)
    trend, z_score = _trend(bins.load)
    return Features(
        hours=hours,
        requests_per_day=requests_per_day,
        interval=_interval(bins.load[-7 * BINS_PER_DAY :]),
        seasonal_skill=season.skill,
        burstiness=variation.fast,
        burstiness_robust=variation.fast_robust,
        burstiness_day=variation.fast_day,
        wander=variation.slow,
        episodes=variation.episodes,
        trend_per_week=trend,
        trend_z=z_score,
    )


def _silent(hours: float, requests_per_day: float) -> Features:
    return Features(
        hours=hours,
        requests_per_day=requests_per_day,
        interval=0.0,
        seasonal_skill=0.0,
        burstiness=0.0,
        burstiness_robust=0.0,
        burstiness_day=0.0,
        wander=0.0,
        episodes=0.0,
        trend_per_week=0.0,
        trend_z=0.0,
    )


def _interval(load: Series) -> float:
    """Mean distance in bins between bins with traffic; their number when there are none."""
    busy = int(np.count_nonzero(np.nan_to_num(load) > 0))
    known = int(np.count_nonzero(~np.isnan(load)))
    return known / busy if busy else float(len(load))


def _shot_noise(load: Series, requests: Series, mean_size: float) -> float:
    """How much noisier than Poisson with equal calls the demand of a bin is, 1 to 26."""
    busy = np.nan_to_num(requests) > 0
    spread = (load[busy] / mean_size - requests[busy]) ** 2 / requests[busy]
    return 1.0 + min(_SHOT_CAP, float(np.mean(spread)))


def _trend(load: Series) -> tuple[float, float]:
    """(growth per week, Mann-Kendall z) of daily means; no trend if one step explains more."""
    days = len(load) // BINS_PER_DAY
    daily = mean_known(load[len(load) - days * BINS_PER_DAY :].reshape(days, BINS_PER_DAY))
    position = np.flatnonzero(np.nan_to_num(daily) > 0)
    count = len(position)
    if count < _TREND_DAYS:
        return 0.0, 0.0
    logs = np.log(daily[position])
    first, second = np.triu_indices(count, k=1)
    rise = logs[second] - logs[first]
    slope = float(np.median(rise / (position[second] - position[first])))
    if _step_fits_better(logs, logs - slope * position):
        return 0.0, 0.0
    score = float(np.sign(rise).sum())
    spread = float(np.sqrt(count * (count - 1) * (2 * count + 5) / 18))
    return expm1(min(7 * slope, _TREND_CAP)), (score - float(np.sign(score))) / spread


def _step_fits_better(logs: Series, off_line: Series) -> bool:
    """Whether two levels fit the daily logarithms better than the line they are measured off."""
    line_error = float(((off_line - np.median(off_line)) ** 2).sum())
    step_errors = [
        float(((logs[:cut] - logs[:cut].mean()) ** 2).sum())
        + float(((logs[cut:] - logs[cut:].mean()) ** 2).sum())
        for cut in range(2, len(logs) - 1)
    ]
    return min(step_errors) < line_error
