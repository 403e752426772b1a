"""What a target's units have saved or lost against all on demand, and the budget for losses.

Forecasts can be wrong for a whole class of traffic. Purchases that do not earn their price lately
raise the margins for further ones, so that no target ends up much dearer than on demand.
Source: docs/model.md, section "Loss budget".
"""

from dataclasses import dataclass

import numpy as np

from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.thresholds import Sizing
from bedrock_autoscaler.domain.traffic.demand import Demand

_HALF_LIFE_MINUTES = 14 * 1440.0
_DAY_HALF_LIFE_MINUTES = 1440.0
_MOST_MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Realised money of the past, halved every 14 days, and the same halved every day; USD.

    Attributes:
        traffic_usd: what the traffic would have cost without units that can be released.
        saved_usd: what these units saved of that, less their price; negative: a loss.
        day_traffic_usd: as `traffic_usd`, halved every day.
        day_saved_usd: as `saved_usd`, halved every day.
    """

    traffic_usd: float = 0.0
    saved_usd: float = 0.0
    day_traffic_usd: float = 0.0
    day_saved_usd: float = 0.0

    def allowed_loss_usd(self, unit_usd: float, sizing: Sizing) -> float:
        """How far `saved_usd` may fall below 0 before the margins rise."""
        share = sizing.loss_budget_share * self.traffic_usd
        return share + sizing.loss_budget_unit_hours * unit_usd

    def spare_usd(self, unit_usd: float, sizing: Sizing) -> float:
        """What may still be lost of all that was saved."""
        return self.saved_usd + self.allowed_loss_usd(unit_usd, sizing)

    def day_spare_usd(self, unit_usd: float, sizing: Sizing) -> float:
        """What may still be lost of what was saved lately."""
        share = sizing.loss_budget_day_share * self.day_traffic_usd
        return self.day_saved_usd + share + sizing.loss_budget_unit_hours * unit_usd


NO_BALANCE = Balance()


def opened(demand: Demand, fleet: Fleet, *, economics: Economics, minutes: int) -> Balance:
    """The balance of a target that is decided upon for the first time.

    What its known traffic has cost counts towards what may be lost, so that a target with history
    need not begin as carefully as one that nobody has seen yet.

    Args:
        demand: all that is known, oldest first; gaps count as no traffic.
        fleet: its units that no release may touch serve first.
        economics: prices.
        minutes: the newest ones, which are booked with this decision.
    """
    load = demand.load[: max(len(demand.load) - minutes, 0)]
    served, throttled = economics.overflow_usd(np.maximum(load - fleet.lasting_units, 0.0))
    booked, ages = (served + throttled) / 60.0, np.arange(len(load), 0, -1) + minutes

    def halved_every(half_life: float) -> float:
        return float(np.nansum(booked * 0.5 ** (ages / half_life)))

    return Balance(
        traffic_usd=halved_every(_HALF_LIFE_MINUTES),
        day_traffic_usd=halved_every(_DAY_HALF_LIFE_MINUTES),
    )


def settled(
    balance: Balance, demand: Demand, fleet: Fleet, *, economics: Economics, minutes: int
) -> Balance:
    """The balance with the newest minutes of demand booked against the fleet as it is.

    Args:
        balance: before.
        demand: its newest `minutes` are booked; gaps count like the known ones among them.
        fleet: units in service serve, owned ones without commitment are paid.
        economics: prices.
        minutes: since the previous decision; at most an hour is booked.
    """
    minutes = min(minutes, _MOST_MINUTES)
    recent = demand.load[-minutes:] if minutes > 0 else demand.load[:0]
    known = recent[~np.isnan(recent)] if demand.has_gaps else recent
    if not known.size:
        return balance
    lasting = fleet.lasting_units
    without = economics.usd_without(lasting, known)
    serving = max(fleet.in_service_units, lasting)
    served = without - economics.usd_without(serving, known) if serving > lasting else 0.0
    held = sum(pt.model_units for pt in fleet.owned)
    paid = (held - fleet.committed_units) * economics.unit_usd
    hours = minutes / 60.0
    traffic_usd, saved_usd = without * hours, (served - paid) * hours
    kept = 0.5 ** (minutes / _HALF_LIFE_MINUTES)
    day_kept = 0.5 ** (minutes / _DAY_HALF_LIFE_MINUTES)
    return Balance(
        traffic_usd=balance.traffic_usd * kept + traffic_usd,
        saved_usd=balance.saved_usd * kept + saved_usd,
        day_traffic_usd=balance.day_traffic_usd * day_kept + traffic_usd,
        day_saved_usd=balance.day_saved_usd * day_kept + saved_usd,
    )
