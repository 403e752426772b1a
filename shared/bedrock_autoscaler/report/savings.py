"""The savings ledger: what decisions foresaw beside what came, in dollars and in throttles.

Source: docs/review.md, section "The arithmetic".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from math import isfinite

import numpy as np

from bedrock_autoscaler.application.purchasing.accounting import booked_spend
from bedrock_autoscaler.domain.decision import Decision
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_autoscaler.report.realised import Realised, booked_usd, withdrawn_at
from bedrock_autoscaler.report.record import Record

_LEAST_KNOWN = 0.9
_DAY_MINUTES = 1440
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A capacity decision's forecast beside what came, over the billing period after it; USD.

    Attributes:
        hours: until the next decision, so that outlooks add up over a day.
        share: these hours as a part of the period.
        expected_usd, came_usd: of the size decided, throttling at its worth.
        best_usd: of the size that would have been cheapest in hindsight.
        expected_throttle_usd, came_throttle_usd: the throttling in them.
    """

    decision_id: str
    scheduled_at: datetime
    units: int
    best_units: int
    hours: float
    share: float
    expected_usd: float
    came_usd: float
    best_usd: float
    expected_throttle_usd: float
    came_throttle_usd: float

    @property
    def regret_usd(self) -> float:
        """How much dearer the size decided was than the best one; at least 0."""
        return self.came_usd - self.best_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Of a day or of a whole span; USD where not said otherwise.

    Attributes:
        minutes, known_minutes: of the span, and those that were read.
        demand_unit_hours: wanted, throttled demand included.
        held_unit_hours: units that existed.
        requests, throttles: calls served, and refusals.
        cache_read_tokens: read from a prompt cache; none of the dollars counts them.
        units_usd, on_demand_usd: paid for units and for tokens.
        reference_minutes: those of which it is known what they cost all on demand.
        reference_usd: what was served in them at the prices of all on demand.
        compared_usd: of what was paid, that for them.
        judged: capacity decisions whose whole period after them is known.
        expected_usd, came_usd, best_usd: of these, each for the time until the next one.
        expected_throttled, came_throttled: unit-hours of demand that nobody serves, in the same.
        judged_unit_hours: demand of the judged time.
    """

    minutes: int = 0
    known_minutes: int = 0
    demand_unit_hours: float = 0.0
    held_unit_hours: float = 0.0
    requests: float = 0.0
    throttles: float = 0.0
    cache_read_tokens: float = 0.0
    units_usd: float = 0.0
    on_demand_usd: float = 0.0
    reference_minutes: int = 0
    reference_usd: float = 0.0
    compared_usd: float = 0.0
    judged: int = 0
    expected_usd: float = 0.0
    came_usd: float = 0.0
    best_usd: float = 0.0
    expected_throttled: float = 0.0
    came_throttled: float = 0.0
    judged_unit_hours: float = 0.0

    @property
    def paid_usd(self) -> float:
        """Units and tokens together."""
        return self.units_usd + self.on_demand_usd

    @property
    def all_on_demand_usd(self) -> float | None:
        """The reference; None where no minute has one."""
        return self.reference_usd if self.reference_minutes else None

    @property
    def saved_usd(self) -> float | None:
        """Against all on demand; negative: units cost more than they saved; None: not known."""
        return self.reference_usd - self.compared_usd if self.reference_minutes else None

    @property
    def regret_usd(self) -> float:
        """How much dearer the sizes decided were than the best ones in hindsight."""
        return self.came_usd - self.best_usd

    def plus(self, other: "Sums") -> "Sums":
        """Both together."""
        names = [field.name for field in fields(self)]
        return Sums(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseRow:
    """One purchase: what it cost, and what would have been paid or lost without it; USD.

    Attributes:
        paid_usd: for the periods that started in the span.
        avoided_usd: in the known minutes of the span, were it alone taken out of the fleet; None
            where it served and no such minute is known.
        expected_usd_per_hour: saving that its decision foresaw; None where the span lacks it.
    """

    decision_id: str
    units: int
    state: PurchaseState
    recorded_at: datetime
    in_service_since: datetime | None
    ended_at: datetime | None
    paid_usd: float
    avoided_usd: float | None
    expected_usd_per_hour: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """The ledger of one target over the span of its record.

    Attributes:
        days: by UTC day, oldest first.
        month_units_usd: booked for units in the UTC month of the span's last moment.
    """

    target: str
    days: tuple[tuple[date, Sums], ...]
    total: Sums
    purchases: tuple[PurchaseRow, ...]
    month_units_usd: float


def add_up(record: Record, realised: Realised) -> Savings:
    """The savings ledger of a record."""
    days = tuple(_by_day(realised, outlooks(record, realised)))
    total = Sums()
    for _, sums in days:
        total = total.plus(sums)
    return Savings(
        target=record.name,
        days=days,
        total=total,
        purchases=tuple(_purchases(record, realised)),
        month_units_usd=_month_units_usd(record),
    )


# -- forecasts ---------------------------------------------------------------------------------


def outlooks(record: Record, realised: Realised) -> tuple[Outlook, ...]:
    """Of every capacity decision whose billing period after it is known to nine tenths."""
    known = ~np.isnan(realised.overflow_usd[0])
    counts = _running(known.astype(float))
    served, lost = _running(realised.overflow_usd), _running(realised.throttle_usd)
    found = []
    for decision in record.decisions:
        if decision.loop is not Loop.CAPACITY or not decision.alternatives:
            continue
        sizing = record.policies[decision.settings_version].thresholds.sizing
        first = realised.row_of(decision.scheduled_at)
        last = first + sizing.billing_minutes
        if first < 0 or last > len(realised):
            continue
        minutes = counts[last] - counts[first]
        if minutes < _LEAST_KNOWN * sizing.billing_minutes:
            continue
        hours = sizing.billing_minutes / 60.0
        outlook = _outlook(
            decision,
            (served[:, last] - served[:, first]) / minutes * hours,
            (lost[:, last] - lost[:, first]) / minutes * hours,
            hours=sizing.decision_minutes / 60.0,
            share=sizing.decision_minutes / sizing.billing_minutes,
        )
        if outlook is not None:
            found.append(outlook)
    return tuple(found)


def _outlook(
    decision: Decision, served: Series, lost: Series, *, hours: float, share: float
) -> Outlook | None:
    """Against what each size left to other ways and lost, in USD over the period."""
    sizes = [one for one in decision.alternatives if one.units < len(served)]
    decided = next((one for one in sizes if one.units == decision.allowed_units), None)
    if decided is None or not all(isfinite(one.total_usd) for one in sizes):
        return None
    came = {one.units: one.units_usd + float(served[one.units] + lost[one.units]) for one in sizes}
    best = min(came, key=lambda units: came[units])
    return Outlook(
        decision_id=decision.id,
        scheduled_at=decision.scheduled_at,
        units=decided.units,
        best_units=best,
        hours=hours,
        share=share,
        expected_usd=decided.units_usd + decided.overflow_usd + decided.throttle_usd,
        came_usd=came[decided.units],
        best_usd=came[best],
        expected_throttle_usd=decided.throttle_usd,
        came_throttle_usd=float(lost[decided.units]),
    )


def _running(series: Series) -> Series:
    """Sums before each minute along the last axis, unknown ones as 0."""
    filled = np.nan_to_num(series)
    zeros = np.zeros((*filled.shape[:-1], 1))
    return np.concatenate([zeros, np.cumsum(filled, axis=-1)], axis=-1)


# -- days --------------------------------------------------------------------------------------


def _by_day(realised: Realised, judged: Sequence[Outlook]) -> Iterator[tuple[date, Sums]]:
    by_day: dict[date, list[Outlook]] = {}
    for outlook in judged:
        by_day.setdefault(outlook.scheduled_at.date(), []).append(outlook)
    first = 0
    while first < len(realised):
        moment = realised.start + first * MINUTE
        elapsed = moment.hour * 60 + moment.minute
        rows = slice(first, min(first + _DAY_MINUTES - elapsed, len(realised)))
        day = moment.date()
        yield day, _day_sums(realised, rows).plus(_judged(realised, by_day.get(day, []), rows))
        first = rows.stop


def _day_sums(realised: Realised, rows: slice) -> Sums:
    return Sums(
        minutes=rows.stop - rows.start,
        known_minutes=int(np.count_nonzero(~np.isnan(realised.requests[rows]))),
        demand_unit_hours=_sum(realised.demand[rows]) / 60.0,
        held_unit_hours=_sum(realised.held[rows]) / 60.0,
        requests=_sum(realised.requests[rows]),
        throttles=_sum(realised.throttles[rows]),
        cache_read_tokens=_sum(realised.cache_reads[rows]),
        units_usd=_sum(realised.units_usd[rows]),
        on_demand_usd=_sum(realised.on_demand_usd[rows]),
        reference_minutes=int(np.count_nonzero(~np.isnan(realised.reference_usd[rows]))),
        reference_usd=_sum(realised.reference_usd[rows]),
        compared_usd=_sum(realised.compared_usd[rows]),
    )


def _judged(realised: Realised, day: Sequence[Outlook], rows: slice) -> Sums:
    """Outlooks of one day; throttling in unit-hours at the day's worth of one."""
    if not day:
        return Sums()
    prices = realised.throttle_price[rows]
    known = prices[~np.isnan(prices)]
    price = float(known[0]) if known.size and known[0] > 0 else float("inf")
    demand = realised.demand[rows]
    hours = sum(one.hours for one in day)
    return Sums(
        judged=len(day),
        expected_usd=sum(one.expected_usd * one.share for one in day),
        came_usd=sum(one.came_usd * one.share for one in day),
        best_usd=sum(one.best_usd * one.share for one in day),
        expected_throttled=sum(one.expected_throttle_usd * one.share for one in day) / price,
        came_throttled=sum(one.came_throttle_usd * one.share for one in day) / price,
        judged_unit_hours=hours * float(np.nanmean(demand)) if (~np.isnan(demand)).any() else 0.0,
    )


