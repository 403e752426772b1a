"""Puts together each target's situation: fleet, traffic, quotas, life cycle, routes, memory."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.advising import Advisor
from bedrock_autoscaler.application.observing.belongings import (
    copies_of,
    endpoints_of,
    term_facts,
    units_used,
)
from bedrock_autoscaler.application.observing.catching_up import catch_up
from bedrock_autoscaler.application.observing.keeping import Kept
from bedrock_autoscaler.application.observing.known import Known, addresses_of
from bedrock_autoscaler.application.observing.looking import (
    Births,
    Look,
    capacity_look,
    routing_look,
)
from bedrock_autoscaler.application.observing.measuring import total, unread_since
from bedrock_autoscaler.application.observing.rating import measured_rate
from bedrock_autoscaler.application.observing.readings import Readings, looked
from bedrock_autoscaler.application.observing.recalling import (
    recent_minutes,
    traffic_by_option,
    traffic_of,
)
from bedrock_autoscaler.application.observing.sources import Company, Sources
from bedrock_autoscaler.application.observing.stacking import StackView, StackWatch
from bedrock_autoscaler.application.observing.surveying import Survey
from bedrock_autoscaler.application.observing.together import fell_silent_together
from bedrock_autoscaler.application.ports.bedrock import Inventory
from bedrock_autoscaler.application.ports.decisions import Remembered
from bedrock_autoscaler.application.ports.history import HistoryReference
from bedrock_autoscaler.application.scaling.spending import (
    NO_ENDPOINTS,
    EndpointCosts,
    EndpointWatch,
)
from bedrock_autoscaler.application.telling.asking import open_consents
from bedrock_autoscaler.application.ticking import Deadline, Tick, has_time, period_of
from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.decision import NO_MEMORY, Situation
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.traffic.observation import Observation, Traffic
from bedrock_autoscaler.domain.unit_rates.rates import RateMeasurement
from bedrock_autoscaler.domain.units import MINUTE, floor_minute

if TYPE_CHECKING:
    from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent


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
        deadline: Deadline | None = None,
    ) -> None:
        """Read the inventory, which all targets share; old history is read until the deadline."""
        self._company = company
        self._deadline = deadline
        self._watch = StackWatch(
            fleets=sources.fleets,
            rails=company.rails,
            targets=tuple(targets),
            deployment=sources.deployment,
        )
        self._stack: StackView | None = None
        self._is_stack_read = False
        self._costs: EndpointCosts | None = None
        self._everyone: tuple[Known, ...] = ()
        self._silent: dict[int, bool] = {}
        self._purchases: dict[str, tuple[PurchaseIntent, ...]] = {}
        self._loop = loop
        self._tick = tick
        self._sources = sources
        self._readings = Readings(sources, tick.now)
        self._models: Kept[str, tuple[bool | None, int | None]] = Kept(MINUTE)
        self._advisor = Advisor(
            sources.history, sources.capacity, sources.reporter, sources.keepsakes.unstudied
        )
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
        regions = tuple(sorted(target.calls_from() & sources.metrics.regions))
        births = partial(addresses_of, target, fleet, state, regions=regions)
        look = self._look(target, fleet, previous, births=births(start=read_to), end=read_to)
        return Known(
            target=target,
            fleet=fleet,
            previous=previous,
            routes=table.routes if table else (),
            births=births(start=look.earliest),
            purchases=state.purchases,
            look=look,
            read_to=read_to,
            regions=regions,
        )

    def measure(self, known: Iterable[Known]) -> None:
        """Read the metrics of these targets: one batch for all that need the same minutes."""
        everyone = tuple(known)
        self._readings.take(everyone)
        if self._loop is Loop.CAPACITY and everyone:
            self._purchases = {entry.target.name: entry.purchases for entry in everyone}
            self._everyone = everyone

    def situation(self, known: Known) -> tuple[Situation, HistoryReference | None]:
        """The situation of one target, and the stored minutes at the front of its traffic."""
        measured = self._readings.of(known)
        stack = self._stack_view()
        unread = self._caught_up(known)
        traffic, stored = traffic_of(
            known, measured, self._sources, self._loop, will_grow=bool(unread)
        )
        rate = measured_rate(
            known.target,
            known.purchases,
            stored,
            known.before.unit_rate if known.before else None,
        )
        active, quota = self._model(known.target)
        consents = self._consents(known.target)
        observation = Observation(
            traffic=traffic,
            by_option=traffic_by_option(known, measured),
            provisioned=tuple(measured.evidence(pt, known.before) for pt in known.fleet.owned),
            model_unit_quota=quota,
            model_units_used=units_used(self.inventory, known.target),
            model_is_active=active,
            unit_rate=rate,
            commitment=self._study(known, rate, unread),
            **self._belongings(known, consents),
            silent_together=self._fell_silent(known.target),
            regions=known.regions,
            unread=unread,
            **looked(known, measured),
        )
        situation = Situation(
            target=known.target,
            loop=self._loop,
            scheduled_at=self._tick.scheduled_at,
            observation=observation,
            fleet=known.fleet if stack is None else stack.among(known.fleet),
            routes=known.routes,
            memory=known.previous.memory if known.previous else NO_MEMORY,
            is_late=self._tick.is_late(period_of(self._loop, known.target)),
            consents=consents,
        )
        return situation, stored.reference if stored else None

    def _caught_up(self, known: Known) -> tuple[datetime, ...]:
        """Days of the history that remain unread; the routing loop looks at no history."""
        if self._loop is Loop.ROUTING:
            return ()
        end = self._deadline
        return catch_up(known, self._readings, self._sources, lambda: end is None or has_time(end))

    def _belongings(self, known: Known, consents: tuple[RecordedConsent, ...]) -> dict[str, Any]:
        """What is paid for besides units, and what a term needs, for the capacity loop."""
        if self._loop is Loop.ROUTING:
            return {}
        return {
            "copies": copies_of(known, self._sources),
            "endpoints": endpoints_of(known.target, self._sources, self._tick.now),
            "term_facts": term_facts(
                known.target, consents, self._sources.capacity, self.inventory
            ),
        }

    def endpoint_costs(self) -> EndpointCosts:
        """What the endpoints of all targets cost, for those who tell of caps; read once.

        Where that cannot be read it is told, and nothing is counted: the actors need all of it.
        """
        if self._costs is None:
            try:
                self._costs = self._read_costs()
            except ObservationError as error:
                self._sources.reporter.alarm("unobserved", "", str(error))
                self._costs = NO_ENDPOINTS
        return self._costs

    def _read_costs(self) -> EndpointCosts:
        sources, now = self._sources, self._tick.now
        if sources.endpoints is None or sources.scalings is None:
            return NO_ENDPOINTS
        watch = EndpointWatch(
            endpoints=sources.endpoints, scalings=sources.scalings, bounded=self._company.endpoints
        )
        if self._company.is_present:
            return watch.costs(now)
        return sources.keepsakes.endpoint_costs.get("", now, partial(watch.costs, now))

    def _fell_silent(self, target: Target) -> bool:
        told = self._company.silent_together
        if told is not None:
            return told
        minutes = target.thresholds.gating.mass_silence_minutes
        if minutes not in self._silent:  # the same for all targets with the same threshold
            # One after the other: the first that still has calls settles it.
            traffics = map(self._whole, self._everyone)
            self._silent[minutes] = fell_silent_together(traffics, minutes)
        return self._silent[minutes]

    def _consents(self, target: Target) -> tuple[RecordedConsent, ...]:
        """What persons agreed to, for the capacity loop: the other buys nothing."""
        if self._loop is Loop.ROUTING:
            return ()
        sources = self._sources
        return open_consents(
            target.name, self._tick.scheduled_at, sources.approvals, sources.reporter
        )

    def _study(
        self, known: Known, rate: RateMeasurement | None, unread: tuple[datetime, ...]
    ) -> CommitmentStudy | None:
        """The study of the day, for the capacity loop; it waits for days that are unread."""
        if self._loop is Loop.ROUTING:
            return None
        before = known.before.commitment if known.before else None
        if unread:
            return before
        return self._advisor.study(known.target, known.read_to, rate, before)

    def _whole(self, entry: Known) -> Traffic:
        """What was read of one target, under all its addresses."""
        measured = self._readings.of(entry)
        parts = (measured.of(address) for address, _ in entry.births)
        return total(parts, entry.read_from, entry.read_to)

    def _stack_view(self) -> StackView | None:
        """All targets together, read once; the routing loop buys nothing and needs it not.

        Where one target's records cannot be read, the others decide as if they were alone: what
        they ask for is still not bought, since the actor that buys needs all of them.
        """
        if self._loop is Loop.ROUTING or self._is_stack_read:
            return self._stack
        self._is_stack_read = True
        kept = None if self._company.is_present else self._sources.keepsakes.neighbours
        try:
            self._stack = self._watch.view(self.inventory, self._tick.now, self._purchases, kept)
        except ObservationError as error:
            self._sources.reporter.alarm("unobserved", "", str(error))
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
        self,
        target: Target,
        fleet: Fleet,
        previous: Remembered | None,
        *,
        births: Births,
        end: datetime,
    ) -> Look:
        """What this tick must read, given the addresses of now."""
        before = previous.observation if previous else None
        if self._loop is Loop.ROUTING:
            kept = before.traffic if before else None
            start = unread_since(kept, end - recent_minutes(target) * MINUTE, end)
            return routing_look(target, fleet, before, start=start, end=end)
        return capacity_look(target, fleet, before, births=births, end=end)

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
