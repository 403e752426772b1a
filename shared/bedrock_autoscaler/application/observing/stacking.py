"""All targets of the stack together, as the caps on the stack meet them.

The sums over our own reservations stand in the ledger and fence each purchase. What others hold in
the account is counted from the inventory at the moment of buying: it leaves that much less room.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from bedrock_autoscaler.application.observing.keeping import Kept
from bedrock_autoscaler.application.observing.surveying import is_shadow, set_apart, untagged
from bedrock_autoscaler.application.ports.bedrock import Endpoints, Inventory, ListedThroughput
from bedrock_autoscaler.application.ports.ledger import Fleets, Scalings, StackRoom
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.application.purchasing.accounting import booked_spend
from bedrock_autoscaler.application.purchasing.identifying import came_of, is_same_model
from bedrock_autoscaler.application.scaling.spending import (
    NO_ENDPOINTS,
    EndpointCosts,
    EndpointWatch,
    bounded_endpoints,
)
from bedrock_autoscaler.domain.fleet.holdings import NOTHING_SPENT, Fleet, Spend, StackState
from bedrock_autoscaler.domain.fleet.intent import (
    HOLDING_STATES,
    AccountRecord,
    PurchaseIntent,
    PurchaseState,
)
from bedrock_autoscaler.domain.target import Commitment, StackRails, Target
from bedrock_autoscaler.domain.units import HOUR, usd

_ACCOUNT = 4
"""Place of the account in an ARN between its colons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackView:
    """One look at all targets and at the account.

    Attributes:
        account: the sums that were read.
        foreign_units, foreign_usd_per_hour: what others hold in the account and Region.
        spend: booked by all targets that ever reserved anything.
        own: units and USD per hour that the stack holds by account; those of a target that is not
            in force and has no ARN yet stand under no name, and count in every account.
        risen_usd_per_hour: what our units cost more by now than when they were reserved.
        endpoints: what is paid for instances; nothing where nobody looked.
        untagged: ARNs of which only the ledger tells that they are ours.
    """

    rails: StackRails
    account: AccountRecord
    foreign_units: int
    foreign_usd_per_hour: Decimal
    spend: Spend
    own: Mapping[str, tuple[int, Decimal]] = field(default_factory=dict)
    risen_usd_per_hour: Decimal = Decimal(0)
    endpoints: EndpointCosts = NO_ENDPOINTS
    untagged: frozenset[str] = frozenset()

    @property
    def state(self) -> StackState:
        """The same for a decision."""
        return StackState(
            rails=self.rails,
            held_units=self.account.reserved_units + self.foreign_units,
            usd_per_hour=usd(self.account.reserved_usd_per_hour + self._unreserved_usd_per_hour),
            spend=self.spend + self.endpoints.spend,
        )

    def among(self, fleet: Fleet) -> Fleet:
        """The fleet of one target among all others: what is theirs is no stranger's."""
        return replace(set_apart(fleet, self.untagged), stack=self.state)

    @property
    def room(self) -> StackRoom:
        """The same for the transaction that reserves."""
        return StackRoom(
            seen=self.account,
            max_units=self.rails.max_units - self.foreign_units,
            max_usd_per_hour=usd(self.rails.max_usd_per_hour - self._unreserved_usd_per_hour),
        )

    @property
    def _unreserved_usd_per_hour(self) -> Decimal:
        """What is paid beside the sums of the ledger."""
        beside = self.foreign_usd_per_hour + self.risen_usd_per_hour
        return beside + self.endpoints.usd_per_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class StackWatch:
    """Looks at all targets; what it needs of them is the same at each look.

    Attributes:
        running: looks at the endpoints; None for those who reserve nothing on what they see.
    """

    fleets: Fleets
    rails: StackRails
    targets: tuple[Target, ...]
    deployment: str
    running: EndpointWatch | None = None

    @staticmethod
    def over(
        settings: Settings,
        *,
        fleets: Fleets,
        endpoints: Endpoints,
        scalings: Scalings,
        deployment: str,
    ) -> "StackWatch":
        """Over all targets in force and their endpoints, for those who reserve on what they see."""
        bounded = bounded_endpoints(settings.targets)
        return StackWatch(
            fleets=fleets,
            rails=settings.rails,
            targets=settings.targets,
            deployment=deployment,
            running=EndpointWatch(endpoints=endpoints, scalings=scalings, bounded=bounded),
        )

    def view(
        self,
        inventory: Inventory | None,
        now: datetime,
        known: Mapping[str, tuple[PurchaseIntent, ...]] | None = None,
        kept: Kept[str, tuple[PurchaseIntent, ...]] | None = None,
    ) -> StackView:
        """One look.

        The sums are read first: whatever is reserved after that makes a purchase fail that
        rests on this view. They name each target that ever reserved anything; no other has a
        purchase to look for.

        Args:
            inventory: of the account; None when it could not be read, so that others' are unknown.
            now: the present moment.
            known: purchases by target that need not be read again.
            kept: where purchases of all others may come from, minutes old; None: all are read.

        Raises:
            ObservationError: a record or an endpoint could not be read.
        """
        account = self.fleets.account()
        fresh = known or {}
        others = kept or Kept(timedelta(0))
        purchases = {
            name: fresh[name]
            if name in fresh
            else others.get(name, now, partial(self.fleets.purchases, name))
            for name in account.targets
        }
        everything = tuple(intent for each in purchases.values() for intent in each)
        listed = inventory.throughputs if inventory else ()
        foreign = [pt for pt in listed if not self._is_ours(pt, everything, now)]
        return StackView(
            rails=self.rails,
            account=account,
            foreign_units=sum(pt.model_units for pt in foreign),
            foreign_usd_per_hour=sum(
                (pt.model_units * self._price(pt) for pt in foreign), Decimal(0)
            ),
            spend=booked_together(self.targets, purchases, now),
            own=self._own(purchases),
            risen_usd_per_hour=self._risen(purchases),
            endpoints=self.endpoint_costs(now),
            untagged=untagged(inventory, everything, now),
        )

    def endpoint_costs(self, now: datetime) -> EndpointCosts:
        """What endpoints cost; nothing for those who do not look at them.

        Raises:
            ObservationError: an endpoint or its record could not be read.
        """
        return self.running.costs(now) if self.running else NO_ENDPOINTS

    def _risen(self, purchases: Mapping[str, tuple[PurchaseIntent, ...]]) -> Decimal:
        """What units of targets in force cost more by now."""
        found = Decimal(0)
        for target in self.targets:
            bought = target.provisioned
            if bought is None or bought.price is None:
                continue
            for intent in purchases.get(target.name, ()):
                is_open = intent.state in HOLDING_STATES and intent.commitment is Commitment.NONE
                if is_open and intent.model_id == bought.model_id:
                    price = bought.price.usd_per_hour * intent.model_units
                    found += max(price - intent.usd_per_hour, Decimal(0))
        return found

    def _own(
        self, purchases: Mapping[str, tuple[PurchaseIntent, ...]]
    ) -> Mapping[str, tuple[int, Decimal]]:
        """What is held or reserved, by account."""
        accounts = {target.name: target.account for target in self.targets}
        found: dict[str, tuple[int, Decimal]] = {}
        for name, intents in purchases.items():
            for intent in intents:
                if intent.state in HOLDING_STATES:
                    where = (
                        intent.arn.split(":")[_ACCOUNT] if intent.arn else accounts.get(name, "")
                    )
                    units, dollars = found.get(where, (0, Decimal(0)))
                    found[where] = (
                        units + intent.model_units,
                        dollars + intent.usd_per_hour,
                    )
        return found

    def _is_ours(
        self, pt: ListedThroughput, purchases: Iterable[PurchaseIntent], now: datetime
    ) -> bool:
        """Whether the sums hold it already, or it is the late shadow of a deleted one.

        One target may have lost what another holds by now.
        """
        for intent in purchases:
            if intent.arn == pt.arn and (intent.state in HOLDING_STATES or is_shadow(intent, now)):
                return True
            is_open = intent.state is PurchaseState.RECORDED
            if is_open and came_of(pt, intent, self.deployment):
                return True
        return False

    def _price(self, pt: ListedThroughput) -> Decimal:
        """Of one unit; where no target buys this model, the dearest price that is known."""
        bought = [t.provisioned for t in self.targets if t.provisioned and t.provisioned.price]
        same = [p for p in bought if is_same_model(pt.model_arn, p.model_id)]
        prices = [p.price.usd_per_hour for p in same or bought if p.price]
        return max(prices, default=Decimal(0))


def booked_together(
    targets: Iterable[Target], purchases: Mapping[str, Iterable[PurchaseIntent]], now: datetime
) -> Spend:
    """Booked by each target with its own billing period; by the hour for those not in force."""
    periods = {t.name: t.thresholds.sizing.billing_period for t in targets}
    spends = (booked_spend(each, now, periods.get(name, HOUR)) for name, each in purchases.items())
    return sum(spends, NOTHING_SPENT)
