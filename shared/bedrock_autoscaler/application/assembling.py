"""The use cases over one set of adapters, whichever they are."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from bedrock_autoscaler.application.errors import PlaceUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bedrock_autoscaler.application.acting import MovableParts
    from bedrock_autoscaler.application.deciding import DecidingPorts
    from bedrock_autoscaler.application.fleets.assigning import Agenda
    from bedrock_autoscaler.application.fleets.places import Place, Places
    from bedrock_autoscaler.application.ports.bedrock import (
        Capacity,
        Endpoints,
        Purchasing,
        Releasing,
    )
    from bedrock_autoscaler.application.ports.clock import Clock
    from bedrock_autoscaler.application.ports.cloudwatch import Metrics
    from bedrock_autoscaler.application.ports.decisions import Decisions
    from bedrock_autoscaler.application.ports.history import History
    from bedrock_autoscaler.application.ports.ledger import Fleets, Scalings
    from bedrock_autoscaler.application.ports.persons import Approvals, Reporter
    from bedrock_autoscaler.application.ports.settings import Settings, Switch
    from bedrock_autoscaler.application.ports.tables import RoutingTables
    from bedrock_autoscaler.application.pricing import PricingPorts
    from bedrock_autoscaler.application.publishing import PublishPorts
    from bedrock_autoscaler.application.purchasing.purchase import PurchasePorts
    from bedrock_autoscaler.application.releasing.withdrawing import ReleasePorts
    from bedrock_autoscaler.application.scaling.scale import ScalePorts
    from bedrock_autoscaler.application.ticking import Deadline, Summary
    from bedrock_autoscaler.domain.decision import Decision, Situation
    from bedrock_autoscaler.domain.target import Loop


class Adapters(Protocol):
    """One adapter for each port; a test puts fakes here."""

    @property
    def clock(self) -> Clock:
        """The source of time."""

    @property
    def metrics(self) -> Metrics:
        """CloudWatch."""

    @property
    def capacity(self) -> Capacity:
        """What Bedrock holds and sells."""

    @property
    def purchasing(self) -> Purchasing:
        """The one way to spend."""

    @property
    def releasing(self) -> Releasing:
        """The one way to delete."""

    @property
    def decisions(self) -> Decisions:
        """The decision log."""

    @property
    def fleets(self) -> Fleets:
        """Intents and reservations."""

    @property
    def approvals(self) -> Approvals | None:
        """Requests to persons, and their answers; None where nobody is asked."""

    @property
    def history(self) -> History:
        """Minute history."""

    @property
    def tables(self) -> RoutingTables:
        """Routing tables and their projection."""

    @property
    def endpoints(self) -> Endpoints:
        """Marketplace endpoints."""

    @property
    def scalings(self) -> Scalings:
        """What the ledger keeps of them."""

    @property
    def switch(self) -> Switch:
        """The kill switch."""

    @property
    def reporter(self) -> Reporter:
        """Logs, metrics, alarms."""

    @property
    def settings(self) -> Callable[[], Settings]:
        """A fresh snapshot of the settings on each call."""

    @property
    def pricing(self) -> PricingPorts:
        """The published price list, and where its prices are kept."""


class Application:
    """The use cases over one set of adapters; each run ends with a line in the log.

    The module of a use case is imported when it first runs, since a function runs one of them:
    the actors load no decision core, and what decides loads no actor.
    """

    def __init__(
        self,
        adapters: Adapters,
        *,
        deployment: str,
        code_version: str,
        decide: Callable[[Situation], Decision] | None = None,
        places: Places | None = None,
        agenda: Callable[[], Agenda] | None = None,
    ) -> None:
        """Ports are put together when first used.

        Args:
            adapters: one for each port.
            deployment: value of our owner tag.
            code_version: of the package, for the decision log.
            decide: the decision core, by default that of the domain; a test may put an adversary
                here.
            places: reaches the other accounts and Regions; None where there is but one.
            agenda: when each target is due, where a dispatcher hands them out; the acting functions
                then look at those with something to do, by settings some minutes old.
        """
        self._adapters = adapters
        self._deployment = deployment
        self._code_version = code_version
        self._decide = decide
        self._places = places
        self._agenda = agenda
        self._deciding: dict[Place, DecidingPorts] = {}

    def observe_and_decide(
        self, loop: Loop, scheduled_at: datetime | None, deadline: Deadline | None = None
    ) -> Summary:
        """One tick of one loop; see `application.deciding`."""
        from bedrock_autoscaler.application.deciding import observe_and_decide

        return self.told(lambda: observe_and_decide(loop, scheduled_at, self.deciding, deadline))

    def beat(self, scheduled_at: datetime | None) -> Summary:
        """The heartbeat of a minute in which no loop ticks."""
        from bedrock_autoscaler.application.deciding import beat

        return self.told(lambda: beat(scheduled_at, self.deciding))

    def purchase(self, scheduled_at: datetime | None, deadline: Deadline) -> Summary:
        """One tick of the purchase actor; see `application.purchasing.purchase`."""
        from bedrock_autoscaler.application.purchasing.purchase import purchase

        return self.told(lambda: purchase(scheduled_at, deadline, self._purchase))

    def release(self, scheduled_at: datetime | None, deadline: Deadline) -> Summary:
        """One tick of the release actor; see `application.releasing.release`."""
        from bedrock_autoscaler.application.releasing.release import release

        return self.told(lambda: release(scheduled_at, deadline, self._release))

    def publish(self, scheduled_at: datetime | None, deadline: Deadline | None = None) -> Summary:
        """One tick of the publish actor; see `application.publishing`."""
        from bedrock_autoscaler.application.publishing import publish

        return self.told(lambda: publish(scheduled_at, self._publish, deadline))

    def scale_endpoint(self, scheduled_at: datetime | None, deadline: Deadline) -> Summary:
        """One tick of the actor of endpoints; see `application.scaling.scale`."""
        from bedrock_autoscaler.application.scaling.scale import scale_endpoints

        return self.told(lambda: scale_endpoints(scheduled_at, deadline, self._scale))

    def refresh_prices(self) -> Summary:
        """Read the price list anew; see `application.pricing`."""
        from bedrock_autoscaler.application.pricing import refresh_prices

        return self.told(lambda: refresh_prices(self._adapters.pricing))

    def told(self, run: Callable[[], Summary]) -> Summary:
        """Log what the run did, and send what it has to say when all is done, or has failed."""
        reporter = self._adapters.reporter
        try:
            summary = run()
            outcome = "; ".join(f"{target}: {what}" for target, what in summary.outcomes)
            reporter.happened("tick", "", outcome=outcome or "nothing to do")
            return summary
        finally:
            reporter.flush()

    def metrics_at(self, place: Place) -> Metrics:
        """CloudWatch of a place.

        Raises:
            PlaceUnreachableError: it cannot be reached.
        """
        return self._adapters.metrics if self._places is None else self._places(place).metrics

    def deciding_at(self, place: Place) -> DecidingPorts:
        """What observing and deciding needs in a place; blind where it cannot be reached."""
        if self._places is None:
            return self.deciding
        try:
            there = self._places(place)
        except PlaceUnreachableError as error:
            return self.deciding.blind(str(error))
        if place not in self._deciding:
            self._deciding[place] = self.deciding.elsewhere(there)
        return self._deciding[place]

    @cached_property
    def deciding(self) -> DecidingPorts:
        """What observing and deciding needs at home."""
        from bedrock_autoscaler.application.deciding import DecidingPorts
        from bedrock_autoscaler.application.observing.measuring import Listing
        from bedrock_autoscaler.application.observing.sources import Sources
        from bedrock_autoscaler.domain.decide import decide

        adapters = self._adapters
        sources = Sources(
            metrics=adapters.metrics,
            listing=Listing(adapters.metrics),
            capacity=adapters.capacity,
            decisions=adapters.decisions,
            fleets=adapters.fleets,
            history=adapters.history,
            tables=adapters.tables,
            reporter=adapters.reporter,
            deployment=self._deployment,
            approvals=adapters.approvals,
            endpoints=adapters.endpoints,
            scalings=adapters.scalings,
        )
        return DecidingPorts(
            clock=adapters.clock,
            read_settings=adapters.settings,
            sources=sources,
            code_version=self._code_version,
            decide=self._decide or decide,
        )

    @cached_property
    def _scale(self) -> ScalePorts:
        from bedrock_autoscaler.application.scaling.scale import ScalePorts

        adapters = self._adapters
        return ScalePorts(
            clock=adapters.clock,
            read_settings=adapters.settings,
            switch=adapters.switch,
            decisions=adapters.decisions,
            endpoints=adapters.endpoints,
            scalings=adapters.scalings,
            reporter=adapters.reporter,
            deployment=self._deployment,
            fleets=adapters.fleets,
            capacity=adapters.capacity,
        )

    @cached_property
    def _acting_settings(self) -> Callable[[], Settings]:
        """The settings of an acting function; those of a fleet are not read each minute."""
        if self._agenda is None:
            return self._adapters.settings
        from bedrock_autoscaler.application.settings.aged import AgedSettings

        return AgedSettings(self._adapters.settings, self._adapters.clock)

    @cached_property
    def _parts(self) -> MovableParts:
        """What buying, releasing and publishing have in common."""
        adapters = self._adapters
        return {
            "clock": adapters.clock,
            "read_settings": self._acting_settings,
            "switch": adapters.switch,
            "decisions": adapters.decisions,
            "fleets": adapters.fleets,
            "reporter": adapters.reporter,
            "places": self._places,
            "agenda": self._agenda() if self._agenda else None,
        }

    @cached_property
    def _purchase(self) -> PurchasePorts:
        from bedrock_autoscaler.application.purchasing.purchase import PurchasePorts

        return PurchasePorts(
            **self._parts,
            capacity=self._adapters.capacity,
            purchasing=self._adapters.purchasing,
            deployment=self._deployment,
            endpoints=self._adapters.endpoints,
            scalings=self._adapters.scalings,
        )

    @cached_property
    def _release(self) -> ReleasePorts:
        from bedrock_autoscaler.application.releasing.withdrawing import ReleasePorts

        return ReleasePorts(
            **self._parts,
            releasing=self._adapters.releasing,
            metrics=self._adapters.metrics,
            tables=self._adapters.tables,
            deployment=self._deployment,
        )

    @cached_property
    def _publish(self) -> PublishPorts:
        from bedrock_autoscaler.application.publishing import PublishPorts

        return PublishPorts(
            **self._parts, capacity=self._adapters.capacity, tables=self._adapters.tables
        )
