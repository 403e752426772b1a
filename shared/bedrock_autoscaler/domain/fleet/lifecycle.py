"""The life of a provisioned throughput, from the intent to its end, as one state machine.

The ledger keeps two records of it, the purchase and the release; the table of routes and Bedrock's
own status say the rest. `life_of` puts them together, `stepped` refuses a step that no life takes.
docs/lifecycle.md draws it.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bedrock_autoscaler.domain.fleet.intent import (
    OPEN_RELEASES,
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
)

STUCK_AFTER = timedelta(minutes=60)
"""A PT that is still being created by then needs a person; it is paid for all the while."""

RUN_LASTS = timedelta(minutes=1)
"""No run lasts longer: what it recorded and has no answer must from then on be taken as sent."""


class Life(StrEnum):
    """Where a PT stands, in the order in which it lives."""

    INTENT = "intent"
    REQUESTED = "requested"
    CREATING = "creating"
    IN_SERVICE = "in_service"
    ROUTED = "routed"
    DRAINING = "draining"
    RELEASED = "released"
    FAILED = "failed"
    STUCK = "stuck"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    LOST = "lost"
    FOREIGN = "foreign"


class Refusal(StrEnum):
    """Why Bedrock said no, as far as its code tells; `not_sent`: we stopped before the call."""

    QUOTA = "quota"
    LEGACY = "legacy"
    POLICY = "policy"
    CAPACITY = "capacity"
    NOT_SENT = "not_sent"
    OTHER = "other"


STEPS: dict[PurchaseState, frozenset[PurchaseState]] = {
    PurchaseState.RECORDED: frozenset(
        {PurchaseState.BOUGHT, PurchaseState.REFUSED, PurchaseState.ABANDONED}
    ),
    PurchaseState.BOUGHT: frozenset(
        {PurchaseState.IN_SERVICE, PurchaseState.FAILED, PurchaseState.LOST}
    ),
    PurchaseState.IN_SERVICE: frozenset({PurchaseState.RELEASED, PurchaseState.LOST}),
    PurchaseState.FAILED: frozenset({PurchaseState.RELEASED, PurchaseState.LOST}),
    PurchaseState.ABANDONED: frozenset({PurchaseState.BOUGHT}),
    PurchaseState.LOST: frozenset({PurchaseState.BOUGHT}),
    PurchaseState.REFUSED: frozenset(),
    PurchaseState.RELEASED: frozenset(),
}
"""What may follow each kept state. A PT that was given up or lost and turns up is taken back."""

_REFUSALS = {
    "ServiceQuotaExceededException": Refusal.QUOTA,
    "AccessDeniedException": Refusal.POLICY,
    "ValidationException": Refusal.LEGACY,
    "ResourceNotFoundException": Refusal.LEGACY,
    "ConflictException": Refusal.CAPACITY,
    Refusal.NOT_SENT.value: Refusal.NOT_SENT,
}
_KEPT = {
    PurchaseState.RECORDED: Life.REQUESTED,
    PurchaseState.BOUGHT: Life.CREATING,
    PurchaseState.IN_SERVICE: Life.IN_SERVICE,
    PurchaseState.FAILED: Life.FAILED,
    PurchaseState.REFUSED: Life.REFUSED,
    PurchaseState.ABANDONED: Life.ABANDONED,
    PurchaseState.LOST: Life.LOST,
    PurchaseState.RELEASED: Life.RELEASED,
}


def stepped(intent: PurchaseIntent, state: PurchaseState, **changes: Any) -> PurchaseIntent:  # noqa: ANN401 - members of the intent, which replace checks
    """The intent one step on, with its next version.

    Raises:
        ValueError: no life takes this step.
    """
    if state not in STEPS[intent.state]:
        raise ValueError(
            f"purchase {intent.decision_id} cannot go from {intent.state.value} to {state.value}"
        )
    return replace(intent, state=state, version=intent.version + 1, **changes)


def life_of(
    purchase: PurchaseIntent | None,
    releases: tuple[ReleaseIntent, ...],
    *,
    is_routed: bool,
    now: datetime,
) -> Life:
    """Where one PT stands.

    Args:
        purchase: the intent that brought it; None when the ledger has none: it is foreign.
        releases: the target's release intents.
        is_routed: whether the table in force names it.
        now: the present moment.
    """
    if purchase is None:
        return Life.FOREIGN
    life = _KEPT[purchase.state]
    if life is Life.REQUESTED and now - purchase.recorded_at < RUN_LASTS:
        return Life.INTENT
    if life is Life.CREATING and now - purchase.recorded_at >= STUCK_AFTER:
        return Life.STUCK
    if life is Life.IN_SERVICE:
        if any(r.arn == purchase.arn and r.state in OPEN_RELEASES for r in releases):
            return Life.DRAINING
        return Life.ROUTED if is_routed else Life.IN_SERVICE
    return life


def refusal_of(detail: str) -> Refusal:
    """The kind of a refusal from the detail that the ledger keeps, which begins with its code."""
    return _REFUSALS.get(detail.split(":", maxsplit=1)[0], Refusal.OTHER)
