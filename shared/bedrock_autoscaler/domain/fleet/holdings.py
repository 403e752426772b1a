"""The fleet: which provisioned throughputs are held, until when they are paid, what is open.

Bedrock cannot resize a provisioned throughput (PT), so a fleet is a set of purchases.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from bedrock_autoscaler.domain.target import Commitment, StackRails
from bedrock_autoscaler.domain.units import MINUTE


class Status(StrEnum):
    """What Bedrock reports of a PT; a deleted one disappears at once."""

    CREATING = "Creating"
    IN_SERVICE = "InService"
    UPDATING = "Updating"
    FAILED = "Failed"


class Ownership(StrEnum):
    """Whether a PT is ours to release: tag and ledger must agree."""

    OWNED = "owned"
    UNMANAGED = "unmanaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionedThroughput:
    """One purchase as Bedrock reports it.

    Attributes:
        arn: its address for callers.
        model_units: at least 1, fixed for its life.
        created_at: when billing began.
        in_service_since: first time this deployment saw it `InService`; None before.
        draining: a release of it is under way: it is no longer routed.
        committed_until: end of the running term; None without commitment.
        decision_id: the decision that bought it; None for an unmanaged one.
    """

    arn: str
    name: str
    model_id: str
    model_units: int
    status: Status
    ownership: Ownership
    commitment: Commitment
    created_at: datetime
    in_service_since: datetime | None
    draining: bool
    committed_until: datetime | None
    decision_id: str | None

    def paid_until(self, now: datetime, billing: timedelta) -> datetime:
        """End of the billing period that `now` lies in; a started period is paid whole."""
        elapsed = max(now - self.created_at, timedelta(0))
        return self.created_at + (elapsed // billing + 1) * billing

    @property
    def is_routable(self) -> bool:
        """Whether callers may be sent to it."""
        return self.status is Status.IN_SERVICE and not self.draining


@dataclass(frozen=True, slots=True, kw_only=True)
class PtTraffic:
    """What CloudWatch shows of one PT.

    Attributes:
        seen: its series had data since it entered service; a PT never seen is unknown, not idle.
        quiet_minutes: newest settled, read minutes without an invocation, in a row.
        also_under: further `ModelId`s that may carry its calls, besides ARN and the id at its end.
    """

    arn: str
    seen: bool
    quiet_minutes: int
    also_under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """Booked spend on provisioned throughput: started periods of the UTC day and month."""

    day_usd: Decimal
    month_usd: Decimal

    def __add__(self, other: "Spend") -> "Spend":
        """Both together."""
        return Spend(
            day_usd=self.day_usd + other.day_usd, month_usd=self.month_usd + other.month_usd
        )


NOTHING_SPENT = Spend(day_usd=Decimal(0), month_usd=Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    """All targets of the stack together, as one of them meets their caps.

    Attributes:
        held_units: owned, on order, and held by others in the account.
        usd_per_hour: their price; others' units of an unknown price count as the dearest known.
        spend: booked by all targets.
    """

    rails: StackRails
    held_units: int
    usd_per_hour: Decimal
    spend: Spend


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The purchases of one target at one moment, and its recent changes.

    Attributes:
        throughputs: owned and unmanaged PTs of the target, sorted by creation and ARN.
        complete: the inventory was read to its last page; otherwise nothing is released.
        open_purchase_units: units of purchase intents without an outcome.
        last_grow_at: when the newest purchase was ordered, or reached `InService` if later.
        last_release_at: when the newest release began.
        purchases_last_day, releases_last_day: calls in the last 24 hours.
        spend: booked so far.
        version: of the ledger's fleet record, for the conditional write.
        released_last_hour: units that served, and that drain or left within the hour before what
            would be released now.
        rests_until: nothing is bought before then, for the reason in `rests_because`.
        tripped_by: what tripped the breaker; empty while it has not tripped.
        strays: ARNs that carry our owner tag but that no record of the ledger explains.
        uses_unmanaged: others' PTs of the model serve this target too.
        stack: all targets together; None where only this one is looked at.
        owned: the PTs that are ours; asked so often that they are kept.
    """

    throughputs: tuple[ProvisionedThroughput, ...]
    complete: bool
    open_purchase_units: int
    last_grow_at: datetime | None
    last_release_at: datetime | None
    purchases_last_day: int
    releases_last_day: int
    spend: Spend
    version: int
    released_last_hour: int = 0
    rests_until: datetime | None = None
    rests_because: str = ""
    tripped_by: str = ""
    strays: tuple[str, ...] = ()
    uses_unmanaged: bool = False
    stack: StackState | None = None
    owned: tuple[ProvisionedThroughput, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Tell ours from others'."""
        owned = tuple([pt for pt in self.throughputs if pt.ownership is Ownership.OWNED])
        object.__setattr__(self, "owned", owned)

    @property
    def held_units(self) -> int:
        """Units that exist or are being created, whoever owns them, plus open purchases."""
        return sum(pt.model_units for pt in self.throughputs) + self.open_purchase_units

    @property
    def serving(self) -> tuple[ProvisionedThroughput, ...]:
        """The PTs that serve this target: ours, and others' where a person said so."""
        return self.throughputs if self.uses_unmanaged else self.owned

    @property
    def in_service_units(self) -> int:
        """Units that callers can use now."""
        return sum(pt.model_units for pt in self.serving if pt.is_routable)

    @property
    def pending_units(self) -> int:
        """Owned units on their way: being created, or ordered without an answer yet."""
        creating = sum(pt.model_units for pt in self.owned if pt.status is Status.CREATING)
        return creating + self.open_purchase_units

    @property
    def staying_units(self) -> int:
        """Units that serve, or soon will, if nothing is done.

        Those being updated come back by themselves. Draining ones leave, failed ones never serve.
        """
        staying = sum(
            pt.model_units
            for pt in self.serving
            if not pt.draining and pt.status is not Status.FAILED
        )
        return staying + self.open_purchase_units

    @property
    def failed(self) -> tuple[ProvisionedThroughput, ...]:
        """Owned PTs that never came into service and still exist."""
        return tuple(pt for pt in self.owned if pt.status is Status.FAILED)

    @property
    def committed_units(self) -> int:
        """Owned units under a term; no release may touch them."""
        return sum(pt.model_units for pt in self.owned if pt.commitment is not Commitment.NONE)

    @property
    def lasting_units(self) -> int:
        """Units that serve whatever is decided: ours under a term, and others' that serve us."""
        lent = (pt for pt in self.serving if pt.ownership is Ownership.UNMANAGED and pt.is_routable)
        return self.committed_units + sum(pt.model_units for pt in lent)


def minutes_left_paid(pt: ProvisionedThroughput, now: datetime, billing: timedelta) -> float:
    """Minutes until the running billing period of `pt` ends."""
    return (pt.paid_until(now, billing) - now) / MINUTE
