"""Which way traffic goes: paid capacity first, then the cheapest lawful way with room."""

from dataclasses import replace
from datetime import datetime

import numpy as np

from bedrock_autoscaler.domain.decision import Memory, Reason, ReasonCode, Route
from bedrock_autoscaler.domain.fleet import Fleet
from bedrock_autoscaler.domain.observation import Observation, Traffic
from bedrock_autoscaler.domain.target import InferenceOption, OptionKind, Target, TokenPrice
from bedrock_autoscaler.domain.units import MINUTE

_REFERENCE_INPUT_SHARE = 0.8


def choose_routes(
    target: Target, fleet: Fleet, observation: Observation, memory: Memory, now: datetime
) -> tuple[tuple[Route, ...], tuple[Reason, ...], Memory]:
    """The routes in spill order with their weights, why, and the memory of the pressure.

    Provisioned throughputs come first and share the offered traffic by their units. Then the
    on-demand ways by price. When the first of these throttles, it changes places with the next
    one until it has been calm for `calm_minutes`.
    """
    paid = _paid_routes(fleet)
    options = sorted(target.options, key=lambda option: _unit_price(option.price))
    options, reasons, memory = _relieve(options, target, observation, memory, now)
    routes = [*paid, *(_route(option, 0.0) for option in options)]
    if routes and not paid:
        routes[0] = replace(routes[0], weight=1.0)
    if not options:
        no_fallback = Reason(
            code=ReasonCode.NO_FALLBACK,
            message=f"target {target.name} has no way besides provisioned throughput: what does "
            "not fit is throttled",
        )
        reasons = (*reasons, no_fallback)
    return tuple(routes), reasons, memory


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
    if not reasons and before == after:
        reasons.append(
            Reason(
                code=ReasonCode.ROUTES_UNCHANGED,
                message=f"the {len(after)} routes in force stay as they are",
                numbers=(("routes", float(len(after))),),
            )
        )
    return tuple(reasons)


def throttled_share(traffic: Traffic, minutes: int) -> float:
    """Throttled attempts among all attempts of the newest minutes, 0 to 1."""
    throttles = float(np.nansum(traffic.throttles[-minutes:]))
    attempts = throttles + float(np.nansum(traffic.invocations[-minutes:]))
    return throttles / attempts if attempts > 0 else 0.0


def _paid_routes(fleet: Fleet) -> list[Route]:
    paid = [pt for pt in fleet.owned if pt.is_routable]
    units = sum(pt.model_units for pt in paid)
    return [
        Route(kind=OptionKind.PROVISIONED, address=pt.arn, weight=pt.model_units / units)
        for pt in paid
    ]


def _relieve(
    options: list[InferenceOption],
    target: Target,
    observation: Observation,
    memory: Memory,
    now: datetime,
) -> tuple[list[InferenceOption], tuple[Reason, ...], Memory]:
    """Put a throttling first option behind the second one, and keep it there for a while."""
    rules = target.thresholds.routing
    if len(options) < 2:
        return options, (), memory
    recent = dict(observation.by_option).get(options[0].address)
    share = throttled_share(recent, rules.pressure_minutes) if recent is not None else 0.0
    if share > rules.pressure_share:
        memory = replace(memory, pressure_until=now + rules.calm_minutes * MINUTE)
    if memory.pressure_until is None or now >= memory.pressure_until:
        return options, (), replace(memory, pressure_until=None)
    first, second, *rest = options
    reason = Reason(
        code=ReasonCode.SPILL_REORDERED,
        message=f"{second.address} goes before {first.address}, which throttled {share:.1%} in "
        f"the newest {rules.pressure_minutes} minutes or less than {rules.calm_minutes} minutes "
        f"ago (allowed {rules.pressure_share:.1%})",
        numbers=(("throttled_share", share), ("pressure_share", rules.pressure_share)),
    )
    return [second, first, *rest], (reason,), memory


def _route(option: InferenceOption, weight: float) -> Route:
    return Route(kind=option.kind, address=option.address, weight=weight)


def _unit_price(price: TokenPrice | None) -> float:
    """Price for comparing options of one model; an unknown price comes last."""
    if price is None:
        return float("inf")
    share = _REFERENCE_INPUT_SHARE
    return float(price.input_usd_per_1k) * share + float(price.output_usd_per_1k) * (1 - share)
