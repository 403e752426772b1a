"""What a target's minutes came to: demand, units, throttles and dollars, and what else they cost.

Two kinds of dollars are kept apart. `paid` ones are money: started periods of units and tokens on
demand. The `worth` of throttling is not; it enters where sizes are compared, as in sizing itself.
Source: docs/review.md, section "The arithmetic".
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.application.purchasing.accounting import UNBILLED
from bedrock_autoscaler.domain.decision import Decision
from bedrock_autoscaler.domain.economics.costs import Economics, build_economics, period_usd
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, ReleaseIntent, ReleaseState
from bedrock_autoscaler.domain.routing.lawfulness import seen_options, sight_of
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.traffic.demand import estimate_demand
from bedrock_autoscaler.domain.traffic.joining import span
from bedrock_autoscaler.domain.traffic.observation import METRICS, Series, Traffic
from bedrock_autoscaler.domain.unit_rates.rate_choice import with_rate
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes
from bedrock_autoscaler.report.record import Record

MOST_UNITS = 64
"""Sizes beyond it are not compared in hindsight; a purchase is priced whatever the fleet's size."""

_DAY = timedelta(days=1)
_MINUTES_PER_HOUR = 60.0
_PROVISIONED = ":provisioned-model/"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Realised:
    """Each series has one value a minute from `start`; NaN where nothing is known.

    Attributes:
        demand: model units, throttled demand included; NaN also while no unit rate is known.
        tokens: input and output tokens served.
        requests, throttles: calls served, and refusals.
        cache_reads: input tokens read from a prompt cache, which no dollars here count.
        held, in_service: owned units that exist, and that callers could use.
        units_usd: booked in this minute for started periods of units.
        on_demand_usd: tokens served on demand in this minute, at the settings' prices.
        reference_usd: the same, and what units served at what it would have cost beside it.
            Not known either where no way on demand has a price and room.
        compared_usd: paid in this minute, as far as it is for minutes whose reference is known.
        overflow_usd, throttle_usd: by number of units (rows): USD per hour of what they leave to
            other ways, and the worth of what nobody would serve.
        throttle_price: worth of one throttled unit-hour, USD.
        economics: what sizing works with, by the minutes in which it holds; days without an own
            unit rate and unit price are left out.
    """

    start: datetime
    demand: Series
    tokens: Series
    requests: Series
    throttles: Series
    cache_reads: Series
    held: Series
    in_service: Series
    units_usd: Series
    on_demand_usd: Series
    reference_usd: Series
    compared_usd: Series
    overflow_usd: Series
    throttle_usd: Series
    throttle_price: Series
    economics: tuple[tuple[slice, Economics], ...]

    def __len__(self) -> int:
        """How many minutes."""
        return len(self.demand)

    @property
    def paid_usd(self) -> Series:
        """Units and tokens together, unknown minutes of tokens as 0."""
        paid: Series = self.units_usd + np.nan_to_num(self.on_demand_usd)
        return paid

    @property
    def saved_usd(self) -> Series:
        """The reference less what it is compared with; 0 where it is not known."""
        saved: Series = np.nan_to_num(self.reference_usd) - self.compared_usd
        return saved

    def row_of(self, moment: datetime) -> int:
        """The index of a minute; it may lie outside."""
        return whole_minutes(moment - self.start)

    def left_usd(self, units: Series, first: int) -> Series:
        """USD per hour of what so many units leave to other ways, throttling at its worth.

        Args:
            units: whatever their number, a minute each.
            first: the index of the first of these minutes.
        """
        found, end = np.full(len(units), np.nan), first + len(units)
        for rows, economics in self.economics:
            begin, stop = max(rows.start, first), min(rows.stop, end)
            if begin < stop:
                part = slice(begin - first, stop - first)
                left = np.maximum(self.demand[begin:stop] - units[part], 0.0)
                found[part] = np.add(*economics.overflow_usd(left))
        return found


