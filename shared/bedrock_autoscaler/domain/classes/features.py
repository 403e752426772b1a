"""What is measured of a target's demand before it is given a class.

Source: docs/model.md, section "Classes".
"""

from dataclasses import dataclass

import numpy as np

from bedrock_autoscaler.domain.classes.seasonality import expected_demand, measure_season
from bedrock_autoscaler.domain.classes.trend import measure_trend
from bedrock_autoscaler.domain.classes.variation import measure_variation
from bedrock_autoscaler.domain.traffic.bins import BINS_PER_DAY, BINS_PER_HOUR, to_bins
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series

_SHOT_CAP = 25.0
_VARIATION_DAYS = 3
_LOT_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What is measured of 5-minute demand; all without unit unless said, all finite.

    Attributes:
        hours: of history that were read; `recent_hours` of the newest 3 days.
        requests_per_day: in the newest 24 hours that were read.
        interval: 1 / share of 5-minute bins with traffic over 7 days.
        seasonal_skill: variance of hourly demand explained by the other days, 0 to 1.
        burstiness: variation faster than hours beyond shot noise; `burstiness_robust` the same
            without its worst 6 hours; `burstiness_day` over 24 hours.
        wander: slow variation around the expected level; `wander_lasting` without the single
            step or spell that explains most of it.
        episodes: separate bursts in 24 hours.
        trend_per_week, trend_z: growth and its significance.
        shot_noise: how much noisier than Poisson with equal calls a bin is, 1 to 26.
        lot: calls that always come together, 1 unless the traffic was scaled up.
    """

    hours: float
    recent_hours: float
    requests_per_day: float
    interval: float
    seasonal_skill: float
    burstiness: float
    burstiness_robust: float
    burstiness_day: float
    wander: float
    wander_lasting: float
    episodes: float
    trend_per_week: float
    trend_z: float
    shot_noise: float
    lot: float


def measure(demand: Demand) -> Features:
    """All features; zeros where the history is too short or too silent for one."""
    bins = to_bins(demand)
    newest = slice(-_VARIATION_DAYS * BINS_PER_DAY, None)
    known = ~np.isnan(bins.load)
    hours = float(np.count_nonzero(known)) / BINS_PER_HOUR
    recent_hours = float(np.count_nonzero(known[newest])) / BINS_PER_HOUR
    lot = _lot(demand.requests)
    calls = bins.requests / lot
    requests_per_day = float(calls[known][-BINS_PER_DAY:].sum())
    total, total_requests = float(np.nansum(bins.load)), float(np.nansum(calls))
    if total <= 0 or total_requests <= 0:
        return _silent(hours, recent_hours, requests_per_day)
    mean_size = total / total_requests
    shot = _shot_noise(bins.load, calls, mean_size)
    season = measure_season(bins)
    expected = expected_demand(bins, season)
    variation = measure_variation(bins.load[newest], expected[newest], shot * mean_size)
    trend, z_score = measure_trend(bins.load)
    return Features(
        hours=hours,
        recent_hours=recent_hours,
        requests_per_day=requests_per_day,
        interval=_interval(bins.load[-7 * BINS_PER_DAY :]),
        seasonal_skill=season.skill,
        burstiness=variation.fast,
        burstiness_robust=variation.fast_robust,
        burstiness_day=variation.fast_day,
        wander=variation.slow,
        wander_lasting=variation.slow_lasting,
        episodes=variation.episodes,
        trend_per_week=trend,
        trend_z=z_score,
        shot_noise=shot,
        lot=lot,
    )


def _silent(hours: float, recent_hours: float, requests_per_day: float) -> Features:
    return Features(
        hours=hours,
        recent_hours=recent_hours,
        requests_per_day=requests_per_day,
        interval=0.0,
        seasonal_skill=0.0,
        burstiness=0.0,
        burstiness_robust=0.0,
        burstiness_day=0.0,
        wander=0.0,
        wander_lasting=0.0,
        episodes=0.0,
        trend_per_week=0.0,
        trend_z=0.0,
        shot_noise=1.0,
        lot=1.0,
    )


def _lot(requests: Series) -> float:
    """The number of calls of which every minute has a multiple; 1 where there is none above 1.

    A trace that is played at n times its volume has calls in lots of n. Chance acts on the lots:
    taken for n single calls, their noise would look like bursts, and five calls a day like many.
    """
    busy = requests[requests > 0]
    lot = float(busy.min()) if busy.size else 1.0
    if lot <= 1.0:
        return 1.0
    times = busy / lot
    return lot if bool(np.all(np.abs(times - np.rint(times)) <= _LOT_TOLERANCE * times)) else 1.0


def _interval(load: Series) -> float:
    """Mean distance in bins between bins with traffic; their number when there are none."""
    busy = int(np.count_nonzero(load > 0))
    known = int(np.count_nonzero(~np.isnan(load)))
    return known / busy if busy else float(len(load))


def _shot_noise(load: Series, requests: Series, mean_size: float) -> float:
    """How much noisier than Poisson with equal calls the demand of a bin is, 1 to 26."""
    busy = requests > 0
    spread = (load[busy] / mean_size - requests[busy]) ** 2 / requests[busy]
    return 1.0 + min(_SHOT_CAP, float(np.mean(spread)))
