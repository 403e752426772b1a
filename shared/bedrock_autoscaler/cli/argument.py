"""One decision as an argument: what was seen and expected, what it cost, why, and what then."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from bedrock_autoscaler.application.ports import RecordedDecision
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import (
    Action,
    Classification,
    Decision,
    Purchase,
    ReasonCode,
    Release,
    Situation,
)
from bedrock_autoscaler.domain.demand import completeness, estimate_demand
from bedrock_autoscaler.domain.fleet import Fleet
from bedrock_autoscaler.domain.intent import PurchaseIntent, ReleaseIntent
from bedrock_autoscaler.domain.observation import METRICS, Traffic
from bedrock_autoscaler.domain.target import Loop, OptionKind, Target
from bedrock_autoscaler.domain.units import MINUTE, iso, usd

_HOUR = 60
_ARN_START = re.compile(r"arn:aws[a-z-]*:[^\s/]+/")

_LEADING = (
    ReasonCode.RELEASE,
    ReasonCode.RESTORE,
    ReasonCode.PT_WITHDRAWN,
    ReasonCode.PT_ROUTED,
    ReasonCode.SPILL_REORDERED,
    ReasonCode.UNITS_PAY_OFF,
    ReasonCode.UNITS_DO_NOT_PAY,
)
_BACKGROUND = frozenset(
    {ReasonCode.NO_PRESSURE, ReasonCode.ROUTES_UNCHANGED, ReasonCode.ADVISE_MODE}
)


def _rank(code: ReasonCode) -> int:
    """Order of interest: what was done, then what held it back, then the background."""
    if code in _LEADING:
        return _LEADING.index(code)
    return len(_LEADING) + (code in _BACKGROUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and its lines."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What came of a decision: the intents that name it."""

    purchases: tuple[PurchaseIntent, ...]
    releases: tuple[ReleaseIntent, ...]


def argue(recorded: RecordedDecision, outcomes: Outcomes) -> tuple[Section, ...]:
    """The sections of the argument, in the order in which a person asks."""
    decision, situation = recorded.decision, recorded.situation
    sections = (
        Section(heading="Seen", lines=tuple(_seen(situation))),
        Section(heading="Expected", lines=tuple(_expected(decision))),
        Section(heading="Alternatives for the coming billing period", lines=_prices(decision)),
        Section(heading="Because", lines=_reasons(decision)),
        Section(heading="What would change it", lines=tuple(_changes(recorded))),
        Section(heading="What came of it", lines=tuple(_outcomes(decision, outcomes))),
    )
    return tuple(section for section in sections if section.lines)


def headline(decision: Decision) -> str:
    """Subject, time and verdict in one line."""
    mode = "" if decision.actions == () else f" ({decision.mode.value})"
    return (
        f"{decision.target}, {decision.loop.value} loop, {iso(decision.scheduled_at)}: "
        f"{summary(decision)}{mode}"
    )


def summary(decision: Decision) -> str:
    """The verdict in a few words."""
    if decision.actions:
        return " and ".join(describe_action(action) for action in decision.actions)
    if decision.loop is Loop.ROUTING:
        return f"routes {_route_kinds(decision)}" if decision.routes else "no route"
    return f"hold {_units(decision.actual_units)}"


def _route_kinds(decision: Decision) -> str:
    """`2 PT > on demand > geographic profile`: the routes by kind, in spill order."""
    counts = Counter(route.kind for route in decision.routes)
    return " > ".join(
        f"{number} PT" if kind is OptionKind.PROVISIONED else kind.value.replace("_", " ")
        for kind, number in counts.items()
    )


def is_change(decision: Decision) -> bool:
    """Whether it buys, releases or restores, or publishes other routes."""
    if decision.loop is Loop.CAPACITY:
        return bool(decision.actions)
    return all(reason.code is not ReasonCode.ROUTES_UNCHANGED for reason in decision.reasons)


def class_name(decision: Decision) -> str:
    """The class of the traffic; empty where the loop does not classify."""
    return decision.classification.label.value if decision.classification else ""


def leading_reason(decision: Decision) -> str:
    """The reason that a person wants to read first, with ARNs cut to the id at their end."""
    ranked = sorted(decision.reasons, key=lambda reason: _rank(reason.code))
    return _ARN_START.sub("", ranked[0].message) if ranked else ""


