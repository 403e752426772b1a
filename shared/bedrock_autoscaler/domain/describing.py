"""What a decision says beside its actions: further numbers, the expected saving, remarks."""

from functools import cache
from math import isfinite

from bedrock_autoscaler.domain.acting.gate import unread_history
from bedrock_autoscaler.domain.decision import Alternative, Situation
from bedrock_autoscaler.domain.economics.copies import copy_reasons
from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.fleet.holdings import Ownership
from bedrock_autoscaler.domain.forecasting.distribution import QUANTILES
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.sizing.worth import SizePlan
from bedrock_autoscaler.domain.target import Mode
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.diagnosis import Diagnosis
from bedrock_autoscaler.domain.traffic.observation import known_mean
from bedrock_autoscaler.domain.units import count_text, units_text

_QUANTILE_NAMES = {share: f"demand_p{share * 100:g}_units" for share in QUANTILES}


def evidence(
    plan: SizePlan | None, economics: Economics | None, diagnosis: Diagnosis, demand: Demand
) -> tuple[tuple[str, float], ...]:
    """Numbers by name that the decision rests on; all finite."""
    found = [
        ("throttled_share", diagnosis.throttled_share),
        ("server_error_share", diagnosis.server_error_share),
        ("known_minutes", float(demand.known_minutes)),
        ("demand_last_hour_units", known_mean(demand.load[-60:])),
        ("demand_last_day_units", known_mean(demand.load[-1440:])),
    ]
    if economics is not None and isfinite(economics.break_even):
        found.append(("break_even_utilization", economics.break_even))
    if plan is not None:
        found += [
            ("first_unit_is_bought_from_usd_per_hour", plan.first_usd),
            ("units_are_bought_from_usd_per_hour", plan.grow_usd),
            ("units_are_kept_from_usd_per_hour", plan.keep_usd),
        ]
        if plan.purchase_usd:
            found.append(("purchase_is_worth_usd_per_hour", plan.purchase_usd))
        found += [(_QUANTILE_NAMES[probability], value) for probability, value in plan.quantiles]
        found += [(f"weight_{name}", weight) for name, weight in plan.weights.items()]
        for name, ending, by_unit in (
            ("worth_of_unit_", "_usd_per_hour", plan.worth),
            ("use_of_unit_", "", plan.use),
            ("trust_that_unit_", "_pays", plan.agreement),
            ("keeping_unit_", "_usd_per_hour", plan.keep_worth),
        ):
            values = by_unit[: len(plan.alternatives)].tolist()
            found += zip(_names_by_unit(name, ending, len(values)), values, strict=True)
    return tuple([(name, float(f"{value:.12g}")) for name, value in found])


@cache
def _names_by_unit(name: str, ending: str, units: int) -> tuple[str, ...]:
    return tuple(f"{name}{unit}{ending}" for unit in range(1, units + 1))


def expected_saving(
    alternatives: tuple[Alternative, ...], billing_minutes: int, *, held: int, after: int
) -> float:
    """USD per hour that holding `after` units is expected to save against holding `held`."""
    total = {entry.units: entry.total_usd for entry in alternatives}
    if after == held or held not in total or after not in total:
        return 0.0
    return (total[held] - total[after]) * 60.0 / billing_minutes


def remarks(situation: Situation) -> tuple[Reason, ...]:
    """What a reader must know beside the decision itself."""
    target, found = situation.target, []
    if target.mode is Mode.ADVISE:
        found.append(
            Reason(
                code=ReasonCode.ADVISE_MODE,
                message=f"target {target.name} is in mode advise: nothing is carried out",
            )
        )
    if situation.rejected:
        found.append(
            Reason(
                code=ReasonCode.SETTINGS_REJECTED,
                message="settings are not as they were written last; the last good ones, version "
                f"{target.settings_version}, are in force: {'; '.join(situation.rejected)}",
            )
        )
    foreign = [pt for pt in situation.fleet.throughputs if pt.ownership is Ownership.UNMANAGED]
    if foreign:
        units = sum(pt.model_units for pt in foreign)
        found.append(
            Reason(
                code=ReasonCode.UNMANAGED_PT,
                message=f"not ours: {count_text(len(foreign), 'provisioned throughput')} of "
                f"{units_text(units)}, counted against the caps, never released",
                numbers=(("units", float(units)),),
            )
        )
    if target.uses_mantle:
        found.append(
            Reason(
                code=ReasonCode.MANTLE_UNSEEN,
                message="traffic through bedrock-mantle is not in AWS/Bedrock and not in this "
                "decision",
            )
        )
    if target.calls_from() - frozenset(situation.observation.regions):
        found.append(
            Reason(
                code=ReasonCode.REGION_UNSEEN,
                message="calls from other Regions show in the metrics there, which are not read",
            )
        )
    found += unread_history(len(situation.observation.unread))
    found += copy_reasons(target.options, situation.observation.copies)
    return tuple(found)
