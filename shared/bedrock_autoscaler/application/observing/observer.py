"""Puts together each target's situation: fleet, traffic, quotas, life cycle, routes, memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.advising import Advisor
from bedrock_autoscaler.application.observing.counting import counted
from bedrock_autoscaler.application.observing.keeping import Keepsakes, Kept
from bedrock_autoscaler.application.observing.looking import (
    REREAD,
    Look,
    capacity_look,
    routing_look,
    series_in_use,
)
from bedrock_autoscaler.application.observing.measuring import (
    Listing,
    Measured,
    matching_ids,
    total,
    unread_since,
)
from bedrock_autoscaler.application.observing.merging import overlaid, silent_before
from bedrock_autoscaler.application.observing.rating import measured_rate
from bedrock_autoscaler.application.observing.stacking import StackWatch
from bedrock_autoscaler.application.observing.surveying import Survey
from bedrock_autoscaler.application.observing.together import fell_silent_together
from bedrock_autoscaler.application.ports.bedrock import (
    Capacity,
    Endpoints,
    Inventory,
    ListedThroughput,
)
from bedrock_autoscaler.application.ports.cloudwatch import Metrics
from bedrock_autoscaler.application.ports.decisions import Decisions, Remembered
from bedrock_autoscaler.application.ports.history import History, HistoryReference, StoredHistory
from bedrock_autoscaler.application.ports.ledger import Fleets, LedgerState, Scalings
from bedrock_autoscaler.application.ports.persons import Approvals, Reporter
from bedrock_autoscaler.application.ports.tables import RoutingTables
from bedrock_autoscaler.application.telling.asking import open_consents
from bedrock_autoscaler.application.ticking import Tick, period_of
from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.decision import NO_MEMORY, Route, Situation
from bedrock_autoscaler.domain.economics.copies import WINDOW_MINUTES
from bedrock_autoscaler.domain.fleet.holdings import Fleet, Ownership, StackState
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent
from bedrock_autoscaler.domain.fleet.scalings import KEPT
from bedrock_autoscaler.domain.option import OptionKind
from bedrock_autoscaler.domain.routing.lawfulness import (
    seen_options,
    sight_of,
    usable_options,
)
from bedrock_autoscaler.domain.target import Commitment, Loop, StackRails, Target
from bedrock_autoscaler.domain.traffic.joining import join, span
from bedrock_autoscaler.domain.traffic.observation import (
    METRICS,
    CopiesSeen,
    EndpointState,
    Observation,
    Traffic,
)
from bedrock_autoscaler.domain.unit_rates.rates import RateMeasurement
from bedrock_autoscaler.domain.units import MINUTE, floor_hour, floor_minute

RECENT_MINUTES = 30
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a situation comes from.

    Attributes:
        listing: remembers which `ModelId`s CloudWatch lists, from tick to tick.
        keepsakes: what else is remembered.
        states: what the ledger said of each target in this run; None: it is read each time.
        approvals: what persons were asked and agreed to; None where nobody is asked.
        endpoints: Marketplace endpoints; None where none is looked at.
        scalings: what the ledger keeps of them; None where none is changed.
    """

    metrics: Metrics
    listing: Listing
    capacity: Capacity
    decisions: Decisions
    fleets: Fleets
    history: History
    tables: RoutingTables
    reporter: Reporter
    deployment: str
    keepsakes: Keepsakes = field(default_factory=Keepsakes)
    approvals: Approvals | None = None
    endpoints: Endpoints | None = None
    states: dict[str, LedgerState] | None = None

    def state_of(self, target: str) -> LedgerState:
        """What the ledger holds for a target; both loops of a run see the same."""
        if self.states is None:
            return self.fleets.state_of(target)
        if target not in self.states:
            self.states[target] = self.fleets.state_of(target)
        return self.states[target]

    scalings: Scalings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """All targets of one account and Region, as far as a run that decides some must know.

    Attributes:
        names: of all in force; others' PTs are left to them.
        rails: the caps on all of them together.
        silent_together: whether they fell silent together; None where this run reads them all
            and sees it itself.
    """

    names: frozenset[str]
    rails: StackRails
    silent_together: bool | None = None

    @property
    def is_present(self) -> bool:
        """Whether this run reads all of them."""
        return self.silent_together is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What one target's own records say, before the metrics are read.

    Attributes:
        previous: what the newest decision of the same loop left.
        births: the target's `ModelId`s, without a birth, and the ARN of each PT that was ours at
            any time since `read_from`, with the moment before which it did not exist.
        regions: source Regions besides its own whose metrics are read for it, sorted.
        purchases: all that the ledger keeps.
        look: what to read.
        read_to: the minute after the last settled one.
    """

    target: Target
    fleet: Fleet
    previous: Remembered | None
    routes: tuple[Route, ...]
    births: tuple[tuple[str, datetime | None], ...]
    purchases: tuple[PurchaseIntent, ...]
    look: Look
    read_to: datetime
    regions: tuple[str, ...] = ()

    @property
    def read_from(self) -> datetime:
        """The first minute to read."""
        return self.look.start

    @property
    def before(self) -> Observation | None:
        """What the previous tick of the loop observed."""
        return self.previous.observation if self.previous else None

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses that the metrics are asked for."""
        own = (address for address, _ in self.births)
        seen = seen_options(self.target, self.regions)
        options = (sight_of(option, self.regions) for option in seen)
        return tuple(dict.fromkeys([*own, *options]))


