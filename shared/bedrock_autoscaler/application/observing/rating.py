"""The unit rate measured on the kept history of a target's own provisioned throughputs."""

from collections.abc import Iterable

from bedrock_autoscaler.application.ports.history import StoredHistory
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent
from bedrock_autoscaler.domain.target import ProvisionedOption, Target
from bedrock_autoscaler.domain.unit_rates.estimate import (
    UnitTraffic,
    latest_measurement,
    measure_unit_rate,
)
from bedrock_autoscaler.domain.unit_rates.rates import RateMeasurement
from bedrock_autoscaler.domain.unit_rates.saturation import Attempts


def measured_rate(
    target: Target,
    purchases: Iterable[PurchaseIntent],
    stored: StoredHistory | None,
    before: RateMeasurement | None,
) -> RateMeasurement | None:
    """The measurement to go by, anew once an hour as the history grows.

    Args:
        target: whose units are measured.
        purchases: all that are kept; those of another model say nothing of this one.
        stored: whole hours by address; None when they could not be read.
        before: what the previous decision knew.
    """
    bought = target.provisioned
    if bought is None or stored is None:
        return before
    at = stored.reference.end
    if before is not None and before.measured_at >= at:
        return before
    throughputs = [
        UnitTraffic(model_units=intent.model_units, traffic=stored.traffic[intent.arn])
        for intent in purchases
        if intent.arn is not None
        and intent.arn in stored.traffic
        and intent.model_id == bought.model_id
    ]
    now = measure_unit_rate(throughputs, bought, attempts=_attempts(target, bought), at=at)
    return latest_measurement(before, now, throughputs)


def _attempts(target: Target, bought: ProvisionedOption) -> Attempts:
    if bought.attempts_per_call is not None:
        return Attempts(fewest=bought.attempts_per_call, most=bought.attempts_per_call)
    return Attempts(fewest=1.0, most=target.thresholds.observing.attempts_per_call)
