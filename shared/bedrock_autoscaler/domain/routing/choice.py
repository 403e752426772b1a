"""Which way traffic goes: paid capacity first, then the cheapest lawful way with room.

Source: docs/model.md, section "Routing".
"""

from dataclasses import dataclass, replace

from bedrock_autoscaler.domain.acting.overriding import passed_over, preferred, put_first
from bedrock_autoscaler.domain.acting.succession import superseded
from bedrock_autoscaler.domain.decision import Memory, Situation
from bedrock_autoscaler.domain.option import (
    OPTIMIZED,
    InferenceOption,
    OptionKind,
    TokenPrice,
    place_title,
)
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.lawfulness import use_problem
from bedrock_autoscaler.domain.routing.pressure import under_pressure
from bedrock_autoscaler.domain.routing.route import Route, content, route_of, scaled
from bedrock_autoscaler.domain.routing.router_fault import router_faults
from bedrock_autoscaler.domain.routing.spreading import kept_weights, without_spread
from bedrock_autoscaler.domain.routing.trial import (
    review,
    share_on_trial,
    without_refused,
    without_trial,
)
from bedrock_autoscaler.domain.target import Target

_REFERENCE_INPUT_SHARE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChoice:
    """The wanted routes in spill order with their weights, why, and what is remembered of it.

    Attributes:
        deferrable: for work that may wait, cheapest first; their weights mean nothing.
    """

    routes: tuple[Route, ...]
    reasons: tuple[Reason, ...]
    memory: Memory
    deferrable: tuple[Route, ...] = ()


def choose_routes(situation: Situation) -> RouteChoice:
    """Provisioned throughputs first, sharing the offered traffic by their units; then by price.

    What is paid for by time comes before what is paid by the token, latency-optimized inference
    first where the SLO asks for it, and the Region of the target before others. When the first of
    the on-demand ways throttles, the load is spread by the quotas if it exceeds that way's, and
    otherwise the next one takes its place, until it has been calm for `calm_minutes`. A way that
    has not served yet gets a small share first.
    """
    target = situation.target
    paid = _paid_routes(situation)
    usable, waiting, refusals = _sorted_out(target)
    situation = replace(situation, memory=review(situation))
    options, reasons = without_refused(usable, situation.memory, situation.observation.regions)
    options, by_hand = preferred(options, target, situation.scheduled_at)
    if by_hand:
        memory = without_trial(without_spread(situation.memory))
        routes = put_first([*paid, *map(route_of, options)], len(paid))
        reasons += by_hand
    else:
        options, memory, relief = under_pressure(options, situation, behind_units=bool(paid))
        reasons += relief + passed_over(target, situation.scheduled_at)
        if paid:
            routes, memory = [*paid, *map(route_of, options)], without_trial(memory)
        else:
            routes, memory, trial = _offered(options, memory, situation)
            reasons += trial
    if not options:
        no_fallback = Reason(
            code=ReasonCode.NO_FALLBACK,
            message=f"target {target.name} has no way besides provisioned throughput: what does "
            "not fit is throttled",
        )
        reasons = (*reasons, no_fallback)
    return RouteChoice(
        routes=tuple(routes),
        reasons=(
            *reasons,
            *refusals,
            *_deferred(waiting, usable, target),
            *router_faults(situation),
        ),
        memory=memory,
        deferrable=tuple(map(route_of, waiting)),
    )


def describe_change(before: tuple[Route, ...], after: tuple[Route, ...]) -> tuple[Reason, ...]:
    """What differs between the table in force and the wanted one."""
    old = {route.address for route in before if route.kind is OptionKind.PROVISIONED}
    new = {route.address for route in after if route.kind is OptionKind.PROVISIONED}
    reasons = [
        Reason(code=ReasonCode.PT_ROUTED, message=f"{address} is in service and joins the table")
        for address in sorted(new - old)
    ]
    reasons += [
        Reason(code=ReasonCode.PT_WITHDRAWN, message=f"{address} leaves the table")
        for address in sorted(old - new)
    ]
    if content(before) == content(after):
        reasons.append(
            Reason(
                code=ReasonCode.ROUTES_UNCHANGED,
                message="the route in force stays as it is"
                if len(after) == 1
                else f"the {len(after)} routes in force stay as they are",
                numbers=(("routes", float(len(after))),),
            )
        )
    elif not reasons:
        order = " > ".join(_shown(route) for route in after) or "no route"
        reasons.append(Reason(code=ReasonCode.ROUTES_CHANGED, message=f"the table becomes {order}"))
    return tuple(reasons)


