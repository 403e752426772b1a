"""Units that a promise on throttling needs, whatever they cost against on demand.

A promised throttled share has a price: the worth of throttling at which the units worth their
price keep it. That price is not known beforehand, but what it means for a unit is simple: hold the
unit while the throttling that it avoids fills at least a certain share of it. The share is steered
online, per target, so that what was throttled stays somewhat below the promise. Source:
docs/model.md, section "Assurance".
"""

from dataclasses import dataclass
from math import exp

import numpy as np

from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.forecasting.use import Curves, count_worth
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes

_AIM = 0.9
"""Share of the promise that is steered for: held at the promise itself, it would often break."""

_LARGEST_STEP = 1.0
_LEAST, _MOST = 0.001, 0.4
_DAY = 1440
_MOST_MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Assurance:
    """What was learned about keeping the promise.

    Attributes:
        least_use: a unit is held while the throttling that it avoids fills this share of it.
    """

    least_use: float = 0.03

    def units_needed(self, expected: Curves, economics: Economics) -> int:
        """Units that each avoid enough throttling under this forecast.

        More demand never needs fewer, as no unit's use falls with it.
        """
        if economics.throttle_usd <= 0:
            return 0
        return count_worth(expected.throttle, self.least_use * economics.throttle_usd)


NO_ASSURANCE = Assurance()


def steered(
    assurance: Assurance,
    demand: Demand,
    fleet: Fleet,
    *,
    economics: Economics,
    promised_share: float,
    minutes: int,
) -> Assurance:
    """Hold units more readily after throttling above the aim, less readily after less.

    The step is the surplus of the newest minutes in multiples of a day's allowance: throttling
    that uses up the allowance of a whole day divides `least_use` by e, a day without any
    multiplies it by e. So the sum of all throttling is held at the aim, not that of each hour.

    Args:
        assurance: before.
        demand: its newest `minutes` are looked at; gaps are left out.
        fleet: serves from each unit's first minute in service on.
        economics: quotas.
        promised_share: of the demand, above 0.
        minutes: since the previous decision; at most an hour is looked at.
    """
    minutes = min(minutes, _MOST_MINUTES, len(demand))
    recent = demand.load[len(demand) - max(minutes, 0) :]
    known = ~np.isnan(recent)
    if not known.any():
        return assurance
    allowed = _AIM * promised_share
    allowance = allowed * float(np.nanmean(demand.load[-_DAY:])) * _DAY
    if allowance <= 0:
        return assurance
    admitted = sum(tier.capacity_units for tier in economics.tiers)
    room = _serving(fleet, demand, minutes)[known] + admitted
    throttled = float(np.maximum(recent[known] - room, 0.0).sum())
    step = (allowed * float(recent[known].sum()) - throttled) / allowance
    least_use = assurance.least_use * exp(min(max(step, -_LARGEST_STEP), _LARGEST_STEP))
    return Assurance(least_use=min(max(least_use, _LEAST), _MOST))


def _serving(fleet: Fleet, demand: Demand, minutes: int) -> Series:
    """Units in service in each of the newest minutes, by what serves now."""
    units = np.zeros(minutes)
    first = demand.end - minutes * MINUTE
    for pt in fleet.serving:
        if pt.is_routable:
            since = pt.in_service_since
            begin = 0 if since is None else whole_minutes(since - first)
            units[min(max(begin, 0), minutes) :] += pt.model_units
    return units