def describe_action(action: Action) -> str:
    """`buy 2 units`, `release 1 unit`, `restore 1 unit`."""
    if isinstance(action, Purchase):
        return f"buy {_units(action.model_units)}"
    verb = "release" if isinstance(action, Release) else "restore"
    return f"{verb} {_units(action.model_units)}"


def _units(number: int) -> str:
    return f"{number} unit" if number == 1 else f"{number} units"


# -- seen --------------------------------------------------------------------------------------


def _seen(situation: Situation) -> Iterator[str]:
    traffic = situation.observation.traffic
    if len(traffic):
        share = completeness(traffic.invocations, len(traffic))
        yield (
            f"traffic of {len(traffic):,} minutes, {iso(traffic.start)} to {iso(traffic.end)}, "
            f"{share:.1%} of them read"
        )
        yield from _newest(traffic, situation.target)
    else:
        yield "no traffic was read"
    yield _fleet_line(situation.fleet)
    quota, used = situation.observation.model_unit_quota, situation.observation.model_units_used
    yield f"account quota of no-commitment units: {_known(quota)}, in use: {_known(used)}"


def _newest(traffic: Traffic, target: Target) -> Iterator[str]:
    newest = traffic.since(traffic.end - _HOUR * MINUTE)
    requests, throttles = float(np.nansum(newest.invocations)), float(np.nansum(newest.throttles))
    yield (
        f"newest {len(newest)} minutes: {requests:,.0f} requests, "
        f"{float(np.nansum(newest.input_tokens)):,.0f} input and "
        f"{float(np.nansum(newest.output_tokens)):,.0f} output tokens, {throttles:,.0f} throttles"
    )
    rate = target.provisioned.unit_rate if target.provisioned else None
    if rate is None or not np.isfinite(newest.invocations).any():
        return
    load = estimate_demand(newest, rate, target.thresholds.observing.attempts_per_call).load
    yield (
        f"in model units: {float(np.nanmean(load)):.2f} on average, {float(np.nanmax(load)):.2f} "
        f"in the highest minute (one unit: {rate.input_tokens_per_minute:,.0f} input tokens a "
        f"minute, by {rate.source})"
    )


def _fleet_line(fleet: Fleet) -> str:
    draining = sum(pt.model_units for pt in fleet.owned if pt.draining)
    unmanaged = len(fleet.throughputs) - len(fleet.owned)
    parts = [
        f"{fleet.in_service_units} in service",
        f"{fleet.pending_units} on the way",
        f"{draining} draining",
    ]
    if unmanaged:
        parts.append(f"{unmanaged} PTs of others")
    if not fleet.complete:
        parts.append("inventory incomplete")
    return (
        f"fleet: {', '.join(parts)}; booked {usd(fleet.spend.day_usd):,.2f} USD today, "
        f"{usd(fleet.spend.month_usd):,.2f} USD this month"
    )


def _known(value: float | Decimal | None) -> str:
    return "unknown" if value is None else f"{value:,}"


# -- expected ----------------------------------------------------------------------------------


def _expected(decision: Decision) -> Iterator[str]:
    if decision.classification is not None:
        yield from _class_lines(decision.classification)
    numbers = dict(decision.numbers)
    for expert in decision.memory.experts:
        parts = [_units(expert.proposals[-1])] if expert.proposals else []
        weight = numbers.pop(f"weight_{expert.name}", None)
        if weight is not None:
            parts.append(f"weight {weight:.2f}")
        parts.append(f"lately {expert.loss_usd:,.2f} USD off")
        yield f"forecast {expert.name.replace('_', ' ')}: {', '.join(parts)}"
    for name, value in numbers.items():
        yield f"{name.replace('_', ' ')}: {value:,.6g}"


def _class_lines(classification: Classification) -> Iterator[str]:
    yield (
        f"class {classification.label.value} ({classification.verdict.value}), "
        f"confidence {classification.confidence:.2f}"
    )
    features = ", ".join(f"{name} {value:.4g}" for name, value in classification.features)
    if features:
        yield f"features: {features}"


def _prices(decision: Decision) -> tuple[str, ...]:
    if not decision.alternatives:
        return ()
    header = (
        f"{'units':>5} {'their USD':>10} {'overflow':>10} {'throttled':>10} {'total USD':>10}  used"
    )
    best = min(decision.alternatives, key=lambda one: one.total_usd)
    lines = [header]
    for one in decision.alternatives:
        marks = [
            mark
            for mark, holds in (
                ("cheapest", one is best),
                ("held", one.units == decision.actual_units),
                ("decided", one.units == decision.allowed_units),
            )
            if holds
        ]
        lines.append(
            f"{one.units:>5} {one.units_usd:>10,.2f} {one.overflow_usd:>10,.2f} "
            f"{one.throttle_usd:>10,.2f} {one.total_usd:>10,.2f}  {one.utilization:>4.0%}"
            f"{'  <- ' + ', '.join(marks) if marks else ''}"
        )
    return tuple(lines)


