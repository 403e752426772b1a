"""Intents and listed throughputs with defaults, for tests of the actors."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.application.ports.ledger import Fleets, StackRoom
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import (
    FleetRecord,
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
    ReleaseState,
)
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, PT_MODEL, pt_arn

PURCHASE_ID = "chat-capacity-20261120T110000Z"
RELEASE_ID = "chat-capacity-20261120T114500Z"
ONE_UNIT = Purchase(model_id=PT_MODEL, model_units=1, usd_per_hour=Decimal("60.5"))
TWO_UNITS = Purchase(model_id=PT_MODEL, model_units=2, usd_per_hour=Decimal("121.0"))
CAP = Decimal(1_000)
"""USD an hour, more than these intents cost together."""


def build_purchase(**overrides: Any) -> PurchaseIntent:
    """One unit for 60.50 USD an hour, recorded at NOW without an answer yet."""
    intent = PurchaseIntent(
        decision_id=PURCHASE_ID,
        target="chat",
        token="0" * 64,
        name=f"{PURCHASE_ID}-0000",
        model_id=PT_MODEL,
        model_units=1,
        commitment=Commitment.NONE,
        usd_per_hour=Decimal("60.5"),
        state=PurchaseState.RECORDED,
        recorded_at=NOW,
        arn=None,
        billed_from=None,
        in_service_since=None,
        ended_at=None,
        detail="",
        version=1,
    )
    return replace(intent, **overrides)


def build_held(number: int = 1, **overrides: Any) -> PurchaseIntent:
    """One unit in service, bought 100 minutes before NOW."""
    begun = NOW - 100 * MINUTE
    intent = build_purchase(
        decision_id=f"chat-capacity-{begun:%Y%m%dT%H%M%SZ}",
        state=PurchaseState.IN_SERVICE,
        recorded_at=begun,
        arn=pt_arn(number),
        billed_from=begun,
        in_service_since=begun + 15 * MINUTE,
        version=3,
    )
    return replace(intent, **overrides)


def reserve(
    fleets: Fleets,
    intent: PurchaseIntent,
    *,
    fleet: FleetRecord | None = None,
    unmanaged_units: int = 0,
    max_units: int = 10,
    max_usd_per_hour: Decimal = CAP,
    stack: StackRoom | None = None,
) -> None:
    """Begin a purchase on the newest record of its fleet, with room for ten units by default."""
    fleets.begin_purchase(
        intent,
        fleet=fleet or fleets.record_of(intent.target),
        unmanaged_units=unmanaged_units,
        max_units=max_units,
        max_usd_per_hour=max_usd_per_hour,
        stack=stack,
    )


def withdraw(fleets: Fleets, intent: ReleaseIntent, *, fleet: FleetRecord | None = None) -> None:
    """Begin a release on the newest record of its fleet."""
    fleets.begin_release(intent, fleet=fleet or fleets.record_of(intent.target))


def room(fleets: Fleets, units: int = 10, dollars: Decimal = CAP) -> StackRoom:
    """The caps of the stack beside its sums as they are now."""
    return StackRoom(seen=fleets.account(), max_units=units, max_usd_per_hour=dollars)


def moved(intent: PurchaseIntent, state: PurchaseState) -> PurchaseIntent:
    """The intent's next version, in another state."""
    return replace(intent, state=state, version=intent.version + 1)


def build_release(**overrides: Any) -> ReleaseIntent:
    """A release that began at NOW and is not yet published."""
    intent = ReleaseIntent(
        decision_id=RELEASE_ID,
        target="chat",
        arn=pt_arn(1),
        model_units=1,
        state=ReleaseState.WITHDRAWN,
        recorded_at=NOW,
        withdrawn_version=None,
        withdrawn_at=None,
        ended_at=None,
        detail="",
        version=1,
    )
    return replace(intent, **overrides)


def build_listed(number: int = 1, **overrides: Any) -> ListedThroughput:
    """One unit in service with the tags of deployment `test` and target `chat`."""
    begun = NOW - 100 * MINUTE
    decision = f"chat-capacity-{begun:%Y%m%dT%H%M%SZ}"
    pt = ListedThroughput(
        arn=pt_arn(number),
        name=f"{decision}-{number:04x}",
        model_arn=f"arn:aws:bedrock:us-east-1::foundation-model/{PT_MODEL}",
        model_units=1,
        status=Status.IN_SERVICE,
        commitment=Commitment.NONE,
        created_at=begun,
        committed_until=None,
        deployment="test",
        target="chat",
        decision_id=decision,
    )
    return replace(pt, **overrides)
