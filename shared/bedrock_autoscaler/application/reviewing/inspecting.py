"""Everything that the oracles are checked against, read once and without a single write."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.fleets.places import Place
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
from bedrock_autoscaler.application.scaling.spending import (
    NO_ENDPOINTS,
    EndpointCosts,
    EndpointWatch,
    bounded_endpoints,
)
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.fleet.intent import HOLDING_STATES, AccountRecord
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
class Spot:
    """What can be looked at in another account or Region.

    Attributes:
        owner: value of our owner tag there.
    """

    capacity: Capacity
    projection: Projection
    owner: str


type Spots = Callable[[Place], Spot | None]
"""The way to another place; None: whoever looks cannot go there."""


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
        is_seen: whether its account and Region could be looked at.
    """

    name: str
    target: Target | None
    state: LedgerState
    endpoints: tuple[EndpointFacts, ...]
    table: RoutingTable | None
    projected: RoutingTable | None
    newest: tuple[RecordedDecision, ...]
    undecided: tuple[str, ...]
    is_seen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The stack and its accounts at one moment.

    Attributes:
        inventory: of all accounts and Regions that were looked at; ours is what carries our tag.
        consents: those that purchases name, by id; a missing one is absent.
        by_place: the same by account and Region; empty where there is but one.
        unseen: accounts and Regions that could not be looked at.
        read_costs: of endpoints with bounds; None where one of them could not be read.
    """

    now: datetime
    deployment: str
    settings: Settings
    inventory: Inventory
    account: AccountRecord
    targets: tuple[TargetFacts, ...]
    consents: dict[str, RecordedConsent]
    by_place: Mapping[Place, Inventory] = field(default_factory=dict)
    unseen: tuple[Place, ...] = ()
    read_costs: EndpointCosts | None = None

    @property
    def costs(self) -> EndpointCosts:
        """Of endpoints with bounds, as far as they are known."""
        return self.read_costs if self.read_costs is not None else NO_ENDPOINTS

    def inventory_at(self, target: Target) -> Inventory:
        """Of the account and Region of a target."""
        return self.by_place.get(Place.of(target), self.inventory)


def inspect(
    settings: Settings,
    now: datetime,
    ports: InspectionPorts,
    *,
    home: Place | None = None,
    elsewhere: Spots = lambda _: None,
) -> Facts:
    """Read it all.

    Args:
        settings: in force.
        now: the present moment.
        ports: at home, where the records are.
        home: where that is; None: all targets are there.
        elsewhere: the way to the other places, of targets and of what the ledger has as held.

    Raises:
        ObservationError: a source could not be read; nothing is concluded from a part.
    """
    spots, unseen = _spots(settings, ports, home, elsewhere)
    seen = {place: _inventory(spot, ports.deployment) for place, spot in spots.items()}
    inventory = _joined([ports.capacity.inventory()] if home is None else seen.values())
    if not inventory.complete:
        raise ObservationError(
            "the list of provisioned throughputs could not be read to its end, so that nothing can "
            "be said of what is held; try again"
        )
    account = ports.fleets.account()
    policies = {target.name: target for target in settings.targets}
    names = sorted({*policies, *account.targets})
    targets = tuple(_target_facts(name, policies.get(name), ports, spots) for name in names)
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
        by_place=seen,
        unseen=unseen,
        read_costs=_costs(settings, now, ports),
    )


def _costs(settings: Settings, now: datetime, ports: InspectionPorts) -> EndpointCosts | None:
    watch = EndpointWatch(
        endpoints=ports.endpoints,
        scalings=ports.scalings,
        bounded=bounded_endpoints(settings.targets),
    )
    try:
        return watch.costs(now)
    except ObservationError:  # whoever looks may not see endpoints, and all else is looked at
        return None


def _spots(
    settings: Settings, ports: InspectionPorts, home: Place | None, elsewhere: Spots
) -> tuple[Mapping[Place, Spot], tuple[Place, ...]]:
    """Home and the other places that can be looked at, and those that cannot."""
    if home is None:
        return {}, ()
    own = Spot(capacity=ports.capacity, projection=ports.projection, owner=ports.deployment)
    others = {Place.of(target) for target in settings.targets} | _held_places(ports.fleets)
    found = {place: elsewhere(place) for place in sorted(others - {home})}
    spots = {place: spot for place, spot in found.items() if spot is not None}
    return {home: own} | spots, tuple(place for place in found if place not in spots)


def _held_places(fleets: Fleets) -> set[Place]:
    """Where the ledger has throughputs as held, though no target may be in force there."""
    return {
        Place.of_arn(intent.arn)
        for name in fleets.account().targets
        for intent in fleets.purchases(name)
        if intent.arn is not None and intent.state in HOLDING_STATES
    }


def _inventory(spot: Spot, deployment: str) -> Inventory:
    """What is there, with our tag as it is at home."""
    inventory = spot.capacity.inventory()
    throughputs = tuple(
        replace(pt, deployment=deployment) if pt.deployment == spot.owner else pt
        for pt in inventory.throughputs
    )
    return replace(inventory, throughputs=throughputs)


def _joined(inventories: Iterable[Inventory]) -> Inventory:
    known = tuple(inventories)
    return Inventory(
        throughputs=tuple(pt for inventory in known for pt in inventory.throughputs),
        complete=all(inventory.complete for inventory in known),
    )


def _target_facts(
    name: str, target: Target | None, ports: InspectionPorts, spots: Mapping[Place, Spot]
) -> TargetFacts:
    """One target; without spots, and where it is not in force, it is looked at at home."""
    spot = spots.get(Place.of(target)) if target is not None else None
    is_seen = spot is not None or not spots or target is None
    projection = spot.projection if spot is not None else ports.projection
    state = ports.fleets.state_of(name)
    newest = []
    for loop in Loop:
        latest = ports.decisions.latest(name, loop)
        whole = ports.decisions.load(latest.decision.id, ports.history) if latest else None
        if whole is not None:
            newest.append(whole)
    ids = [i.decision_id for i in state.purchases if i.adopted_by is None]
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
        projected=projection.projected(name) if is_seen else None,
        newest=tuple(newest),
        undecided=tuple(undecided),
        is_seen=is_seen,
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
    had = [one for one in facts.targets if one.state.purchase_of(pt.arn)]
    # One target may have lost what another holds by now.
    owner = next((one for one in had if _holds(one, pt.arn)), had[0] if had else None)
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


def _holds(one: TargetFacts, arn: str) -> bool:
    purchase = one.state.purchase_of(arn)
    return purchase is not None and purchase.state in HOLDING_STATES
