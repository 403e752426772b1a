"""What a backtest's policy has ordered: shown to the core as a fleet, written as a timeline."""

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime

from bedrock_autoscaler.backtest.scenario import Term
from bedrock_autoscaler.backtest.scenario_target import NAME
from bedrock_autoscaler.backtest.timeline import CommitPurchase
from bedrock_autoscaler.domain.decision import Action, Purchase, Release, Restore
from bedrock_autoscaler.domain.fleet.holdings import (
    NOTHING_SPENT,
    Fleet,
    Ownership,
    ProvisionedThroughput,
    PtTraffic,
    Status,
)
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import HOUR, MINUTE

_TERMS = {Commitment.ONE_MONTH: Term.ONE_MONTH, Commitment.SIX_MONTHS: Term.SIX_MONTHS}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What one decision ordered, released as it was bought: described once for all decisions.

    A replay of the timeline takes each unit for a PT of its own; as they were ordered together,
    they cost the same.

    Attributes:
        arn: what the decision core calls it.
        in_service_from: the first minute in service.
        creating: what the core is shown before that minute.
        in_service: what it is shown from then on.
        traffic: the evidence on it: no drain is modelled, so that it is quiet by definition.
    """

    arn: str
    in_service_from: datetime
    creating: ProvisionedThroughput
    in_service: ProvisionedThroughput
    traffic: PtTraffic

    @property
    def is_committed(self) -> bool:
        """Whether it was bought for a term."""
        return self.creating.commitment is not Commitment.NONE

    def has_ended(self, now: datetime) -> bool:
        """Whether its term is over: a replay renews none."""
        end = self.creating.committed_until
        return end is not None and now >= end

    def shown(self, now: datetime) -> ProvisionedThroughput:
        """What the core is shown at `now`."""
        return self.in_service if now >= self.in_service_from else self.creating


class OrderBook:
    """Purchases and releases of one run, in the order in which they were decided.

    Args:
        lead_minutes: from an order to its first minute in service.
    """

    def __init__(self, lead_minutes: int) -> None:
        self._lead = lead_minutes * MINUTE
        self._orders: list[_Order] = []
        self._grown: list[datetime] = []
        self._released: list[datetime] = []
        self._released_units: list[int] = []

    @property
    def units(self) -> int:
        """All units that exist or are being created."""
        return sum(order.creating.model_units for order in self._orders)

    @property
    def flexible_units(self) -> int:
        """Those without a commitment: what a timeline calls provisioned units."""
        return sum(o.creating.model_units for o in self._orders if not o.is_committed)

    @property
    def traffic(self) -> tuple[PtTraffic, ...]:
        """The evidence on each."""
        return tuple(order.traffic for order in self._orders)

    def end_terms(self, now: datetime) -> None:
        """Forget the units whose term is over."""
        if any(order.has_ended(now) for order in self._orders):
            self._orders = [order for order in self._orders if not order.has_ended(now)]

    def carry_out(self, action: Action, now: datetime) -> CommitPurchase | None:
        """Do what a decision of the minute `now` says; the commitment that it was, if it was."""
        match action:
            case Purchase():
                self._orders.append(self._order(action, now))
                self._grown.append(now)
                if action.commitment is not Commitment.NONE:
                    return CommitPurchase(units=action.model_units, term=_TERMS[action.commitment])
            case Release():
                self._orders = [order for order in self._orders if order.arn != action.arn]
                self._released.append(now)
                self._released_units.append(action.model_units)
            case Restore():
                pass
        return None

    def fleet(self, now: datetime) -> Fleet:
        """What the core is shown at `now`."""
        day = now - 24 * HOUR
        within_hour = bisect_right(self._released, now - HOUR)
        return Fleet(
            throughputs=tuple(order.shown(now) for order in self._orders),
            complete=True,
            open_purchase_units=0,
            last_grow_at=self._last_growth(now),
            last_release_at=self._released[-1] if self._released else None,
            purchases_last_day=len(self._grown) - bisect_right(self._grown, day),
            releases_last_day=len(self._released) - bisect_right(self._released, day),
            released_last_hour=sum(self._released_units[within_hour:]),
            spend=NOTHING_SPENT,
            version=len(self._grown) + len(self._released),
        )

    def _last_growth(self, now: datetime) -> datetime | None:
        """When the newest purchase was ordered, or reached service if later."""
        if not self._grown:
            return None
        in_service = self._grown[-1] + self._lead
        return in_service if in_service <= now else self._grown[-1]

    def _order(self, purchase: Purchase, now: datetime) -> _Order:
        number = len(self._grown) + 1
        # An order of minute m is billed from its end on, so that at minute m + billing the paid
        # period is about to end, not a new one begun.
        in_service_from = now + self._lead
        arn = f"backtest:order/{number:09d}"
        term = _TERMS.get(purchase.commitment)
        creating = ProvisionedThroughput(
            arn=arn,
            name=f"order-{number}",
            model_id=NAME,
            model_units=purchase.model_units,
            status=Status.CREATING,
            ownership=Ownership.OWNED,
            commitment=purchase.commitment,
            created_at=now + MINUTE,
            in_service_since=None,
            draining=False,
            committed_until=now + term.minutes * MINUTE if term else None,
            decision_id=None,
        )
        return _Order(
            arn=arn,
            in_service_from=in_service_from,
            creating=creating,
            in_service=replace(
                creating, status=Status.IN_SERVICE, in_service_since=in_service_from
            ),
            traffic=PtTraffic(arn=arn, seen=True, quiet_minutes=0),
        )
