"""The ledger of purchases, releases and other changes."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.fleet.intent import (
    OPEN_RELEASES,
    AccountRecord,
    FleetRecord,
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
)
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """What the ledger holds for one target; both kinds of intents oldest first."""

    record: FleetRecord
    purchases: tuple[PurchaseIntent, ...]
    releases: tuple[ReleaseIntent, ...]

    @property
    def open_purchases(self) -> tuple[PurchaseIntent, ...]:
        """Purchases whose call may or may not have taken effect."""
        return tuple(i for i in self.purchases if i.state is PurchaseState.RECORDED)

    @property
    def open_releases(self) -> tuple[ReleaseIntent, ...]:
        """Releases from the withdrawal to the confirmed deletion."""
        return tuple(i for i in self.releases if i.state in OPEN_RELEASES)

    def purchase_of(self, arn: str) -> PurchaseIntent | None:
        """The purchase that brought this PT; None when it is not ours."""
        return next((i for i in self.purchases if i.arn == arn), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRoom:
    """The caps on all targets together, as one purchase meets them.

    Attributes:
        seen: the sums that the caps were compared with.
        max_units, max_usd_per_hour: caps, less what others hold in the account.
    """

    seen: AccountRecord
    max_units: int
    max_usd_per_hour: Decimal


class Fleets(Protocol):
    """Intents and reservations, changed by conditional writes only.

    An `after` has the version of its `before` plus one, and names the same intent. Each write
    may also raise UnknownOutcomeError: no answer came, and a consistent read did not show it.
    """

    def state_of(self, target: str) -> LedgerState:
        """Record and intents at once, read consistently.

        Whatever moves during the read makes the record's version stale.
        """

    def record_of(self, target: str) -> FleetRecord:
        """The fleet record, with version 0 when none was written yet."""

    def account(self) -> AccountRecord:
        """The sums over all targets, read consistently; version 0 when none was written yet."""

    def trip(self, record: FleetRecord, at: datetime, by: str) -> None:
        """Trip the breaker of the fleet, on the condition that `record` is what is kept.

        Raises:
            StaleDecisionError: the fleet moved.
        """

    def reset(self, record: FleetRecord) -> None:
        """Close the breaker again, on the same condition; for a person.

        Raises:
            StaleDecisionError: the fleet moved.
        """

    def purchases(self, target: str) -> tuple[PurchaseIntent, ...]:
        """All purchase intents, oldest first, read consistently."""

    def releases(self, target: str) -> tuple[ReleaseIntent, ...]:
        """All release intents, oldest first, read consistently."""

    def consent(self, consent_id: str) -> RecordedConsent | None:
        """What a person agreed to, read consistently; None when there is no such consent."""

    def begin_purchase(
        self,
        intent: PurchaseIntent,
        *,
        fleet: FleetRecord,
        unmanaged_units: int,
        max_units: int,
        max_usd_per_hour: Decimal,
        stack: StackRoom | None = None,
    ) -> None:
        """Record the intent and reserve its units in one transaction.

        With `stack`, the sums over all targets must be as seen and stay within its caps. An
        intent that names a consent uses it up in the same transaction.

        Raises:
            StaleDecisionError: the intent exists, the fleet or the sums moved, a cap would be
                crossed, or the consent is used.
        """

    def update_purchase(
        self, before: PurchaseIntent, after: PurchaseIntent, *, stack: StackRoom | None = None
    ) -> None:
        """Replace an intent, freeing its reservation when it leaves the holding states.

        A consent comes back only with a proven refusal, never with an unknown outcome. With
        `stack`, what is reserved again rests on the sums over all targets as they were seen.

        Raises:
            StaleDecisionError: the intent is not what `before` says, or the sums moved.
        """

    def begin_release(self, intent: ReleaseIntent, *, fleet: FleetRecord) -> None:
        """Record the intent on absence; the fleet's version rises in the same transaction.

        Raises:
            StaleDecisionError: the intent exists already, or the fleet is not as seen.
        """

    def update_release(self, before: ReleaseIntent, after: ReleaseIntent) -> None:
        """Replace an intent.

        Raises:
            StaleDecisionError: the intent is not what `before` says.
        """


class Scalings(Protocol):
    """What the ledger keeps of endpoints whose instances are changed."""

    def record_of(self, target: str, address: str) -> EndpointRecord:
        """The record, read consistently; version 0 and no change before the first one.

        Raises:
            ObservationError: it could not be read.
        """

    def records_of(self, target: str) -> tuple[EndpointRecord, ...]:
        """Every record of the target, also of endpoints that its settings no longer name.

        Raises:
            ObservationError: they could not be read.
        """

    def write(self, before: EndpointRecord, after: EndpointRecord) -> None:
        """Replace `before` by `after`, which has its version plus one.

        Raises:
            StaleDecisionError: the record is not what `before` says.
            UnknownOutcomeError: no answer came, and a consistent read did not show it.
        """
