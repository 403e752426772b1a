"""From inventory and ledger to the fleet: what is ours, what is open, what it has cost."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bedrock_autoscaler.application.ports.bedrock import Inventory, ListedThroughput
from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.application.purchasing.accounting import (
    booked_spend,
    purchases_since,
    releases_since,
    rest_of,
    units_released_since,
)
from bedrock_autoscaler.application.purchasing.identifying import came_of, is_same_model
from bedrock_autoscaler.domain.fleet.holdings import Fleet, Ownership, ProvisionedThroughput, Status
from bedrock_autoscaler.domain.fleet.intent import HOLDING_STATES, PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.target import Target

GRACE = timedelta(minutes=25)
"""Until then absence proves nothing: a request may take effect 10 minutes after it was sent,
and lists and tags may lag by 15."""

_GONE = frozenset({PurchaseState.RELEASED, PurchaseState.LOST})
_STANDING = frozenset(
    {PurchaseState.BOUGHT, PurchaseState.IN_SERVICE, PurchaseState.FAILED},
)
_STATUS = {
    PurchaseState.BOUGHT: Status.CREATING,
    PurchaseState.IN_SERVICE: Status.IN_SERVICE,
    PurchaseState.FAILED: Status.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a fleet is made of.

    Attributes:
        inventory: None when not even the first page could be read.
        deployment: value of our owner tag.
        neighbours: names of all targets in force, whose PTs are left to them.
    """

    inventory: Inventory | None
    deployment: str
    neighbours: frozenset[str]
    now: datetime

    def fleet(self, target: Target, state: LedgerState) -> Fleet:
        """The fleet of one target.

        A PT is owned when its owner tag is ours and the ledger holds a purchase of this target
        with its ARN; a purchase whose tag is not there yet is believed for the grace. Any other
        PT of the target's model is unmanaged. Where the inventory has gaps the ledger fills in
        what was bought, so that nothing is bought twice.
        """
        known = () if self.inventory is None else self.inventory.throughputs
        listed = [self._owned(pt, state) or self._unmanaged(pt, target, state) for pt in known]
        found = [pt for pt in listed if pt is not None]
        found += self._unlisted(state, {pt.arn for pt in known})
        rest = rest_of(state.purchases, target)
        changes = [i.in_service_since or i.recorded_at for i in state.purchases]
        billing = target.thresholds.sizing.billing_period
        lead = target.thresholds.draining.lead(target.thresholds.observing.settling_minutes)
        return Fleet(
            throughputs=tuple(sorted(found, key=lambda pt: (pt.created_at, pt.arn))),
            complete=self.inventory is not None and self.inventory.complete,
            open_purchase_units=sum(i.model_units for i in state.open_purchases),
            last_grow_at=max(changes, default=None),
            last_release_at=max((i.recorded_at for i in state.releases), default=None),
            purchases_last_day=purchases_since(state.purchases, self.now),
            releases_last_day=releases_since(state.releases, self.now),
            spend=booked_spend(state.purchases, self.now, billing),
            version=state.record.version,
            released_last_hour=units_released_since(
                state.releases, state.purchases, self.now, billing, leaves_at=self.now + lead
            ),
            rests_until=rest[0] if rest else None,
            rests_because=rest[1] if rest else "",
            tripped_by=state.record.tripped_by if state.record.tripped_at else "",
            strays=tuple(sorted(pt.arn for pt in known if self._is_stray(pt, target, state))),
            uses_unmanaged=target.provisioned is not None and target.provisioned.use_unmanaged,
        )

    def _owned(self, pt: ListedThroughput, state: LedgerState) -> ProvisionedThroughput | None:
        intent = state.purchase_of(pt.arn)
        if intent is None or intent.state in _GONE:
            return None
        if pt.deployment != self.deployment and not _may_lack_tags(pt, self.now):
            return None
        return _throughput(pt, intent, state)

    def _unmanaged(
        self, pt: ListedThroughput, target: Target, state: LedgerState
    ) -> ProvisionedThroughput | None:
        if not self._concerns(pt, target) or self._is_counted(pt, state):
            return None
        return _throughput(pt, None, state)

    def _concerns(self, pt: ListedThroughput, target: Target) -> bool:
        """Whether a PT that is not owned counts against this target."""
        if pt.deployment == self.deployment and pt.target in self.neighbours:
            return pt.target == target.name
        return target.provisioned is not None and is_same_model(
            pt.model_arn, target.provisioned.model_id
        )

    def _is_stray(self, pt: ListedThroughput, target: Target, state: LedgerState) -> bool:
        """Whether it carries our tag though no record explains it: the ledger lacks something."""
        return (
            pt.deployment == self.deployment
            and self._concerns(pt, target)
            and all(pt.arn != i.arn and pt.decision_id != i.decision_id for i in state.purchases)
        )

    def _is_counted(self, pt: ListedThroughput, state: LedgerState) -> bool:
        """Whether the PT is represented already, or is only a late shadow of a deleted one."""
        intent = state.purchase_of(pt.arn)
        if intent is not None and is_shadow(intent, self.now):
            return True
        return any(came_of(pt, i, self.deployment) for i in state.open_purchases)

    def _unlisted(self, state: LedgerState, listed: set[str]) -> list[ProvisionedThroughput]:
        """Purchases that the inventory does not show though they may well exist."""
        complete = self.inventory is not None and self.inventory.complete
        found = []
        for intent in state.purchases:
            if intent.arn is None or intent.arn in listed or intent.state not in _STANDING:
                continue
            may_lag = self.now - intent.recorded_at < GRACE
            if not complete or may_lag:
                found.append(_remembered(intent, intent.arn, state))
        return found


