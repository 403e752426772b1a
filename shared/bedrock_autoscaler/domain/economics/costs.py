"""What serving demand costs by each way: tiers of overflow, break-even, price checks.

Source: docs/model.md, sections "Demand" and "Sizing".
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from bedrock_autoscaler.domain.routing.lawfulness import overflow_options
from bedrock_autoscaler.domain.target import InferenceOption, Target, TokenPrice, UnitRate
from bedrock_autoscaler.domain.traffic.demand import Demand, estimate_demand, unit_load
from bedrock_autoscaler.domain.traffic.observation import Series, Traffic, known_total

_MINUTES_PER_HOUR = 60.0
_TOKENS_PER_PRICE = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One way for overflow, expressed in model units of the observed mix.

    Attributes:
        address: of the option.
        capacity_units: demand that fits its quota; infinite without a bound.
        usd_per_unit_hour: price of one unit's worth of traffic for an hour.
    """

    address: str
    capacity_units: float
    usd_per_unit_hour: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Economics:
    """The prices that sizing works with, all per model unit and hour.

    Attributes:
        unit_usd: price of a unit without commitment.
        tiers: ways for overflow, cheapest first.
        throttle_usd: worth of avoiding the throttling of one unit's worth of traffic.
    """

    unit_usd: float
    tiers: tuple[Tier, ...]
    throttle_usd: float

    @property
    def reference_usd(self) -> float:
        """Price of one fully used unit's traffic by the cheapest priced way, else of a unit."""
        prices = (tier.usd_per_unit_hour for tier in self.tiers)
        return next((price for price in prices if price > 0), self.unit_usd) or 1.0

    @property
    def steps(self) -> tuple[tuple[float, float, bool], ...]:
        """Where overflow gets dearer: (overflow in units, by how much, whether by throttling).

        The first step is at 0; tiers without capacity make none.
        """
        found, begin, price = [], 0.0, 0.0
        for tier in self.tiers:
            if tier.capacity_units > 0:
                found.append((begin, tier.usd_per_unit_hour - price, False))
                begin, price = begin + tier.capacity_units, tier.usd_per_unit_hour
        if begin < float("inf"):
            found.append((begin, self.throttle_usd - price, True))
        return tuple(found)

    @property
    def break_even(self) -> float:
        """Utilization at which a unit costs what its traffic costs elsewhere; inf when free.

        Elsewhere is the cheapest way that has any room; where none has, it is throttled.
        """
        usable = (tier.usd_per_unit_hour for tier in self.tiers if tier.capacity_units > 0)
        reference = next(usable, self.throttle_usd)
        return self.unit_usd / reference if reference > 0 else float("inf")

    @property
    def throttle_premium(self) -> float:
        """Share of the worth of throttling by which it is dearer than the last way with room."""
        dearer = sum(usd for _, usd, is_throttle in self.steps if is_throttle)
        return dearer / self.throttle_usd if self.throttle_usd > 0 else 0.0

    def carries(self, demand: float) -> bool:
        """Whether the ways on demand have room for all of this demand, given in model units."""
        return not sum(tier.capacity_units for tier in self.tiers) < demand

    def overflow_usd(self, overflow: Series) -> tuple[Series, Series]:
        """(overflow cost, throttle cost) in USD per hour of this much overflow in units."""
        cost, left = np.zeros(overflow.shape), overflow
        for tier in self.tiers:
            served = np.minimum(left, tier.capacity_units)
            cost = cost + served * tier.usd_per_unit_hour
            left = left - served
        return cost, left * self.throttle_usd

    def usd_without(self, units: int, demand: Series) -> float:
        """USD per hour of what this demand overflows beyond `units`, throttling included."""
        served, throttled = self.overflow_usd(np.maximum(demand - units, 0.0))
        return float((served + throttled).sum()) / len(demand)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What one model unit's worth of the target's traffic consists of, per minute.

    Cache reads are no part of it, as their price is not known; docs/model.md tells what that does.

    Attributes:
        input_tokens: billed input tokens, cache writes among them.
        output_tokens: billed output tokens.
        requests: calls.
    """

    input_tokens: float
    output_tokens: float
    requests: float


def observed_mix(traffic: Traffic, demand: Demand, rate: UnitRate) -> Mix:
    """The mix over the series; without traffic, input alone at the rate's limit.

    A minute's tokens count with what was refused in it, as its load does.
    """
    written, outputs = traffic.written_tokens, traffic.output_tokens
    served = load = known_total(demand.load)
    if traffic.has_throttles:
        asked = np.divide(
            demand.requests,
            traffic.invocations,
            out=np.ones_like(demand.requests),
            where=traffic.invocations > 0,
        )
        written, outputs = written * asked, outputs * asked
        served = known_total(unit_load(written, outputs, rate))
    if served <= 0:
        return Mix(input_tokens=rate.input_tokens_per_minute, output_tokens=0.0, requests=0.0)
    return Mix(
        input_tokens=known_total(written) / served,
        output_tokens=known_total(outputs) / served,
        requests=known_total(demand.requests) / load,
    )


def usd_per_unit_hour(price: TokenPrice, mix: Mix) -> float:
    """On-demand price of one unit's worth of traffic for an hour."""
    per_minute = (
        mix.input_tokens * float(price.input_usd_per_1k)
        + mix.output_tokens * float(price.output_usd_per_1k)
    ) / _TOKENS_PER_PRICE
    return per_minute * _MINUTES_PER_HOUR