def realise(record: Record) -> Realised:
    """Put prices and units to the minutes of a record."""
    held, in_service = _units(record)
    sizes = _sizes(record, held)
    minutes = record.minutes
    demand, reference = np.full(minutes, np.nan), np.full(minutes, np.nan)
    on_demand, price = np.full(minutes, np.nan), np.full(minutes, np.nan)
    overflow, throttle = (np.full((sizes, minutes), np.nan) for _ in range(2))
    priced = []
    for rows, target in _days(record):
        on_demand[rows] = _on_demand_usd(record, target, rows)
        part = _cut(record.total, record.start, rows)
        economics = build_economics(target, part)
        rate = target.provisioned.unit_rate if target.provisioned else None
        if economics is None or rate is None:
            continue
        priced.append((rows, economics))
        attempts = target.thresholds.observing.attempts_per_call
        demand[rows] = load = estimate_demand(part, rate, attempts).load
        price[rows] = economics.throttle_usd
        for size in range(sizes):
            left = economics.overflow_usd(np.maximum(load - size, 0.0))
            overflow[size, rows], throttle[size, rows] = left
        if not any(tier.capacity_units > 0 for tier in economics.tiers):
            continue
        served, elsewhere = (
            economics.overflow_usd(estimate_demand(calls, rate, attempts).load)[0]
            for calls in (_served(part), _on_demand(record, part, rows))
        )
        # What went on demand was paid at what it cost: only the rest has to be priced.
        reference[rows] = on_demand[rows] + (served - elsewhere) / _MINUTES_PER_HOUR
    units_usd = _units_usd(record)
    return Realised(
        start=record.start,
        demand=demand,
        tokens=record.total.input_tokens + record.total.output_tokens,
        requests=record.total.invocations,
        throttles=record.total.throttles,
        cache_reads=record.total.cache_read_tokens,
        held=held,
        in_service=in_service,
        units_usd=units_usd,
        on_demand_usd=on_demand,
        reference_usd=reference,
        compared_usd=_compared_usd(record, units_usd, on_demand, ~np.isnan(reference)),
        overflow_usd=overflow,
        throttle_usd=throttle,
        throttle_price=price,
        economics=tuple(priced),
    )


# -- days and their prices ---------------------------------------------------------------------


def _days(record: Record) -> Iterator[tuple[slice, Target]]:
    """The minutes of each UTC day, with the policy and unit rate of its last capacity decision.

    A day without one takes those of the day before, or else of the first one that has any.
    """
    decided = [one for one in record.decisions if one.loop is Loop.CAPACITY]
    decided = decided or list(record.decisions)
    if not decided:
        return
    known = decided[0]
    upcoming = iter(decided)
    ahead = next(upcoming, None)
    first = record.start
    while first < record.end:
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
        last = min(midnight, record.end)
        while ahead is not None and ahead.scheduled_at < last:
            known, ahead = ahead, next(upcoming, None)
        rows = slice(whole_minutes(first - record.start), whole_minutes(last - record.start))
        yield rows, _rated(record, known)
        first = last


def _rated(record: Record, decision: Decision) -> Target:
    target = record.policies[decision.settings_version]
    return target if decision.unit_rate is None else with_rate(target, decision.unit_rate)


def _cut(traffic: Traffic, start: datetime, rows: slice) -> Traffic:
    return span(traffic, start + rows.start * MINUTE, start + rows.stop * MINUTE)


def _on_demand_usd(record: Record, target: Target, rows: slice) -> Series:
    """Tokens served on demand at the price of their address; a stranger's at the first price.

    Cache writes are taken at the price of input, cache reads at none: their prices are not known.
    """
    regions = target.calls_from()
    options = {sight_of(option, regions): option for option in seen_options(target, regions)}
    usual = next((option.price for option in target.options if option.price), None)
    usd = np.where(np.isnan(record.total.invocations[rows]), np.nan, 0.0)
    usd[_is_untold(record)[rows]] = np.nan
    for address, traffic in record.by_address.items():
        option = options.get(address)
        is_by_time = option is not None and not option.is_billed_by_token
        price = (option.price if option else None) or usual
        if _PROVISIONED in address or is_by_time or price is None:
            continue
        written = traffic.input_tokens[rows] + traffic.cache_write_tokens[rows]
        cost = written * float(price.input_usd_per_1k)
        cost += traffic.output_tokens[rows] * float(price.output_usd_per_1k)
        usd += np.nan_to_num(cost) / 1000.0
    return usd


def _served(traffic: Traffic) -> Traffic:
    """The same without what was refused."""
    return replace(traffic, throttles=np.zeros(len(traffic)))


