"""One purchase that nothing speaks against: reserve and record it, call, record what came of it."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ObservationError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.observing.stacking import StackView, StackWatch
from bedrock_autoscaler.application.ports.bedrock import Purchasing
from bedrock_autoscaler.application.ports.ledger import Fleets
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.application.ports.settings import Switch
from bedrock_autoscaler.application.purchasing.breaking import breaker_problem
from bedrock_autoscaler.application.scaling.spending import EndpointCosts
from bedrock_autoscaler.application.ticking import Deadline, has_time
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.fleet.lifecycle import Refusal, refusal_of, stepped
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.units import units_text

_NAME_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Buying:
    """Buys for one target in one pass.

    Attributes:
        stack: all targets together, whose endpoints are looked at again.
    """

    fleets: Fleets
    purchasing: Purchasing
    reporter: Reporter
    switch: Switch
    target: Target
    stack: StackWatch
    now: datetime
    deadline: Deadline

    def stop(self) -> str | None:
        """What forbids a call right now; read afresh each time, the time last: reads take some."""
        if not self.switch.allows_action(self.target.name):
            return "the switch does not permit action"
        if not has_time(self.deadline):
            return "too little time is left for the call and its record"
        return None

    def buy(
        self, intent: PurchaseIntent, record: FleetRecord, unmanaged: int, view: StackView
    ) -> str:
        """Record and reserve, look once more, call, record what came of it.

        Args:
            intent: the purchase.
            record: what is reserved, as it was looked at.
            unmanaged: units that others hold.
            view: what all targets hold and cost, as it was looked at.

        Returns:
            The outcome, in words.
        """
        rails = self.target.guard_rails
        beside = view.endpoints.of_target(self.target.name).usd_per_hour
        self.fleets.begin_purchase(
            intent,
            fleet=record,
            unmanaged_units=unmanaged,
            max_units=rails.max_units,
            max_usd_per_hour=rails.max_usd_per_hour - beside,
            stack=view.room,
        )
        stop = self._grown(view.endpoints) or self._tripped() or self.stop()
        if stop:
            return self._refuse(intent, f"{Refusal.NOT_SENT.value}: {stop}")
        try:
            arn = self.purchasing.buy(intent)
        except CapacityUnavailableError as error:
            text = (
                f"a purchase of {units_text(intent.model_units)} of {intent.model_id} was "
                f"refused: {error}"
            )
            self.reporter.alarm("purchase_refused", self.target.name, text)
            return self._refuse(intent, error.code)
        except UnknownOutcomeError as error:
            self._report("purchase_unresolved", intent, reason=str(error))
            return "purchase unresolved"
        bought = stepped(intent, PurchaseState.BOUGHT, arn=arn)
        self.fleets.update_purchase(intent, bought)
        self._report("purchase_bought", intent, arn=arn)
        return f"bought {intent.model_units}"

    def _grown(self, counted: EndpointCosts) -> str | None:
        """Whether an endpoint began to grow while the units were reserved.

        Its actor writes before it looks, as this one has: one of the two sees the other.
        """
        try:
            return self.stack.endpoint_costs(self.now).grown_since(counted)
        except ObservationError as error:
            return f"what endpoints cost could not be read again: {error}"

    def _tripped(self) -> str | None:
        """Whether the breaker tripped while the units were reserved."""
        try:
            return breaker_problem(self.fleets.record_of(self.target.name))
        except ObservationError as error:
            return f"the breaker could not be read again: {error}"

    def _refuse(self, intent: PurchaseIntent, detail: str) -> str:
        """Nothing was bought for sure: give the reservation back."""
        refused = stepped(intent, PurchaseState.REFUSED, ended_at=self.now, detail=detail)
        self.fleets.update_purchase(intent, refused)
        cause = refusal_of(detail).value
        self._report("purchase_refused", intent, reason=detail, cause=cause)
        return "purchase refused"

    def _report(self, event: str, intent: PurchaseIntent, **fields: str) -> None:
        self.reporter.happened(
            event,
            self.target.name,
            decision_id=intent.decision_id,
            units=intent.model_units,
            usd_per_hour=float(intent.usd_per_hour),
            **fields,
        )


def intent_of(
    decision_id: str, wanted: Purchase, target: Target, *, deployment: str, now: datetime
) -> PurchaseIntent:
    """The intent of a purchase; its token and name derive from deployment and decision alone."""
    token = sha256(f"{deployment}/{decision_id}".encode()).hexdigest()
    return PurchaseIntent(
        decision_id=decision_id,
        target=target.name,
        token=token,
        name=f"{decision_id}-{token[:_NAME_DIGITS]}",
        model_id=wanted.model_id,
        model_units=wanted.model_units,
        commitment=wanted.commitment,
        usd_per_hour=wanted.usd_per_hour,
        state=PurchaseState.RECORDED,
        recorded_at=now,
        arn=None,
        billed_from=None,
        in_service_since=None,
        ended_at=None,
        detail="",
        version=1,
        consent_id=wanted.consent_id,
    )
