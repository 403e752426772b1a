"""How well the clock predicts demand, and what it makes one expect.

Source: docs/model.md, section "Classes".
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.domain.traffic.bins import (
    BIN_MINUTES,
    BINS_PER_DAY,
    BINS_PER_HOUR,
    HOURS_PER_DAY,
    Bins,
    mean_known,
)
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes

_PROFILE_SKILL = 0.3
_EXPECTED_FLOOR = 0.02
_SATURDAY = 5
_LEVEL_DAYS = 3
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Season:
    """What whole days of history have in common.

    Attributes:
        skill: share of the variation of hourly demand that the other days explain, 0 to 1.
        profile: square root of demand by hour of day, NaN for an hour never seen; None with
            less than two whole days.
    """

    skill: float
    profile: Series | None


def measure_season(bins: Bins) -> Season:
    """The profile, and how well it predicts a day that it leaves out.

    The skill is the better one of taking all days alike and weekdays and weekends apart.
    """
    midnight = bins.start.replace(hour=0, minute=0)
    skip = -(whole_minutes(bins.start - midnight) // BIN_MINUTES) % BINS_PER_DAY
    days = (len(bins.load) - skip) // BINS_PER_DAY
    if days < 2:  # noqa: PLR2004 - one day has no other day to be predicted from
        return Season(skill=0.0, profile=None)
    hourly = bins.load[skip : skip + days * BINS_PER_DAY].reshape(days, HOURS_PER_DAY, -1)
    root = np.sqrt(mean_known(hourly))
    first_day = (bins.start + skip * BIN_MINUTES * MINUTE).weekday()
    weekend = (np.arange(days) + first_day) % 7 >= _SATURDAY
    skill = max(_skill([root]), _skill([root[weekend], root[~weekend]]), 0.0)
    return Season(skill=skill, profile=mean_known(root, axis=0))


def expected_demand(bins: Bins, season: Season) -> Series:
    """Expected demand per bin at the level of the newest 3 days: the profile, or a flat line."""
    window = slice(-_LEVEL_DAYS * BINS_PER_DAY, None)
    known = ~np.isnan(bins.load[window])
    total = float(np.nansum(bins.load[window]))
    mean = total / max(int(np.count_nonzero(known)), 1)
    shape = np.ones(len(bins.load))
    if season.profile is not None and season.skill > _PROFILE_SKILL:
        shape = np.nan_to_num(season.profile)[_hour_of_bins(bins.start, len(shape))] ** 2
    base = float(shape[window][known].sum())
    expected = shape * (total / base) if base > 0 else np.full(len(shape), mean)
    floored: Series = np.maximum(expected, _EXPECTED_FLOOR * mean)
    return floored


def _hour_of_bins(start: datetime, count: int) -> NDArray[np.int64]:
    first = whole_minutes(start - start.replace(hour=0, minute=0)) // BIN_MINUTES
    hours: NDArray[np.int64] = (first + np.arange(count)) % BINS_PER_DAY // BINS_PER_HOUR
    return hours


def _skill(groups: list[Series]) -> float:
    """1 - squared error of the other days' hour / squared error of the other days' mean."""
    errors = [_leave_one_out_errors(group) for group in groups if len(group) > 1]
    profile_error = sum(error for error, _ in errors)
    flat_error = sum(error for _, error in errors)
    # What differs by rounding alone has nothing to be predicted.
    even = _ROUNDING * sum(float(np.nansum(group**2)) for group in groups)
    return 1.0 - profile_error / flat_error if flat_error > even else 0.0


def _leave_one_out_errors(root: Series) -> tuple[float, float]:
    """(squared error of the hour's mean over the other days, of their overall mean)."""
    known = ~np.isnan(root)
    filled = np.where(known, root, 0.0)
    others = known.sum(axis=0) - known
    profile = np.divide(
        filled.sum(axis=0) - filled, others, out=np.zeros_like(filled), where=others > 0
    )
    count = known.sum() - known.sum(axis=1)
    flat = np.divide(
        filled.sum() - filled.sum(axis=1), count, out=np.zeros(len(root)), where=count > 0
    )
    usable = known & (others > 0)
    profile_error = float((((filled - profile) ** 2)[usable]).sum())
    flat_error = float((((filled - flat[:, np.newaxis]) ** 2)[usable]).sum())
    return profile_error, flat_error
