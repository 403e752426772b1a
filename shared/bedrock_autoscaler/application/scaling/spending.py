"""What the endpoints cost whose instances are ours to change, beside what units cost.

Units and instances are paid under the same caps, by two actors that share no transaction. Each
writes its intent first and then looks at what the other has written: of two that would pass a cap
together, whichever looks last sees both.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.application.ports.bedrock import Endpoints
from bedrock_autoscaler.application.ports.ledger import Scalings
from bedrock_autoscaler.domain.fleet.holdings import NOTHING_SPENT, Spend
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.units import usd

_HOUR_MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundedEndpoint:
    """An endpoint whose instances are ours to change within bounds."""

    target: str
    account: str
    address: str
    usd_per_instance_hour: Decimal


def bounded_endpoints(targets: Iterable[Target]) -> tuple[BoundedEndpoint, ...]:
    """Those of these targets."""
    return tuple(
        BoundedEndpoint(
            target=target.name,
            account=target.account,
            address=option.address,
            usd_per_instance_hour=option.instances.usd_per_instance_hour,
        )
        for target in targets
        for option in target.options
        if option.instances is not None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCost:
    """What one endpoint costs.

    Attributes:
        usd_per_hour: at the most instances that run, or that an open change asks for.
        spend: of its instances in this UTC day and month, as far as the ledger has metered them.
    """

    target: str
    account: str
    address: str
    usd_per_hour: Decimal
    spend: Spend


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCosts:
    """What all of them cost, or some of them."""

    each: tuple[EndpointCost, ...] = ()

    @property
    def usd_per_hour(self) -> Decimal:
        """Of all together."""
        return sum((one.usd_per_hour for one in self.each), Decimal(0))

    @property
    def spend(self) -> Spend:
        """Of all together."""
        return sum((one.spend for one in self.each), NOTHING_SPENT)

    def of_target(self, name: str) -> "EndpointCosts":
        """Those of one target."""
        return EndpointCosts(each=tuple(one for one in self.each if one.target == name))

    def in_account(self, account: str) -> "EndpointCosts":
        """Those in one account."""
        return EndpointCosts(each=tuple(one for one in self.each if one.account == account))

    def grown_since(self, before: "EndpointCosts") -> str | None:
        """Which endpoint costs more than it did, and so was not counted whole; None without one."""
        counted = {(one.target, one.address): one.usd_per_hour for one in before.each}
        for one in self.each:
            if one.usd_per_hour > counted.get((one.target, one.address), Decimal(0)):
                return f"{one.address} grows meanwhile"
        return None


NO_ENDPOINTS = EndpointCosts()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWatch:
    """Looks at endpoints.

    Attributes:
        bounded: of all targets in force, which are none where none has bounds.
    """

    endpoints: Endpoints
    scalings: Scalings
    bounded: tuple[BoundedEndpoint, ...]

    def costs(self, now: datetime) -> EndpointCosts:
        """One look: each record before its endpoint, so that no change lies between them.

        Raises:
            ObservationError: an endpoint or its record could not be read; what it costs is unknown.
        """
        return EndpointCosts(each=tuple(self._cost(endpoint, now) for endpoint in self.bounded))

    def _cost(self, endpoint: BoundedEndpoint, now: datetime) -> EndpointCost:
        record = self.scalings.record_of(endpoint.target, endpoint.address)
        running = record.most_of(self.endpoints.state(endpoint.address).instances)
        day, month = record.minutes(running, now)
        each = endpoint.usd_per_instance_hour
        return EndpointCost(
            target=endpoint.target,
            account=endpoint.account,
            address=endpoint.address,
            usd_per_hour=usd(each * running),
            spend=Spend(
                day_usd=usd(each * day / _HOUR_MINUTES), month_usd=usd(each * month / _HOUR_MINUTES)
            ),
        )
