"""One decision as an argument: what was seen and expected, what it cost, why, and what then."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.cli.decisions.counterfactual import what_would_change
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, ReleaseIntent
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.demand import completeness, estimate_demand
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.unit_rates.rate_choice import with_rate
from bedrock_autoscaler.domain.units import MINUTE, iso, units_text, usd, usd_text
from bedrock_autoscaler.report.expected import expected_lines
from bedrock_autoscaler.report.rates import rate_line

_HOUR = 60


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
        Section(heading="Seen", lines=tuple(_seen(situation, decision))),
        Section(heading="Expected", lines=tuple(expected_lines(decision))),
        Section(heading="Alternatives for the coming billing period", lines=_prices(decision)),
        Section(heading="Because", lines=_reasons(decision)),
        Section(heading="What would change it", lines=tuple(what_would_change(recorded))),
        Section(heading="What came of it", lines=tuple(_outcomes(decision, outcomes))),
    )
    return tuple(section for section in sections if section.lines)


# -- seen --------------------------------------------------------------------------------------


def _seen(situation: Situation, decision: Decision) -> Iterator[str]:
    traffic = situation.observation.traffic
    if len(traffic):
        share = completeness(traffic.invocations, len(traffic))
        yield (
            f"traffic of {len(traffic):,} minutes, {iso(traffic.start)} to {iso(traffic.end)}, "
            f"{share:.1%} of them read"
        )
        yield from _newest(traffic, _rated(situation.target, decision))
    else:
        yield "no traffic was read"
    if decision.unit_rate is not None:
        yield rate_line(decision.unit_rate)
    yield _fleet_line(situation.fleet)
    quota, used = situation.observation.model_unit_quota, situation.observation.model_units_used
    yield f"account quota of no-commitment units: {_known(quota)}, in use: {_known(used)}"


def _rated(target: Target, decision: Decision) -> Target:
    """The target with the unit rate that the decision used."""
    return target if decision.unit_rate is None else with_rate(target, decision.unit_rate)


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


# -- prices and reasons ------------------------------------------------------------------------


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
        f"purchase of {units_text(intent.model_units)} of {intent.model_id} as {intent.name}: "
        f"{intent.state.value}{_detail(intent.detail)}"
    )
    if intent.arn:
        yield f"  {intent.arn}"
    if intent.billed_from:
        price = usd_text(intent.usd_per_hour)
        yield f"  paid from {iso(intent.billed_from)} at {price} USD an hour"
    if intent.in_service_since:
        yield f"  in service since {iso(intent.in_service_since)}"
    if intent.ended_at:
        yield f"  ended at {iso(intent.ended_at)}"


def _release_lines(intent: ReleaseIntent) -> Iterator[str]:
    yield (
        f"release of {units_text(intent.model_units)}: {intent.state.value}{_detail(intent.detail)}"
    )
    yield f"  {intent.arn}"
    if intent.withdrawn_at:
        yield f"  out of the routing table since {iso(intent.withdrawn_at)}"
    if intent.ended_at:
        yield f"  ended at {iso(intent.ended_at)}"


def _detail(detail: str) -> str:
    return f" ({detail})" if detail else ""
