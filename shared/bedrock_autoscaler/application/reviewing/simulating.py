"""One chain of decisions on a simulated fleet, over the observations that were recorded."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from bedrock_autoscaler.application.reviewing.simulated import (
    MINUTES_PER_HOUR,
    Capacity,
    Sums,
    Unit,
    ordered,
    period_starts,
)
from bedrock_autoscaler.domain.decision import (
    Action,
    Decision,
    Purchase,
    Release,
    Restore,
    Situation,
)
from bedrock_autoscaler.domain.economics.costs import build_economics, period_usd, unit_hour_usd
from bedrock_autoscaler.domain.fleet.holdings import (
    Fleet,
    Ownership,
    ProvisionedThroughput,
    PtTraffic,
    Spend,
    Status,
)
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.demand import estimate_demand
from bedrock_autoscaler.domain.traffic.observation import Observation
from bedrock_autoscaler.domain.unit_rates.rate_choice import rate_in_use, with_rate
from bedrock_autoscaler.domain.units import HOUR, MINUTE

_DAY = timedelta(days=1)
_PRICING = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Left:
    """A throughput that was released: decided, and gone at the end of its paid period."""

    arn: str
    units: int
    decided_at: datetime
    gone_at: datetime


class Run:
    """One chain of decisions with its simulated fleet.

    Args:
        target: the settings of every step; None: those that each decision was taken under.
        first: the situation whose fleet and memory the chain starts from.
    """

    def __init__(
        self, target: Target | None, decide: Callable[[Situation], Decision], first: Situation
    ) -> None:
        self.sums = Sums()
        self._target, self._decide, self._first = target, decide, first
        self._memory, self._now = first.memory, first.scheduled_at
        self._capacity, self._foreign = Capacity(), 0
        self._bought: list[datetime] = []
        self._released: list[_Left] = []
        self._last_release_at = first.fleet.last_release_at
        self._booked: list[tuple[datetime, Decimal]] = []
        self._seen_to = first.scheduled_at
        self._units = [self._inherited(pt) for pt in first.fleet.owned]

    def step(self, recorded: Situation) -> Decision:
        """Decide once, and carry it out."""
        now = recorded.scheduled_at
        target = self._target or recorded.target
        self._pass_time(target, now)
        foreign = _foreign_units(recorded.fleet)
        self._capacity.change(now, foreign - self._foreign)
        self._foreign = foreign
        situation = replace(
            recorded,
            target=target,
            fleet=self._fleet(recorded),
            observation=self._observation(recorded),
            memory=self._memory,
        )
        decision = self._decide(situation)
        self._memory, self._now = decision.memory, now
        for action in decision.actions:
            self._carry_out(action, target, now)
        self.sums.peak_units = max(self.sums.peak_units, self._held_units)
        return decision

    def account(self, facts: Target, recorded: Situation) -> None:
        """Add up the traffic that this decision is the first to show, at these facts' prices."""
        observation, sums = recorded.observation, self.sums
        new = observation.traffic.since(self._seen_to)
        self._seen_to = max(self._seen_to, observation.traffic.end)
        rated = with_rate(facts, rate_in_use(facts.provisioned, observation.unit_rate))
        bought = rated.provisioned
        if not len(new) or bought is None or bought.unit_rate is None:
            return
        units = self._capacity.over(new)
        latest = observation.traffic.since(observation.traffic.end - _PRICING)
        economics = build_economics(rated, latest)
        attempts = rated.thresholds.observing.attempts_per_call
        demand = estimate_demand(new, bought.unit_rate, attempts)
        known = np.isfinite(demand.load)
        sums.unread += int((~known).sum())
        if economics is None or not known.any():
            return
        sums.is_priced = True
        load = demand.load[known]
        overflow = np.maximum(load - units[known], 0.0)
        throttled = np.maximum(overflow - sum(t.capacity_units for t in economics.tiers), 0.0)
        share = np.divide(throttled, load, out=np.zeros_like(load), where=load > 0)
        sums.overflow_usd += float(economics.overflow_usd(overflow)[0].sum()) / MINUTES_PER_HOUR
        sums.load += float(load.sum())
        sums.throttled_load += float(throttled.sum())
        sums.throttled_calls += float((share * demand.requests[known]).sum())

    # -- the fleet -----------------------------------------------------------------------------

    @property
    def _held_units(self) -> int:
        return sum(unit.pt.model_units for unit in self._units)

    def _inherited(self, pt: ProvisionedThroughput) -> Unit:
        """A throughput that was there when the chain begins."""
        now, sizing = self._now, (self._target or self._first.target).thresholds.sizing
        serves = pt.in_service_since or max(now, pt.created_at + sizing.lead_minutes * MINUTE)
        if pt.status is Status.FAILED:
            return Unit(pt=pt, serves_from=None)
        gone = pt.paid_until(now, sizing.billing_period) if pt.draining else None
        if gone is None:
            self._capacity.change(serves, pt.model_units)
        return Unit(pt=pt, serves_from=serves, gone_at=gone)

    def _pass_time(self, target: Target, now: datetime) -> None:
        """Pay for what was held since the last decision, and let go what has ended."""
        billing = target.thresholds.sizing.billing_period
        for unit in self._units:
            end = min(now, unit.gone_at or now)
            held = max((end - self._now) / MINUTE, 0.0)
            self.sums.unit_minutes += unit.pt.model_units * held
            for start in period_starts(unit.pt.created_at, self._now, end, billing):
                self._pay(target, start, unit.pt.model_units)
        self._units = [unit for unit in self._units if unit.gone_at is None or unit.gone_at > now]

    def _pay(self, target: Target, start: datetime, units: int) -> None:
        """A started billing period; caps count it at the price of the run's own settings."""
        billing = target.thresholds.sizing.billing_minutes
        self.sums.paid_unit_hours += units * billing / MINUTES_PER_HOUR
        usd = Decimal(str(unit_hour_usd(target)))
        self._booked.append((start, units * period_usd(usd, billing)))

    def _carry_out(self, action: Action, target: Target, now: datetime) -> None:
        sizing = target.thresholds.sizing
        match action:
            case Purchase():
                self.sums.purchases += 1
                self._bought.append(now)
                serves = now + sizing.lead_minutes * MINUTE
                pt = ordered(action, now, self.sums.purchases)
                self._units.append(Unit(pt=pt, serves_from=serves))
                self._capacity.change(serves, action.model_units)
                self._pay(target, now, action.model_units)
            case Release():
                self.sums.releases += 1
                self._last_release_at = now
                billing = sizing.billing_period
                self._mark(action, now, lambda pt: pt.paid_until(now, billing))
            case Restore():
                self._mark(action, now, lambda _: None)
                self._released = [left for left in self._released if left.arn != action.arn]

    def _mark(
        self,
        action: Release | Restore,
        now: datetime,
        end: Callable[[ProvisionedThroughput], datetime | None],
    ) -> None:
        """Take a throughput out of service until its end, or back into service."""
        for index, unit in enumerate(self._units):
            if unit.pt.arn != action.arn:
                continue
            gone = end(unit.pt)
            if gone is not None:
                self._released.append(_Left(unit.pt.arn, unit.pt.model_units, now, gone))
            self._units[index] = replace(unit, gone_at=gone)
            if unit.serves_from is not None and (gone is None) != (unit.gone_at is None):
                by = unit.pt.model_units if gone is None else -unit.pt.model_units
                self._capacity.change(max(now, unit.serves_from), by)

    # -- what the core is shown ----------------------------------------------------------------

    def _fleet(self, recorded: Situation) -> Fleet:
        now, fleet = recorded.scheduled_at, recorded.fleet
        own = [unit.shown(now) for unit in self._units]
        foreign = [pt for pt in fleet.throughputs if pt.ownership is not Ownership.OWNED]
        kept = self._first.fleet
        passed = now - self._first.scheduled_at
        is_first_day, is_first_hour = passed < _DAY, passed < HOUR
        return replace(
            fleet,
            throughputs=tuple(sorted(own + foreign, key=lambda pt: (pt.created_at, pt.arn))),
            open_purchase_units=0,
            last_grow_at=self._last_growth(now),
            last_release_at=self._last_release_at,
            purchases_last_day=sum(at > now - _DAY for at in self._bought)
            + is_first_day * kept.purchases_last_day,
            releases_last_day=sum(left.gone_at > now - _DAY for left in self._released)
            + is_first_day * kept.releases_last_day,
            released_last_hour=self._released_within_the_hour(recorded.target, now)
            + is_first_hour * kept.released_last_hour,
            spend=self._spend(now),
            stack=fleet.stack
            and replace(
                fleet.stack,
                held_units=max(fleet.stack.held_units + self._more_than(fleet), 0),
            ),
        )

    def _released_within_the_hour(self, target: Target, now: datetime) -> int:
        """Units that left, as in the ledger, within the hour before what is released now."""
        thresholds = (self._target or target).thresholds
        leaves_at = now + thresholds.draining.lead(thresholds.observing.settling_minutes)
        return sum(
            left.units
            for left in self._released
            if left.decided_at > now - HOUR or left.gone_at > leaves_at - HOUR
        )

    def _last_growth(self, now: datetime) -> datetime | None:
        """When the newest purchase was ordered, or came into service if later."""
        if not self._bought:
            return self._first.fleet.last_grow_at
        bought = self._bought[-1]
        serving = [
            unit.serves_from
            for unit in self._units
            if unit.pt.created_at == bought and unit.serves_from and unit.serves_from <= now
        ]
        return serving[0] if serving else bought

    def _spend(self, now: datetime) -> Spend:
        """What is booked in the day and the month, with what was booked before the chain."""
        before, began = self._first.fleet.spend, self._first.scheduled_at
        day = sum((usd for at, usd in self._booked if at.date() == now.date()), Decimal(0))
        month = sum(
            (usd for at, usd in self._booked if (at.year, at.month) == (now.year, now.month)),
            Decimal(0),
        )
        if began.date() == now.date():
            day += before.day_usd
        if (began.year, began.month) == (now.year, now.month):
            month += before.month_usd
        return Spend(day_usd=day, month_usd=month)

    def _more_than(self, fleet: Fleet) -> int:
        """Units that this run holds beyond those that were held."""
        own = sum(pt.model_units for pt in fleet.owned)
        return self._held_units - own - fleet.open_purchase_units

    def _observation(self, recorded: Situation) -> Observation:
        """The recorded one, with evidence on the simulated throughputs: seen, and in use."""
        observation, fleet = recorded.observation, recorded.fleet
        known = {pt.arn: pt for pt in observation.provisioned}
        shown = [
            known.get(unit.pt.arn) or PtTraffic(arn=unit.pt.arn, seen=True, quiet_minutes=0)
            for unit in self._units
        ]
        own = {pt.arn for pt in fleet.owned}
        foreign = [pt for pt in observation.provisioned if pt.arn not in own]
        facts, more = observation.term_facts, self._more_than(fleet)
        return replace(
            observation,
            provisioned=(*shown, *foreign),
            model_units_used=_counted(observation.model_units_used, more),
            term_facts=facts and replace(facts, units_used=_counted(facts.units_used, more)),
        )


def _counted(used: int | None, more: int) -> int | None:
    """Units that count against a quota, with those that this run holds beyond the recorded."""
    return None if used is None else max(used + more, 0)


def _foreign_units(fleet: Fleet) -> int:
    """Units of others that serve the target."""
    return sum(
        pt.model_units
        for pt in fleet.serving
        if pt.ownership is not Ownership.OWNED and pt.is_routable
    )
