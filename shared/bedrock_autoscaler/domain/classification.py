"""The class of a target's traffic, from what kind of variation it shows.

Variation that the clock predicts can be scheduled; slow wander can be followed by the hour;
anything faster than the lead time belongs to overflow. Formulas: docs/model.md, "Classes".
"""

from dataclasses import dataclass, replace
from datetime import datetime
from math import log

import numpy as np

from bedrock_autoscaler.domain.decision import Classification, Label, Memory, Verdict
from bedrock_autoscaler.domain.demand import Demand
from bedrock_autoscaler.domain.observation import Series
from bedrock_autoscaler.domain.target import Classifying
from bedrock_autoscaler.domain.units import HOUR, MINUTE, whole_minutes

_BIN = 5
_BINS_PER_HOUR = 12
_HOURS_PER_DAY = 24
_BINS_PER_DAY = 288
_PROFILE_SKILL = 0.3
_EXPECTED_FLOOR = 0.02
_SHOT_CAP = 25.0
_SATURDAY = 5
_STEADY = frozenset({Label.STEADY, Label.SEASONAL, Label.TRENDING})
_EPISODES = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What is measured of 5-minute demand; all without unit unless said.

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


def classify(
    demand: Demand, *, rules: Classifying, break_even: float | None, memory: Memory
) -> tuple[Classification, Memory]:
    """The class with its evidence, and the memory that keeps it from flapping.

    Args:
        break_even: utilization at which a unit pays; sets the burstiness threshold unless the
            rules fix it.
        memory: of the previous decision; its label gets the benefit of the hysteresis.
    """
    features = measure(demand)
    limit = burstiness_limit(rules, break_even)
    raw = first_match(features, rules, limit, favoured=memory.label)
    label, memory = _confirmed(raw, memory, rules)
    margins = _margins(features, rules, limit)
    classification = Classification(
        label=label,
        verdict=verdict_of(label),
        confidence=_confidence(label, raw, margins, features),
        features=tuple((name, float(getattr(features, name))) for name in features.__slots__),
        margins=margins,
    )
    return classification, memory


def verdict_of(label: Label) -> Verdict:
    """Steady for what the clock or the level predicts, bursty for the rest, unknown if unknown."""
    if label is Label.UNKNOWN:
        return Verdict.UNKNOWN
    return Verdict.STEADY if label in _STEADY else Verdict.BURSTY


def burstiness_limit(rules: Classifying, break_even: float | None) -> float:
    """Burstiness at which half of the ideal saving of a fixed size is gone.

    Source: docs/model.md: 0.28 - 0.60 ln(break-even), fitted on gamma demand; 0.45 if unknown.
    """
    if rules.burstiness is not None:
        return rules.burstiness
    if break_even is None:
        return 0.45
    return 0.28 - 0.60 * log(min(max(break_even, 0.3), 0.9))


def first_match(
    features: Features, rules: Classifying, limit: float, *, favoured: Label
) -> Label:
    """The first rule that holds; thresholds give way by the hysteresis to the favoured label."""

    def ease(label: Label) -> float:
        return 1.0 - rules.hysteresis if favoured is label else 1.0

    burst = min(features.burstiness, features.burstiness_robust)
    burst_limit = limit * (ease(Label.BURSTY) if favoured is Label.BURSTY else 1.0)
    if favoured in _STEADY:
        burst_limit = limit * (1.0 + rules.hysteresis)
    skill = features.seasonal_skill / ease(Label.SEASONAL)
    checks = (
        (Label.UNKNOWN, features.hours < rules.min_history_hours),
        (Label.IDLE, features.requests_per_day * ease(Label.IDLE) < rules.idle_requests_per_day),
        (
            Label.SEASONAL,
            skill > rules.strong_seasonal_skill
            or (skill > rules.seasonal_skill and burst < burst_limit),
        ),
        (
            Label.INTERMITTENT,
            features.interval > rules.intermittent_interval * ease(Label.INTERMITTENT),
        ),
        (
            Label.BURSTY,
            burst > burst_limit
            or (features.episodes >= _EPISODES and features.burstiness_day > burst_limit),
        ),
        (
            Label.TRENDING,
            abs(features.trend_per_week) > rules.trend_per_week * ease(Label.TRENDING)
            and abs(features.trend_z) > rules.trend_z * ease(Label.TRENDING),
        ),
        (Label.DRIFTING, features.wander > rules.drift * ease(Label.DRIFTING)),
    )
    return next((label for label, holds in checks if holds), Label.STEADY)


