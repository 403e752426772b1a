"""What a model unit serves when it is full, from what provisioned throughputs served and refused.

Source: docs/model.md, section "Unit rate".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.unit_rates.loss import STRETCH_MINUTES, Loss, Stretches, fit_loss

LEAST_SATURATED = 20
"""Saturated minutes below which nothing but a lower bound is said."""

_SATURATED_CALLS = 3.0
_SATURATED_SHARE = 0.05
_REACHED = 0.95
_LEAST_CALLS = 20.0
_OVERRUN = 1 / 3
_BLOCK_MINUTES = 180
_GROUPS = 10
_Z_95 = 1.645
_MODEL_ERROR = 0.03
_QUARTER_MINUTES = 15
_STORE_MINUTES = 1
_LARGEST_QUARTERS = 5
_MOST_VARIED = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Served:
    """What one provisioned throughput served and refused, minute by minute; NaN is a gap.

    Attributes:
        load: per model unit, in any measure that is to be compared with the capacity.
        calls: served; throttles: refused attempts.
        model_units: of this throughput.
    """

    load: Series
    calls: Series
    throttles: Series
    model_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityFit:
    """The capacity of one model unit, in the measure of the load.

    Attributes:
        value: the likeliest one.
        low, high: 5% to 95% interval, the error of the model included.
        saturated_minutes: minutes with refusals that it rests on.
        is_sound: demand was once about as high for a whole stretch, so that the value is not read
            off the law where nothing was seen; and a full throughput takes enough calls a minute
            for the law, which knows no single calls.
    """

    value: float
    low: float
    high: float
    saturated_minutes: int
    is_sound: bool

    @property
    def half_width(self) -> float:
        """Half of the interval as a share of the value."""
        return (self.high - self.low) / 2 / self.value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Full:
    """The saturated minutes of all throughputs, one row each.

    Attributes:
        share: refused among all attempts.
        block: number of the three hours that it lies in.
        is_inner: the minute before was saturated too: neither stored capacity nor calls that
            still run from a calmer minute are counted in this one.
    """

    load: Series
    share: Series
    block: Series
    is_inner: NDArray[np.bool_]

    def capacity(self, rows: NDArray[np.bool_], losses: tuple[Loss, ...]) -> float:
        """What these rows say, as far as the laws allow.

        It is the median load of the quarter with most refusals, of inner minutes where they
        suffice. Where a third of all attempts was refused no capacity passed unused, so that this
        needs no law.
        """
        inner = rows & self.is_inner
        chosen = np.flatnonzero(inner if np.count_nonzero(inner) >= LEAST_SATURATED else rows)
        bounds = [loss.capacity for loss in losses]
        if not chosen.size:
            return float(np.mean(bounds))
        order = np.argsort(-self.share[chosen], kind="stable")
        fullest = chosen[order[: max(len(chosen) // 4, LEAST_SATURATED)]]
        load = float(np.median(self.load[fullest]))
        if np.median(self.share[fullest]) >= _OVERRUN:
            return load
        return min(max(load, min(bounds)), max(bounds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """How often a call that is refused in the end is tried, at least and at most."""

    fewest: float
    most: float


def fit_capacity(served: tuple[Served, ...], attempts: Attempts) -> CapacityFit | None:
    """The capacity of a model unit; None with fewer than 20 saturated minutes.

    Throughputs that served no tokens say nothing, whatever they refused.
    What a throttle stands for is known within bounds: at most a large call that was tried as
    seldom as may be, at least an ordinary one that was tried as often. Between the capacities that
    both imply, the load of the minutes with most refusals decides. The interval is a
    delete-a-group jackknife over blocks of three hours.
    """
    served = tuple(one for one in served if min(np.nansum(one.calls), np.nansum(one.load)) > 0)
    full = _full_minutes(served)
    most = _stretches(served, attempts.fewest, are_large=True)
    least = _stretches(served, attempts.most, are_large=False)
    if len(full.load) < LEAST_SATURATED or not len(least.load):
        return None
    losses = fit_loss(most), fit_loss(least)
    value = full.capacity(np.ones(len(full.load), dtype=np.bool_), losses)
    without = []
    for group in range(_GROUPS):
        kept = most.block % _GROUPS != group
        if not kept.any():
            return None
        again = fit_loss(most.only(kept), losses[0]), fit_loss(least.only(kept), losses[1])
        without.append(full.capacity(full.block % _GROUPS != group, again))
    margin = _Z_95 * float(np.sqrt((_GROUPS - 1) * np.var(without)))
    return CapacityFit(
        value=value,
        low=max(value - margin, 0.0) * (1 - _MODEL_ERROR),
        high=(value + margin) * (1 + _MODEL_ERROR),
        saturated_minutes=len(full.load),
        is_sound=bool((least.demand >= _REACHED * value).any()) and _is_fine(most, value),
    )


def _is_fine(stretches: Stretches, capacity: float) -> bool:
    return bool((stretches.per_throttle * _LEAST_CALLS <= capacity).all())


def highest_clean_load(served: tuple[Served, ...]) -> float:
    """What a model unit serves at least; 0 when nothing was served.

    The mean of the five largest quarter hours without a refusal, or of as many as there are, less
    what a store of one minute may have added to each.
    """
    found = np.empty(0)
    for one in served:
        load, throttles = _rows(one.load, _QUARTER_MINUTES), _rows(one.throttles, _QUARTER_MINUTES)
        means = load.mean(axis=1)[throttles.sum(axis=1) == 0]
        found = np.concatenate([found, means[~np.isnan(means)]])
    if not found.size:
        return 0.0
    largest = float(np.sort(found)[-_LARGEST_QUARTERS:].mean())
    return largest * _QUARTER_MINUTES / (_QUARTER_MINUTES + _STORE_MINUTES)


def is_saturated(calls: Series, throttles: Series) -> NDArray[np.bool_]:
    """Minutes in which refusals are no accident: at least 3, and 5% of all attempts."""
    least = np.maximum(_SATURATED_CALLS, _SATURATED_SHARE * (calls + throttles))
    return np.asarray(throttles >= least)


def _full_minutes(served: tuple[Served, ...]) -> _Full:
    rows = [np.empty((4, 0))]
    for one in served:
        found = is_saturated(one.calls, one.throttles)
        after = np.concatenate([[False], found[:-1]])
        share = one.throttles / np.maximum(one.calls + one.throttles, 1.0)
        blocks = np.arange(len(found)) // _BLOCK_MINUTES
        rows.append(np.array([one.load, share, blocks, after])[:, found])
    load, share, block, inner = np.concatenate(rows, axis=1)
    return _Full(load=load, share=share, block=block, is_inner=inner > 0)


def _stretches(served: tuple[Served, ...], attempts: float, *, are_large: bool) -> Stretches:
    """All stretches without a gap; refused calls are larger than served ones, or alike."""
    rows = [np.empty((5, 0))]
    for one in served:
        call = float(np.nansum(one.load) / np.nansum(one.calls))
        refused = call * (_size_bias(one) if are_large else 1.0) / attempts
        load = _rows(one.load, STRETCH_MINUTES).mean(axis=1)
        throttles = _rows(one.throttles, STRETCH_MINUTES).sum(axis=1)
        per_throttle = np.full(len(load), refused)
        units = np.full(len(load), float(one.model_units))
        blocks = np.arange(len(load)) * STRETCH_MINUTES // _BLOCK_MINUTES
        known = ~np.isnan(load + throttles)
        rows.append(np.array([load, throttles, per_throttle, units, blocks])[:, known])
    load, throttles, per_throttle, units, block = np.concatenate(rows, axis=1)
    return Stretches(
        load=load, throttles=throttles, per_throttle=per_throttle, units=units, block=block
    )


def _size_bias(one: Served) -> float:
    """Size of a refused call as a multiple of a served one.

    The chance to be refused grows with the size, so that it is 1 + the squared variation of
    sizes, which shows in how the loads of calm minutes scatter.
    """
    calm = (one.throttles == 0) & (one.calls > 0)
    load, calls = one.load[calm], one.calls[calm]
    mean = float(load.sum() / calls.sum()) if calls.size else 0.0
    if mean <= 0:
        return 1.0
    squared_variation = float(np.mean((load - mean * calls) ** 2 / calls)) / mean**2
    return 1 + min(squared_variation, _MOST_VARIED)


def _rows(series: Series, minutes: int) -> Series:
    """The series cut into rows of so many minutes, without an incomplete last one."""
    return series[: len(series) // minutes * minutes].reshape(-1, minutes)
