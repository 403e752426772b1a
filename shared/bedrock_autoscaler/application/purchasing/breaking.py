"""The breaker: stops a runaway outside the decision core, until a person has looked.

It counts the purchases that the ledger holds, whatever came of them, since each stands for a call
that was or may have been sent. The rules know the bound and never ask for more than it; what does
ask runs away. Budget services lag by hours and are a second line only.
"""

from collections.abc import Iterable
from datetime import datetime

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.ledger import Fleets
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.application.purchasing.accounting import purchases_since
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseIntent
from bedrock_autoscaler.domain.target import Mode, Target
from bedrock_autoscaler.domain.thresholds import CLOCK_MARGIN_MINUTES
from bedrock_autoscaler.domain.units import MINUTE, in_a_day


def breaker_problem(record: FleetRecord) -> str | None:
    """Why the breaker holds; None while it is closed."""
    if record.tripped_at is None:
        return None
    return f"the breaker tripped ({record.tripped_by}); a person must reset it"


def trip_on_runaway(
    asked: RecordedDecision,
    target: Target,
    record: FleetRecord,
    purchases: Iterable[PurchaseIntent],
    *,
    fleets: Fleets,
    reporter: Reporter,
    now: datetime,
) -> str | None:
    """Trip when a decision asks for a purchase beyond what a day allows; what tripped it, or None.

    A bound that a person lowered since the decision trips nothing, and neither does a purchase that
    is a day old by the decision's clock and not by this run's: that one only waits. In mode
    `advise` nothing is bought anyway, so that nothing is written either.

    Args:
        asked: the decision that asks for a purchase.
        target: as the settings in force have it.
        record: the fleet as it stands; its version fences whatever was prepared before.
        purchases: all of the target's.
        fleets: where the breaker is kept.
        reporter: hears of it.
        now: the present moment.
    """
    by_any_clock = max(now, asked.decision.scheduled_at) + CLOCK_MARGIN_MINUTES * MINUTE
    made = purchases_since(purchases, by_any_clock)
    then = asked.situation.target.guard_rails.max_purchases_per_day
    if made < max(then, target.guard_rails.max_purchases_per_day):
        return None
    tripped_by = f"{in_a_day(made, then, 'purchase')}, and {asked.decision.id} asks for more"
    if target.mode is Mode.ACT:
        fleets.trip(record, now, tripped_by)
        reporter.alarm("breaker_tripped", target.name, tripped_by)
    return tripped_by
