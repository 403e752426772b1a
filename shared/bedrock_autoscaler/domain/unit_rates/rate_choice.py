"""Which unit rate a decision works with, and what it says of it.

Source: docs/model.md, section "Unit rate".
"""

from dataclasses import replace

from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.target import ProvisionedOption, RateSource, Target, UnitRate
from bedrock_autoscaler.domain.unit_rates.rates import (
    Proportions,
    RateBasis,
    RateInUse,
    RateKind,
    RateMeasurement,
)


def rate_in_use(bought: ProvisionedOption | None, measurement: RateMeasurement | None) -> RateInUse:
    """The rate that the settings allow: a measured one only where they ask for it.

    While a measurement is asked for but is only a lower bound, what is stated goes on to be used:
    a bound would make every unit look full.
    """
    if bought is None:
        return RateInUse(basis=RateBasis.UNKNOWN, rate=None, measurement=None)
    if measurement is not None and measurement.model_id != bought.model_id:
        measurement = None
    is_allowed = bought.unit_rate_from is RateSource.MEASURED
    if is_allowed and measurement is not None and measurement.kind is RateKind.MEASURED:
        return RateInUse(basis=RateBasis.MEASURED, rate=measurement.lowest, measurement=measurement)
    basis = RateBasis.UNKNOWN if bought.unit_rate is None else RateBasis.STATED
    return RateInUse(basis=basis, rate=bought.unit_rate, measurement=measurement)


def with_rate(target: Target, use: RateInUse) -> Target:
    """The target with the rate in use as its own."""
    bought = target.provisioned
    if bought is None or bought.unit_rate == use.rate:
        return target
    return replace(target, provisioned=replace(bought, unit_rate=use.rate))


def rate_reasons(situation: Situation, use: RateInUse) -> tuple[Reason, ...]:
    """What a reader must know of the rate: that it is measured, or that a stated one is wrong."""
    bought, measurement = situation.target.provisioned, use.measurement
    if bought is None or measurement is None:
        return ()
    if use.basis is RateBasis.MEASURED:
        return (_measured(measurement),)
    if bought.unit_rate is not None and measurement.proportions is Proportions.STATED:
        return _contradiction(bought, bought.unit_rate, measurement)
    return ()


def _measured(measurement: RateMeasurement) -> Reason:
    lowest = measurement.lowest.input_tokens_per_minute
    value = measurement.rate.input_tokens_per_minute
    high = (measurement.high or 1.0) - 1
    return Reason(
        code=ReasonCode.UNIT_RATE_MEASURED,
        message=f"one unit is taken to serve {lowest:,.0f} input tokens a minute: "
        f"{measurement.rate.source} it is {value:,.0f} ({measurement.low - 1:+.1%} to "
        f"{high:+.1%}), and sizing works with the lower end",
        numbers=(
            ("input_tokens_per_minute", lowest),
            ("likeliest_input_tokens_per_minute", value),
            ("saturated_minutes", float(measurement.saturated_minutes)),
        ),
    )


def _contradiction(
    bought: ProvisionedOption, stated: UnitRate, measurement: RateMeasurement
) -> tuple[Reason, ...]:
    """A stated rate outside of the measured interval, or below a lower bound."""
    share = stated.input_tokens_per_minute / measurement.rate.input_tokens_per_minute
    is_bound = measurement.high is None
    if share >= measurement.low and (measurement.high is None or share <= measurement.high):
        return ()
    told = "at least" if is_bound else "about"
    return (
        Reason(
            code=ReasonCode.UNIT_RATE_DIFFERS,
            message=f"the stated rate of {bought.model_id} is {share:.2f} times what own units "
            f"showed: {told} {measurement.rate.input_tokens_per_minute:,.0f} input tokens a minute "
            f"({measurement.rate.source}); the stated one is used",
            numbers=(
                ("stated_input_tokens_per_minute", stated.input_tokens_per_minute),
                ("input_tokens_per_minute", measurement.rate.input_tokens_per_minute),
                ("saturated_minutes", float(measurement.saturated_minutes)),
            ),
        ),
    )
