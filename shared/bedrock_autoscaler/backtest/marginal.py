"""What a further model unit is worth in each minute: the on-demand and throttle bill it avoids."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.timeline import ROUTES, Route

type Floats = NDArray[np.float64]

# Rows taken together, so that one flash crowd does not make a large table of all its levels.
_CHUNK = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OverflowCost:
    """The least cost of what does not fit into units, for some minutes.

    Each minute's overflow fills the routes from the cheapest on; throttling is the last of
    them, priced at its penalty, and a route dearer than that is never worth using.

    Attributes:
        load: input equivalents of each minute.
        price: on-demand USD for an input equivalent in each minute.
        tiers: (multiple of `price`, input equivalents that fit in each minute), cheapest first.
        throttle: multiple of `price` for what fits nowhere.
        tokens_per_unit: input equivalents that one unit serves in a minute.
    """

    load: Floats
    price: Floats
    tiers: tuple[tuple[float, Floats], ...]
    throttle: float
    tokens_per_unit: float

    @classmethod
    def of(cls, replay: Replay, start: int = 0) -> "OverflowCost":
        """The overflow cost of a replay's minutes from row `start` on."""
        scenario = replay.scenario
        prices = {Route.ON_DEMAND: 1.0, Route.CROSS_REGION: scenario.cross_region_price}
        useful = [route for route in prices if prices[route] < scenario.throttle_factor]
        return cls(
            load=replay.load[start:],
            price=replay.price[start:],
            tiers=tuple(
                (prices[route], replay.limits[ROUTES.index(route), start:])
                for route in sorted(useful, key=prices.__getitem__)
            ),
            throttle=scenario.throttle_factor,
            tokens_per_unit=scenario.tokens_per_unit,
        )

    def between(self, rows: slice) -> "OverflowCost":
        """The same for some of the minutes only."""
        return replace(
            self,
            load=self.load[rows],
            price=self.price[rows],
            tiers=tuple((multiple, limit[rows]) for multiple, limit in self.tiers),
        )

    def levels(self) -> int:
        """Units beyond which nothing is left to serve."""
        return int(np.ceil(self.load.max(initial=0.0) / self.tokens_per_unit))

    def usd(self, units: Floats, rows: NDArray[np.int64]) -> Floats:
        """USD for the overflow over some units in the minutes `rows`; shapes broadcast."""
        left = np.maximum(self.load[rows] - units * self.tokens_per_unit, 0.0)
        factor = np.zeros_like(left)
        for multiple, limit in self.tiers:
            fits = np.minimum(left, limit[rows])
            factor += multiple * fits
            left = left - fits
        return (factor + self.throttle * left) * self.price[rows]

    def marginal(self, slot_minutes: int) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        """What unit 1, 2, ... saves in each slot of minutes: (numbers of slots, slots x units).

        Savings are USD and fall from unit to unit. Slots come in groups of like demand, so the
        tables have few empty cells; a slot without traffic may be left out.
        """
        minutes = len(self.load)
        slots = -(-minutes // slot_minutes)
        padded = np.zeros(slots * slot_minutes)
        padded[:minutes] = self.load / self.tokens_per_unit
        peaks = np.ceil(padded.reshape(slots, slot_minutes).max(axis=1)).astype(np.int64)
        order = np.argsort(-peaks, kind="stable")
        order = order[peaks[order] > 0]
        for first in range(0, len(order), _CHUNK):
            chosen = order[first : first + _CHUNK]
            units = np.arange(peaks[chosen[0]] + 1, dtype=np.float64)
            bill = np.zeros((len(chosen), len(units)))
            for offset in range(slot_minutes):
                rows = chosen * slot_minutes + offset
                inside = rows < minutes
                usd = self.usd(units, np.minimum(rows, minutes - 1)[:, None])
                bill += np.where(inside[:, None], usd, 0.0)
            yield chosen, bill[:, :-1] - bill[:, 1:]
