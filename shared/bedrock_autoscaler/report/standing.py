"""How a target stands now: its fleet, routes and spend, what comes next and why not sooner."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.application.purchasing.accounting import booked_spend
from bedrock_autoscaler.domain.decision import Decision
from bedrock_autoscaler.domain.fleet.holdings import Ownership, ProvisionedThroughput
from bedrock_autoscaler.domain.fleet.intent import HOLDING_STATES, PurchaseIntent, ReleaseIntent
from bedrock_autoscaler.domain.fleet.lifecycle import Life, life_of
from bedrock_autoscaler.domain.reason import Reason
from bedrock_autoscaler.domain.target import Commitment, Loop, Mode, Target
from bedrock_autoscaler.domain.units import MINUTE, units_text, usd
from bedrock_autoscaler.report.realised import realise
from bedrock_autoscaler.report.reasons import reason_help
from bedrock_autoscaler.report.record import Sources, read_record
from bedrock_autoscaler.report.wording import (
    class_name,
    describe_action,
    leading_reason,
    route_kinds,
    short,
)

_HOLDING_BACK = frozenset(
    {
        "Facts that must be known",
        "What holds a release",
        "Pace",
        "Set by hand",
        "Guard rails",
    }
)
"""Sections of docs/reasons.md whose codes keep a wanted change from being made."""

_LATE_TICKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One throughput that is paid for.

    Attributes:
        paid_until: end of the running billing period, or of the term; None before it is known to
            exist, or while the term's end is not known.
        term: under which it cannot leave before then.
    """

    arn: str
    units: int
    life: Life
    usd_per_hour: Decimal
    since: datetime
    paid_until: datetime | None
    term: Commitment = Commitment.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """USD; caps are those of the target's guard rails.

    Attributes:
        units_per_hour: price of all held units.
        day, month: booked for units since midnight and since the first of the month, UTC.
        on_demand_month: tokens on demand since then, as far as minutes were read.
        known_month: share of the month's minutes that were read, 0 to 1.
    """

    units_per_hour: Decimal
    max_per_hour: Decimal
    day: Decimal
    max_per_day: Decimal
    month: Decimal
    max_per_month: Decimal
    on_demand_month: float
    known_month: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One target now.

    Attributes:
        decided_at: scheduled time of the newest decision.
        is_late: three ticks of the capacity loop or more have passed without a decision.
        traffic_class: empty before the first class was told.
        others_units: provisioned units of the model that are not ours.
        routes: in spill order: kind, address and weight.
        coming: what is under way, or comes next.
        not_sooner: why nothing comes sooner, a sentence for each reason with its code.
        by_hand: pauses and overrides in force.
        breaker: what tripped it; empty while it is closed.
    """

    name: str
    mode: Mode
    settings_version: str
    decided_at: datetime
    is_late: bool
    traffic_class: str
    held: tuple[Held, ...]
    others_units: int
    routes_in_short: str
    routes: tuple[tuple[str, str, float], ...]
    money: Money
    coming: tuple[str, ...]
    not_sooner: tuple[str, ...]
    by_hand: tuple[str, ...]
    breaker: str


def standing_of(sources: Sources, name: str, now: datetime) -> Standing | None:
    """How the target stands at `now`; None when it was never decided upon.

    Raises:
        ObservationError: the ledger could not be read.
    """
    newest = {loop: sources.decisions.latest(name, loop) for loop in Loop}
    capacity = newest[Loop.CAPACITY] or newest[Loop.ROUTING]
    if capacity is None:
        return None
    routing = newest[Loop.ROUTING] or capacity
    last = max((capacity, routing), key=lambda one: one.decision.scheduled_at)
    state, target = sources.fleets.state_of(name), last.situation.target
    held = tuple(_held(state, last, now))
    rules = target.thresholds.sizing
    age = now - capacity.decision.scheduled_at
    return Standing(
        name=name,
        mode=target.mode,
        settings_version=target.settings_version,
        decided_at=last.decision.scheduled_at,
        is_late=age > (_LATE_TICKS * rules.decision_minutes + 1) * MINUTE,
        traffic_class=class_name(capacity.decision),
        held=held,
        others_units=_others(last.situation.fleet.throughputs),
        routes_in_short=route_kinds(routing.decision),
        routes=tuple((r.kind.value, r.address, r.weight) for r in routing.decision.routes),
        money=_money(sources, target, state, now),
        coming=tuple(_coming(state, capacity.decision, target, now)),
        not_sooner=tuple(_not_sooner(capacity.decision)),
        by_hand=tuple(by_hand(target, now)),
        breaker=f"{state.record.tripped_at:%Y-%m-%d %H:%M}: {state.record.tripped_by}"
        if state.record.tripped_at
        else "",
    )


# -- what is held ------------------------------------------------------------------------------


def _held(state: LedgerState, last: RecordedDecision, now: datetime) -> Iterator[Held]:
    billing = last.situation.target.thresholds.sizing.billing_period
    routed = {route.address for route in last.decision.routes}
    terms = {pt.arn: pt.committed_until for pt in last.situation.fleet.throughputs}
    for intent in _holding(state):
        begun, is_free = intent.billed_from, intent.commitment is Commitment.NONE
        period = None if begun is None else _paid_until(begun, now, billing)
        yield Held(
            arn=intent.arn or intent.name,
            units=intent.model_units,
            life=life_of(intent, state.releases, is_routed=intent.arn in routed, now=now),
            usd_per_hour=intent.usd_per_hour,
            since=begun or intent.recorded_at,
            paid_until=period if is_free else terms.get(intent.arn or ""),
            term=intent.commitment,
        )


def _holding(state: LedgerState) -> tuple[PurchaseIntent, ...]:
    """Purchases whose units are paid for, or may be."""
    return tuple(intent for intent in state.purchases if intent.state in HOLDING_STATES)


def _paid_until(begun: datetime, now: datetime, billing: timedelta) -> datetime:
    return begun + (max(now - begun, timedelta(0)) // billing + 1) * billing


def _others(throughputs: tuple[ProvisionedThroughput, ...]) -> int:
    return sum(pt.model_units for pt in throughputs if pt.ownership is Ownership.UNMANAGED)


# -- money -------------------------------------------------------------------------------------


def _money(sources: Sources, target: Target, state: LedgerState, now: datetime) -> Money:
    rails = target.guard_rails
    billing = target.thresholds.sizing.billing_period
    booked = booked_spend(state.purchases, now, billing)
    on_demand, known = _on_demand(sources, target.name, now)
    return Money(
        units_per_hour=usd(sum((one.usd_per_hour for one in _holding(state)), Decimal(0))),
        max_per_hour=rails.max_usd_per_hour,
        day=booked.day_usd,
        max_per_day=rails.max_usd_per_day,
        month=booked.month_usd,
        max_per_month=rails.max_usd_per_month,
        on_demand_month=on_demand,
        known_month=known,
    )


def _on_demand(sources: Sources, name: str, now: datetime) -> tuple[float, float]:
    """USD for this month's tokens at the newest prices, and the share of it that is known."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    # The newest decision alone says what things cost: a month of them takes long to read.
    newest = sources.decisions.latest(name, Loop.CAPACITY)
    decisions = (newest.decision,) if newest else ()
    month = realise(read_record(sources, name, first, now, decisions=decisions)).on_demand_usd
    known = float(np.count_nonzero(~np.isnan(month)))
    return float(np.nansum(month)), known / len(month) if len(month) else 1.0