class Observer:
    """Observes for one tick; what is the same for all targets is read once."""

    def __init__(
        self,
        loop: Loop,
        tick: Tick,
        targets: Sequence[Target],
        sources: Sources,
        *,
        company: Company,
    ) -> None:
        """Read the inventory, which all targets share."""
        self._company = company
        self._watch = StackWatch(
            fleets=sources.fleets,
            rails=company.rails,
            targets=tuple(targets),
            deployment=sources.deployment,
        )
        self._stack: StackState | None = None
        self._together: tuple[Traffic, ...] = ()
        self._purchases: dict[str, tuple[PurchaseIntent, ...]] = {}
        self._loop = loop
        self._tick = tick
        self._sources = sources
        self._measured: dict[datetime, Measured] = {}
        self._models: Kept[str, tuple[bool | None, int | None]] = Kept(MINUTE)
        self._advisor = Advisor(sources.history, sources.capacity, sources.reporter)
        self.inventory = self._read_inventory()
        self._survey = Survey(
            inventory=self.inventory,
            deployment=sources.deployment,
            neighbours=company.names,
            now=tick.now,
        )

    def recall(self, target: Target) -> Known | None:
        """What the records say; None when this or a later tick of the target was decided."""
        sources, scheduled_at = self._sources, self._tick.scheduled_at
        previous = sources.decisions.remembered(target.name, self._loop)
        if previous is not None and previous.scheduled_at >= scheduled_at:
            return None
        state = sources.state_of(target.name)
        table = sources.tables.current(target.name)
        settling = target.thresholds.observing.settling_minutes * MINUTE
        read_to = floor_minute(scheduled_at) - settling
        fleet = self._survey.fleet(target, state)
        look = self._look(target, fleet, previous, read_to)
        regions = tuple(sorted(target.calls_from() & sources.metrics.regions))
        return Known(
            target=target,
            fleet=fleet,
            previous=previous,
            routes=table.routes if table else (),
            births=(*_births(target, state, look.start), *_lent(fleet), *_far(target, regions)),
            purchases=state.purchases,
            look=look,
            read_to=read_to,
            regions=regions,
        )

    def measure(self, known: Iterable[Known]) -> None:
        """Read the metrics of these targets: one batch for all that need the same minutes."""
        everyone = tuple(known)
        groups: dict[datetime, list[Known]] = {}
        for entry in everyone:
            groups.setdefault(entry.read_from, []).append(entry)
        listed = self._listed_ids() if groups else None
        for start, entries in groups.items():
            end = max(entry.read_to for entry in entries)
            self._measured[start] = self._read(entries, listed, start, end)
        if self._loop is Loop.CAPACITY and everyone:
            self._purchases = {entry.target.name: entry.purchases for entry in everyone}
            if self._company.is_present:
                self._look_at_all(everyone)

    def situation(self, known: Known) -> tuple[Situation, HistoryReference | None]:
        """The situation of one target, and the stored minutes at the front of its traffic."""
        measured = self._measured[known.read_from].until(known.read_to)
        stack = self._stack_state()
        traffic, stored = self._traffic(known, measured)
        rate = measured_rate(
            known.target,
            known.purchases,
            stored,
            known.before.unit_rate if known.before else None,
        )
        active, quota = self._model(known.target)
        observation = Observation(
            traffic=traffic,
            by_option=self._by_option(known, measured),
            provisioned=tuple(measured.evidence(pt, known.before) for pt in known.fleet.owned),
            model_unit_quota=quota,
            model_units_used=units_used(self.inventory, known.target),
            model_is_active=active,
            unit_rate=rate,
            commitment=self._study(known, rate),
            copies=self._copies(known),
            endpoints=self._endpoints(known),
            silent_together=self._fell_silent(known.target),
            regions=known.regions,
            **_looked(known, measured),
        )
        situation = Situation(
            target=known.target,
            loop=self._loop,
            scheduled_at=self._tick.scheduled_at,
            observation=observation,
            fleet=known.fleet if stack is None else replace(known.fleet, stack=stack),
            routes=known.routes,
            memory=known.previous.memory if known.previous else NO_MEMORY,
            is_late=self._tick.is_late(period_of(self._loop, known.target)),
            consents=self._consents(known.target),
        )
        return situation, stored.reference if stored else None

    def _fell_silent(self, target: Target) -> bool:
        minutes = target.thresholds.gating.mass_silence_minutes
        told = self._company.silent_together
        return fell_silent_together(self._together, minutes) if told is None else told

    def _consents(self, target: Target) -> tuple[RecordedConsent, ...]:
        """What persons agreed to, for the capacity loop: the other buys nothing."""
        if self._loop is Loop.ROUTING:
            return ()
        sources = self._sources
        return open_consents(
            target.name, self._tick.scheduled_at, sources.approvals, sources.reporter
        )

    def _study(self, known: Known, rate: RateMeasurement | None) -> CommitmentStudy | None:
        """The study of the day, for the capacity loop."""
        if self._loop is Loop.ROUTING:
            return None
        before = known.before.commitment if known.before else None
        return self._advisor.study(known.target, known.read_to, rate, before)

    def tagged_as_ours(self) -> tuple[ListedThroughput, ...]:
        """PTs of the whole account that carry this deployment's tag."""
        if self.inventory is None:
            return ()
        ours = self._sources.deployment
        return tuple(pt for pt in self.inventory.throughputs if pt.deployment == ours)

    def _look_at_all(self, everyone: tuple[Known, ...]) -> None:
        """What only all targets together show."""
        self._together = tuple(
            total(
                (
                    self._measured[entry.read_from].until(entry.read_to).of(address)
                    for address, _ in entry.births
                ),
                entry.read_from,
                entry.read_to,
            )
            for entry in everyone
        )

    def _stack_state(self) -> StackState | None:
        """All targets together, read once; the routing loop buys nothing and needs it not."""
        if self._stack is None and self._loop is Loop.CAPACITY:
            kept = None if self._company.is_present else self._sources.keepsakes.neighbours
            view = self._watch.view(self.inventory, self._tick.now, self._purchases, kept)
            self._stack = view.state
        return self._stack

    def _read_inventory(self) -> Inventory | None:
        read = self._sources.capacity.inventory
        try:
            if self._company.is_present:
                return read()
            return self._sources.keepsakes.inventory.get("", self._tick.now, read)
        except ObservationError as error:
            self._sources.reporter.alarm("inventory_unread", "", str(error))
            return None

    def _look(
        self, target: Target, fleet: Fleet, previous: Remembered | None, end: datetime
    ) -> Look:
        """What this tick must read."""
        before = previous.observation if previous else None
        if self._loop is Loop.ROUTING:
            kept = before.traffic if before else None
            start = unread_since(kept, end - recent_minutes(target) * MINUTE, end)
            return routing_look(target, fleet, before, start=start, end=end)
        kept_until = previous.kept_until if previous else None
        return capacity_look(target, fleet, before, kept_until=kept_until, end=end)

    def _listed_ids(self) -> frozenset[str] | None:
        """The values of `ModelId`; None when unknown: then no reading could prove silence."""
        try:
            return self._sources.listing.at(self._tick.now)
        except ObservationError as error:
            self._sources.reporter.alarm("metrics_unread", "", str(error))
            return None

    def _read(
        self, entries: list[Known], listed: frozenset[str] | None, start: datetime, end: datetime
    ) -> Measured:
        unread = Measured(reading=None, listed=listed or frozenset(), start=start, end=end)
        if listed is None or start >= end:
            return unread
        series: dict[str, set[str]] = {}
        for entry in entries:
            for address in entry.addresses:
                for value in matching_ids(address, listed):
                    series.setdefault(value, set()).update(entry.look.series)
        try:
            reading = self._sources.metrics.read(
                sorted(series),
                start,
                end,
                {value: [n for n in METRICS if n in names] for value, names in series.items()},
            )
        except ObservationError as error:
            self._sources.reporter.alarm("metrics_unread", "", str(error))
            return unread
        for problem in reading.problems:
            self._sources.reporter.happened("metrics_partial", "", problem=problem)
        return Measured(reading=reading, listed=listed, start=start, end=end)

    def _traffic(self, known: Known, measured: Measured) -> tuple[Traffic, StoredHistory | None]:
        """What the decision looks at, and the part of it that the history keeps."""
        parts = {address: _born(measured.of(address), birth) for address, birth in known.births}
        start, end = known.read_from, known.read_to
        new = counted(total(parts.values(), start, end), parts, known.target)
        if self._loop is Loop.ROUTING:
            before = known.before.traffic if known.before else None
            recent = end - recent_minutes(known.target) * MINUTE
            return overlaid(before, new, recent, end), None
        stored = self._stored(known, parts if measured.reading else {})
        if stored is None or not stored.reference.revisions:
            return span(new, max(start, end - REREAD), end), None
        return join(counted(stored.total, stored.traffic, known.target), new), stored

    def _stored(self, known: Known, parts: Mapping[str, Traffic]) -> StoredHistory | None:
        """The whole hours kept so far, new ones among them; None when they are unreadable."""
        history, name, whole = self._sources.history, known.target.name, floor_hour(known.read_to)
        days = timedelta(days=known.target.thresholds.observing.history_days)
        try:
            if parts and known.look.is_whole:
                history.store(name, parts)
            return history.load(name, floor_hour(known.read_to - days), whole)
        except ObservationError as error:
            self._sources.reporter.alarm("history_unread", name, str(error))
            return None

    def _by_option(self, known: Known, measured: Measured) -> tuple[tuple[str, Traffic], ...]:
        before = dict(known.before.by_option) if known.before else {}
        start = known.read_to - recent_minutes(known.target) * MINUTE
        found = []
        for option in seen_options(known.target, known.regions):
            sight = sight_of(option, known.regions)
            merged = overlaid(before.get(sight), measured.of(sight), start, known.read_to)
            found.append((sight, merged))
        return tuple(found)

    def _endpoints(self, known: Known) -> tuple[EndpointState, ...]:
        """Endpoints whose instances may be changed, for the capacity loop."""
        port = self._sources.endpoints
        if self._loop is Loop.ROUTING or port is None:
            return ()
        found = []
        for option in usable_options(known.target):
            if option.instances is None:
                continue
            try:
                found.append(self._recorded(port.state(option.address), known.target.name))
            except ObservationError as error:
                self._sources.reporter.alarm("metrics_unread", known.target.name, str(error))
        return tuple(found)

    def _recorded(self, state: EndpointState, target: str) -> EndpointState:
        """An endpoint with what the ledger says of its changes."""
        if self._sources.scalings is None:
            return state
        record = self._sources.scalings.record_of(target, state.address)
        made = record.made_since(self._tick.now - KEPT)
        return replace(state, changes_last_day=made, version=record.version)

    def _copies(self, known: Known) -> tuple[CopiesSeen, ...]:
        """Copies of imported models in the newest hour, for the capacity loop."""
        if self._loop is Loop.ROUTING:
            return ()
        end = known.read_to - timedelta(minutes=known.read_to.minute % WINDOW_MINUTES)
        found = []
        for option in usable_options(known.target):
            if option.kind is not OptionKind.IMPORTED_MODEL:
                continue
            try:
                windows = self._sources.metrics.copies(option.address, end - _HOUR, end)
            except ObservationError as error:
                self._sources.reporter.alarm("metrics_unread", known.target.name, str(error))
                continue
            found.append(CopiesSeen(address=option.address, by_window=windows))
        return tuple(found)

    def _model(self, target: Target) -> tuple[bool | None, int | None]:
        """Life cycle and applied quota of the model to buy; the routing loop needs neither."""
        if self._loop is Loop.ROUTING or target.provisioned is None:
            return None, None
        model_id, capacity = target.provisioned.model_id, self._sources.capacity
        kept = self._models if self._company.is_present else self._sources.keepsakes.models
        return kept.get(
            model_id,
            self._tick.now,
            lambda: (capacity.is_active(model_id), capacity.model_unit_quota(model_id)),
            keep=lambda found: None not in found,
        )


