"""Scenarios: the prices, quotas and delays under which a trace is replayed."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from bedrock_autoscaler.backtest.trace import Trace

DAY_MINUTES = 1440
WARM_UP_DAYS = 7


class Term(StrEnum):
    """Length of a commitment, as it is spelled in a timeline."""

    ONE_MONTH = "1m"
    SIX_MONTHS = "6m"

    @property
    def minutes(self) -> int:
        """How long the commitment runs: 30 or 180 days."""
        return (30 if self is Term.ONE_MONTH else 180) * DAY_MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The rules of one replay. Tokens count in input equivalents: input + output_weight x output.

    Money is float USD here: a backtest compares policies, it books nothing.

    Attributes:
        tokens_per_unit: input equivalents that one model unit serves in a minute.
        unit_hour: USD for a unit-hour without commitment.
        input_1k: USD for 1,000 input tokens on demand.
        output_1k: USD for 1,000 output tokens on demand.
        output_weight: input tokens that load a unit like one output token.
        unit_hour_1m: USD for a unit-hour committed for 30 days; None: not sold.
        unit_hour_6m: USD for a unit-hour committed for 180 days; None: not sold.
        on_demand_tpm: input equivalents a minute on demand; None: unlimited.
        on_demand_rpm: requests a minute on demand; None: unlimited.
        cross_region_factor: cross-Region quotas as a multiple of the on-demand ones; 0: none.
        cross_region_price: cross-Region price as a multiple of the on-demand one.
        creation_minutes: from the order of a unit to its first minute in service.
        billing_minutes: a started period of this length is paid whole.
        throttle_factor: worth of not throttling, as a multiple of the on-demand price.
        overflow: False: provisioned units are the only way to be served.
    """

    tokens_per_unit: float
    unit_hour: float
    input_1k: float
    output_1k: float
    output_weight: float = 1.0
    unit_hour_1m: float | None = None
    unit_hour_6m: float | None = None
    on_demand_tpm: float | None = None
    on_demand_rpm: float | None = None
    cross_region_factor: float = 0.0
    cross_region_price: float = 1.0
    creation_minutes: int = 15
    billing_minutes: int = 60
    throttle_factor: float = 10.0
    overflow: bool = True

    def committed_unit_hour(self, term: Term) -> float | None:
        """USD for a unit-hour under a term; None where the term is not sold."""
        return self.unit_hour_1m if term is Term.ONE_MONTH else self.unit_hour_6m

    def to_document(self) -> dict[str, float | int | bool]:
        """The JSON object of the contract, absent values left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One benchmark scenario, applied to one trace.

    Attributes:
        name: for example `claude50-x2`.
        scenario: its rules, with `tokens_per_unit` set by the break-even utilisation.
        scale: multiplies the traffic so that the mean demand is the scenario's model units.
        score_from: the end of the warm-up; None where every minute is scored.
    """

    name: str
    scenario: Scenario
    scale: float
    score_from: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipe:
    """What tells one benchmark scenario from another."""

    prices: str
    break_even: float
    mean_units: float
    # Quota scenarios: the on-demand quota as a share of the mean demand.
    quota_share: float | None = None
    overflow: bool = True
    warm_up: bool = False


# USD: unit-hour, 1,000 input tokens, 1,000 output tokens, unit-hour for one and six months.
_PRICES = MappingProxyType(
    {"A": (40.0, 0.003, 0.015, 36.0, 20.0), "B": (24.0, 0.00072, 0.00072, 21.18, 13.08)}
)

_RECIPES = MappingProxyType(
    {
        "claude30-x2": _Recipe(prices="A", break_even=0.30, mean_units=2),
        "claude50-x0.7": _Recipe(prices="A", break_even=0.50, mean_units=0.7),
        "claude50-x2": _Recipe(prices="A", break_even=0.50, mean_units=2),
        "claude50-x8": _Recipe(prices="A", break_even=0.50, mean_units=8),
        "claude70-x2": _Recipe(prices="A", break_even=0.70, mean_units=2),
        "llama50-x2": _Recipe(prices="B", break_even=0.50, mean_units=2),
        "quota50-x2": _Recipe(prices="A", break_even=0.50, mean_units=2, quota_share=0.5),
        "custom50-x2": _Recipe(prices="A", break_even=0.50, mean_units=2, overflow=False),
        "warm50-x2": _Recipe(prices="A", break_even=0.50, mean_units=2, warm_up=True),
    }
)

STANDARD_NAMES = tuple(_RECIPES)


def scenario_for(name: str, trace: Trace) -> Benchmark:
    """The named benchmark scenario for an unscaled trace.

    Raises:
        KeyError: there is no such scenario.
        ValueError: the trace has no tokens, so that no scale gives it a mean demand, or it ends
            before the warm-up does.
    """
    recipe = _RECIPES[name]
    unit_hour, input_1k, output_1k, one_month, six_months = _PRICES[recipe.prices]
    tokens_per_unit = unit_hour / (recipe.break_even * 60 * input_1k / 1000)
    output_weight = output_1k / input_1k
    mean = float(trace.equivalents(output_weight).mean())
    if mean <= 0:
        raise ValueError(f"trace {trace.name} has no tokens, so no volume can be set for {name}")
    quota = recipe.quota_share
    scenario = Scenario(
        tokens_per_unit=tokens_per_unit,
        unit_hour=unit_hour,
        input_1k=input_1k,
        output_1k=output_1k,
        output_weight=output_weight,
        unit_hour_1m=one_month,
        unit_hour_6m=six_months,
        on_demand_tpm=None if quota is None else quota * recipe.mean_units * tokens_per_unit,
        cross_region_factor=0.0 if quota is None else 1.0,
        overflow=recipe.overflow,
    )
    score_from = None
    if recipe.warm_up:
        if len(trace) <= WARM_UP_DAYS * DAY_MINUTES:
            raise ValueError(
                f"trace {trace.name} has {len(trace)} minutes; {name} scores what follows the "
                f"first {WARM_UP_DAYS} days"
            )
        score_from = trace.minute_at(WARM_UP_DAYS * DAY_MINUTES)
    scale = recipe.mean_units * tokens_per_unit / mean
    return Benchmark(name=name, scenario=scenario, scale=scale, score_from=score_from)