# -- what comes next ---------------------------------------------------------------------------


def _coming(state: LedgerState, decision: Decision, target: Target, now: datetime) -> Iterator[str]:
    """What is under way, what was decided, and when it is looked at again."""
    sizing = target.thresholds.sizing
    lead = sizing.lead_minutes * MINUTE
    yield from (_arriving(one, lead) for one in _holding(state) if one.in_service_since is None)
    yield from map(_leaving, state.open_releases)
    named = {one.decision_id for one in state.purchases}
    named |= {one.decision_id for one in state.releases}
    if decision.actions and decision.id not in named:
        done = " and ".join(describe_action(action) for action in decision.actions)
        is_act = decision.mode is Mode.ACT
        yield f"decided: {done}" if is_act else f"would {done}; mode advise carries nothing out"
    elif decision.desired_units != decision.actual_units:
        verb = "grow" if decision.desired_units > decision.actual_units else "shrink"
        held_back = ", held back for now" if any(_not_sooner(decision)) else ""
        wanted = units_text(decision.desired_units)
        yield f"wanted: {verb} from {decision.actual_units} to {wanted}{held_back}"
    else:
        yield f"no change is wanted: {leading_reason(decision)}"
    due = decision.scheduled_at + sizing.decision_minutes * MINUTE
    yield (
        f"looked at again at {due:%H:%M} UTC"
        if due > now
        else f"the next look is due since {due:%H:%M} UTC"
    )


def _arriving(intent: PurchaseIntent, lead: timedelta) -> str:
    expected = (intent.billed_from or intent.recorded_at) + lead
    return (
        f"{units_text(intent.model_units)} ordered at {intent.recorded_at:%H:%M} UTC "
        f"({intent.state.value.replace('_', ' ')}), expected in service about {expected:%H:%M} UTC"
    )


def _leaving(release: ReleaseIntent) -> str:
    left = units_text(release.model_units)
    return (
        f"release of {left} ({short(release.arn)}): {release.state.value} "
        f"since {(release.withdrawn_at or release.recorded_at):%H:%M} UTC"
    )


def _not_sooner(decision: Decision) -> Iterator[str]:
    """The reasons of a wanted change that is not made, or of one that is trimmed."""
    if decision.desired_units == decision.actual_units:
        return
    for reason in decision.reasons:
        if _holds_back(reason):
            yield f"{reason.code.value}: {short(reason.message)}"


def _holds_back(reason: Reason) -> bool:
    help_of = reason_help().get(reason.code.value)
    return help_of is not None and help_of.section in _HOLDING_BACK


def by_hand(target: Target, now: datetime) -> Iterator[str]:
    """What a person paused or put in place of the rules, where it binds at the moment."""
    controls = target.controls
    paused = controls.growth_problem(now)
    if paused is not None:
        yield f"purchases are paused: {paused}"
    held_back = controls.shrink_problem(now)
    if held_back is not None:
        yield f"releases are paused: {held_back}"
    override = controls.units_at(now)
    if override is not None:
        held, until = units_text(override.units), f"{override.until:%Y-%m-%d %H:%M} UTC"
        yield f"{held} until {until} by {override.by}"
    route = controls.route_at(now)
    if route is not None:
        yield f"{route.address} first until {route.until:%Y-%m-%d %H:%M} UTC by {route.by}"
