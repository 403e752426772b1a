"""The parts of a simulated fleet: throughputs, their units over time, and what they come to."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.fleet.holdings import Ownership, ProvisionedThroughput, Status
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.observation import Series, Traffic
from bedrock_autoscaler.domain.units import MINUTE

MINUTES_PER_HOUR = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run comes to over the minutes that were read.

    Attributes:
        unit_hours: held, until the end of the last decision's period.
        units_usd: started billing periods, each booked whole.
        overflow_usd: what the units did not take, served on demand.
        throttled_share: of the demand, what neither units nor quotas could take; 0 to 1.
        throttled_calls: the same in calls.
        purchases, releases: decided.
        peak_units: held at most.
    """

    unit_hours: float = 0.0
    units_usd: float = 0.0
    overflow_usd: float = 0.0
    throttled_share: float = 0.0
    throttled_calls: float = 0.0
    purchases: int = 0
    releases: int = 0
    peak_units: int = 0

    @property
    def total_usd(self) -> float:
        """The bill: units and overflow."""
        return self.units_usd + self.overflow_usd


@dataclass(slots=True)
class Sums:
    """What is added up over a run.

    Attributes:
        paid_unit_hours: of started billing periods, each whole.
        load, throttled_load: model units times minutes.
    """

    unit_minutes: float = 0.0
    paid_unit_hours: float = 0.0
    overflow_usd: float = 0.0
    load: float = 0.0
    throttled_load: float = 0.0
    throttled_calls: float = 0.0
    purchases: int = 0
    releases: int = 0
    peak_units: int = 0
    unread: int = 0
    is_priced: bool = False

    def outcome(self, unit_hour_usd: float) -> Outcome:
        """The same at this price of a unit-hour."""
        return Outcome(
            unit_hours=self.unit_minutes / MINUTES_PER_HOUR,
            units_usd=self.paid_unit_hours * unit_hour_usd,
            overflow_usd=self.overflow_usd,
            throttled_share=self.throttled_load / self.load if self.load > 0 else 0.0,
            throttled_calls=self.throttled_calls,
            purchases=self.purchases,
            releases=self.releases,
            peak_units=self.peak_units,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A simulated throughput.

    Attributes:
        pt: as it was ordered, or as the first decision saw it.
        serves_from: the first moment in service; None: it never will be.
        gone_at: when a release of it ends; None while none runs.
    """

    pt: ProvisionedThroughput
    serves_from: datetime | None
    gone_at: datetime | None = None

    def shown(self, now: datetime) -> ProvisionedThroughput:
        """What the decision core is shown at `now`."""
        pt, since = replace(self.pt, draining=self.gone_at is not None), self.serves_from
        if pt.status is Status.CREATING and since is not None and since <= now:
            return replace(pt, status=Status.IN_SERVICE, in_service_since=since)
        return pt


class Capacity:
    """Units in service over time, from changes that may lie ahead."""

    def __init__(self) -> None:
        self._units = 0
        self._changes: list[tuple[datetime, int]] = []

    def change(self, at: datetime, by: int) -> None:
        """So many units more (or fewer) from `at` on."""
        self._changes.append((at, by))

    def over(self, traffic: Traffic) -> Series:
        """Units in each minute of the traffic; changes before it are forgotten afterwards."""
        steps = np.zeros(len(traffic))
        ahead = []
        for at, by in self._changes:
            if at < traffic.start:
                self._units += by
            else:
                ahead.append((at, by))
                if at < traffic.end:
                    steps[int((at - traffic.start) / MINUTE)] += by
        self._changes = ahead
        return np.maximum(self._units + np.cumsum(steps), 0.0)


def ordered(action: Purchase, now: datetime, number: int) -> ProvisionedThroughput:
    """What a simulated purchase brings, at first being created."""
    return ProvisionedThroughput(
        arn=f"what-if:order/{number:06d}",
        name=f"what-if-{number}",
        model_id=action.model_id,
        model_units=action.model_units,
        status=Status.CREATING,
        ownership=Ownership.OWNED,
        commitment=Commitment.NONE,
        created_at=now,
        in_service_since=None,
        draining=False,
        committed_until=None,
        decision_id=None,
    )


def period_starts(
    created: datetime, after: datetime, until: datetime, billing: timedelta
) -> list[datetime]:
    """Starts of billing periods in [after, until), that of the creation left out."""
    number = max(-((created - after) // billing), 1)
    starts = []
    while (start := created + number * billing) < until:
        if start >= after:
            starts.append(start)
        number += 1
    return starts
