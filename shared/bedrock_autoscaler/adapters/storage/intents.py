"""Intents and fleet records as items of the ledger: keys, members, and how they are read back."""

from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from bedrock_autoscaler.adapters.storage.codec import (
    SCHEMA,
    decode_flat,
    encode_flat,
    require_schema,
)
from bedrock_autoscaler.adapters.storage.table import Item
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.fleet.intent import (
    AccountRecord,
    FleetRecord,
    PurchaseIntent,
    ReleaseIntent,
)

PURCHASE = TypeAdapter(PurchaseIntent)
RELEASE = TypeAdapter(ReleaseIntent)
CONSENT = TypeAdapter(RecordedConsent)
ACCOUNT_KEY: Item = {"pk": "ACCOUNT", "sk": "RESERVED"}
_FLEET = TypeAdapter(FleetRecord)
_NOTHING = AccountRecord(reserved_units=0, reserved_usd_per_hour=Decimal(0), targets=(), version=0)


def partition(target: str) -> str:
    """Partition of a target."""
    return f"TARGET#{target}"


def fleet_key(target: str) -> Item:
    """Key of the fleet record."""
    return {"pk": partition(target), "sk": "FLEET"}


def intent_key(intent: PurchaseIntent | ReleaseIntent) -> Item:
    """Key of an intent."""
    kind = "PURCHASE" if isinstance(intent, PurchaseIntent) else "RELEASE"
    return {"pk": partition(intent.target), "sk": f"{kind}#{intent.decision_id}"}


def to_item(adapter: TypeAdapter[Any], intent: PurchaseIntent | ReleaseIntent) -> Item:
    """The item of an intent."""
    item = {**intent_key(intent), "schema": SCHEMA, **encode_flat(adapter, intent)}
    if isinstance(intent, PurchaseIntent):
        item["usd_per_hour"] = intent.usd_per_hour  # a number in the console, exact as a Decimal
    return item


def to_intent[Intent: (PurchaseIntent, ReleaseIntent)](
    adapter: TypeAdapter[Intent], item: Item
) -> Intent:
    """The intent of an item."""
    subject = f"intent {item['sk']}"
    require_schema(item.get("schema"), subject)
    return decode_flat(adapter, item, subject)


def to_record(target: str, item: Item | None) -> FleetRecord:
    """The fleet record, or nothing reserved at version 0."""
    if item is None:
        return FleetRecord(
            target=target, reserved_units=0, reserved_usd_per_hour=Decimal(0), version=0
        )
    subject = f"fleet record of {target}"
    require_schema(item.get("schema"), subject)
    return decode_flat(_FLEET, item, subject)


def by_age[Intent: (PurchaseIntent, ReleaseIntent)](found: list[Intent]) -> tuple[Intent, ...]:
    """Oldest first."""
    return tuple(sorted(found, key=lambda intent: (intent.recorded_at, intent.decision_id)))


def require_successor[Intent: (PurchaseIntent, ReleaseIntent)](
    before: Intent, after: Intent
) -> None:
    """Refuse an update that names another intent or skips a version."""
    if (after.decision_id, after.target) != (before.decision_id, before.target):
        raise ValueError(f"{after.decision_id} cannot replace {before.decision_id}")
    if after.version != before.version + 1:
        raise ValueError(
            f"{before.decision_id}: version {after.version} cannot follow {before.version}"
        )


def to_consent(item: Item, consent_id: str) -> RecordedConsent:
    """The consent of an item, which a person may have written by hand.

    Raises:
        ObservationError: it cannot be read, or nobody can tell when it ends.
    """
    subject = f"consent {consent_id}"
    found = decode_flat(CONSENT, {**item, "id": consent_id}, subject)
    if found.valid_until.tzinfo is None:
        raise ObservationError(f"{subject} cannot be read: valid_until: it has no time zone")
    return found


def to_account(item: Item | None) -> AccountRecord:
    """The sums over all targets; nothing reserved at version 0 without an item."""
    if item is None:
        return _NOTHING
    require_schema(item.get("schema"), "account record")
    return AccountRecord(
        reserved_units=int(item["reserved_units"]),
        reserved_usd_per_hour=item["reserved_usd_per_hour"],
        targets=tuple(sorted(item.get("targets", ()))),
        version=int(item.get("version", 0)),
    )