def capacity_units(option: InferenceOption, mix: Mix) -> float:
    """Model units' worth of traffic that the option's quota admits per minute."""
    if option.quota is None:
        return 0.0
    bounds = [float("inf")]
    quota_tokens = mix.input_tokens + mix.output_tokens * option.quota.output_burndown
    if option.quota.tokens_per_minute is not None and quota_tokens > 0:
        bounds.append(option.quota.tokens_per_minute / quota_tokens)
    if option.quota.requests_per_minute is not None and mix.requests > 0:
        bounds.append(option.quota.requests_per_minute / mix.requests)
    return min(bounds)


def build_economics(
    target: Target, traffic: Traffic, demand: Demand | None = None
) -> Economics | None:
    """Prices per unit-hour at the observed mix; None while a unit price or rate is unknown.

    An option without a known price is left out here; `missing_facts` names it.

    Args:
        target: its prices, unit rate and options.
        traffic: whose mix counts.
        demand: in these minutes, where it was estimated already.
    """
    bought = target.provisioned
    if bought is None or bought.price is None or bought.unit_rate is None:
        return None
    if demand is None:
        attempts = target.thresholds.observing.attempts_per_call
        demand = estimate_demand(traffic, bought.unit_rate, attempts)
    mix = observed_mix(traffic, demand, bought.unit_rate)
    tiers = sorted(
        (
            Tier(
                address=option.address,
                capacity_units=capacity_units(option, mix),
                usd_per_unit_hour=usd_per_unit_hour(option.price, mix),
            )
            for option in overflow_options(target)
            if option.price is not None
        ),
        key=lambda tier: tier.usd_per_unit_hour,
    )
    unit_usd = float(bought.price.usd_per_hour)
    reference = tiers[0].usd_per_unit_hour if tiers else unit_usd
    # No call is refused to save the price of a way that has room for it.
    dearest = max((tier.usd_per_unit_hour for tier in tiers if tier.capacity_units), default=0.0)
    return Economics(
        unit_usd=unit_usd,
        tiers=tuple(tiers),
        throttle_usd=max(reference * target.slo.throttle_cost_factor, dearest),
    )


def unit_hour_usd(target: Target) -> float:
    """Price of a unit for an hour without commitment; 0 while it is unknown, for messages."""
    bought = target.provisioned
    return float(bought.price.usd_per_hour) if bought and bought.price else 0.0


def period_usd(usd_per_hour: Decimal, billing_minutes: int) -> Decimal:
    """What one unit is charged for one started billing period."""
    return usd_per_hour * billing_minutes / 60


def is_stale(as_of: date, today: date, max_age_days: int) -> bool:
    """Whether a price read on `as_of` is too old to spend money on."""
    return today - as_of > timedelta(days=max_age_days)
