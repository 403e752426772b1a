"""Intents and reservations in the ledger table.

Keys: `TARGET#<name>` with `PURCHASE#<decision id>`, `RELEASE#<decision id>` and `FLEET`; and
`ACCOUNT`, `RESERVED` for the sums over all targets. Caps are conditions of the transaction that
reserves, never a check before it.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, override

from pydantic import TypeAdapter

from bedrock_autoscaler.adapters.storage.codec import (
    SCHEMA,
    decode_flat,
    encode_flat,
    require_schema,
)
from bedrock_autoscaler.adapters.storage.table import (
    Change,
    ConditionFailedError,
    Item,
    NoAnswerError,
    Table,
)
from bedrock_autoscaler.application.errors import (
    ObservationError,
    StaleDecisionError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.ports import Fleets, LedgerState
from bedrock_autoscaler.domain.intent import (
    HOLDING_STATES,
    FleetRecord,
    PurchaseIntent,
    ReleaseIntent,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ABSENT = "attribute_not_exists(#pk)"
_OURS = "#schema <= :schema"
_UNCHANGED = f"#version = :seen AND {_OURS}"
_WITHIN_CAPS = "#reserved_units <= :room AND #reserved_usd_per_hour <= :room_usd"
_RESERVE = (
    "SET #schema = :schema, #target = :target "
    "ADD #reserved_units :units, #reserved_usd_per_hour :dollars, #version :one"
)
_RESERVE_ACCOUNT = (
    "SET #schema = :schema ADD #reserved_units :units, #reserved_usd_per_hour :dollars"
)
_PURCHASE = TypeAdapter(PurchaseIntent)
_RELEASE = TypeAdapter(ReleaseIntent)
_FLEET = TypeAdapter(FleetRecord)
_ACCOUNT_KEY: Item = {"pk": "ACCOUNT", "sk": "RESERVED"}


class DynamoFleets(Fleets):
    """Fleets over one table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    @override
    def state_of(self, target: str) -> LedgerState:
        """One query: FLEET, PURCHASE# and RELEASE# stand side by side, after all decisions."""
        purchases: list[PurchaseIntent] = []
        releases: list[ReleaseIntent] = []
        record = _to_record(target, None)
        for item in self._table.query(_partition(target), first="FLEET", last="RELEASE#~"):
            if item["sk"].startswith("PURCHASE#"):
                purchases.append(_to_intent(_PURCHASE, item))
            elif item["sk"].startswith("RELEASE#"):
                releases.append(_to_intent(_RELEASE, item))
            else:
                record = _to_record(target, item)
        return LedgerState(record=record, purchases=_by_age(purchases), releases=_by_age(releases))

    @override
    def record_of(self, target: str) -> FleetRecord:
        """The fleet item, or nothing reserved at version 0."""
        return _to_record(target, self._table.get(_fleet_key(target)))

    @override
    def purchases(self, target: str) -> tuple[PurchaseIntent, ...]:
        """Every purchase item of the target."""
        return _by_age(self._intents(_PURCHASE, target, "PURCHASE#"))

    @override
    def releases(self, target: str) -> tuple[ReleaseIntent, ...]:
        """Every release item of the target."""
        return _by_age(self._intents(_RELEASE, target, "RELEASE#"))

    @override
    def begin_purchase(
        self,
        intent: PurchaseIntent,
        *,
        fleet: FleetRecord,
        unmanaged_units: int,
        max_units: int,
        max_usd_per_hour: Decimal,
    ) -> None:
        """One transaction: intent on absence, sums within the caps at the version seen."""
        room = max_units - unmanaged_units - intent.model_units
        room_usd = max_usd_per_hour - intent.usd_per_hour
        if fleet.reserved_units > room or fleet.reserved_usd_per_hour > room_usd:
            raise StaleDecisionError(
                f"purchase {intent.decision_id}: {fleet.reserved_units} units are reserved and "
                f"{room} would leave room, {fleet.reserved_usd_per_hour} USD per hour and "
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
        item = _to_item(_PURCHASE, intent)
        changes = (
            self._table.to_put(item, condition=_ABSENT),
            reserve,
            self._reserve_account(intent, 1),
        )
        try:
            self._transact(changes, _PURCHASE, intent)
        except ConditionFailedError as error:
            raise StaleDecisionError(_why_not(intent, fleet, error)) from error

    @override
    def update_purchase(self, before: PurchaseIntent, after: PurchaseIntent) -> None:
        """One transaction: intent at its version, and its reservation where that changes."""
        _require_successor(before, after)
        changes = [self._replacing(_PURCHASE, before, after)]
        change = (after.state in HOLDING_STATES) - (before.state in HOLDING_STATES)
        if change:
            changes.append(self._reserve(before, change, condition=_OURS))
            changes.append(self._reserve_account(before, change))
        try:
            self._transact(changes, _PURCHASE, after)
        except ConditionFailedError as error:
            raise StaleDecisionError(
                f"purchase {before.decision_id} is not at version {before.version} any more"
            ) from error

    @override
    def begin_release(self, intent: ReleaseIntent) -> None:
        """Put the intent on absence."""
        item = _to_item(_RELEASE, intent)
        try:
            self._transact([self._table.to_put(item, condition=_ABSENT)], _RELEASE, intent)
        except ConditionFailedError as error:
            raise StaleDecisionError(f"release {intent.decision_id} exists already") from error

    @override
    def update_release(self, before: ReleaseIntent, after: ReleaseIntent) -> None:
        """Replace the intent at its version."""
        _require_successor(before, after)
        try:
            self._transact([self._replacing(_RELEASE, before, after)], _RELEASE, after)
        except ConditionFailedError as error:
            raise StaleDecisionError(
                f"release {before.decision_id} is not at version {before.version} any more"
            ) from error

    # -- changes -------------------------------------------------------------------------------

    def _replacing[Intent: (PurchaseIntent, ReleaseIntent)](
        self, adapter: TypeAdapter[Intent], before: Intent, after: Intent
    ) -> Change:
        return self._table.to_put(
            _to_item(adapter, after),
            condition=f"{_UNCHANGED} AND #state = :state",
            seen=before.version,
            state=before.state.value,
            schema=SCHEMA,
        )

    def _reserve(
        self, intent: PurchaseIntent, sign: int, *, condition: str, **values: object
    ) -> Change:
        return self._table.to_update(
            _fleet_key(intent.target),
            _RESERVE,
            condition=condition,
            schema=SCHEMA,
            target=intent.target,
            units=sign * intent.model_units,
            dollars=sign * intent.usd_per_hour,
            one=1,
            **values,
        )

    def _reserve_account(self, intent: PurchaseIntent, sign: int) -> Change:
        return self._table.to_update(
            _ACCOUNT_KEY,
            _RESERVE_ACCOUNT,
            condition=f"{_ABSENT} OR {_OURS}",
            schema=SCHEMA,
            units=sign * intent.model_units,
            dollars=sign * intent.usd_per_hour,
        )

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
                item = self._table.get(_intent_key(wanted))
                kept = decode_flat(adapter, item, subject) if item else None
            except ObservationError as unread:
                raise UnknownOutcomeError(f"{subject}: {error}; {unread}") from error
            if kept != wanted:
                raise UnknownOutcomeError(f"{subject}: {error}") from error

    def _intents[Intent: (PurchaseIntent, ReleaseIntent)](
        self, adapter: TypeAdapter[Intent], target: str, prefix: str
    ) -> list[Intent]:
        items = self._table.query(_partition(target), first=prefix, last=f"{prefix}~")
        return [_to_intent(adapter, item) for item in items]


# -- items -------------------------------------------------------------------------------------


def _partition(target: str) -> str:
    return f"TARGET#{target}"


def _fleet_key(target: str) -> Item:
    return {"pk": _partition(target), "sk": "FLEET"}


def _intent_key(intent: PurchaseIntent | ReleaseIntent) -> Item:
    kind = "PURCHASE" if isinstance(intent, PurchaseIntent) else "RELEASE"
    return {"pk": _partition(intent.target), "sk": f"{kind}#{intent.decision_id}"}


def _to_item(adapter: TypeAdapter[Any], intent: PurchaseIntent | ReleaseIntent) -> Item:
    item = {**_intent_key(intent), "schema": SCHEMA, **encode_flat(adapter, intent)}
    if isinstance(intent, PurchaseIntent):
        item["usd_per_hour"] = intent.usd_per_hour  # a number in the console, exact as a Decimal
    return item


def _to_intent[Intent: (PurchaseIntent, ReleaseIntent)](
    adapter: TypeAdapter[Intent], item: Item
) -> Intent:
    subject = f"intent {item['sk']}"
    require_schema(item.get("schema"), subject)
    return decode_flat(adapter, item, subject)


def _to_record(target: str, item: Item | None) -> FleetRecord:
    if item is None:
        return FleetRecord(
            target=target, reserved_units=0, reserved_usd_per_hour=Decimal(0), version=0
        )
    subject = f"fleet record of {target}"
    require_schema(item.get("schema"), subject)
    return decode_flat(_FLEET, item, subject)


def _by_age[Intent: (PurchaseIntent, ReleaseIntent)](found: list[Intent]) -> tuple[Intent, ...]:
    return tuple(sorted(found, key=lambda intent: (intent.recorded_at, intent.decision_id)))


def _why_not(intent: PurchaseIntent, fleet: FleetRecord, error: ConditionFailedError) -> str:
    has_intent, has_fleet = error.existing[0] is not None, error.existing[1] is not None
    if has_intent:
        return f"purchase {intent.decision_id} exists already"
    if has_fleet:
        return (
            f"fleet of {intent.target} is not at version {fleet.version}, on which the purchase "
            f"{intent.decision_id} was decided, or a cap would be crossed"
        )
    return f"purchase {intent.decision_id} met another transaction"


def _require_successor[Intent: (PurchaseIntent, ReleaseIntent)](
    before: Intent, after: Intent
) -> None:
    if (after.decision_id, after.target) != (before.decision_id, before.target):
        raise ValueError(f"{after.decision_id} cannot replace {before.decision_id}")
    if after.version != before.version + 1:
        raise ValueError(
            f"{before.decision_id}: version {after.version} cannot follow {before.version}"
        )
