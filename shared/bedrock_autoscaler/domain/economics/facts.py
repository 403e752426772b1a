"""Facts that must be known before money moves: prices, unit rate, quotas, life cycle."""

from datetime import datetime

from bedrock_autoscaler.domain.economics.costs import is_stale
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.lawfulness import overflow_options
from bedrock_autoscaler.domain.target import ProvisionedOption, Target, TokenPrice, UnitPrice
from bedrock_autoscaler.domain.traffic.observation import Observation


def missing_facts(target: Target, now: datetime) -> tuple[Reason, ...]:
    """Every unknown or stale fact of the settings that forbids a decision on money."""
    bought = target.provisioned
    if bought is None:
        return (
            Reason(
                code=ReasonCode.PROVISIONED_NOT_ALLOWED,
                message=f"target {target.name} has no `provisioned` section: it may hold no units",
            ),
        )
    found = []
    if bought.unit_rate is None:
        found.append(
            Reason(
                code=ReasonCode.UNIT_RATE_UNKNOWN,
                message=f"tokens per minute of one unit of {bought.model_id} are not known; set "
                "provisioned.unit_rate from your account team or a load test",
            )
        )
    found += _price_reasons(target, bought, now)
    found += [
        Reason(
            code=ReasonCode.QUOTA_UNKNOWN,
            message=f"the quota of {option.address} is not known; set its `quota`",
        )
        for option in overflow_options(target)
        if option.quota is None
    ]
    return tuple(found)


def purchase_facts(target: Target, observation: Observation) -> tuple[Reason, ...]:
    """What must be known of the account and the model before units are bought."""
    if target.provisioned is None:
        return ()
    model_id = target.provisioned.model_id
    found = []
    if observation.model_is_active is None:
        found.append(
            Reason(
                code=ReasonCode.MODEL_STATUS_UNKNOWN,
                message=f"the life cycle of {model_id} could not be read",
            )
        )
    elif not observation.model_is_active:
        found.append(
            Reason(
                code=ReasonCode.MODEL_NOT_ACTIVE,
                message=f"{model_id} is not ACTIVE with provisioned inference: Bedrock refuses "
                "new purchases of it",
            )
        )
    if observation.model_unit_quota is None or observation.model_units_used is None:
        found.append(
            Reason(
                code=ReasonCode.QUOTA_UNKNOWN,
                message=f"the model-unit quota for {model_id} could not be read",
            )
        )
    return tuple(found)


def stale_prices(target: Target, now: datetime) -> tuple[Reason, ...]:
    """The prices of the unit and of on-demand ways that are older than the settings allow."""
    found = () if target.provisioned is None else _price_reasons(target, target.provisioned, now)
    return tuple(reason for reason in found if reason.code is ReasonCode.PRICE_STALE)


def _price_reasons(target: Target, bought: ProvisionedOption, now: datetime) -> list[Reason]:
    """The prices of the unit and of every option that are unknown or too old."""
    limit = target.thresholds.gating.max_price_age_days
    named: list[tuple[str, UnitPrice | TokenPrice | None, str]] = [
        (bought.model_id, bought.price, bought.price_doubt)
    ]
    named += [(one.address, one.price, one.price_doubt) for one in overflow_options(target)]
    found = []
    for address, price, doubt in named:
        if price is None:
            why = f"the listed price is in doubt, {doubt}" if doubt else "no price is known"
            found.append(
                Reason(
                    code=ReasonCode.PRICE_UNKNOWN,
                    message=f"{address}: {why}; set it in the target's document",
                )
            )
        elif is_stale(price.as_of, now.date(), limit):
            age = (now.date() - price.as_of).days
            found.append(
                Reason(
                    code=ReasonCode.PRICE_STALE,
                    message=f"the price of {address} is {age} days old, allowed are {limit}",
                    numbers=(("age_days", float(age)), ("max_age_days", float(limit))),
                )
            )
    return found
