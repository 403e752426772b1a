"""Causal policies for tests of the driver."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from bedrock_autoscaler.backtest.policy import DEFAULT_PUBLICATION_LAG_MINUTES, Step
from bedrock_autoscaler.backtest.scenario import Scenario
from bedrock_autoscaler.backtest.timeline import Route
from bedrock_autoscaler.backtest.trace import Trace


@dataclass
class BreakEven:
    """Holds the units that the last hour would have used above break-even."""

    scenario: Scenario
    interval_minutes: int = 15
    publication_lag_minutes: int = DEFAULT_PUBLICATION_LAG_MINUTES
    name: str = "break_even"
    _held: int = 0
    _class: str = ""

    def settings(self) -> Mapping[str, object]:
        return {"window_minutes": 60}

    def decide(self, seen: Trace, now: datetime) -> Step:
        scenario = self.scenario
        demand = seen.equivalents(scenario.output_weight)[-60:] / scenario.tokens_per_unit
        if not len(demand):
            return Step(traffic_class=("unknown", {"minutes": 0}))
        full = scenario.tokens_per_unit * 60 * scenario.input_1k / 1000
        units = np.arange(np.ceil(demand.max()))
        use = np.clip(demand[:, None] - units, 0, 1).mean(axis=0)
        wanted = int(np.count_nonzero(use >= scenario.unit_hour / full))
        traffic = "idle" if demand.max() == 0 else "steady"
        step = Step(
            provisioned_units=None if wanted == self._held else wanted,
            shares={Route.PT: 1.0} if self._held == 0 < wanted else None,
            traffic_class=None if traffic == self._class else (traffic, {"minutes": len(demand)}),
            extra={} if wanted == self._held else {"mean_units": round(float(demand.mean()), 6)},
        )
        self._held, self._class = wanted, traffic
        return step


@dataclass(frozen=True)
class Sight:
    """One question: the minute, the rows shown, and the numbers in memory behind them."""

    now: datetime
    seen: Trace
    reachable: list[float]


@dataclass
class Witness:
    """Decides nothing and keeps what it was shown."""

    publication_lag_minutes: int
    interval_minutes: int = 1
    name: str = "witness"
    shown: list[Sight] = field(default_factory=list)

    def settings(self) -> Mapping[str, object]:
        return {}

    def decide(self, seen: Trace, now: datetime) -> Step:
        behind = seen.input_tokens if seen.input_tokens.base is None else seen.input_tokens.base
        self.shown.append(Sight(now, seen, np.array(behind).tolist()))
        return Step()


@dataclass
class Fixed:
    """Says the same each time."""

    step: Step
    interval_minutes: int = 1
    publication_lag_minutes: int = 0
    name: str = "fixed"

    def settings(self) -> Mapping[str, object]:
        return {}

    def decide(self, seen: Trace, now: datetime) -> Step:
        return self.step
