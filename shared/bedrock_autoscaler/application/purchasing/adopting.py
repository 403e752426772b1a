"""A person gives a provisioned throughput a purchase in the ledger, after that was lost."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256

from bedrock_autoscaler.application.errors import ConfigurationError, StaleDecisionError
from bedrock_autoscaler.application.ports.bedrock import ListedThroughput, Releasing
from bedrock_autoscaler.application.ports.ledger import Fleets, StackRoom
from bedrock_autoscaler.application.purchasing.identifying import is_same_model
from bedrock_autoscaler.domain.fleet.intent import (
    HOLDING_STATES,
    PurchaseIntent,
    PurchaseState,
)
from bedrock_autoscaler.domain.fleet.lifecycle import STEPS, stepped
from bedrock_autoscaler.domain.routing.addresses import bare_id
from bedrock_autoscaler.domain.target import ProvisionedOption, Target
from bedrock_autoscaler.domain.units import compact, units_text, usd

_ANY_UNITS = 1_000_000
_ANY_USD = Decimal(10**12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """Links throughputs to targets; whoever runs it needs write access to the ledger.

    Attributes:
        deployment: value of the owner tag.
    """

    fleets: Fleets
    releasing: Releasing
    deployment: str
    now: datetime

    def plan(self, arn: str, target: Target, by: str) -> PurchaseIntent:
        """What would be recorded; nothing is written.

        The caps do not matter: the throughput exists and is counted anyway. It is from then on
        released like any other, so the tags must already say whose it is. What the ledger says of
        it otherwise must allow the step.

        Raises:
            ConfigurationError: it cannot be adopted, and why.
        """
        pt = self.releasing.get(arn)
        if pt is None:
            raise ConfigurationError(f"{arn} does not exist in this account and Region")
        bought = self._checked(pt, target)
        self._require_free(pt.arn, target.name, pt.decision_id)
        known = self._known(pt, target)
        detail = f"adopted by {by}"
        if known is not None:
            return stepped(
                known,
                PurchaseState.BOUGHT,
                arn=pt.arn,
                billed_from=pt.created_at,
                ended_at=None,
                detail=detail,
                adopted_by=by,
            )
        decision_id = pt.decision_id or self._own_id(pt, target)
        return PurchaseIntent(
            decision_id=decision_id,
            target=target.name,
            token=sha256(f"{self.deployment}/{decision_id}".encode()).hexdigest(),
            name=pt.name,
            model_id=bought.model_id,
            model_units=pt.model_units,
            commitment=pt.commitment,
            usd_per_hour=_price(bought, pt),
            state=PurchaseState.BOUGHT,
            recorded_at=pt.created_at,
            arn=pt.arn,
            billed_from=pt.created_at,
            in_service_since=None,
            ended_at=None,
            detail=detail,
            version=1,
            adopted_by=by,
        )

    def record(self, planned: PurchaseIntent) -> None:
        """Write what was planned, on the condition that nothing holds it meanwhile.

        Raises:
            StaleDecisionError: its purchase moved, or the sums over all targets; plan again.
            ConfigurationError: another purchase took it, while the person thought it over.
        """
        own = planned.decision_id
        # Whatever another target begins to hold after this look moves the sums.
        seen = StackRoom(
            seen=self.fleets.account(), max_units=_ANY_UNITS, max_usd_per_hour=_ANY_USD
        )
        self._require_free(planned.arn, planned.target, own, own=own)
        before = self._by_decision(planned)
        if before is not None:
            if before.version + 1 != planned.version:
                raise StaleDecisionError(f"{planned.decision_id} has moved meanwhile; plan again")
            self.fleets.update_purchase(before, planned, stack=seen)
            return
        self.fleets.begin_purchase(
            planned,
            fleet=self.fleets.record_of(planned.target),
            unmanaged_units=0,
            max_units=_ANY_UNITS,
            max_usd_per_hour=_ANY_USD,
            stack=seen,
        )

    def _checked(self, pt: ListedThroughput, target: Target) -> ProvisionedOption:
        """What the target buys, which the throughput must be."""
        if (pt.deployment, pt.target) != (self.deployment, target.name):
            raise ConfigurationError(
                f"{pt.arn} carries the tags of {pt.deployment!r} and {pt.target!r}; tag it with "
                f"{self.deployment!r} and {target.name!r} first, or leave it to its owner"
            )
        bought = target.provisioned
        if bought is None or not is_same_model(pt.model_arn, bought.model_id):
            held = bought.model_id if bought else "no provisioned throughput"
            raise ConfigurationError(f"{pt.arn} is of {pt.model_arn}, {target.name} holds {held}")
        return bought

    def _known(self, pt: ListedThroughput, target: Target) -> PurchaseIntent | None:
        """The purchase that the ledger has of it, where that may be taken up again.

        The one that had it comes before the one whose decision its tags name by now.
        """
        kept = self.fleets.purchases(target.name)
        for intent in sorted(kept, key=lambda intent: intent.arn != pt.arn):
            if intent.arn == pt.arn and PurchaseState.BOUGHT not in STEPS[intent.state]:
                raise ConfigurationError(
                    f"the ledger has {pt.arn} as {intent.state.value}, bought by "
                    f"{intent.decision_id}; there is nothing to adopt"
                )
            if intent.arn == pt.arn or intent.decision_id == pt.decision_id:
                _require_same(pt, intent)
                return intent
        return None

    def _require_free(
        self, arn: str | None, target: str, decision_id: str | None, *, own: str | None = None
    ) -> None:
        """Refuse what another purchase holds: it would be counted and routed twice.

        Args:
            arn: of the throughput.
            target: that adopts it.
            decision_id: of its tags; the open purchase of that decision will find it.
            own: decision of its own purchase; None: any of the target may be.
        """
        for name in self.fleets.account().targets:
            for intent in self.fleets.purchases(name):
                is_open = intent.state is PurchaseState.RECORDED
                brought = intent.arn == arn or (is_open and intent.decision_id == decision_id)
                is_own = name == target and own in {None, intent.decision_id}
                if brought and not is_own and intent.state in HOLDING_STATES:
                    raise ConfigurationError(
                        f"{name} holds {arn}, bought by {intent.decision_id}; there is nothing "
                        "to adopt"
                    )

    def _own_id(self, pt: ListedThroughput, target: Target) -> str:
        """An id for what no decision bought; two may have been made in the same second."""
        own = f"{target.name}-adopted-{compact(pt.created_at)}"
        for intent in self.fleets.purchases(target.name):
            if intent.decision_id == own and intent.arn != pt.arn:
                return f"{target.name}-adopted-{bare_id(pt.arn)}-{compact(pt.created_at)}"
        return own

    def _by_decision(self, planned: PurchaseIntent) -> PurchaseIntent | None:
        known = self.fleets.purchases(planned.target)
        return next((i for i in known if i.decision_id == planned.decision_id), None)


def _require_same(pt: ListedThroughput, intent: PurchaseIntent) -> None:
    """Refuse what that purchase did not bring: it would be counted as what was bought then."""
    is_other = intent.arn not in {None, pt.arn} or PurchaseState.BOUGHT not in STEPS[intent.state]
    if is_other or intent.model_units != pt.model_units:
        bought = f"{units_text(intent.model_units)} as {intent.arn or intent.name}"
        raise ConfigurationError(
            f"{pt.arn} of {units_text(pt.model_units)} carries the tag of decision "
            f"{intent.decision_id}, which asked for {bought}; take that tag away to adopt it as a "
            "purchase of its own"
        )


def _price(bought: ProvisionedOption, pt: ListedThroughput) -> Decimal:
    """Of all its units; a purchase whose price is unknown cannot be counted."""
    hourly = bought.price.under(pt.commitment) if bought.price else None
    if hourly is None:
        raise ConfigurationError(
            f"the price of {bought.model_id} under {pt.commitment.value} is not known; state it in "
            "the target's document"
        )
    return usd(hourly * pt.model_units)
