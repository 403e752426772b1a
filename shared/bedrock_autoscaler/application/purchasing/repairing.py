"""What came of each purchase: looked up, adopted, watched into service, or given up.

A purchase is never sent again on a later tick. The token's lifetime is not published, so the only
way to learn what came of a call without an answer is to look for what it would have created.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.surveying import GRACE
from bedrock_autoscaler.application.ports.bedrock import ListedThroughput, Purchasing
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.ledger import Fleets
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.application.purchasing.accounting import cost_so_far
from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.fleet.holdings import Fleet, Ownership, Status
from bedrock_autoscaler.domain.fleet.intent import (
    PurchaseIntent,
    PurchaseState,
    ReleaseState,
)
from bedrock_autoscaler.domain.fleet.lifecycle import STUCK_AFTER, stepped
from bedrock_autoscaler.domain.target import Target

_STANDING = frozenset({PurchaseState.IN_SERVICE, PurchaseState.FAILED})
_GIVEN_UP = frozenset({PurchaseState.ABANDONED, PurchaseState.LOST})
_SENT = frozenset({ReleaseState.DELETING, ReleaseState.DELETED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """Settles the purchases of one target in one tick; sends nothing to Bedrock but questions."""

    fleets: Fleets
    purchasing: Purchasing
    reporter: Reporter
    target: Target
    now: datetime

    def settle(
        self, purchases: tuple[PurchaseIntent, ...], latest: RecordedDecision | None
    ) -> tuple[str, ...]:
        """One outcome for each purchase that changed or has no answer yet.

        Args:
            purchases: all of the target's intents.
            latest: the newest capacity decision, whose fleet shows what is gone or turned up.

        Raises:
            ObservationError: nobody can tell what became of one; the others are settled.
        """
        situation = latest.situation if latest else None
        outcomes, unseen = list[str](), None
        for intent in purchases:
            try:
                outcome = self._settle(intent, situation)
            except ObservationError as error:
                unseen = error
                continue
            if outcome is not None:
                outcomes.append(outcome)
        if unseen is not None:
            raise unseen
        return tuple(outcomes)

    def _settle(self, intent: PurchaseIntent, situation: Situation | None) -> str | None:
        if intent.state is PurchaseState.RECORDED:
            return self._resolve(intent)
        if intent.state is PurchaseState.BOUGHT:
            return self._watch(intent)
        if situation is None:
            return None
        if intent.state in _STANDING:
            if _is_missing(intent, situation):
                return self._verify(intent)
            return self._verify_young(intent)
        if intent.state in _GIVEN_UP:
            return self._adopt_late(intent, situation.fleet)
        return None

    def _resolve(self, intent: PurchaseIntent) -> str:
        """Look for the PT of a call without an answer."""
        is_overdue = self.now - intent.recorded_at >= GRACE
        try:
            found = self.purchasing.find(intent)
        except ObservationError as error:
            self._unseen("purchase_unresolved", intent, error, is_overdue=is_overdue)
            return "purchase unresolved"
        if found is not None:
            return self._adopt(intent, found, "found by its name and tags")
        if not is_overdue:
            return "purchase unresolved"
        minutes = GRACE // timedelta(minutes=1)
        detail = f"absent {minutes} minutes after it was recorded"
        self._alarm("purchase_abandoned", intent, detail)
        abandoned = stepped(intent, PurchaseState.ABANDONED, ended_at=self.now, detail=detail)
        return self._update(intent, abandoned)

    def _watch(self, intent: PurchaseIntent) -> str | None:
        """Follow a PT that is being created; its tags may lag, so that it cannot be told yet."""
        is_overdue = self.now - intent.recorded_at >= GRACE
        try:
            found = self.purchasing.find(intent)
        except ObservationError as error:
            self._unseen("purchase_unwatched", intent, error, is_overdue=is_overdue)
            return None
        if found is None:
            return self._lose(intent) if is_overdue else None
        if found.status is Status.IN_SERVICE:
            in_service = stepped(
                intent,
                PurchaseState.IN_SERVICE,
                billed_from=found.created_at,
                in_service_since=self.now,
            )
            return self._update(intent, in_service)
        if found.status is Status.FAILED:
            self._alarm("pt_failed", intent, f"{found.arn} failed, {self._cost(intent)}")
            failed = stepped(intent, PurchaseState.FAILED, billed_from=found.created_at)
            return self._update(intent, failed)
        if self.now - intent.recorded_at >= STUCK_AFTER:
            text = f"{found.arn} is still {found.status.value}, {self._cost(intent)}"
            self._alarm("pt_stuck", intent, text)
        return None

    def _verify(self, intent: PurchaseIntent) -> str | None:
        """A PT that the inventory does not show as ours: lost, unless a Delete of ours took it.

        One may have gone out while it was looked up: that was written before.
        """
        if intent.arn in self._deleted_by_us() or self.purchasing.find(intent) is not None:
            return None
        return None if intent.arn in self._deleted_by_us() else self._lose(intent)

    def _verify_young(self, intent: PurchaseIntent) -> str | None:
        """The same while it is in the fleet whatever lists show: Get knows at once that it is gone.

        What cannot be read now says nothing; absence from lists tells after the grace.
        """
        if self.now - intent.recorded_at >= GRACE:
            return None
        try:
            return self._verify(intent)
        except ObservationError:
            return None

    def _adopt_late(self, intent: PurchaseIntent, fleet: Fleet) -> str | None:
        """A PT that turned up after its purchase was given up is ours, and costs money.

        Not one whose tags give it to another target: it may be adopted there.
        """
        strangers = (pt for pt in fleet.throughputs if pt.ownership is Ownership.UNMANAGED)
        if not any(pt.name == intent.name or pt.arn == intent.arn for pt in strangers):
            return None
        found = self.purchasing.find(intent)
        if found is None or found.target != self.target.name:
            return None
        self._alarm("purchase_late", intent, f"{found.arn} turned up after it was given up")
        return self._adopt(intent, found, f"turned up after it was {intent.state.value}")

    def _adopt(self, intent: PurchaseIntent, found: ListedThroughput, how: str) -> str:
        bought = stepped(
            intent,
            PurchaseState.BOUGHT,
            arn=found.arn,
            billed_from=found.created_at,
            ended_at=None,
            detail=how,
        )
        return self._update(intent, bought)

    def _lose(self, intent: PurchaseIntent) -> str:
        text = f"{intent.arn} is gone, or not tagged as ours any more, and not by a release of ours"
        self._alarm("pt_lost", intent, text)
        return self._update(intent, stepped(intent, PurchaseState.LOST, ended_at=self.now))

    def _deleted_by_us(self) -> frozenset[str]:
        """What a Delete of ours took or may have; it may have ended since the purchase was read."""
        releases = self.fleets.releases(self.target.name)
        return frozenset(r.arn for r in releases if r.state in _SENT)

    def _update(self, intent: PurchaseIntent, after: PurchaseIntent) -> str:
        """Record what came of it."""
        self.fleets.update_purchase(intent, after)
        self.reporter.happened(
            "purchase_settled",
            self.target.name,
            decision_id=after.decision_id,
            state=after.state.value,
            arn=after.arn or "",
            units=after.model_units,
            detail=after.detail,
        )
        return f"purchase {after.state.value}"

    def _unseen(
        self, event: str, intent: PurchaseIntent, error: ObservationError, *, is_overdue: bool
    ) -> None:
        """Say why a PT could not be looked up; it takes a person only once that lasts."""
        if is_overdue:
            self._alarm(event, intent, f"cannot be looked up: {error}")
        else:
            self.reporter.happened(
                event, self.target.name, decision_id=intent.decision_id, reason=str(error)
            )

    def _alarm(self, alarm: str, intent: PurchaseIntent, text: str) -> None:
        self.reporter.alarm(alarm, self.target.name, f"purchase {intent.decision_id}: {text}")

    def _cost(self, intent: PurchaseIntent) -> str:
        billing = self.target.thresholds.sizing.billing_period
        return f"{cost_so_far(intent, self.now, billing)} USD are booked for it so far"


def _is_missing(intent: PurchaseIntent, situation: Situation) -> bool:
    """Whether the PT stood already but was not ours in the fleet; gaps of an inventory are filled.

    One that carries other tags, or none, is there as unmanaged.
    """
    stood = (intent.in_service_since or intent.recorded_at) <= situation.scheduled_at
    return stood and all(pt.arn != intent.arn for pt in situation.fleet.owned)
