"""Everything that the oracles are checked against, read once and without a single write."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.bedrock import (
    Capacity,
    Endpoints,
    Inventory,
    ListedThroughput,
)
from bedrock_autoscaler.application.ports.decisions import Decisions, RecordedDecision
from bedrock_autoscaler.application.ports.history import History
from bedrock_autoscaler.application.ports.ledger import Fleets, LedgerState, Scalings
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.application.ports.tables import RoutingTables
from bedrock_autoscaler.application.purchasing.adopting import ADOPTED
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.fleet.intent import AccountRecord
from bedrock_autoscaler.domain.fleet.lifecycle import Life, life_of
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.traffic.observation import EndpointState


class Projection(Protocol):
    """What callers read."""

    def projected(self, target: str) -> RoutingTable | None:
        """The table that callers of the target read; None when there is none.

        Raises:
            ObservationError: it cannot be read, or is no table.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionPorts:
    """What is read; nothing here is written to."""

    capacity: Capacity
    decisions: Decisions
    endpoints: Endpoints
    fleets: Fleets
    history: History
    scalings: Scalings
    tables: RoutingTables
    projection: Projection
    deployment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFacts:
    """One endpoint whose instances were changed once.

    Attributes:
        seen: how it stands, read while a change of it is open; None otherwise, and where Bedrock
            does not show it.
    """

    record: EndpointRecord
    seen: EndpointState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """One target, in force or only in the ledger.

    Attributes:
        target: its policy; None when it is no longer in force.
        endpoints: those that the ledger has records of, named by the settings or not.
        newest: the newest decision of each loop, with its whole situation.
        undecided: decisions that its purchases, releases and changes of endpoints name and that
            the ledger lacks; what a person adopted needs none.
    """

    name: str
    target: Target | None
    state: LedgerState
    endpoints: tuple[EndpointFacts, ...]
    table: RoutingTable | None
    projected: RoutingTable | None
    newest: tuple[RecordedDecision, ...]
    undecided: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The stack and its account at one moment.

    Attributes:
        consents: those that purchases name, by id; a missing one is absent.
    """

    now: datetime
    deployment: str
    settings: Settings
    inventory: Inventory
    account: AccountRecord
    targets: tuple[TargetFacts, ...]
    consents: dict[str, RecordedConsent]


def inspect(settings: Settings, now: datetime, ports: InspectionPorts) -> Facts:
    """Read it all.

    Raises:
        ObservationError: a source could not be read; nothing is concluded from a part.
    """
    inventory = ports.capacity.inventory()
    account = ports.fleets.account()
    policies = {target.name: target for target in settings.targets}
    names = sorted({*policies, *account.targets})
    targets = tuple(_target_facts(name, policies.get(name), ports) for name in names)
    wanted = {
        intent.consent_id
        for facts in targets
        for intent in facts.state.purchases
        if intent.consent_id is not None
    }
    found = {consent_id: ports.fleets.consent(consent_id) for consent_id in sorted(wanted)}
    return Facts(
        now=now,
        deployment=ports.deployment,
        settings=settings,
        inventory=inventory,
        account=account,
        targets=targets,
        consents={name: consent for name, consent in found.items() if consent is not None},
    )


def _target_facts(name: str, target: Target | None, ports: InspectionPorts) -> TargetFacts:
    state = ports.fleets.state_of(name)
    newest = []
    for loop in Loop:
        latest = ports.decisions.latest(name, loop)
        whole = ports.decisions.load(latest.decision.id, ports.history) if latest else None
        if whole is not None:
            newest.append(whole)
    ids = [i.decision_id for i in state.purchases if not i.detail.startswith(ADOPTED)]
    ids += [release.decision_id for release in state.releases]
    records = ports.scalings.records_of(name)
    ids += [change.decision_id for record in records for change in record.changes]
    undecided = [
        decision_id
        for decision_id in dict.fromkeys(ids)
        if not ports.decisions.exists(decision_id, name, Loop.CAPACITY)
    ]
    return TargetFacts(
        name=name,
        target=target,
        state=state,
        endpoints=tuple(_endpoint_facts(record, ports) for record in records),
        table=ports.tables.current(name),
        projected=ports.projection.projected(name),
        newest=tuple(newest),
        undecided=tuple(undecided),
    )


def _endpoint_facts(record: EndpointRecord, ports: InspectionPorts) -> EndpointFacts:
    if record.open is None:
        return EndpointFacts(record=record, seen=None)
    try:
        return EndpointFacts(record=record, seen=ports.endpoints.state(record.address))
    except ObservationError:  # it may be gone: that is a finding, and all else is looked at
        return EndpointFacts(record=record, seen=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One provisioned throughput of the account, and where it stands in its life.

    Attributes:
        target: whose purchase it is, or what its tag says; empty without either.
    """

    arn: str
    target: str
    life: Life
    model_units: int


def holdings(facts: Facts) -> tuple[Holding, ...]:
    """Every throughput of the account; each of them is billed."""
    return tuple(_holding(facts, pt) for pt in facts.inventory.throughputs)


def _holding(facts: Facts, pt: ListedThroughput) -> Holding:
    owner = next((one for one in facts.targets if one.state.purchase_of(pt.arn)), None)
    routes = owner.table.routes if owner and owner.table else ()
    life = life_of(
        owner.state.purchase_of(pt.arn) if owner else None,
        owner.state.releases if owner else (),
        is_routed=any(route.address == pt.arn for route in routes),
        now=facts.now,
    )
    return Holding(
        arn=pt.arn,
        target=owner.name if owner else pt.target or "",
        life=life,
        model_units=pt.model_units,
    )
