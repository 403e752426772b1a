"""Intents: each change to the fleet is written ahead, before the call that makes it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from bedrock_autoscaler.domain.target import Commitment


class PurchaseState(StrEnum):
    """What the ledger keeps of a purchase; the whole life: `domain.fleet.lifecycle`.

    In the one open state, `recorded`, the call may or may not have taken effect.
    """

    RECORDED = "recorded"
    BOUGHT = "bought"
    IN_SERVICE = "in_service"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    FAILED = "failed"
    LOST = "lost"
    RELEASED = "released"


HOLDING_STATES = frozenset(
    {PurchaseState.RECORDED, PurchaseState.BOUGHT, PurchaseState.IN_SERVICE, PurchaseState.FAILED},
)
"""States whose units stay reserved against the caps."""


class ReleaseState(StrEnum):
    """Life of a release: withdrawn -> deleting -> deleted, or cancelled.

    Cancelled before its Delete, or once a Delete that was sent can have no effect any more.
    """

    WITHDRAWN = "withdrawn"
    DELETING = "deleting"
    DELETED = "deleted"
    CANCELLED = "cancelled"


OPEN_RELEASES = frozenset({ReleaseState.WITHDRAWN, ReleaseState.DELETING})


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseIntent:
    """One purchase, from before its call to the end of its PT.

    Attributes:
        decision_id: the capacity decision; at most one intent exists for it.
        token: the `clientRequestToken`, stored before the call.
        name: the PT's name, stored likewise.
        recorded_at: when the intent was written; billing cannot have begun earlier.
        arn: None until the purchase is known to exist.
        billed_from: PT creation time as Bedrock reports it; None before.
        ended_at: when its units stopped being held; None while they are.
        detail: a refusal's code and subject, or what the repair found.
        version: for conditional writes; rises with each change.
        consent_id: the consent that a commitment uses up; None without one.
        adopted_by: the person who gave the PT to the target; None where a decision bought it.
    """

    decision_id: str
    target: str
    token: str
    name: str
    model_id: str
    model_units: int
    commitment: Commitment
    usd_per_hour: Decimal
    state: PurchaseState
    recorded_at: datetime
    arn: str | None
    billed_from: datetime | None
    in_service_since: datetime | None
    ended_at: datetime | None
    detail: str
    version: int
    consent_id: str | None = None
    adopted_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseIntent:
    """One release, from the withdrawal of the route to the confirmed deletion.

    Attributes:
        decision_id: the capacity decision that asked for it.
        withdrawn_version: newest published table that is known to leave the PT out; None before.
        withdrawn_at: since when all tables have left it out without a break.
        delete_sent_at: when its newest Delete was about to be sent; None before.
    """

    decision_id: str
    target: str
    arn: str
    model_units: int
    state: ReleaseState
    recorded_at: datetime
    withdrawn_version: int | None
    withdrawn_at: datetime | None
    ended_at: datetime | None
    detail: str
    version: int
    delete_sent_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRecord:
    """What the ledger reserves for one target; the fence of every change.

    Attributes:
        reserved_units, reserved_usd_per_hour: over intents in a holding state.
        version: rises with each change; a decision's snapshot names it.
        tripped_at: when the breaker tripped; None while it has not, and after a person reset it.
        tripped_by: what tripped it.
    """

    target: str
    reserved_units: int
    reserved_usd_per_hour: Decimal
    version: int
    tripped_at: datetime | None = None
    tripped_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """What the ledger reserves over all targets of the stack, in force or not.

    Attributes:
        targets: every name that ever reserved anything, sorted.
        version: rises with each reservation; the fence between purchases of different targets.
    """

    reserved_units: int
    reserved_usd_per_hour: Decimal
    targets: tuple[str, ...]
    version: int
