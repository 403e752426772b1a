"""Which options a target may use, and why it may not use the others.

Source: docs/options.md, section "What may be used".
"""

from collections.abc import Collection

from bedrock_autoscaler.domain.option import OPTIMIZED, InferenceOption, OptionKind, Residency
from bedrock_autoscaler.domain.routing.addresses import geography_of, model_of
from bedrock_autoscaler.domain.target import Target

_OWN_WEIGHTS = frozenset(
    {OptionKind.CUSTOM_DEPLOYMENT, OptionKind.IMPORTED_MODEL, OptionKind.MARKETPLACE_ENDPOINT}
)


def use_problem(option: InferenceOption, target: Target) -> str | None:
    """Why the target may not use this option of its own; None when it may."""
    if target.residency is not None:
        problem = residency_problem(option, target.residency, target.region)
        bought = target.provisioned.model_id if target.provisioned else ""
        problem = problem or model_problem(
            option, target.residency, bought=bought, first=target.options[0]
        )
        if problem:
            return problem
    if option.latency and target.slo.latency != OPTIMIZED:
        return f"slo.latency does not ask for {option.latency!r}, which costs more"
    if option.is_for_waiting_work and not target.slo.deferrable_share:
        return "slo.deferrable_share is 0: no work of this target may wait"
    return None


def residency_problem(option: InferenceOption, residency: Residency, home: str) -> str | None:
    """Why requests may not be served where this option would serve them."""
    if option.region not in {"", home, *residency.source_regions}:
        allowed = ", ".join(residency.source_regions) or "none"
        return (
            f"it is called from {option.region}; residency.source_regions allows {allowed} "
            f"besides {home}"
        )
    geography = geography_of(option.address) or option.geography
    if option.kind is OptionKind.GLOBAL_PROFILE or geography == "global":
        if residency.global_profiles:
            return None
        return (
            "it may serve in any Region of the world; residency.global_profiles does not allow it"
        )
    if geography and geography not in residency.geographies:
        allowed = ", ".join(residency.geographies) or "none"
        return f"it serves in geography {geography!r}; residency.geographies allows {allowed}"
    return None


def model_problem(
    option: InferenceOption, residency: Residency, *, bought: str, first: InferenceOption
) -> str | None:
    """Why another model than the target's would answer there.

    Args:
        option: where.
        residency: may allow it.
        bought: the model that may be bought, which is the target's; empty for none.
        first: the target's first option, which tells its model where none may be bought.
    """
    if residency.other_models:
        return None
    if option.kind is OptionKind.PROMPT_ROUTER:
        return "either of two models answers there; residency.other_models does not allow it"
    own = ":custom-model/" in bought if bought else _has_own_weights(first)
    if own != _has_own_weights(option):
        answers = "a customized model" if _has_own_weights(option) else "a base model"
        return (
            f"{answers} answers there, and the target's is "
            f"{'a customized' if own else 'a base'} one; residency.other_models does not allow it"
        )
    model, expected = model_of(option.address), model_of(bought or first.address)
    if own or model is None or expected is None or model == expected:
        return None
    return f"{model} answers there, not {expected}; residency.other_models does not allow it"


def usable_options(target: Target) -> tuple[InferenceOption, ...]:
    """The options that the target may use, in the operator's order."""
    return tuple(option for option in target.options if use_problem(option, target) is None)


def overflow_options(target: Target) -> tuple[InferenceOption, ...]:
    """The ways that take what does not fit units, at a price by the token; one for each quota.

    Of several that share a quota the cheapest counts, one of an unknown price before all others,
    so that nothing is decided on it.
    """
    cheapest: dict[tuple[str, str, str], InferenceOption] = {}
    for option in usable_options(target):
        if not option.is_billed_by_token or option.is_for_waiting_work:
            continue
        known = cheapest.get(option.pool)
        if known is None or _is_cheaper(option, known):
            cheapest[option.pool] = option
    return tuple(cheapest.values())


def seen_options(target: Target, regions: Collection[str] = ()) -> tuple[InferenceOption, ...]:
    """The options whose traffic shows in metrics that are read, one for each `sight_of`.

    Args:
        target: whose options they are.
        regions: source Regions besides its own whose metrics are read.
    """
    by_sight: dict[str, InferenceOption] = {}
    for option in target.options:
        if option.kind is not OptionKind.BATCH and option.region in {"", target.region, *regions}:
            by_sight.setdefault(sight_of(option, regions), option)
    return tuple(by_sight.values())


def sight_of(option: InferenceOption, regions: Collection[str]) -> str:
    """The name of an option's traffic in an observation: `us.model`, or `us.model@us-west-2`.

    The same address is a series of its own in each source Region. Where the Region's metrics are
    not read, what the address shows at home is all that is known of it.
    """
    return f"{option.series}@{option.region}" if option.region in regions else option.series


def _has_own_weights(option: InferenceOption) -> bool:
    return option.kind in _OWN_WEIGHTS or ":custom-model/" in option.address


def _is_cheaper(option: InferenceOption, than: InferenceOption) -> bool:
    if option.price is None or than.price is None:
        return than.price is not None
    mine, other = option.price, than.price
    return (mine.output_usd_per_1k, mine.input_usd_per_1k) < (
        other.output_usd_per_1k,
        other.input_usd_per_1k,
    )
