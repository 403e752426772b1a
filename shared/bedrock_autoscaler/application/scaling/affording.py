"""Whether an endpoint may cost more: whatever else is paid for under the same caps counts."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.stacking import StackView, StackWatch
from bedrock_autoscaler.application.observing.surveying import Survey
from bedrock_autoscaler.application.ports.bedrock import Capacity, Inventory
from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.application.purchasing.admitting import (
    dollars_problem,
    spend_problem,
    units_usd,
)
from bedrock_autoscaler.application.purchasing.capping import (
    account_dollars_problem,
    stack_dollars_problem,
)
from bedrock_autoscaler.domain.economics.costs import is_stale
from bedrock_autoscaler.domain.fleet.holdings import Ownership
from bedrock_autoscaler.domain.option import InstanceRails
from bedrock_autoscaler.domain.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Affording:
    """The caps on dollars as one endpoint of a target meets them.

    Attributes:
        stack: all targets with their units and endpoints.
        now: the present moment.
    """

    stack: StackWatch
    capacity: Capacity
    target: Target
    now: datetime

    def problem(self, rails: InstanceRails, more: int, *, is_recorded: bool) -> str | None:
        """Which cap so many more instances would cross, or what is not known; None when it fits.

        Asked before the intent is written, and again once it stands in the ledger: a purchase that
        was reserved in between is seen then.

        Args:
            rails: of the endpoint.
            more: instances to come.
            is_recorded: the ledger has them, so that they are among what the endpoint costs an
                hour; their first hour is still to be paid.
        """
        most = self.target.thresholds.gating.max_price_age_days
        if is_stale(rails.as_of, self.now.date(), most):
            return f"the price of an instance is of {rails.as_of}, which is too old"
        first = rails.usd_per_instance_hour * more
        try:
            return self._crossed(
                self.capacity.inventory(), Decimal(0) if is_recorded else first, first
            )
        except ObservationError as error:
            return f"what is paid for beside it is not known: {error}"

    def _crossed(self, inventory: Inventory, added: Decimal, first: Decimal) -> str | None:
        """Which cap so many dollars more an hour would cross, so many of them paid at once."""
        if not inventory.complete:
            return "what is paid for beside it is not known: the list of throughputs broke off"
        target = self.target
        state = self.stack.fleets.state_of(target.name)
        view = self.stack.view(inventory, self.now, {target.name: state.purchases})
        others = self._others(inventory, view, state)
        price = target.provisioned.price if target.provisioned else None
        if (others and price is None) or (view.foreign_units and not view.foreign_usd_per_hour):
            return "what others' provisioned throughputs cost is not known"
        beside = view.endpoints.of_target(target.name)
        units = units_usd(state.record, others, price.usd_per_hour if price else Decimal(0))
        return (
            dollars_problem(target, units + beside.usd_per_hour + added)
            or spend_problem(target, state.purchases, self.now, first, beside=beside.spend)
            or stack_dollars_problem(view, added, first)
            or account_dollars_problem(view, added, target.account)
        )

    def _others(self, inventory: Inventory, view: StackView, state: LedgerState) -> int:
        """Units that count against the target and are not ours."""
        survey = Survey(
            inventory=inventory,
            deployment=self.stack.deployment,
            neighbours=frozenset(target.name for target in self.stack.targets),
            now=self.now,
        )
        return sum(
            pt.model_units
            for pt in view.among(survey.fleet(self.target, state)).throughputs
            if pt.ownership is Ownership.UNMANAGED
        )