def _sum(series: Series) -> float:
    return float(np.nansum(series))


# -- purchases ---------------------------------------------------------------------------------


def _purchases(record: Record, realised: Realised) -> Iterator[PurchaseRow]:
    expected = {one.id: one.expected_saving_usd_per_hour for one in record.decisions}
    if record.newest_policy is None:
        return
    for intent in record.state.purchases:
        if intent.ended_at is not None and intent.ended_at <= record.start:
            continue
        if intent.recorded_at >= record.end:
            continue
        foreseen = expected.get(intent.decision_id)
        yield PurchaseRow(
            decision_id=intent.decision_id,
            units=intent.model_units,
            state=intent.state,
            recorded_at=intent.recorded_at,
            in_service_since=intent.in_service_since,
            ended_at=intent.ended_at,
            paid_usd=_sum(booked_usd(record, intent)),
            avoided_usd=_avoided_usd(record, realised, intent),
            expected_usd_per_hour=foreseen if foreseen and isfinite(foreseen) else None,
        )


def _avoided_usd(record: Record, realised: Realised, intent: PurchaseIntent) -> float | None:
    """What its minutes in service would have cost more without it, throttling at its worth."""
    if intent.in_service_since is None:
        return 0.0
    until = withdrawn_at(intent, record.state.releases) or intent.ended_at or record.end
    first = min(max(realised.row_of(intent.in_service_since), 0), len(realised))
    last = min(max(realised.row_of(until), first), len(realised))
    with_it = realised.in_service[first:last]
    without = np.maximum(with_it - intent.model_units, 0.0)
    avoided = realised.left_usd(without, first) - realised.left_usd(with_it, first)
    if len(avoided) and np.isnan(avoided).all():
        return None
    return _sum(avoided) / 60.0


def _month_units_usd(record: Record) -> float:
    target = record.newest_policy
    if target is None:
        return 0.0
    billing = target.thresholds.sizing.billing_period
    made = (intent for intent in record.state.purchases if intent.recorded_at < record.end)
    return float(booked_spend(made, record.end - _INSTANT, billing).month_usd)
