"""How much a limit refuses: the law, and the capacity that makes refusals likeliest under it.

A limit that keeps a little of its unused capacity (a token bucket, a clock minute) loses work in
two ways: it refuses while the store is empty, and capacity passes unused while the store is full.
Random demand around a capacity is then refused as by a Brownian motion between two walls. The law
has two unknowns, the capacity and how wide demand swings for the size of the store, so that demand
and refusals tell the capacity without knowing the store, and before it is reached for good.

Source: docs/model.md, section "Unit rate".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.domain.traffic.observation import Series

STRETCH_MINUTES = 10
"""Calls count when they end, refusals when they come: minute by minute they would not match."""

_BUSY = 0.4
_NEAR_CAPACITY = 0.9
_LEAST_STRETCHES = 100
_STEEPEST = 60.0
_TINY = 1e-6
_CELLS = 13
_ZOOMS = 5
_NARROW_ZOOMS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretches:
    """Stretches of ten minutes of one or more provisioned throughputs, one row each.

    Attributes:
        load: served, mean per minute and model unit.
        throttles: in the whole stretch.
        per_throttle: refused load, per model unit, that one throttle stands for.
        units: model units of the throughput.
        block: number of the three hours that it lies in.
    """

    load: Series
    throttles: Series
    per_throttle: Series
    units: Series
    block: Series

    @property
    def demand(self) -> Series:
        """Served load and that of the refused calls, mean per minute and model unit."""
        return self.load + self.throttles * self.per_throttle / STRETCH_MINUTES

    def only(self, rows: NDArray[np.bool_]) -> "Stretches":
        """The stretches of these rows."""
        return Stretches(
            load=self.load[rows],
            throttles=self.throttles[rows],
            per_throttle=self.per_throttle[rows],
            units=self.units[rows],
            block=self.block[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The two unknowns of the law.

    Attributes:
        capacity: load per minute and model unit.
        swing: of one unit; the more units, the smaller.
    """

    capacity: float
    swing: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """Bounds of a search; those of the swing are logarithms."""

    low: float
    high: float
    thin: float
    thick: float

    def around(self, loss: Loss) -> "_Grid":
        """Two cells to each side of the best one."""
        wide = 2 * (self.high - self.low) / (_CELLS - 1)
        deep = 2 * (self.thick - self.thin) / (_CELLS - 1)
        middle = float(np.log(loss.swing))
        return _Grid(
            low=max(loss.capacity - wide, _TINY),
            high=loss.capacity + wide,
            thin=middle - deep,
            thick=middle + deep,
        )


def refused_load(excess: Series, swing: Series) -> Series:
    """Refused load per minute when demand exceeds the capacity by `excess` per minute.

    It tends to 0 far below the capacity, to `excess` far above it, and is `swing` at it.
    """
    steepness = np.clip(excess / swing, -_STEEPEST, _STEEPEST)
    is_flat = np.abs(steepness) < _TINY
    safe = np.where(is_flat, 1.0, steepness)
    return np.asarray(swing * np.where(is_flat, 1.0, safe / -np.expm1(-safe)))


def fit_loss(stretches: Stretches, near: Loss | None = None) -> Loss:
    """The law of highest likelihood; with `near` only in its neighbourhood, which is quicker.

    Stretches far below the capacity say nothing: the law need not hold there.
    """
    demand = stretches.demand
    most = float(demand.max())
    least = float(np.sort(demand)[-min(_LEAST_STRETCHES, len(demand))])
    if near is not None:
        rows = demand >= min(_NEAR_CAPACITY * near.capacity, least)
        grid = _Grid(
            low=0.9 * near.capacity,
            high=1.1 * near.capacity,
            thin=float(np.log(near.swing / 2)),
            thick=float(np.log(near.swing * 2)),
        )
        return _search(stretches.only(rows), grid, _NARROW_ZOOMS)
    whole = _Grid(
        low=0.5 * most,
        high=1.3 * most,
        thin=float(np.log(0.002 * most)),
        thick=float(np.log(most)),
    )
    loss = _search(stretches.only(demand > _BUSY * most), whole, _ZOOMS)
    for _ in range(2):
        rows = demand >= min(_NEAR_CAPACITY * loss.capacity, least)
        loss = _search(stretches.only(rows), whole, _ZOOMS)
    return loss


def _search(stretches: Stretches, grid: _Grid, zooms: int) -> Loss:
    """The best cell of a grid, on which the next grid is centred."""
    loss = _best_cell(stretches, grid)
    for _ in range(zooms - 1):
        grid = grid.around(loss)
        loss = _best_cell(stretches, grid)
    return loss


def _best_cell(stretches: Stretches, grid: _Grid) -> Loss:
    """Highest Poisson likelihood of the throttles."""
    capacities = np.linspace(grid.low, grid.high, _CELLS)
    swings = np.exp(np.linspace(grid.thin, grid.thick, _CELLS))
    excess = stretches.demand - capacities[:, np.newaxis, np.newaxis]
    refused = refused_load(excess, swings[np.newaxis, :, np.newaxis] / stretches.units)
    expected = refused * STRETCH_MINUTES / stretches.per_throttle + _TINY
    likelihood = (stretches.throttles * np.log(expected) - expected).sum(axis=2)
    row, column = np.unravel_index(int(likelihood.argmax()), likelihood.shape)
    return Loss(capacity=float(capacities[row]), swing=float(swings[column]))