def _on_demand(record: Record, total: Traffic, rows: slice) -> Traffic:
    """Of the total of these minutes, what was served by other ways than units."""
    others = [part for name, part in record.by_address.items() if _PROVISIONED not in name]
    sums = {
        name: sum(
            (np.nan_to_num(getattr(part, name)[rows]) for part in others), np.zeros(len(total))
        )
        for name in METRICS
    }
    return _served(Traffic(start=total.start, **sums))


def _is_untold(record: Record) -> NDArray[np.bool_]:
    """Minutes of which the calls are known and not where they went: those of the newest hour."""
    apart = [
        np.isnan(traffic.invocations)
        for address, traffic in record.by_address.items()
        if _PROVISIONED not in address
    ]
    if not apart:
        return np.zeros(record.minutes, dtype=np.bool_)
    untold: NDArray[np.bool_] = np.logical_and.reduce(apart)
    return untold


# -- units -------------------------------------------------------------------------------------


def _sizes(record: Record, held: Series) -> int:
    """Sizes to compare, 0 among them: all that were held or considered."""
    considered = [one.alternatives[-1].units for one in record.decisions if one.alternatives] or [0]
    largest = max(int(held.max(initial=0.0)), *considered, 1)
    return min(largest, MOST_UNITS) + 1


def _units(record: Record) -> tuple[Series, Series]:
    """Owned units that exist, and that callers can use, minute by minute."""
    held, serving = np.zeros(record.minutes + 1), np.zeros(record.minutes + 1)
    for intent in record.state.purchases:
        if intent.state in UNBILLED:
            continue
        begun, ended = intent.billed_from or intent.recorded_at, intent.ended_at
        _add(held, intent.model_units, *_rows(record, begun, ended))
        if intent.in_service_since is not None:
            left = withdrawn_at(intent, record.state.releases) or ended
            _add(serving, intent.model_units, *_rows(record, intent.in_service_since, left))
    return np.cumsum(held[:-1]), np.cumsum(serving[:-1])


def _add(steps: Series, units: int, first: int, end: int) -> None:
    """A step up where the units begin to count, and one down where they end."""
    steps[first] += units
    steps[end] -= units


def _rows(record: Record, since: datetime, until: datetime | None) -> tuple[int, int]:
    """The span as rows of the record, cut to it."""
    last = record.minutes
    first = min(max(whole_minutes(since - record.start), 0), last)
    if until is None:
        return first, last
    return first, min(max(whole_minutes(until - record.start), first), last)


def withdrawn_at(intent: PurchaseIntent, releases: tuple[ReleaseIntent, ...]) -> datetime | None:
    """Since when callers have not been sent to it for good; None while they are."""
    moments = [
        release.withdrawn_at or release.recorded_at
        for release in releases
        if release.arn == intent.arn and release.state is not ReleaseState.CANCELLED
    ]
    return max(moments, default=None)


def booked_usd(record: Record, intent: PurchaseIntent) -> Series:
    """Booked for a purchase, in the minute in which each period starts, those of the span alone.

    A period starts where the purchase has not ended by then, to the second.
    """
    usd = np.zeros(record.minutes)
    target = record.newest_policy
    if target is None or intent.state in UNBILLED:
        return usd
    billing = target.thresholds.sizing.billing_period
    begun = intent.billed_from or intent.recorded_at
    ended = record.end if intent.ended_at is None else min(intent.ended_at, record.end)
    first = max(-((begun - record.start) // billing), 0)
    started = range(first, -((begun - ended) // billing))
    rows = [(begun + number * billing - record.start) // MINUTE for number in started]
    usd[rows] = float(period_usd(intent.usd_per_hour, whole_minutes(billing)))
    return usd


def _units_usd(record: Record) -> Series:
    """Booked for all units, in the minute in which each period starts."""
    usd = np.zeros(record.minutes)
    for intent in record.state.purchases:
        usd += booked_usd(record, intent)
    return usd


def _compared_usd(
    record: Record, units_usd: Series, on_demand_usd: Series, known: NDArray[np.bool_]
) -> Series:
    """What was paid in minutes with a reference; of a unit's period the share that has one."""
    target = record.newest_policy
    period = target.thresholds.sizing.billing_minutes if target else 1
    sums = np.concatenate(([0.0], np.cumsum(known)))
    first = np.arange(record.minutes)
    last = np.minimum(first + period, record.minutes)
    share = (sums[last] - sums[first]) / (last - first)
    usd: Series = units_usd * share + np.where(known, on_demand_usd, 0.0)
    return usd
