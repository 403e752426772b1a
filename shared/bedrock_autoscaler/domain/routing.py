"""Which way traffic goes: paid capacity first, then the cheapest lawful way with room.

Source: docs/model.md, section "Routing".
"""

from dataclasses import dataclass, replace

import numpy as np

from bedrock_autoscaler.domain.decision import Memory, Reason, ReasonCode, Route, Situation
from bedrock_autoscaler.domain.fleet import Fleet
from bedrock_autoscaler.domain.observation import Traffic
from bedrock_autoscaler.domain.overriding import preferred, put_first
from bedrock_autoscaler.domain.target import InferenceOption, OptionKind, Target, TokenPrice
from bedrock_autoscaler.domain.trial import review, share_on_trial, without_refused
from bedrock_autoscaler.domain.units import MINUTE

_REFERENCE_INPUT_SHARE = 0.8
_PAIR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChoice:
    """The wanted routes in spill order with their weights, why, and what is remembered of it."""

    routes: tuple[Route, ...]
    reasons: tuple[Reason, ...]
    memory: Memory


def choose_routes(situation: Situation) -> RouteChoice:
    """Provisioned throughputs first, sharing the offered traffic by their units; then by price.

    When the first of the on-demand ways throttles, it changes places with the next one until it
    has been calm for `calm_minutes`. A way that has not served yet gets a small share first.
    """
    target = situation.target
    paid = _paid_routes(situation.fleet)
    reviewed = replace(situation, memory=review(target.options, situation))
    by_price = sorted(target.options, key=lambda option: _unit_price(option.price))
    options, reasons = without_refused(by_price, reviewed.memory)
    memory, share = _pressure(options, reviewed)
    if memory.pressure_until is not None:
        options = [options[1], options[0], *options[2:]]
        reasons += (_reordered(options, target, share),)
    options, by_hand = preferred(options, target, situation.scheduled_at)
    reasons += by_hand
    routes = [*paid, *(_route(option) for option in options)]
    if by_hand:
        routes = put_first(routes, len(paid))
    elif options and not paid:
        weights, memory, trial = share_on_trial(options, memory, situation)
        routes = [replace(route, weight=w) for route, w in zip(routes, weights, strict=True)]
        reasons += trial
    if not options:
        no_fallback = Reason(
            code=ReasonCode.NO_FALLBACK,
            message=f"target {target.name} has no way besides provisioned throughput: what does "
            "not fit is throttled",
        )
        reasons = (*reasons, no_fallback)
    return RouteChoice(routes=tuple(routes), reasons=reasons, memory=memory)


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
    if before == after:
        reasons.append(
            Reason(
                code=ReasonCode.ROUTES_UNCHANGED,
                message=f"the {len(after)} routes in force stay as they are",
                numbers=(("routes", float(len(after))),),
            )
        )
    elif not reasons:
        order = " > ".join(route.address for route in after) or "no route"
        reasons.append(Reason(code=ReasonCode.ROUTES_CHANGED, message=f"the table becomes {order}"))
    return tuple(reasons)


def throttled_share(traffic: Traffic, minutes: int) -> float:
    """Throttled attempts among all attempts of the newest minutes, 0 to 1."""
    throttles = float(np.nansum(traffic.throttles[-minutes:]))
    attempts = throttles + float(np.nansum(traffic.invocations[-minutes:]))
    return throttles / attempts if attempts > 0 else 0.0


def _paid_routes(fleet: Fleet) -> list[Route]:
    paid = [pt for pt in fleet.serving if pt.is_routable]
    units = sum(pt.model_units for pt in paid)
    return [
        Route(kind=OptionKind.PROVISIONED, address=pt.arn, weight=pt.model_units / units)
        for pt in paid
    ]


def _pressure(options: list[InferenceOption], situation: Situation) -> tuple[Memory, float]:
    """The memory of pressure on the first of several ways, and its throttled share now."""
    rules, memory = situation.target.thresholds.routing, situation.memory
    if len(options) < _PAIR:
        return replace(memory, pressure_until=None), 0.0
    recent = dict(situation.observation.by_option).get(options[0].address)
    share = throttled_share(recent, rules.pressure_minutes) if recent is not None else 0.0
    now = situation.scheduled_at
    if share > rules.pressure_share:
        return replace(memory, pressure_until=now + rules.calm_minutes * MINUTE), share
    if memory.pressure_until is not None and now >= memory.pressure_until:
        return replace(memory, pressure_until=None), share
    return memory, share


def _reordered(options: list[InferenceOption], target: Target, share: float) -> Reason:
    rules = target.thresholds.routing
    return Reason(
        code=ReasonCode.SPILL_REORDERED,
        message=f"{options[0].address} goes before {options[1].address}, which throttled "
        f"{share:.1%} in the newest {rules.pressure_minutes} minutes or less than "
        f"{rules.calm_minutes} minutes ago (allowed {rules.pressure_share:.1%})",
        numbers=(("throttled_share", share), ("pressure_share", rules.pressure_share)),
    )


def _route(option: InferenceOption) -> Route:
    return Route(kind=option.kind, address=option.address, weight=0.0)


def _unit_price(price: TokenPrice | None) -> float:
    """Price for comparing options of one model; an unknown price comes last."""
    if price is None:
        return float("inf")
    share = _REFERENCE_INPUT_SHARE
    return float(price.input_usd_per_1k) * share + float(price.output_usd_per_1k) * (1 - share)