def untagged(
    inventory: Inventory | None, purchases: Iterable[PurchaseIntent], now: datetime
) -> frozenset[str]:
    """ARNs of which only the ledger tells that they are of a target of ours, whichever it is.

    Until the tags of a new PT show, and while lists still show a deleted one, a survey counts it as
    a stranger's for each target of its model: that buys too little, never too much.
    """
    listed = {pt.arn: pt for pt in inventory.throughputs} if inventory else {}
    found = ((listed.get(intent.arn or ""), intent) for intent in purchases)
    return frozenset(
        pt.arn
        for pt, intent in found
        if pt is not None
        and (is_shadow(intent, now) or (intent.state in HOLDING_STATES and _may_lack_tags(pt, now)))
    )


def set_apart(fleet: Fleet, untagged: Container[str]) -> Fleet:
    """The fleet of one target without what `untagged` tells to be another's of ours."""
    return replace(
        fleet,
        throughputs=tuple(
            pt
            for pt in fleet.throughputs
            if pt.ownership is Ownership.OWNED or pt.arn not in untagged
        ),
    )


def _may_lack_tags(pt: ListedThroughput, now: datetime) -> bool:
    """Whether it has no tags, and is so young that they may not show yet."""
    return pt.deployment is None and now - pt.created_at < GRACE


def is_shadow(intent: PurchaseIntent, now: datetime) -> bool:
    """Whether a list may still show its PT though we deleted it.

    One that was called lost and is listed was not gone: it lost its tags, say.
    """
    if intent.state is not PurchaseState.RELEASED or intent.ended_at is None:
        return False
    return now - intent.ended_at < GRACE


def _throughput(
    pt: ListedThroughput, intent: PurchaseIntent | None, state: LedgerState
) -> ProvisionedThroughput:
    """A listed PT; unmanaged where no purchase of ours goes with it."""
    return ProvisionedThroughput(
        arn=pt.arn,
        name=pt.name,
        model_id=intent.model_id if intent else pt.model_arn.rsplit("/", maxsplit=1)[-1],
        model_units=pt.model_units,
        status=pt.status,
        ownership=Ownership.OWNED if intent else Ownership.UNMANAGED,
        commitment=pt.commitment,
        created_at=pt.created_at,
        in_service_since=intent.in_service_since if intent else None,
        draining=_is_draining(pt.arn, state),
        committed_until=pt.committed_until,
        decision_id=intent.decision_id if intent else None,
    )


def _remembered(intent: PurchaseIntent, arn: str, state: LedgerState) -> ProvisionedThroughput:
    return ProvisionedThroughput(
        arn=arn,
        name=intent.name,
        model_id=intent.model_id,
        model_units=intent.model_units,
        status=_STATUS[intent.state],
        ownership=Ownership.OWNED,
        commitment=intent.commitment,
        created_at=intent.billed_from or intent.recorded_at,
        in_service_since=intent.in_service_since,
        draining=_is_draining(arn, state),
        committed_until=None,
        decision_id=intent.decision_id,
    )


def _is_draining(arn: str, state: LedgerState) -> bool:
    return any(release.arn == arn for release in state.open_releases)
