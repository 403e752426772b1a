"""The publish actor: makes the table that callers follow agree with the newest decision.

The table in force is read before the decision. Whoever publishes in between makes the write of
this run fail, so that an older decision never replaces a newer one.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self, override

from bedrock_autoscaler.application.acting import MovablePorts
from bedrock_autoscaler.application.errors import (
    ConfigurationError,
    ObservationError,
    StaleDecisionError,
)
from bedrock_autoscaler.application.fleets.places import Place, PlaceAdapters
from bedrock_autoscaler.application.ports.bedrock import Capacity, Inventory
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.tables import RoutingTables
from bedrock_autoscaler.application.ticking import (
    ROUTING_PERIOD,
    Deadline,
    Summary,
    has_time,
    is_outdated,
)
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import OPEN_RELEASES, ReleaseIntent, ReleaseState
from bedrock_autoscaler.domain.routing.route import Route, content, scaled
from bedrock_autoscaler.domain.routing.table import RoutingTable, routing_problem
from bedrock_autoscaler.domain.target import Loop, Mode, OptionKind, Target

_KEPT, _UNDECIDED = "kept", "nothing decided"
"""Outcomes of a pass that could not tell what may be published."""

_NEWER = "projection newer"
"""Outcome where callers go on with what is not the table in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPorts(MovablePorts):
    """What the publish actor needs."""

    capacity: Capacity
    tables: RoutingTables

    @override
    def moved(self, there: PlaceAdapters) -> Self:
        """The same with the parts of another place."""
        return replace(self, capacity=there.capacity, tables=there.tables)


def publish(
    scheduled_at: datetime | None, ports: PublishPorts, deadline: Deadline | None = None
) -> Summary:
    """Publish the newest decision's routes where they differ, and repair the callers' copy.

    A PT that is not InService now, or that is being released, is left out, and the weights of
    the rest are scaled to 1. When that cannot be told, or nothing would remain, the table in
    force stays. In mode `advise` what would have been published is reported, once.

    Args:
        scheduled_at: the tick's scheduled time; None when the schedule does not tell.
        ports: what it reads and writes.
        deadline: end of the invocation; None where nothing stops it.

    Raises:
        TargetsFailedError: the pass of some target failed; the others are done.
        ObservationError: the settings could not be read.
    """
    tick = ports.tick(scheduled_at)
    if tick is None:
        return Summary(outcomes=())
    shelves: dict[Place, _Shelf] = {}

    def visit(target: Target) -> str:
        place = Place.of(target)
        here = ports.at(place)
        shelf = shelves.setdefault(place, _Shelf(here.capacity))
        publisher = _Publisher(
            ports=here, target=target, shelf=shelf, now=tick.now, deadline=deadline
        )
        return publisher.run()

    return ports.visit_due(ports.read_settings().targets, tick, visit)