def _reasons(decision: Decision) -> tuple[str, ...]:
    return tuple(f"{reason.code.value}: {reason.message}" for reason in decision.reasons)


# -- what would change it ----------------------------------------------------------------------


def _changes(recorded: RecordedDecision) -> Iterator[str]:
    """The first step of each kind that turns the verdict, found by deciding again."""
    if recorded.decision.loop is Loop.ROUTING:
        return
    before = _essence(recorded.decision)
    for name, steps in _steps(recorded.situation):
        for step, situation in steps:
            after = decide(situation)
            if _essence(after) != before:
                yield f"{step}: {summary(after)}"
                break
        else:
            yield f"not {name}"


def _essence(decision: Decision) -> tuple[object, ...]:
    """What is done, whatever it costs."""
    actions = tuple((type(action), action.model_units) for action in decision.actions)
    return actions, decision.allowed_units


def _steps(
    situation: Situation,
) -> Iterator[tuple[str, list[tuple[str, Situation]]]]:
    yield (
        "up to three times the traffic",
        [
            (f"{factor:g} times the traffic", _with_traffic(situation, factor))
            for factor in (1.1, 1.25, 1.5, 2.0, 3.0)
        ],
    )
    yield (
        "down to a tenth of the traffic",
        [
            (f"{factor:g} times the traffic", _with_traffic(situation, factor))
            for factor in (0.9, 0.75, 0.5, 0.25, 0.1)
        ],
    )
    if situation.target.provisioned and situation.target.provisioned.price:
        yield (
            "a unit at half its price",
            [
                (f"a unit at {share} of its price", _with_price(situation, share))
                for share in (Decimal("0.9"), Decimal("0.75"), Decimal("0.5"))
            ],
        )


def _with_traffic(situation: Situation, factor: float) -> Situation:
    traffic = situation.observation.traffic
    scaled = Traffic(
        start=traffic.start, **{name: getattr(traffic, name) * factor for name in METRICS}
    )
    return replace(situation, observation=replace(situation.observation, traffic=scaled))


def _with_price(situation: Situation, share: Decimal) -> Situation:
    target = situation.target
    if target.provisioned is None or target.provisioned.price is None:
        return situation
    price = target.provisioned.price
    price = replace(price, usd_per_hour=price.usd_per_hour * share)
    provisioned = replace(target.provisioned, price=price)
    return replace(situation, target=replace(target, provisioned=provisioned))


# -- what came of it ---------------------------------------------------------------------------


def _outcomes(decision: Decision, outcomes: Outcomes) -> Iterator[str]:
    for purchase in outcomes.purchases:
        yield from _purchase_lines(purchase)
    for release in outcomes.releases:
        yield from _release_lines(release)
    if not decision.actions:
        yield "nothing was to be bought, released or restored"
    elif not outcomes.purchases and not outcomes.releases:
        yield f"nothing yet: no intent names this decision (mode {decision.mode.value})"


def _purchase_lines(intent: PurchaseIntent) -> Iterator[str]:
    yield (
        f"purchase of {_units(intent.model_units)} of {intent.model_id} as {intent.name}: "
        f"{intent.state.value}{_detail(intent.detail)}"
    )
    if intent.arn:
        yield f"  {intent.arn}"
    if intent.billed_from:
        yield f"  paid from {iso(intent.billed_from)} at {intent.usd_per_hour} USD an hour"
    if intent.in_service_since:
        yield f"  in service since {iso(intent.in_service_since)}"
    if intent.ended_at:
        yield f"  ended at {iso(intent.ended_at)}"


def _release_lines(intent: ReleaseIntent) -> Iterator[str]:
    yield (f"release of {_units(intent.model_units)}: {intent.state.value}{_detail(intent.detail)}")
    yield f"  {intent.arn}"
    if intent.withdrawn_at:
        yield f"  out of the routing table since {iso(intent.withdrawn_at)}"
    if intent.ended_at:
        yield f"  ended at {iso(intent.ended_at)}"


def _detail(detail: str) -> str:
    return f" ({detail})" if detail else ""
