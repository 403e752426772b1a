"""Intents and reservations in the ledger table.

Keys: `TARGET#<name>` with `PURCHASE#<decision id>`, `RELEASE#<decision id>` and `FLEET`; and
`ACCOUNT`, `RESERVED` for the sums over all targets. Caps are conditions of the transaction that
reserves, never a check before it.
"""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, override

from pydantic import TypeAdapter

from bedrock_autoscaler.adapters.storage.codec import SCHEMA, decode_flat
from bedrock_autoscaler.adapters.storage.intents import (
    ACCOUNT_KEY,
    PURCHASE,
    RELEASE,
    by_age,
    fleet_key,
    intent_key,
    partition,
    require_successor,
    to_account,
    to_consent,
    to_intent,
    to_item,
    to_record,
)
from bedrock_autoscaler.adapters.storage.table import (
    Change,
    ConditionFailedError,
    NoAnswerError,
    Table,
)
from bedrock_autoscaler.application.errors import (
    ConfigurationError,
    ObservationError,
    StaleDecisionError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.ports.ledger import Fleets, LedgerState, StackRoom
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.fleet.intent import (
    HOLDING_STATES,
    AccountRecord,
    FleetRecord,
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
)
from bedrock_autoscaler.domain.units import units_text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ABSENT = "attribute_not_exists(#pk)"
_OURS = "#schema <= :schema"
_UNCHANGED = f"#version = :seen AND {_OURS}"
_WITHIN_CAPS = "#reserved_units <= :room AND #reserved_usd_per_hour <= :room_usd"
_NEVER_SUMMED = "attribute_not_exists(#version)"
_RESERVE = (
    "SET #schema = :schema, #target = :target "
    "ADD #reserved_units :units, #reserved_usd_per_hour :dollars, #version :one"
)
_RESERVE_ACCOUNT = (
    "SET #schema = :schema ADD #reserved_units :units, #reserved_usd_per_hour :dollars, "
    "#version :one, #targets :targets"
)
_MOVED = "ADD #reserved_units :zero, #reserved_usd_per_hour :zero, #version :one"
_MOVE = f"SET #schema = :schema, #target = :target {_MOVED}"
_TRIP = f"SET #schema = :schema, #target = :target, #tripped_at = :at, #tripped_by = :by {_MOVED}"
_UNUSED = "attribute_exists(#pk) AND attribute_not_exists(#used_by)"
_NOT_USED_BY_OTHERS = "attribute_exists(#pk) AND (attribute_not_exists(#used_by) OR #used_by = :by)"
"""Its table may have been restored to a point before the use."""
_USE = "SET #used_by = :by, #used_at = :at"
_GIVE_BACK = "REMOVE #used_by, #used_at"
_RESET = "SET #schema = :schema REMOVE #tripped_at, #tripped_by ADD #version :one"


class DynamoFleets(Fleets):
    """Fleets over one table.

    Args:
        client: DynamoDB.
        table: the ledger.
        consents: the table of consents; None where no commitment can be bought.
    """

    def __init__(self, client: "DynamoDBClient", table: str, consents: str | None = None) -> None:
        self._table = Table(client, table)
        self._consents = Table(client, consents) if consents else None

    @override
    def state_of(self, target: str) -> LedgerState:
        """One query: FLEET, PURCHASE# and RELEASE# stand side by side, after all decisions."""
        purchases: list[PurchaseIntent] = []
        releases: list[ReleaseIntent] = []
        record = to_record(target, None)
        for item in self._table.query(partition(target), first="FLEET", last="RELEASE#~"):
            if item["sk"].startswith("PURCHASE#"):
                purchases.append(to_intent(PURCHASE, item))
            elif item["sk"].startswith("RELEASE#"):
                releases.append(to_intent(RELEASE, item))
            else:
                record = to_record(target, item)
        return LedgerState(record=record, purchases=by_age(purchases), releases=by_age(releases))

    @override
    def record_of(self, target: str) -> FleetRecord:
        """The fleet item, or nothing reserved at version 0."""
        return to_record(target, self._table.get(fleet_key(target)))

    @override
    def account(self) -> AccountRecord:
        """The item of the sums, or nothing reserved at version 0."""
        return to_account(self._table.get(ACCOUNT_KEY))

    @override
    def trip(self, record: FleetRecord, at: datetime, by: str) -> None:
        """Note it on the fleet item, whose version rises: what was decided before is stale."""
        self._change_record(self._moving(record, _TRIP, at=at.isoformat(), by=by), record)

    @override
    def reset(self, record: FleetRecord) -> None:
        """Take the note off."""
        change = self._table.to_update(
            fleet_key(record.target),
            _RESET,
            condition=_UNCHANGED,
            schema=SCHEMA,
            one=1,
            seen=record.version,
        )
        self._change_record(change, record)

    @override
    def purchases(self, target: str) -> tuple[PurchaseIntent, ...]:
        """Every purchase item of the target."""
        return by_age(self._intents(PURCHASE, target, "PURCHASE#"))

    @override
    def releases(self, target: str) -> tuple[ReleaseIntent, ...]:
        """Every release item of the target."""
        return by_age(self._intents(RELEASE, target, "RELEASE#"))

    @override
    def consent(self, consent_id: str) -> RecordedConsent | None:
        """The item of this id in the table of consents, which a person writes; none has no id."""
        item = self._consents.get({"pk": consent_id}) if self._consents and consent_id else None
        return None if item is None else to_consent(item, consent_id)

    @override
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
        """One transaction: intent on absence, sums within the caps at the versions seen."""
        room = max_units - unmanaged_units - intent.model_units
        room_usd = max_usd_per_hour - intent.usd_per_hour
        if fleet.reserved_units > room or fleet.reserved_usd_per_hour > room_usd:
            raise StaleDecisionError(
                f"purchase {intent.decision_id}: {units_text(fleet.reserved_units)} reserved where "
                f"{room} would leave room, or {fleet.reserved_usd_per_hour} USD per hour where "
                f"{room_usd} would"
            )
        if fleet.version == 0:
            # Absence is the condition, and nothing reserved was compared with the caps above.
            reserve = self._reserve(intent, 1, condition=_ABSENT)
        else:
            reserve = self._reserve(
                intent,
                1,
                condition=f"{_UNCHANGED} AND {_WITHIN_CAPS}",
                seen=fleet.version,
                room=room,
                room_usd=room_usd,
            )
        item = to_item(PURCHASE, intent)
        changes = (
            self._table.to_put(item, condition=_ABSENT),
            reserve,
            self._reserve_account(intent, 1, stack),
            *self._consent(intent, is_used=True),
        )
        try:
            self._transact(changes, PURCHASE, intent)
        except ConditionFailedError as error:
            raise StaleDecisionError(_why_not(intent, fleet, error)) from error

    @override
    def update_purchase(
        self, before: PurchaseIntent, after: PurchaseIntent, *, stack: StackRoom | None = None
    ) -> None:
        """One transaction: intent at its version, and its reservation where that changes."""
        require_successor(before, after)
        changes = [self._replacing(PURCHASE, before, after)]
        change = (after.state in HOLDING_STATES) - (before.state in HOLDING_STATES)
        if change:
            changes.append(self._reserve(before, change, condition=_OURS))
            changes.append(self._reserve_account(before, change, stack))
        if after.state is PurchaseState.REFUSED:
            changes += self._consent(before, is_used=False)
        try:
            self._transact(changes, PURCHASE, after)
        except ConditionFailedError as error:
            moved = f"purchase {before.decision_id} is not at version {before.version} any more"
            if stack is not None:
                moved += ", or the sums over all targets moved"
            raise StaleDecisionError(moved) from error

    @override
    def begin_release(self, intent: ReleaseIntent, *, fleet: FleetRecord) -> None:
        """One transaction: the intent on absence, and the fleet item at the version seen."""
        item = to_item(RELEASE, intent)
        changes = (self._table.to_put(item, condition=_ABSENT), self._moving(fleet, _MOVE))
        try:
            self._transact(changes, RELEASE, intent)
        except ConditionFailedError as error:
            exists = error.existing[0] is not None
            raise StaleDecisionError(
                f"release {intent.decision_id} exists already"
                if exists
                else f"fleet of {fleet.target} is not at version {fleet.version} any more"
            ) from error

    @override
    def update_release(self, before: ReleaseIntent, after: ReleaseIntent) -> None:
        """Replace the intent at its version."""
        require_successor(before, after)
        try:
            self._transact([self._replacing(RELEASE, before, after)], RELEASE, after)
        except ConditionFailedError as error:
            raise StaleDecisionError(
                f"release {before.decision_id} is not at version {before.version} any more"
            ) from error

    # -- changes -------------------------------------------------------------------------------

    def _replacing[Intent: (PurchaseIntent, ReleaseIntent)](
        self, adapter: TypeAdapter[Intent], before: Intent, after: Intent
    ) -> Change:
        return self._table.to_put(
            to_item(adapter, after),
            condition=f"{_UNCHANGED} AND #state = :state",
            seen=before.version,
            state=before.state.value,
            schema=SCHEMA,
        )

    def _moving(self, record: FleetRecord, update: str, **values: object) -> Change:
        """The change of a fleet item that is as seen, or absent still; it reserves nothing."""
        seen = {"seen": record.version} if record.version else {}
        return self._table.to_update(
            fleet_key(record.target),
            update,
            condition=_UNCHANGED if seen else _ABSENT,
            schema=SCHEMA,
            target=record.target,
            zero=0,
            one=1,
            **seen,
            **values,
        )

    def _reserve(
        self, intent: PurchaseIntent, sign: int, *, condition: str, **values: object
    ) -> Change:
        return self._table.to_update(
            fleet_key(intent.target),
            _RESERVE,
            condition=condition,
            schema=SCHEMA,
            target=intent.target,
            units=sign * intent.model_units,
            dollars=sign * intent.usd_per_hour,
            one=1,
            **values,
        )

    def _reserve_account(
        self, intent: PurchaseIntent, sign: int, stack: StackRoom | None = None
    ) -> Change:
        """The change of the sums; with `stack` on the condition that they are as seen and fit."""
        condition = f"{_ABSENT} OR {_OURS}"
        values: dict[str, object] = {}
        if stack is not None:
            condition, values = _stack_condition(intent, stack)
        return self._table.to_update(
            ACCOUNT_KEY,
            _RESERVE_ACCOUNT,
            condition=condition,
            schema=SCHEMA,
            units=sign * intent.model_units,
            dollars=sign * intent.usd_per_hour,
            one=1,
            targets={intent.target},
            **values,
        )

    def _consent(self, intent: PurchaseIntent, *, is_used: bool) -> tuple[Change, ...]:
        """Use the consent up, or give it back; its terms were read before and never change."""
        if intent.consent_id is None:
            return ()
        if self._consents is None:
            raise ConfigurationError(f"purchase {intent.decision_id}: no table of consents is set")
        key = {"pk": intent.consent_id}
        if is_used:
            used_at = intent.recorded_at.isoformat()
            values = {"by": intent.decision_id, "at": used_at}
            return (self._consents.to_update(key, _USE, condition=_UNUSED, **values),)
        by = intent.decision_id
        return (self._consents.to_update(key, _GIVE_BACK, condition=_NOT_USED_BY_OTHERS, by=by),)

    def _change_record(self, change: Change, record: FleetRecord) -> None:
        """Change the fleet item alone; without an answer, what came of it is unknown."""
        try:
            self._table.transact(change)
        except ConditionFailedError as error:
            raise StaleDecisionError(
                f"fleet of {record.target} is not at version {record.version} any more"
            ) from error
        except NoAnswerError as error:
            raise UnknownOutcomeError(f"fleet of {record.target}: {error}") from error

    def _transact[Intent: (PurchaseIntent, ReleaseIntent)](
        self,
        changes: "list[Change] | tuple[Change, ...]",
        adapter: TypeAdapter[Intent],
        wanted: Intent,
    ) -> None:
        """Make the changes; without an answer, look whether the intent is what it should be."""
        try:
            self._table.transact(*changes)
        except NoAnswerError as error:
            subject = f"intent {wanted.decision_id}"
            try:
                item = self._table.get(intent_key(wanted))
                kept = decode_flat(adapter, item, subject) if item else None
            except ObservationError as unread:
                raise UnknownOutcomeError(f"{subject}: {error}; {unread}") from error
            if kept != wanted:
                raise UnknownOutcomeError(f"{subject}: {error}") from error

    def _intents[Intent: (PurchaseIntent, ReleaseIntent)](
        self, adapter: TypeAdapter[Intent], target: str, prefix: str
    ) -> list[Intent]:
        items = self._table.query(partition(target), first=prefix, last=f"{prefix}~")
        return [to_intent(adapter, item) for item in items]


def _stack_condition(intent: PurchaseIntent, stack: StackRoom) -> tuple[str, dict[str, object]]:
    """The condition under which the sums over all targets admit the purchase."""
    seen = stack.seen
    room = stack.max_units - intent.model_units
    room_usd = stack.max_usd_per_hour - intent.usd_per_hour
    if seen.reserved_units > room or seen.reserved_usd_per_hour > room_usd:
        raise StaleDecisionError(
            f"purchase {intent.decision_id}: all targets reserve "
            f"{units_text(seen.reserved_units)} and "
            f"{room} would leave room, {seen.reserved_usd_per_hour} USD per hour and {room_usd} "
            "would"
        )
    if seen.version == 0:
        return _NEVER_SUMMED, {}
    values = {"seen": seen.version, "room": room, "room_usd": room_usd}
    return f"{_UNCHANGED} AND {_WITHIN_CAPS}", values


def _why_not(intent: PurchaseIntent, fleet: FleetRecord, error: ConditionFailedError) -> str:
    has_intent, has_fleet, has_sums = (item is not None for item in error.existing[:3])
    if has_intent:
        return f"purchase {intent.decision_id} exists already"
    if has_fleet:
        return (
            f"fleet of {intent.target} is not at version {fleet.version}, on which the purchase "
            f"{intent.decision_id} was decided, or a cap would be crossed"
        )
    if any(item is not None for item in error.existing[3:]):
        return f"consent {intent.consent_id} is used, or there is none"
    if has_sums:
        return (
            f"the sums over all targets moved while {intent.decision_id} was prepared, or a cap of "
            "the stack would be crossed"
        )
    return f"purchase {intent.decision_id} met another transaction"
