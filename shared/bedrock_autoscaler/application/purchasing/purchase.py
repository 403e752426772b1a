"""The purchase actor: settles what is open, then carries out the newest decision to buy.

The order keeps a purchase from happening twice or past a cap: look up what is open, decide on one
snapshot, reserve and record the intent in one transaction, look at the switch and the time again,
call with the stored token, record what came of it. Whatever has no answer stays open and is
looked up on the next tick. `buying` has the part from the reservation on.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self, override

from bedrock_autoscaler.application.acting import MovablePorts
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.fleets.places import Place, PlaceAdapters
from bedrock_autoscaler.application.observing.stacking import StackView, StackWatch
from bedrock_autoscaler.application.observing.surveying import Survey
from bedrock_autoscaler.application.ports.bedrock import Capacity, Endpoints, Inventory, Purchasing
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.ledger import LedgerState, Scalings
from bedrock_autoscaler.application.purchasing.admitting import (
    facts_problem,
    pace_problem,
    room_problem,
    spend_problem,
    terms_problem,
    user_of,
)
from bedrock_autoscaler.application.purchasing.breaking import breaker_problem, trip_on_runaway
from bedrock_autoscaler.application.purchasing.buying import Buying, intent_of
from bedrock_autoscaler.application.purchasing.capping import account_problem, stack_problem
from bedrock_autoscaler.application.purchasing.repairing import Repair
from bedrock_autoscaler.application.ticking import (
    Deadline,
    Summary,
    carrying_problem,
    moved_problem,
    period_of,
)
from bedrock_autoscaler.domain.consents.agreeing import consent_problem, needs_consent
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.economics.costs import period_usd
from bedrock_autoscaler.domain.fleet.holdings import Fleet, Ownership
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseIntent
from bedrock_autoscaler.domain.target import Loop, Mode, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchasePorts(MovablePorts):
    """What the purchase actor needs.

    Attributes:
        deployment: value of our owner tag.
        endpoints, scalings: what instances cost beside units; at home, wherever a target is.
    """

    capacity: Capacity
    purchasing: Purchasing
    deployment: str
    endpoints: Endpoints
    scalings: Scalings

    @override
    def moved(self, there: PlaceAdapters) -> Self:
        """The same with the parts of another place."""
        return replace(
            self, capacity=there.capacity, purchasing=there.purchasing, deployment=there.owner
        )


def purchase(scheduled_at: datetime | None, deadline: Deadline, ports: PurchasePorts) -> Summary:
    """Settle open purchases, then buy what the newest capacity decision of each target asks for.

    In mode `advise` everything is checked likewise, but nothing is reserved or bought: what would
    have been bought is reported, once for each decision. A reservation without a purchase would
    count against the caps as if it were held.

    Raises:
        TargetsFailedError: the pass of some target failed; the others are done.
        ObservationError: the settings could not be read.
    """
    tick = ports.tick(scheduled_at)
    if tick is None:
        return Summary(outcomes=())
    settings = ports.read_settings()
    stack = StackWatch.over(
        settings,
        fleets=ports.fleets,
        endpoints=ports.endpoints,
        scalings=ports.scalings,
        deployment=ports.deployment,
    )

    def visit(target: Target) -> str:
        here = ports.at(Place.of(target))
        is_home = here.deployment == stack.deployment
        watch = stack if is_home else replace(stack, deployment=here.deployment)
        buyer = _Buyer(ports=here, target=target, stack=watch, now=tick.now, deadline=deadline)
        return buyer.run()

    return ports.visit_due(settings.targets, tick, visit)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Buyer:
    """One pass for one target."""

    ports: PurchasePorts
    target: Target
    stack: StackWatch
    now: datetime
    deadline: Deadline

    def run(self) -> str:
        """Settle, then buy; a target with anything unsettled buys nothing in this tick."""
        ports, target = self.ports, self.target
        latest = ports.decisions.latest(target.name, Loop.CAPACITY)
        intents = ports.fleets.purchases(target.name)
        repair = Repair(
            fleets=ports.fleets,
            purchasing=ports.purchasing,
            reporter=ports.reporter,
            target=target,
            now=self.now,
        )
        settled = repair.settle(intents, latest)
        if settled:
            return ", ".join(settled)
        if latest is not None:
            for action in latest.decision.actions:
                if isinstance(action, Purchase):
                    return self._carry_out(action, latest, intents)
        return "nothing to buy"

    def _carry_out(
        self, wanted: Purchase, latest: RecordedDecision, intents: tuple[PurchaseIntent, ...]
    ) -> str:
        """Everything that is checked before the intent is written."""
        decision = latest.decision
        if any(intent.decision_id == decision.id for intent in intents):
            return "bought before"
        period = period_of(Loop.CAPACITY, self.target)
        problem = (
            carrying_problem(latest, self.now, period)
            or terms_problem(self.target, wanted, self.now)
            or facts_problem(self.target, wanted, latest)
            or self._consent_problem(wanted, intents)
        )
        if problem:
            return self._held(decision.id, problem)
        record = self.ports.fleets.record_of(self.target.name)
        problem = (
            moved_problem(latest, record)
            or breaker_problem(record)
            or trip_on_runaway(
                latest,
                self.target,
                record,
                intents,
                fleets=self.ports.fleets,
                reporter=self.ports.reporter,
                now=self.now,
            )
            or pace_problem(self.target, wanted, intents, self.now)
        )
        if problem:
            return self._held(decision.id, problem)
        return self._reserve(decision.id, wanted, record, intents)

    def _reserve(
        self,
        decision_id: str,
        wanted: Purchase,
        record: FleetRecord,
        intents: tuple[PurchaseIntent, ...],
    ) -> str:
        """Look at what is held, by us and by others, and reserve what fits."""
        inventory = self._inventory()
        view = self.stack.view(inventory, self.now, {self.target.name: intents})
        surveyed = view.among(self._survey(inventory, record, intents))
        foreign = (pt for pt in surveyed.throughputs if pt.ownership is Ownership.UNMANAGED)
        unmanaged = sum(pt.model_units for pt in foreign)
        beside = view.endpoints.of_target(self.target.name)
        first = period_usd(wanted.usd_per_hour, self.target.thresholds.sizing.billing_minutes)
        problem = (
            _stray_problem(surveyed)
            or room_problem(self.target, wanted, record, unmanaged, beside=beside.usd_per_hour)
            or spend_problem(self.target, intents, self.now, first, beside=beside.spend)
            or stack_problem(view, wanted, first)
            or account_problem(view, wanted, self.target.account)
        )
        if problem:
            return self._held(decision_id, problem)
        if self.target.mode is Mode.ADVISE:
            return self._advise(decision_id, wanted)
        deployment = self.ports.deployment
        intent = intent_of(decision_id, wanted, self.target, deployment=deployment, now=self.now)
        return self._buy(intent, record, unmanaged, view)

    def _consent_problem(self, wanted: Purchase, intents: tuple[PurchaseIntent, ...]) -> str | None:
        """Why nobody consented to this term, or to a purchase above the limit for approvals.

        The table of consents may have been restored to a point before a use: the ledger knows of
        it all the same.
        """
        if wanted.consent_id is None and not needs_consent(wanted, self.target):
            return None
        used_by = user_of(wanted.consent_id, intents)
        if used_by is not None:
            return f"consent {wanted.consent_id} was used by {used_by}, as the ledger has it"
        consent = self.ports.fleets.consent(wanted.consent_id or "")
        return consent_problem(consent, wanted, self.target.name, self.now)

    def _advise(self, decision_id: str, wanted: Purchase) -> str:
        if self.ports.once.is_first(decision_id):
            self.ports.reporter.happened(
                "would_buy",
                self.target.name,
                decision_id=decision_id,
                model_id=wanted.model_id,
                units=wanted.model_units,
                usd_per_hour=float(wanted.usd_per_hour),
            )
        return "would buy"

    def _buy(
        self, intent: PurchaseIntent, record: FleetRecord, unmanaged: int, view: StackView
    ) -> str:
        ports = self.ports
        buying = Buying(
            fleets=ports.fleets,
            purchasing=ports.purchasing,
            reporter=ports.reporter,
            switch=ports.switch,
            target=self.target,
            stack=self.stack,
            now=self.now,
            deadline=self.deadline,
        )
        stop = buying.stop()
        if stop:
            return self._held(intent.decision_id, stop)
        return buying.buy(intent, record, unmanaged, view)

    def _inventory(self) -> Inventory:
        """All PTs of the account: whatever others hold counts against our caps."""
        inventory = self.ports.capacity.inventory()
        if not inventory.complete:
            raise ObservationError(
                f"the list of provisioned throughputs broke off; nothing is bought for "
                f"{self.target.name}"
            )
        return inventory

    def _survey(
        self, inventory: Inventory, record: FleetRecord, intents: tuple[PurchaseIntent, ...]
    ) -> Fleet:
        survey = Survey(
            inventory=inventory,
            deployment=self.ports.deployment,
            neighbours=frozenset(target.name for target in self.stack.targets),
            now=self.now,
        )
        return survey.fleet(self.target, LedgerState(record=record, purchases=intents, releases=()))

    def _held(self, decision_id: str, reason: str) -> str:
        if self.ports.once.is_first(f"{decision_id} {reason}"):
            self.ports.reporter.happened(
                "purchase_held", self.target.name, decision_id=decision_id, reason=reason
            )
        return "purchase held"


def _stray_problem(fleet: Fleet) -> str | None:
    """Why the ledger cannot be trusted to know what is held."""
    if not fleet.strays:
        return None
    return f"{', '.join(fleet.strays)} carry our tag, but the ledger knows no purchase of them"
