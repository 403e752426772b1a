"""Dispatcher and worker over one set of adapters: how a fleet of many targets is run."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from bedrock_autoscaler.application.settings.aged import AgedSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bedrock_autoscaler.application.assembling import Adapters, Application
    from bedrock_autoscaler.application.fleets.assigning import (
        Agenda,
        Assignment,
        Assignments,
        Policies,
    )
    from bedrock_autoscaler.application.fleets.dispatching import DispatchPorts
    from bedrock_autoscaler.application.fleets.places import Place
    from bedrock_autoscaler.application.fleets.visiting import VisitingPorts
    from bedrock_autoscaler.application.ticking import Deadline, Summary


class FleetAdapters(Protocol):
    """What dispatcher and worker need beside the adapters of one place."""

    @property
    def policies(self) -> Policies:
        """Settings as resolved, by version."""

    @property
    def agenda(self) -> Agenda:
        """When each target is due."""

    @property
    def assignments(self) -> Assignments:
        """The way to the workers."""


class FleetApplication:
    """The two use cases of a fleet.

    Args:
        application: the use cases; it knows the way to each place.
        adapters: those at home.
        fleet: what is shared by all targets.
        home: where the stack is, which has its heartbeat although no target is there.
    """

    def __init__(
        self,
        application: Application,
        adapters: Adapters,
        fleet: FleetAdapters,
        home: Place | None = None,
    ) -> None:
        self._application = application
        self._adapters = adapters
        self._fleet = fleet
        self._home = home

    def dispatch(self, scheduled_at: datetime | None) -> Summary:
        """One tick of the dispatcher; see `application.fleets.dispatching`."""
        from bedrock_autoscaler.application.fleets.dispatching import dispatch

        return self._application.told(lambda: dispatch(scheduled_at, self._dispatching))

    def visit(self, assignments: Sequence[Assignment], deadline: Deadline | None = None) -> Summary:
        """One batch of a worker; see `application.fleets.visiting`."""
        from bedrock_autoscaler.application.fleets.visiting import visit

        return self._application.told(lambda: visit(assignments, self._visiting, deadline))

    @cached_property
    def _dispatching(self) -> DispatchPorts:
        from bedrock_autoscaler.application.fleets.dispatching import DispatchPorts

        return DispatchPorts(
            clock=self._adapters.clock,
            read_settings=AgedSettings(self._adapters.settings, self._adapters.clock),
            policies=self._fleet.policies,
            agenda=self._fleet.agenda,
            assignments=self._fleet.assignments,
            metrics=self._application.metrics_at,
            since=self._adapters.clock.now(),
            home=self._home,
            reporter=self._adapters.reporter,
        )

    @cached_property
    def _visiting(self) -> VisitingPorts:
        from bedrock_autoscaler.application.fleets.visiting import VisitingPorts

        return VisitingPorts(
            clock=self._adapters.clock,
            reporter=self._adapters.reporter,
            policies=self._fleet.policies,
            agenda=self._fleet.agenda,
            deciding=self._application.deciding_at,
        )
