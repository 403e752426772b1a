"""What a person must know for as long as it lasts, said at each capacity tick.

Each alarm is counted under its name, and CloudWatch has an alarm for each name. They stay silent
as long as nothing is wrong, so that a count is always news.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.domain.commitments.renewal import milestone, renewal_of, sentence
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.economics.costs import period_usd
from bedrock_autoscaler.domain.fleet.holdings import (
    NOTHING_SPENT,
    Ownership,
    ProvisionedThroughput,
    Spend,
    Status,
)
from bedrock_autoscaler.domain.fleet.spend_caps import spend_caps
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.routing.router_fault import is_called_first
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import MINUTE, units_text

INCOMPLETE_MINUTES = 30
"""So long metrics may be incomplete before it is an alarm; CloudWatch backfills within minutes."""

type Finding = tuple[str, str]
"""The alarm's name and its text."""


def report_standing(
    situation: Situation,
    decision: Decision,
    reporter: Reporter,
    *,
    beside: Spend = NOTHING_SPENT,
) -> None:
    """Everything about one target that lasts until a person acts, or that costs while it lasts.

    Args:
        situation: of the decision.
        decision: of the capacity loop.
        reporter: hears of it.
        beside: what the target's endpoints have cost, which no situation has.
    """
    for alarm, text in (
        *_unmanaged(situation),
        *_spend(situation, beside),
        *_terms(situation),
        *_failed(situation),
        *_idle(situation),
        *_metrics(situation),
        *_prices(decision),
    ):
        reporter.alarm(alarm, situation.target.name, text)


def _unmanaged(situation: Situation) -> Iterator[Finding]:
    for pt in situation.fleet.throughputs:
        if pt.ownership is Ownership.UNMANAGED:
            yield (
                "unmanaged_pt",
                f"{pt.arn} of {units_text(pt.model_units)} is not ours: counted, never released",
            )


def _spend(situation: Situation, beside: Spend) -> Iterator[Finding]:
    for cap in spend_caps(situation.target.guard_rails, situation.fleet.spend + beside):
        if cap.is_near:
            yield "spend_at_cap" if cap.is_reached else "spend_near_cap", cap.told


def _terms(situation: Situation) -> Iterator[Finding]:
    """Terms that end in so many days, with the verdict on their renewal."""
    bought = situation.target.provisioned
    for pt in situation.fleet.owned:
        if pt.committed_until is None:
            continue
        days = milestone(pt.committed_until, situation.scheduled_at)
        if days is not None:
            renewal = renewal_of(
                pt,
                situation.fleet.serving,
                situation.observation.commitment,
                price=bought.price if bought else None,
                now=situation.scheduled_at,
            )
            yield "term_ending", sentence(renewal, days)


def _failed(situation: Situation) -> Iterator[Finding]:
    """Failed, and held beyond its first paid period by a term, a pause or a bound."""
    period = situation.target.thresholds.sizing.billing_period
    for pt in situation.fleet.failed:
        if situation.scheduled_at - pt.created_at >= period:
            text = f"{pt.arn} failed to come into service and still stands"
            yield "pt_failed", f"{text}; {_cost(pt, situation)}"


def _idle(situation: Situation) -> Iterator[Finding]:
    """In service for a whole paid period or longer, and without a call as long."""
    period = situation.target.thresholds.sizing.billing_minutes
    evidence = {found.arn: found for found in situation.observation.provisioned}
    for pt in situation.fleet.owned:
        found = evidence.get(pt.arn)
        if found is None or pt.status is not Status.IN_SERVICE or pt.in_service_since is None:
            continue
        served = (situation.scheduled_at - pt.in_service_since) / MINUTE
        quiet = found.quiet_minutes if found.seen else served
        if served >= period and quiet >= period:
            never = "" if found.seen else " or never seen in metrics"
            cost = _cost(pt, situation)
            yield "idle_units", f"{pt.arn} is idle{never}; {cost}"
            elsewhere = _on_demand_calls(situation)
            if elsewhere > 0:
                why = "callers do not follow the table"
                if not is_called_first(pt.arn, situation.routes):
                    why = "the table sends no call there first"
                text = f"{pt.arn} is idle while {elsewhere:.0f} calls in {INCOMPLETE_MINUTES} "
                text += f"minutes went on demand: {why}; {cost}"
                yield "idle_while_overflowing", text


def _on_demand_calls(situation: Situation) -> float:
    """Calls of the newest half hour that the target's on-demand ways served."""
    calls = (traffic.invocations for _, traffic in situation.observation.by_option)
    return float(sum(np.nansum(each[-INCOMPLETE_MINUTES:]) for each in calls))


def _cost(pt: ProvisionedThroughput, situation: Situation) -> str:
    """What was paid so far at the present price; a term is paid whether used or not."""
    option = situation.target.provisioned
    if option is None or option.price is None:
        return "its price is unknown"
    if pt.commitment is not Commitment.NONE:
        return "it is under a term, which is paid in any case"
    minutes = situation.target.thresholds.sizing.billing_minutes
    periods = _started(pt.created_at, situation.scheduled_at, timedelta(minutes=minutes))
    paid = pt.model_units * periods * period_usd(option.price.usd_per_hour, minutes)
    return f"{paid} USD have been paid for it so far"


def _started(begun: datetime, now: datetime, billing: timedelta) -> int:
    """Billing periods that have started."""
    return max(now - begun, timedelta(0)) // billing + 1


def _metrics(situation: Situation) -> Iterator[Finding]:
    """The newest settled half hour has gaps, though there were minutes without any before it."""
    calls = situation.observation.traffic.invocations
    newest, before = calls[-INCOMPLETE_MINUTES:], calls[:-INCOMPLETE_MINUTES]
    share = np.count_nonzero(np.isfinite(newest)) / len(newest) if len(newest) else 0.0
    least = situation.target.thresholds.observing.min_completeness
    if share < least and bool(np.isfinite(before).any()):
        yield (
            "metrics_incomplete",
            f"{share:.0%} of the last {INCOMPLETE_MINUTES} settled minutes could be read",
        )


def _prices(decision: Decision) -> Iterator[Finding]:
    for reason in decision.reasons:
        if reason.code is ReasonCode.PRICE_STALE:
            yield "price_stale", reason.message