class _Shelf:
    """The inventory of a place in this tick, read when the first target needs it."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._inventory: Inventory | None = None

    def in_service(self) -> frozenset[str]:
        """ARNs of all PTs that callers can use.

        Raises:
            ObservationError: the inventory could not be read to its end.
        """
        if self._inventory is None:
            self._inventory = self._capacity.inventory()
        if not self._inventory.complete:
            raise ObservationError("the list of provisioned throughputs broke off")
        listed = self._inventory.throughputs
        return frozenset(pt.arn for pt in listed if pt.status is Status.IN_SERVICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Publisher:
    """One pass for one target."""

    ports: PublishPorts
    target: Target
    shelf: _Shelf
    now: datetime
    deadline: Deadline | None

    def run(self) -> str:
        """Publish if the content differs; then see to the projection and to open releases."""
        current = self.ports.tables.current(self.target.name)
        newest = self._newest_decision()
        if newest is None:
            return self._project(current, _UNDECIDED)
        decision = newest.decision
        routes, waiting, decision_id = decision.routes, decision.deferrable, decision.id
        if current is not None and _time_of(current.decision_id) > decision.scheduled_at:
            routes, waiting = current.routes, current.deferrable
            decision_id = current.decision_id
        known = self._releases(newest, routes, current)
        releases = tuple(intent for intent in known if intent.state in OPEN_RELEASES)
        try:
            usable = self._usable(self._permitted(routes, newest, current), known)
        except ObservationError as error:
            self.ports.reporter.alarm("table_kept", self.target.name, str(error))
            return self._project(current, _KEPT)
        wanted = self._table(usable, self._deferrable(waiting), decision_id, current)
        if wanted is None:
            return self._project(current, _KEPT)
        is_same = current is not None and _content(wanted) == _content(current)
        if is_same and all(_is_noted(intent, current) for intent in releases):
            return self._project(current, "unchanged")
        # A release that the table in force was not noted with takes a new version even without a
        # change: it stops every publisher that read the table before the release began.
        return self._publish(wanted, current, releases)

    def _publish(
        self,
        table: RoutingTable,
        current: RoutingTable | None,
        releases: tuple[ReleaseIntent, ...],
    ) -> str:
        if self.target.mode is Mode.ADVISE:
            if self.ports.once.is_first(f"{self.target.name} {_content(table)}"):
                self._report("would_publish", table)
            return "would publish"
        if not self._may_start():
            if self.ports.once.is_first(f"{self.target.name} held {table.decision_id}"):
                self._report("publish_held", table)
            return "publish held"
        try:
            self.ports.tables.publish(table)
        except ConfigurationError as error:
            self.ports.reporter.alarm("table_kept", self.target.name, str(error))
            return self._project(current, _KEPT)
        self._report("published", table)
        outcome = f"published {table.version}"
        projected = self._project(table, outcome)
        if projected == outcome:
            self._note_withdrawals(table, current, releases)
        return projected

    def _project(self, table: RoutingTable | None, outcome: str) -> str:
        """Make the callers' copy agree with the table in force; that, too, is a change.

        Most copies agree already, for which the switch need not be asked.
        """
        if table is None or self.target.mode is Mode.ADVISE:
            return outcome
        if self.ports.tables.is_projected(table):
            return outcome
        if not self._may_start():
            return f"{outcome}, copy held"
        try:
            self.ports.tables.project(table)
        except StaleDecisionError as error:
            self.ports.reporter.alarm("projection_newer", self.target.name, str(error))
            is_checked = outcome not in {_KEPT, _UNDECIDED}
            return self._overtake(table) if is_checked else _NEWER
        return outcome

    def _overtake(self, table: RoutingTable) -> str:
        """Put the table in force above the copy that callers read, and make them read it.

        A withdrawal is noted with the next version: callers have read something else meanwhile.
        """
        if not self._may_start():
            return f"{_NEWER}, copy held"
        try:
            above = self.ports.tables.overtake(replace(table, published_at=self.now))
        except ConfigurationError as error:
            self.ports.reporter.alarm("table_kept", self.target.name, str(error))
            return _NEWER
        self._report("published", above)
        if not self._may_start():
            return f"published {above.version}, copy held"
        self.ports.tables.project(above)
        return f"published {above.version} above the callers' copy"

    def _may_start(self) -> bool:
        """Whether a change may start now; the time comes last, since the switch takes some."""
        is_open = self.ports.switch.allows_action(self.target.name)
        return is_open and (self.deadline is None or has_time(self.deadline))

    def _note_withdrawals(
        self,
        table: RoutingTable,
        before: RoutingTable | None,
        releases: tuple[ReleaseIntent, ...],
    ) -> None:
        """Note which PTs callers are no longer sent to, now that they can see it.

        The time stands as long as each table follows one that it was noted with; otherwise a
        table in between may have named the PT, and the time begins anew.
        """
        for intent in releases:
            since = intent.withdrawn_at if _is_noted(intent, before) else None
            withdrawn = replace(
                intent,
                withdrawn_version=table.version,
                withdrawn_at=since or self.ports.clock.now(),
                version=intent.version + 1,
            )
            self.ports.fleets.update_release(intent, withdrawn)

    def _newest_decision(self) -> RecordedDecision | None:
        """The newest routing decision; a newer capacity decision where routing has stopped.

        Of two of the same minute it is the one of routing: between ticks that are several minutes
        apart (`RoutingMinutes`, the fan-out) nothing has stopped.
        """
        decisions, name = self.ports.decisions, self.target.name
        routing = decisions.latest(name, Loop.ROUTING)
        if routing is not None and not is_outdated(
            routing.decision.scheduled_at, self.now, ROUTING_PERIOD
        ):
            return routing
        capacity = decisions.latest(name, Loop.CAPACITY)
        found = [recorded for recorded in (routing, capacity) if recorded is not None]
        return max(found, key=lambda recorded: recorded.decision.scheduled_at, default=None)

    def _releases(
        self, newest: RecordedDecision, routes: tuple[Route, ...], current: RoutingTable | None
    ) -> tuple[ReleaseIntent, ...]:
        """All releases ever; without any PT in sight there is none, and nothing to read."""
        in_force = current.routes if current else ()
        has_pt = any(route.kind is OptionKind.PROVISIONED for route in (*routes, *in_force))
        if not has_pt and not newest.situation.fleet.owned:
            return ()
        return self.ports.fleets.releases(self.target.name)

    def _permitted(
        self, routes: tuple[Route, ...], newest: RecordedDecision, current: RoutingTable | None
    ) -> tuple[Route, ...]:
        """The routes that the settings allow: the target's options, and PTs that are its own.

        Whatever a decision names, callers are sent nowhere else.
        """
        options = {(option.kind, option.place) for option in self.target.options}
        owned = {pt.arn for pt in newest.situation.fleet.serving}
        in_force = current.routes if current else ()
        owned |= {route.address for route in in_force if route.kind is OptionKind.PROVISIONED}
        kept = tuple(
            route
            for route in routes
            if (
                route.address in owned
                if route.kind is OptionKind.PROVISIONED
                else (route.kind, route.place) in options
            )
        )
        return routes if len(kept) == len(routes) else scaled(kept)

    def _deferrable(self, routes: tuple[Route, ...]) -> tuple[Route, ...]:
        """The routes for waiting work that are still options of the target."""
        options = {(option.kind, option.place) for option in self.target.options}
        return tuple(route for route in routes if (route.kind, route.place) in options)

    def _usable(
        self, routes: tuple[Route, ...], releases: tuple[ReleaseIntent, ...]
    ) -> tuple[Route, ...]:
        """The routes that callers can use now, their weights scaled to 1.

        A PT that was released is out for good: lists may go on showing it for a while.
        """
        if all(route.kind is not OptionKind.PROVISIONED for route in routes):
            return routes
        gone = {r.arn for r in releases if r.state is not ReleaseState.CANCELLED}
        routable = self.shelf.in_service() - gone
        kept = tuple(
            route
            for route in routes
            if route.kind is not OptionKind.PROVISIONED or route.address in routable
        )
        return routes if len(kept) == len(routes) else scaled(kept)

    def _table(
        self,
        routes: tuple[Route, ...],
        deferrable: tuple[Route, ...],
        decision_id: str,
        current: RoutingTable | None,
    ) -> RoutingTable | None:
        """The next table; None when it would mislead callers."""
        no_fallback = all(route.kind is OptionKind.PROVISIONED for route in routes)
        problem = routing_problem(routes, no_fallback=no_fallback)
        if problem:
            text = f"the table of {decision_id} is not published: {problem}"
            self.ports.reporter.alarm("table_kept", self.target.name, text)
            return None
        return RoutingTable(
            target=self.target.name,
            version=current.version + 1 if current else 1,
            routes=routes,
            refresh_seconds=self.target.thresholds.routing.refresh_seconds,
            no_fallback=no_fallback,
            decision_id=decision_id,
            published_at=self.now,
            deferrable=deferrable,
        )

    def _report(self, event: str, table: RoutingTable) -> None:
        self.ports.reporter.happened(
            event,
            self.target.name,
            decision_id=table.decision_id,
            version=table.version,
            detail=", ".join(f"{route.address} {route.weight:.3f}" for route in table.routes),
        )


def _content(table: RoutingTable) -> tuple[object, ...]:
    """What callers see of a table, besides its version."""
    return content(table.routes), table.deferrable, table.refresh_seconds, table.no_fallback


def _is_noted(intent: ReleaseIntent, table: RoutingTable | None) -> bool:
    """Whether this very table is known to leave the PT of the release out."""
    return table is not None and intent.withdrawn_version == table.version


def _time_of(decision_id: str) -> datetime:
    """The scheduled time that a decision's id ends with."""
    stamp = decision_id.rsplit("-", maxsplit=1)[-1]
    return datetime.fromisoformat(stamp)
