"""The purchase actor: settles what is open, then carries out the newest decision to buy.

The order keeps a purchase from happening twice or past a cap: look up what is open, decide on one
snapshot, reserve and record the intent in one transaction, look at the switch and the time again,
call with the stored token, record what came of it. Whatever has no answer stays open and is
looked up on the next tick.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Self, override

from bedrock_autoscaler.application.acting import ActorPorts
from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ObservationError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.fleets.places import Place, PlaceAdapters
from bedrock_autoscaler.application.observing.stacking import (
    StackView,
    StackWatch,
    account_problem,
    stack_problem,
)
from bedrock_autoscaler.application.observing.surveying import Survey
from bedrock_autoscaler.application.ports.bedrock import Capacity, Endpoints, Inventory, Purchasing
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.ledger import LedgerState, Scalings
from bedrock_autoscaler.application.purchasing.accounting import NOT_SENT
from bedrock_autoscaler.application.purchasing.admitting import (
    facts_problem,
    pace_problem,
    room_problem,
    spend_problem,
    terms_problem,
    user_of,
)
from bedrock_autoscaler.application.purchasing.breaking import breaker_problem, trip_on_runaway
from bedrock_autoscaler.application.purchasing.repairing import Repair
from bedrock_autoscaler.application.scaling.spending import (
    EndpointCosts,
    EndpointWatch,
    bounded_endpoints,
)
from bedrock_autoscaler.application.ticking import (
    Deadline,
    Summary,
    carrying_problem,
    has_time,
    moved_problem,
    period_of,
)
from bedrock_autoscaler.domain.consents.agreeing import consent_problem, needs_consent
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.economics.costs import period_usd
from bedrock_autoscaler.domain.fleet.holdings import Fleet, Ownership
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.fleet.lifecycle import refusal_of, stepped
from bedrock_autoscaler.domain.target import Loop, Mode, Target
from bedrock_autoscaler.domain.units import MINUTE

_NAME_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchasePorts(ActorPorts):
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
    stack = StackWatch(
        fleets=ports.fleets,
        rails=settings.rails,
        targets=settings.targets,
        deployment=ports.deployment,
        running=EndpointWatch(
            endpoints=ports.endpoints,
            scalings=ports.scalings,
            bounded=bounded_endpoints(settings.targets),
        ),
    )

    def visit(target: Target) -> str:
        here = ports.at(Place.of(target))
        watch = replace(stack, deployment=here.deployment)
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
            or facts_problem(self.target, latest)
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
        surveyed = self._survey(inventory, record, intents)
        foreign = (pt for pt in surveyed.throughputs if pt.ownership is Ownership.UNMANAGED)
        unmanaged = sum(pt.model_units for pt in foreign)
        view = self.stack.view(inventory, self.now, {self.target.name: intents})
        beside = view.endpoints.of_target(self.target.name)
        billing = self.target.thresholds.sizing.billing_minutes * MINUTE
        first = period_usd(wanted.usd_per_hour, billing // MINUTE)
        problem = (
            _stray_problem(surveyed)
            or room_problem(self.target, wanted, record, unmanaged, beside=beside.usd_per_hour)
            or spend_problem(self.target, intents, self.now, first, beside=beside.spend)
            or stack_problem(view, wanted, billing)
            or account_problem(view, wanted, self.target.account)
        )
        if problem:
            return self._held(decision_id, problem)
        if self.target.mode is Mode.ADVISE:
            return self._advise(decision_id, wanted)
        intent = self._intent(decision_id, wanted)
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
        """Record and reserve, look once more, call, record what came of it."""
        stop = self._stop()
        if stop:
            return self._held(intent.decision_id, stop)
        rails = self.target.guard_rails
        beside = view.endpoints.of_target(self.target.name).usd_per_hour
        self.ports.fleets.begin_purchase(
            intent,
            fleet=record,
            unmanaged_units=unmanaged,
            max_units=rails.max_units,
            max_usd_per_hour=rails.max_usd_per_hour - beside,
            stack=view.room,
        )
        stop = self._grown(view.endpoints) or self._stop()
        if stop:
            return self._refuse(intent, f"{NOT_SENT}: {stop}")
        try:
            arn = self.ports.purchasing.buy(intent)
        except CapacityUnavailableError as error:
            text = f"{intent.model_units} units of {intent.model_id} were refused: {error}"
            self.ports.reporter.alarm("purchase_refused", self.target.name, text)
            return self._refuse(intent, error.code)
        except UnknownOutcomeError as error:
            self._report("purchase_unresolved", intent, reason=str(error))
            return "purchase unresolved"
        bought = stepped(intent, PurchaseState.BOUGHT, arn=arn)
        self.ports.fleets.update_purchase(intent, bought)
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

    def _stop(self) -> str | None:
        """What forbids a call right now; read afresh each time, the time last: reads take some."""
        if not self.ports.switch.allows_action(self.target.name):
            return "the switch does not permit action"
        if not has_time(self.deadline):
            return "too little time is left for the call and its record"
        return None

    def _refuse(self, intent: PurchaseIntent, detail: str) -> str:
        """Nothing was bought for sure: give the reservation back."""
        refused = stepped(intent, PurchaseState.REFUSED, ended_at=self.now, detail=detail)
        self.ports.fleets.update_purchase(intent, refused)
        cause = refusal_of(detail).value
        self._report("purchase_refused", intent, reason=detail, cause=cause)
        return "purchase refused"

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

    def _intent(self, decision_id: str, wanted: Purchase) -> PurchaseIntent:
        token = sha256(f"{self.ports.deployment}/{decision_id}".encode()).hexdigest()
        return PurchaseIntent(
            decision_id=decision_id,
            target=self.target.name,
            token=token,
            name=f"{decision_id}-{token[:_NAME_DIGITS]}",
            model_id=wanted.model_id,
            model_units=wanted.model_units,
            commitment=wanted.commitment,
            usd_per_hour=wanted.usd_per_hour,
            state=PurchaseState.RECORDED,
            recorded_at=self.now,
            arn=None,
            billed_from=None,
            in_service_since=None,
            ended_at=None,
            detail="",
            version=1,
            consent_id=wanted.consent_id,
        )

    def _held(self, decision_id: str, reason: str) -> str:
        if self.ports.once.is_first(f"{decision_id} {reason}"):
            self.ports.reporter.happened(
                "purchase_held", self.target.name, decision_id=decision_id, reason=reason
            )
        return "purchase held"

    def _report(self, event: str, intent: PurchaseIntent, **fields: str) -> None:
        self.ports.reporter.happened(
            event,
            self.target.name,
            decision_id=intent.decision_id,
            units=intent.model_units,
            usd_per_hour=float(intent.usd_per_hour),
            **fields,
        )


def _stray_problem(fleet: Fleet) -> str | None:
    """Why the ledger cannot be trusted to know what is held."""
    if not fleet.strays:
        return None
    return f"{', '.join(fleet.strays)} carry our tag, but the ledger knows no purchase of them"
