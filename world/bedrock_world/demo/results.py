"""What came of the replay: minute by minute, and added up beside what could have been instead."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.backtest.baselines import BASELINES
from bedrock_autoscaler.backtest.replay import Replay, Score
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_world.demo.plan import (
    INPUT_1K,
    OUTPUT_1K,
    OUTPUT_WEIGHT,
    PROFILE_PRICE,
    TOKENS_PER_UNIT,
    DemoPlan,
)

COMPARED = ("all_on_demand", "static_peak")
_THOUSAND = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Traffic that one kind of route served in one minute."""

    requests: float = 0.0
    input_tokens: float = 0.0
    output_tokens: float = 0.0

    @property
    def usd(self) -> float:
        """Its price on demand in the Region."""
        inputs, outputs = float(INPUT_1K), float(OUTPUT_1K)
        return (self.input_tokens * inputs + self.output_tokens * outputs) / _THOUSAND

    @property
    def units(self) -> float:
        """Model units that it used up."""
        return (self.input_tokens + OUTPUT_WEIGHT * self.output_tokens) / TOKENS_PER_UNIT

    def plus(self, other: "Served") -> "Served":
        """Both together."""
        return Served(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteResult:
    """One replayed minute.

    Attributes:
        asked: what callers asked for.
        served: what was served, by kind of route.
        held_units: units that existed, in service or not.
        in_service_units: units that could serve.
        pt_usd: spent on units from the start of the replay to the end of this minute.
        table_version: of the routing table that callers followed; 0 before the first one.
    """

    minute: datetime
    asked: Served
    served: Mapping[OptionKind, Served]
    held_units: int
    in_service_units: int
    pt_usd: Decimal
    table_version: int

    @property
    def throttled(self) -> Served:
        """What nobody served."""
        total = sum_of(self.served.values())
        return Served(
            requests=max(self.asked.requests - total.requests, 0.0),
            input_tokens=max(self.asked.input_tokens - total.input_tokens, 0.0),
            output_tokens=max(self.asked.output_tokens - total.output_tokens, 0.0),
        )

    @property
    def token_usd(self) -> float:
        """Spent on tokens on demand and across Regions."""
        usd = {
            OptionKind.ON_DEMAND: 1.0,
            OptionKind.GEOGRAPHIC_PROFILE: float(PROFILE_PRICE),
        }
        return sum(
            self.served[kind].usd * times for kind, times in usd.items() if kind in self.served
        )


def sum_of(parts: Iterable[Served]) -> Served:
    """All parts together."""
    total = Served()
    for part in parts:
        total = total.plus(part)
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the comparison.

    Attributes:
        throttled_requests, throttled_tokens: shares from 0 to 1.
    """

    name: str
    total_usd: float
    pt_usd: float
    token_usd: float
    throttled_requests: float
    throttled_tokens: float
    peak_units: int


def deployed(minutes: Sequence[MinuteResult]) -> Row:
    """The deployed application by what the world billed and served."""
    asked = sum_of(minute.asked for minute in minutes)
    lost = sum_of(minute.throttled for minute in minutes)
    pt_usd = float(minutes[-1].pt_usd)
    token_usd = sum(minute.token_usd for minute in minutes)
    return Row(
        name="bedrock-autoscaler",
        total_usd=pt_usd + token_usd,
        pt_usd=pt_usd,
        token_usd=token_usd,
        throttled_requests=_share(lost.requests, asked.requests),
        throttled_tokens=_share(lost.units, asked.units),
        peak_units=max(minute.held_units for minute in minutes),
    )


def alternatives(plan: DemoPlan) -> tuple[Row, ...]:
    """What could have been instead, by the backtest's accounting on the same minutes.

    They pay for no creation before the first minute and see no lag, which flatters them.
    """
    replay = Replay(plan.trace, plan.scenario(), plan.first)
    scores = {name: replay.score(BASELINES[name](replay)) for name in COMPARED}
    return tuple(row_of(name, score) for name, score in scores.items())


def row_of(name: str, score: Score) -> Row:
    """A line of the comparison from a backtest's score."""
    return Row(
        name=name.replace("_", " "),
        total_usd=score.total_usd,
        pt_usd=score.pt_usd,
        token_usd=score.on_demand_usd + score.cross_region_usd,
        throttled_requests=score.throttled_requests,
        throttled_tokens=score.throttled_tokens,
        peak_units=score.peak_units,
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
