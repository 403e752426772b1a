"""The target that a scenario describes: its prices, unit rate and quotas under given settings."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from bedrock_autoscaler.backtest.scenario import Scenario
from bedrock_autoscaler.domain.target import (
    GuardRails,
    InferenceOption,
    Modality,
    Mode,
    OptionKind,
    ProvisionedOption,
    Quota,
    RateCombination,
    Slo,
    Target,
    TokenPrice,
    UnitPrice,
    UnitRate,
)
from bedrock_autoscaler.domain.thresholds import Thresholds

NAME = "backtest"
"""Name of the target, of its model and of its Region."""

_SOURCE = "backtest scenario"


def target_of(
    scenario: Scenario, *, slo: Slo, guard_rails: GuardRails, thresholds: Thresholds, day: date
) -> Target:
    """A target with the prices, the unit rate and the quotas of a scenario."""
    price = TokenPrice(
        input_usd_per_1k=Decimal(str(scenario.input_1k)),
        output_usd_per_1k=Decimal(str(scenario.output_1k)),
        source=_SOURCE,
        as_of=day,
    )
    unit_price = UnitPrice(
        usd_per_hour=Decimal(str(scenario.unit_hour)),
        one_month_usd_per_hour=_decimal(scenario.unit_hour_1m),
        six_months_usd_per_hour=_decimal(scenario.unit_hour_6m),
        source=_SOURCE,
        as_of=day,
    )
    weight = scenario.output_weight
    rate = UnitRate(
        input_tokens_per_minute=scenario.tokens_per_unit,
        output_tokens_per_minute=scenario.tokens_per_unit / weight if weight > 0 else None,
        combination=RateCombination.SUM,
        source=_SOURCE,
    )
    return Target(
        name=NAME,
        account="000000000000",
        region=NAME,
        modality=Modality.TEXT,
        model_ids=(NAME,),
        uses_mantle=False,
        mode=Mode.ACT,
        provisioned=ProvisionedOption(model_id=NAME, unit_rate=rate, price=unit_price),
        options=_options(scenario, price),
        slo=replace(slo, throttle_cost_factor=scenario.throttle_factor),
        guard_rails=guard_rails,
        thresholds=replace(
            thresholds,
            # Prices hold for the whole trace, whatever its length.
            gating=replace(thresholds.gating, max_price_age_days=36_500),
        ),
        settings_version=NAME,
    )


def _options(scenario: Scenario, price: TokenPrice) -> tuple[InferenceOption, ...]:
    """On demand, and cross-Region where it is allowed; without overflow a quota of nothing."""
    on_demand = InferenceOption(
        kind=OptionKind.ON_DEMAND,
        address="on-demand",
        price=price,
        quota=_quota(scenario, 1.0 if scenario.overflow else 0.0),
    )
    if not scenario.overflow or scenario.cross_region_factor <= 0:
        return (on_demand,)
    times = Decimal(str(scenario.cross_region_price))
    elsewhere = replace(
        on_demand,
        kind=OptionKind.GEOGRAPHIC_PROFILE,
        address="cross-region",
        price=replace(
            price,
            input_usd_per_1k=price.input_usd_per_1k * times,
            output_usd_per_1k=price.output_usd_per_1k * times,
        ),
        quota=_quota(scenario, scenario.cross_region_factor),
    )
    return (on_demand, elsewhere)


def _quota(scenario: Scenario, factor: float) -> Quota:
    tokens, requests = scenario.on_demand_tpm, scenario.on_demand_rpm
    return Quota(
        tokens_per_minute=0.0 if factor == 0 else None if tokens is None else tokens * factor,
        requests_per_minute=None if requests is None else requests * factor,
        output_burndown=scenario.output_weight,
        source=_SOURCE,
    )


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