def _shown(route: Route) -> str:
    title = place_title(route.place)
    return f"{title} {route.weight:.0%}" if route.weight else title


def _paid_routes(situation: Situation) -> list[Route]:
    """Those of an older model after those of the model to hold; both share by their units.

    What a list that broke off does not show keeps its share of the table in force.
    """
    fleet = situation.fleet
    older, unlisted = superseded(fleet, situation.target), _unlisted(situation)
    paid = sorted((pt for pt in fleet.serving if pt.is_routable), key=lambda pt: pt in older)
    units = sum(pt.model_units for pt in paid)
    left = max(1 - sum(route.weight for route in unlisted), 0.0)
    routes = [
        Route(kind=OptionKind.PROVISIONED, address=pt.arn, weight=left * pt.model_units / units)
        for pt in paid
    ]
    return list(scaled((*routes, *unlisted))) if unlisted else routes


def _unlisted(situation: Situation) -> tuple[Route, ...]:
    """Routes in force to others' throughputs that no complete list says are gone.

    Ours are in the ledger. None is published that is not in service.
    """
    fleet = situation.fleet
    if fleet.complete or not fleet.uses_unmanaged:
        return ()
    listed = {pt.arn for pt in fleet.throughputs}
    return tuple(
        route
        for route in situation.routes
        if route.kind is OptionKind.PROVISIONED and route.address not in listed
    )


def _sorted_out(
    target: Target,
) -> tuple[list[InferenceOption], list[InferenceOption], tuple[Reason, ...]]:
    """The ways for calls and those for waiting work, each best first, and why others are not."""
    problems = [(option, use_problem(option, target)) for option in target.options]
    refusals = tuple(
        Reason(
            code=ReasonCode.OPTION_REFUSED,
            message=f"{option.title} is not used: {problem}",
        )
        for option, problem in problems
        if problem is not None
    )
    usable = sorted(
        (option for option, problem in problems if problem is None),
        key=lambda option: _rank(option, target),
    )
    return (
        [option for option in usable if not option.is_for_waiting_work],
        [option for option in usable if option.is_for_waiting_work],
        refusals,
    )


def _rank(option: InferenceOption, target: Target) -> tuple[bool, bool, bool, float]:
    """The lower, the sooner: paid by time, as fast as asked for, from the own Region, cheap."""
    return (
        not option.is_paid_already,
        target.slo.latency == OPTIMIZED and not option.latency,
        option.region not in {"", target.region},
        _unit_price(option.price),
    )


def _offered(
    options: list[InferenceOption], memory: Memory, situation: Situation
) -> tuple[list[Route], Memory, tuple[Reason, ...]]:
    """The ways with the shares of a spread load, else with all for the first that is proven."""
    kept = kept_weights(options, memory)
    if kept is None:
        return share_on_trial(options, memory, situation)
    return list(map(route_of, options, kept)), without_trial(memory), ()


def _deferred(
    waiting: list[InferenceOption], usable: list[InferenceOption], target: Target
) -> tuple[Reason, ...]:
    """What becomes of the share of the work that may wait."""
    if not waiting:
        return ()
    share, best = target.slo.deferrable_share, waiting[0]
    numbers = [("deferrable_share", share)]
    usual = min((_unit_price(option.price) for option in usable), default=float("inf"))
    saved = ""
    if usual < float("inf") and best.price is not None:
        ratio = _unit_price(best.price) / usual
        numbers.append(("price_ratio", ratio))
        saved = f", at {ratio:.0%} of the price"
    return (
        Reason(
            code=ReasonCode.WORK_DEFERRED,
            message=f"{share:.0%} of the work may wait and goes to {best.title}{saved}",
            numbers=tuple(numbers),
        ),
    )


def _unit_price(price: TokenPrice | None) -> float:
    """Price for comparing options of one model; an unknown price comes last."""
    if price is None:
        return float("inf")
    share = _REFERENCE_INPUT_SHARE
    return float(price.input_usd_per_1k) * share + float(price.output_usd_per_1k) * (1 - share)