def _confirmed(raw: Label, memory: Memory, rules: Classifying) -> tuple[Label, Memory]:
    """Adopt a new label only after it was seen often enough in a row."""
    if memory.label is Label.UNKNOWN or raw is memory.label:
        return raw, replace(memory, label=raw, candidate=raw, confirmations=0)
    seen = memory.confirmations + 1 if raw is memory.candidate else 1
    needed = (
        rules.confirmations_to_steady if raw in _STEADY else rules.confirmations_to_unsteady
    )
    if seen >= needed:
        return raw, replace(memory, label=raw, candidate=raw, confirmations=0)
    return memory.label, replace(memory, candidate=raw, confirmations=seen)


def _margins(
    features: Features, rules: Classifying, limit: float
) -> tuple[tuple[str, float], ...]:
    burst = min(features.burstiness, features.burstiness_robust)
    return (
        ("history_hours", features.hours - rules.min_history_hours),
        ("requests_per_day", features.requests_per_day - rules.idle_requests_per_day),
        ("seasonal_skill", features.seasonal_skill - rules.seasonal_skill),
        ("interval", features.interval - rules.intermittent_interval),
        ("burstiness", burst - limit),
        ("trend_per_week", abs(features.trend_per_week) - rules.trend_per_week),
        ("wander", features.wander - rules.drift),
    )


def _confidence(
    label: Label,
    raw: Label,
    margins: tuple[tuple[str, float], ...],
    features: Features,
) -> float:
    """0 to 1: history against a week, distance of the burstiness, and agreement of this tick."""
    if label is Label.UNKNOWN:
        return 0.0
    history = min(features.hours / (7 * _HOURS_PER_DAY), 1.0)
    distance = min(abs(dict(margins)["burstiness"]) / 0.3, 1.0)
    agreement = 1.0 if raw is label else 0.5
    return (0.4 + 0.3 * history + 0.3 * distance) * agreement


# -- measuring ---------------------------------------------------------------------------------