def _looked(known: Known, measured: Measured) -> dict[str, Any]:
    """When all series were last asked for, and which of them showed anything then."""
    before = known.before
    if not known.look.is_whole or measured.reading is None:
        return {"whole_at": before.whole_at, "in_use": before.in_use} if before is not None else {}
    parts = (measured.of(address) for address in known.addresses)
    names = {name for part in parts for name in series_in_use(part)}
    return {"whole_at": known.read_to, "in_use": tuple(sorted(names))}


def recent_minutes(target: Target) -> int:
    """Minutes of traffic that a routing decision looks at and hands on."""
    return max(RECENT_MINUTES, target.thresholds.routing.pressure_minutes)


def units_used(inventory: Inventory | None, target: Target) -> int | None:
    """No-commitment units in the account that count against the quota; None when unknown.

    Base and custom models have pools of their own.
    """
    if inventory is None or not inventory.complete or target.provisioned is None:
        return None
    custom = _is_custom(target.provisioned.model_id)
    return sum(
        pt.model_units
        for pt in inventory.throughputs
        if pt.commitment is Commitment.NONE and _is_custom(pt.model_arn) is custom
    )


def _is_custom(model: str) -> bool:
    return ":custom-model/" in model


def _births(
    target: Target, state: LedgerState, start: datetime
) -> tuple[tuple[str, datetime | None], ...]:
    """Addresses whose traffic is the target's, and since when each exists."""
    bought = tuple(
        (intent.arn, intent.recorded_at)
        for intent in state.purchases
        if intent.arn is not None and (intent.ended_at is None or intent.ended_at > start)
    )
    return (*((model_id, None) for model_id in target.model_ids), *bought)


def _lent(fleet: Fleet) -> tuple[tuple[str, datetime | None], ...]:
    """Others' PTs that serve the target because a person said so: their traffic is its own."""
    return tuple(
        (pt.arn, pt.created_at) for pt in fleet.serving if pt.ownership is Ownership.UNMANAGED
    )


def _far(target: Target, regions: tuple[str, ...]) -> tuple[tuple[str, None], ...]:
    """What the target's options carry in other source Regions: as much its demand as at home."""
    far = (option for option in seen_options(target, regions) if option.region in regions)
    return tuple((sight_of(option, regions), None) for option in far)


def _born(traffic: Traffic, birth: datetime | None) -> Traffic:
    return traffic if birth is None else silent_before(traffic, birth)
