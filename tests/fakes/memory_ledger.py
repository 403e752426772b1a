"""The ledger in memory: intents and reservations."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from threading import RLock

from bedrock_autoscaler.application.errors import StaleDecisionError
from bedrock_autoscaler.application.ports.ledger import LedgerState, StackRoom
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.fleet.intent import (
    HOLDING_STATES,
    AccountRecord,
    FleetRecord,
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
)
from tests.fakes.failures import Failures


class MemoryFleets(Failures):
    """Intents and reservations; each method is atomic, also between threads.

    Attributes:
        consents: what persons agreed to, by id; theirs to write.
        records: what is reserved, by target; a test may put others there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.consents: dict[str, RecordedConsent] = {}
        self.records: dict[str, FleetRecord] = {}
        self._purchases: dict[tuple[str, str], PurchaseIntent] = {}
        self._releases: dict[tuple[str, str], ReleaseIntent] = {}
        self._lock = RLock()
        self._reservations = 0

    def state_of(self, target: str) -> LedgerState:
        """All of it at one moment."""
        self._begin("state_of")
        with self._lock:
            return LedgerState(
                record=self._record(target),
                purchases=self._of(self._purchases, target),
                releases=self._of(self._releases, target),
            )

    def record_of(self, target: str) -> FleetRecord:
        """What is reserved for the target."""
        self._begin("record_of")
        return self._record(target)

    def account(self) -> AccountRecord:
        """The sums over all targets."""
        self._begin("account")
        with self._lock:
            return self._account()

    def consent(self, consent_id: str) -> RecordedConsent | None:
        """What a person agreed to."""
        self._begin("consent")
        return self.consents.get(consent_id)

    def trip(self, record: FleetRecord, at: datetime, by: str) -> None:
        """Note that the breaker tripped."""
        self._begin("trip")
        self._change_record(record, replace(record, tripped_at=at, tripped_by=by))
        self._end("trip")

    def reset(self, record: FleetRecord) -> None:
        """Take the note off."""
        self._begin("reset")
        self._change_record(record, replace(record, tripped_at=None, tripped_by=""))
        self._end("reset")

    def purchases(self, target: str) -> tuple[PurchaseIntent, ...]:
        """By the time at which they were recorded."""
        self._begin("purchases")
        return self._of(self._purchases, target)

    def releases(self, target: str) -> tuple[ReleaseIntent, ...]:
        """By the time at which they were recorded."""
        self._begin("releases")
        return self._of(self._releases, target)

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
        """Keep the intent and reserve its units, or neither."""
        self._begin("begin_purchase")
        with self._lock:
            record = self._record(intent.target)
            key = (intent.target, intent.decision_id)
            if key in self._purchases:
                raise StaleDecisionError(f"purchase {intent.decision_id} exists already")
            if record.version != fleet.version:
                raise StaleDecisionError(
                    f"fleet of {intent.target} is at version {record.version}, "
                    f"the decision saw {fleet.version}"
                )
            units = record.reserved_units + intent.model_units + unmanaged_units
            dollars = record.reserved_usd_per_hour + intent.usd_per_hour
            if units > max_units or dollars > max_usd_per_hour:
                raise StaleDecisionError(
                    f"purchase {intent.decision_id} would make {units} of {max_units} units and "
                    f"{dollars} of {max_usd_per_hour} USD per hour"
                )
            self._require_room(intent, stack)
            self._use_consent(intent)
            self._purchases[key] = intent
            self._reserve(intent, 1)
        self._end("begin_purchase")

    def update_purchase(
        self, before: PurchaseIntent, after: PurchaseIntent, *, stack: StackRoom | None = None
    ) -> None:
        """Replace the intent; reserve or free where it enters or leaves the holding states."""
        self._begin("update_purchase")
        _require_successor(before, after)
        with self._lock:
            key = (before.target, before.decision_id)
            if self._purchases.get(key) != before:
                raise StaleDecisionError(f"purchase {before.decision_id} has changed")
            change = (after.state in HOLDING_STATES) - (before.state in HOLDING_STATES)
            if change:
                self._require_room(after, stack)
            if after.state is PurchaseState.REFUSED:
                self._give_back(before)
            self._purchases[key] = after
            if change:
                self._reserve(before, change)
        self._end("update_purchase")

    def begin_release(self, intent: ReleaseIntent, *, fleet: FleetRecord) -> None:
        """Keep the intent unless there is one, where the fleet is as seen."""
        self._begin("begin_release")
        with self._lock:
            key = (intent.target, intent.decision_id)
            if key in self._releases:
                raise StaleDecisionError(f"release {intent.decision_id} exists already")
            self._change_record(fleet, fleet)
            self._releases[key] = intent
        self._end("begin_release")

    def update_release(self, before: ReleaseIntent, after: ReleaseIntent) -> None:
        """Replace the intent."""
        self._begin("update_release")
        _require_successor(before, after)
        with self._lock:
            key = (before.target, before.decision_id)
            if self._releases.get(key) != before:
                raise StaleDecisionError(f"release {before.decision_id} has changed")
            self._releases[key] = after
        self._end("update_release")

    @staticmethod
    def _of[Intent: (PurchaseIntent, ReleaseIntent)](
        kept: Mapping[tuple[str, str], Intent], target: str
    ) -> tuple[Intent, ...]:
        found = [intent for (owner, _), intent in kept.items() if owner == target]
        return tuple(sorted(found, key=lambda intent: (intent.recorded_at, intent.decision_id)))

    def _record(self, target: str) -> FleetRecord:
        known = self.records.get(target)
        if known is not None:
            return known
        return FleetRecord(
            target=target, reserved_units=0, reserved_usd_per_hour=Decimal(0), version=0
        )

    def _account(self) -> AccountRecord:
        records = self.records.values()
        return AccountRecord(
            reserved_units=sum(record.reserved_units for record in records),
            reserved_usd_per_hour=sum(
                (record.reserved_usd_per_hour for record in records), Decimal(0)
            ),
            targets=tuple(sorted({target for target, _ in self._purchases})),
            version=self._reservations,
        )

    def _require_room(self, intent: PurchaseIntent, stack: StackRoom | None) -> None:
        if stack is None:
            return
        sums = self._account()
        if sums != stack.seen:
            raise StaleDecisionError("the sums over all targets moved")
        units = sums.reserved_units + intent.model_units
        dollars = sums.reserved_usd_per_hour + intent.usd_per_hour
        if units > stack.max_units or dollars > stack.max_usd_per_hour:
            raise StaleDecisionError(
                f"purchase {intent.decision_id} would make {units} of {stack.max_units} units and "
                f"{dollars} of {stack.max_usd_per_hour} USD per hour over all targets"
            )

    def _use_consent(self, intent: PurchaseIntent) -> None:
        if intent.consent_id is None:
            return
        given = self.consents.get(intent.consent_id)
        if given is None or given.used_by is not None:
            raise StaleDecisionError(f"consent {intent.consent_id} is used, or there is none")
        self.consents[given.id] = replace(
            given, used_by=intent.decision_id, used_at=intent.recorded_at
        )

    def _give_back(self, intent: PurchaseIntent) -> None:
        if intent.consent_id is None:
            return
        given = self.consents.get(intent.consent_id)
        if given is None or given.used_by not in {None, intent.decision_id}:
            raise StaleDecisionError(f"consent {intent.consent_id} is used by another purchase")
        self.consents[given.id] = replace(given, used_by=None, used_at=None)

    def put(self, intent: PurchaseIntent | ReleaseIntent, *, is_reserved: bool = False) -> None:
        """For tests: keep it past all checks, as if it stood there from before."""
        if isinstance(intent, ReleaseIntent):
            self._releases[intent.target, intent.decision_id] = intent
            return
        self._purchases[intent.target, intent.decision_id] = intent
        if is_reserved:
            self._reserve(intent, 1)

    def _change_record(self, before: FleetRecord, after: FleetRecord) -> None:
        with self._lock:
            if self._record(before.target) != before:
                raise StaleDecisionError(f"fleet of {before.target} has changed")
            self.records[before.target] = replace(after, version=before.version + 1)

    def _reserve(self, intent: PurchaseIntent, sign: int) -> None:
        record = self._record(intent.target)
        self._reservations += 1
        self.records[intent.target] = replace(
            record,
            reserved_units=record.reserved_units + sign * intent.model_units,
            reserved_usd_per_hour=record.reserved_usd_per_hour + sign * intent.usd_per_hour,
            version=record.version + 1,
        )


def _require_successor[Intent: (PurchaseIntent, ReleaseIntent)](
    before: Intent, after: Intent
) -> None:
    if (after.decision_id, after.target) != (before.decision_id, before.target):
        raise ValueError(f"{after.decision_id} cannot replace {before.decision_id}")
    if after.version != before.version + 1:
        raise ValueError(
            f"{before.decision_id}: version {after.version} cannot follow {before.version}"
        )
