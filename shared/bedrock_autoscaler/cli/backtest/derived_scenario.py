"""The scenario of a backtest from what a target's settings know of prices, rate and quotas."""

import numpy as np

from bedrock_autoscaler.backtest.scenario import Scenario
from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.domain.option import BILLED_BY_TOKEN
from bedrock_autoscaler.domain.target import (
    InferenceOption,
    OptionKind,
    Quota,
    RateCombination,
    Target,
    UnitRate,
)

_UNBOUNDED = 1_000.0
"""A second way without a bound, as a multiple of the first one's quota."""


def scenario_of(target: Target, rate: UnitRate, trace: Trace) -> Scenario:
    """The target's prices, quotas and delays in the terms of the backtest contract.

    The contract has one limit over a weighted sum of tokens. Where a unit has two limits, the
    weight is the one that gives the same load over the whole trace.

    Raises:
        CommandError: the price of a unit or of tokens on demand is unknown.
    """
    bought = target.provisioned
    priced = sorted(
        (option for option in target.options if option.kind in BILLED_BY_TOKEN and option.price),
        key=lambda option: option.kind is not OptionKind.ON_DEMAND,
    )
    if bought is None or bought.price is None:
        raise CommandError(f"{target.name}: {unknown('provisioned.price')}")
    if not priced or priced[0].price is None:
        raise CommandError(f"{target.name}: {unknown('options.0.price')}")
    first, price = priced[0], priced[0].price
    other = priced[1] if len(priced) > 1 else None
    weight = _output_weight(rate, trace)
    tokens, requests = _limits(first, weight, trace)
    sizing = target.thresholds.sizing
    unit = bought.price
    return Scenario(
        tokens_per_unit=rate.input_tokens_per_minute,
        unit_hour=float(unit.usd_per_hour),
        input_1k=float(price.input_usd_per_1k),
        output_1k=float(price.output_usd_per_1k),
        output_weight=weight,
        unit_hour_1m=_number(unit.one_month_usd_per_hour),
        unit_hour_6m=_number(unit.six_months_usd_per_hour),
        on_demand_tpm=tokens,
        on_demand_rpm=requests,
        cross_region_factor=_factor(first, other),
        cross_region_price=_price_ratio(first, other),
        creation_minutes=sizing.lead_minutes,
        billing_minutes=sizing.billing_minutes,
        throttle_factor=target.slo.throttle_cost_factor,
    )


def unknown(field: str) -> str:
    """What to do about a figure that nothing can be compared without."""
    return (
        f"{field} is unknown, so that nothing can be compared; set it, or give --scenario with "
        "figures of your own"
    )


def _output_weight(rate: UnitRate, trace: Trace) -> float:
    """Input tokens that load a unit like one output token, over the whole trace."""
    inputs, outputs = trace.input_tokens, trace.output_tokens
    if rate.output_tokens_per_minute is None or not outputs.sum():
        return 0.0
    weight = rate.input_tokens_per_minute / rate.output_tokens_per_minute
    if rate.combination is RateCombination.SUM:
        return weight
    binding = np.maximum(inputs, outputs * weight).sum()
    return float((binding - inputs.sum()) / outputs.sum())


def _limits(
    option: InferenceOption, weight: float, trace: Trace
) -> tuple[float | None, float | None]:
    """Quota in input equivalents a minute at the trace's mix, and in requests; None unbounded."""
    quota = option.quota
    if quota is None:
        return None, None
    if quota.tokens_per_minute is None:
        return None, quota.requests_per_minute
    charged = float(trace.equivalents(quota.output_burndown).sum())
    ratio = float(trace.equivalents(weight).sum()) / charged if charged > 0 else 1.0
    return quota.tokens_per_minute * ratio, quota.requests_per_minute


def _factor(first: InferenceOption, other: InferenceOption | None) -> float:
    """The second way's quota as a multiple of the first one's; 0 without one.

    Tokens count where the first one has such a quota, else requests.
    """
    if other is None or first.quota is None:
        return 0.0
    is_by_token = first.quota.tokens_per_minute is not None
    of_first = _bound(first.quota, is_by_token=is_by_token)
    if of_first is None:
        return 0.0
    of_other = None if other.quota is None else _bound(other.quota, is_by_token=is_by_token)
    return _UNBOUNDED if of_other is None else of_other / of_first


def _bound(quota: Quota, *, is_by_token: bool) -> float | None:
    return quota.tokens_per_minute if is_by_token else quota.requests_per_minute


def _price_ratio(first: InferenceOption, other: InferenceOption | None) -> float:
    if other is None or other.price is None or first.price is None:
        return 1.0
    return float(other.price.input_usd_per_1k / first.price.input_usd_per_1k)


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))