def measure(demand: Demand) -> Features:
    """All features; zeros where the history is too short for one."""
    load, requests, start = _bins(demand)
    known = ~np.isnan(load)
    hours = float(np.count_nonzero(known)) / _BINS_PER_HOUR
    total_requests = float(np.nansum(requests))
    total = float(np.nansum(load))
    day = requests[-_BINS_PER_DAY:]
    if total <= 0 or total_requests <= 0:
        return _silent(hours, float(np.nansum(day)))
    mean_size = total / total_requests
    shot = _shot_noise(load, requests, mean_size)
    skill, profile = _season(load, start)
    expected = _expected(load, profile if skill > _PROFILE_SKILL else None, start)
    span = min(len(load), 3 * _BINS_PER_DAY)
    burst = _variation(load[-span:], expected[-span:], shot * mean_size)
    trend, z_score = _trend(load)
    week = load[-7 * _BINS_PER_DAY :]
    busy = float(np.count_nonzero(np.nan_to_num(week) > 0))
    return Features(
        hours=hours,
        requests_per_day=float(np.nansum(day)),
        interval=float(np.count_nonzero(~np.isnan(week))) / busy if busy else float(len(week)),
        seasonal_skill=skill,
        burstiness=burst.fast,
        burstiness_robust=burst.fast_robust,
        burstiness_day=burst.fast_day,
        wander=burst.slow,
        episodes=burst.episodes,
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


def _bins(demand: Demand) -> tuple[Series, Series, datetime]:
    """5-minute sums aligned to the clock; a bin with fewer than 3 known minutes is a gap."""
    skip = -whole_minutes(demand.start - demand.start.replace(minute=0)) % _BIN
    usable = (len(demand) - skip) // _BIN * _BIN
    start = demand.start + skip * MINUTE
    load = demand.load[skip : skip + usable].reshape(-1, _BIN)
    requests = demand.requests[skip : skip + usable].reshape(-1, _BIN)
    known = np.count_nonzero(~np.isnan(load), axis=1)
    scale = np.where(known >= 3, _BIN / np.maximum(known, 1), np.nan)
    return np.nansum(load, axis=1) * scale, np.nansum(requests, axis=1) * scale, start


def _shot_noise(load: Series, requests: Series, mean_size: float) -> float:
    """How much noisier than Poisson with equal calls the demand of a bin is, 1 to 26."""
    busy = np.nan_to_num(requests) > 0
    spread = (load[busy] - mean_size * requests[busy]) ** 2 / requests[busy]
    extra = float(np.mean(spread)) / mean_size**2 if spread.size else 0.0
    return 1.0 + min(_SHOT_CAP, extra)


def _season(load: Series, start: datetime) -> tuple[float, Series | None]:
    """Leave-one-day-out skill of the hourly profile, and the profile of all whole days.

    The profile has 24 hourly means of the square root (7 x 24 rows are not needed: weekends
    get their own skill, the profile in force is that of the newest days' type).
    """
    skip = (
        0
        if start == start.replace(hour=0, minute=0)
        else whole_minutes(start.replace(hour=0, minute=0) + 24 * HOUR - start) // _BIN
    )
    days = (len(load) - skip) // _BINS_PER_DAY
    if days < 2:
        return 0.0, None
    hourly = load[skip : skip + days * _BINS_PER_DAY].reshape(days, _HOURS_PER_DAY, -1)
    with np.errstate(invalid="ignore"):
        root = np.sqrt(_mean_known(hourly))
    first_day = (start + skip * _BIN * MINUTE).weekday()
    weekend = (np.arange(days) + first_day) % 7 >= _SATURDAY
    daily = _skill(root)
    grouped = _grouped_skill(root, weekend)
    return max(daily, grouped, 0.0), np.nanmean(root, axis=0) if days else None


def _mean_known(blocks: Series) -> Series:
    """Mean over the last axis of the known values; NaN where none is known."""
    known = np.count_nonzero(~np.isnan(blocks), axis=-1)
    sums = np.nansum(blocks, axis=-1)
    return np.divide(sums, known, out=np.full_like(sums, np.nan), where=known > 0)


def _skill(root: Series) -> float:
    """1 - squared error of the other days' hour / squared error of the other days' mean."""
    errors = _leave_one_out_errors(root)
    if errors is None:
        return 0.0
    profile_error, flat_error = errors
    return 1.0 - profile_error / flat_error if flat_error > 0 else 0.0


def _grouped_skill(root: Series, weekend: "np.typing.NDArray[np.bool_]") -> float:
    profile_error = flat_error = 0.0
    for group in (root[weekend], root[~weekend]):
        errors = _leave_one_out_errors(group)
        if errors is not None:
            profile_error += errors[0]
            flat_error += errors[1]
    return 1.0 - profile_error / flat_error if flat_error > 0 else 0.0


def _leave_one_out_errors(root: Series) -> tuple[float, float] | None:
    if len(root) < 2:
        return None
    known = ~np.isnan(root)
    filled = np.nan_to_num(root)
    others = known.sum(axis=0) - known
    profile = np.divide(
        filled.sum(axis=0) - filled,
        others,
        out=np.full_like(filled, np.nan),
        where=others > 0,
    )
    count = known.sum() - known.sum(axis=1)
    flat = np.divide(
        filled.sum() - filled.sum(axis=1), count, out=np.zeros(len(root)), where=count > 0
    )
    usable = known & ~np.isnan(profile)
    profile_error = float((((filled - np.nan_to_num(profile)) ** 2)[usable]).sum())
    flat_error = float((((filled - flat[:, np.newaxis]) ** 2)[usable]).sum())
    return profile_error, flat_error


def _expected(load: Series, profile: Series | None, start: datetime) -> Series:
    """Expected demand per bin at a constant level: the seasonal profile, or the flat mean."""
    mean = float(np.nanmean(load[-3 * _BINS_PER_DAY :]))
    if profile is None:
        shape = np.ones(len(load))
    else:
        first = whole_minutes(start - start.replace(hour=0, minute=0)) // _BIN
        position = (first + np.arange(len(load))) % _BINS_PER_DAY // _BINS_PER_HOUR
        shape = np.nan_to_num(profile)[position] ** 2
    window = slice(-3 * _BINS_PER_DAY, None)
    known = ~np.isnan(load[window])
    base = float(shape[window][known].sum())
    total = float(np.nansum(load[window]))
    expected = shape * (total / base) if base > 0 else np.full(len(load), mean)
    return np.maximum(expected, _EXPECTED_FLOOR * mean)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variation:
    fast: float
    fast_robust: float
    fast_day: float
    slow: float
    episodes: float


def _variation(load: Series, expected: Series, shot_size: float) -> _Variation:
    """Fast and slow variation around the expected demand, beyond shot noise.

    Args:
        shot_size: variance of a bin per unit of expected demand under shot noise alone.
    """
    known = ~np.isnan(load)
    filled = np.nan_to_num(load)
    level = _surrounding(filled, expected * known, 3 * _BINS_PER_HOUR)
    fitted = level * expected
    gap = np.where(known, (filled - fitted) ** 2 - shot_size * fitted, 0.0)
    mean = float(filled[known].mean())
    count = int(known.sum())
    block = 6 * _BINS_PER_HOUR
    worst = _worst_block(gap, block)
    fast = np.sqrt(max(float(gap.sum()) / count, 0.0)) / mean
    left = max(count - block, 1)
    robust = np.sqrt(max((float(gap.sum()) - worst) / left, 0.0)) / mean
    newest = gap[-_BINS_PER_DAY:]
    day_mean = float(filled[-_BINS_PER_DAY:].mean())
    fast_day = np.sqrt(max(float(newest.mean()), 0.0)) / day_mean if day_mean > 0 else 0.0
    slow = np.sqrt(float((((level - 1.0) * expected)[known] ** 2).mean())) / mean
    return _Variation(
        fast=float(fast),
        fast_robust=float(robust),
        fast_day=float(fast_day),
        slow=float(slow),
        episodes=_episodes(filled, fitted, shot_size),
    )


def _surrounding(load: Series, expected: Series, reach: int) -> Series:
    """Sum of demand over sum of expectation within `reach` bins on both sides."""
    top = np.concatenate([[0.0], np.cumsum(load)])
    bottom = np.concatenate([[0.0], np.cumsum(expected)])
    position = np.arange(len(load))
    low = np.maximum(position - reach, 0)
    high = np.minimum(position + reach + 1, len(load))
    below = bottom[high] - bottom[low]
    return np.divide(top[high] - top[low], below, out=np.ones(len(load)), where=below > 0)


def _worst_block(gap: Series, block: int) -> float:
    sums = np.concatenate([[0.0], np.cumsum(gap)])
    if len(gap) <= block:
        return float(sums[-1])
    return float(np.max(sums[block:] - sums[:-block]))


def _episodes(load: Series, fitted: Series, shot_size: float) -> float:
    """Bursts of the newest 24 hours: twice the fit and clear of noise; an hour apart."""
    newest, fit = load[-_BINS_PER_DAY:], fitted[-_BINS_PER_DAY:]
    high = (newest > 2 * fit) & (newest - fit > 4 * np.sqrt(shot_size * fit))
    where = np.flatnonzero(high)
    if not where.size:
        return 0.0
    return float(1 + np.count_nonzero(np.diff(where) > _BINS_PER_HOUR))


def _trend(load: Series) -> tuple[float, float]:
    """(growth per week, Mann-Kendall z) of daily means; no trend if one step explains more."""
    days = len(load) // _BINS_PER_DAY
    if days < 5:
        return 0.0, 0.0
    daily = _mean_known(load[-days * _BINS_PER_DAY :].reshape(days, -1))
    usable = daily[np.nan_to_num(daily) > 0]
    if len(usable) < 5:
        return 0.0, 0.0
    logs = np.log(usable)
    first, second = np.triu_indices(len(logs), k=1)
    rise = logs[second] - logs[first]
    slope = float(np.median(rise / (second - first)))
    count = len(logs)
    score = float(np.sign(rise).sum())
    spread = np.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    z_score = (score - np.sign(score)) / spread
    if _step_fits_better(logs, slope):
        return 0.0, 0.0
    return float(np.exp(7 * slope) - 1), float(z_score)


def _step_fits_better(logs: Series, slope: float) -> bool:
    position = np.arange(len(logs))
    line = slope * position
    line_error = float(((logs - line - np.median(logs - line)) ** 2).sum())
    step_errors = [
        float(((logs[:cut] - logs[:cut].mean()) ** 2).sum())
        + float(((logs[cut:] - logs[cut:].mean()) ** 2).sum())
        for cut in range(2, len(logs) - 1)
    ]
    return bool(step_errors) and min(step_errors) < line_error
