"""What acting functions share: ports, at home or elsewhere, and when they run."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self, TypedDict

from bedrock_autoscaler.application.fleets.assigning import Agenda
from bedrock_autoscaler.application.fleets.attending import attended
from bedrock_autoscaler.application.fleets.places import Place, PlaceAdapters, Places
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.ports.decisions import Decisions
from bedrock_autoscaler.application.ports.ledger import Fleets
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.application.ports.settings import Settings, Switch
from bedrock_autoscaler.application.ticking import Once, Summary, Tick, report_late, visit_targets
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.units import MINUTE


class MovableParts(TypedDict):
    """The ports that each of those which reach other places is made of."""

    clock: Clock
    read_settings: Callable[[], Settings]
    switch: Switch
    decisions: Decisions
    fleets: Fleets
    reporter: Reporter
    places: Places | None
    agenda: Agenda | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorPorts:
    """What an acting function needs, whatever it does.

    Attributes:
        once: keeps what was reported already.
    """

    clock: Clock
    read_settings: Callable[[], Settings]
    switch: Switch
    decisions: Decisions
    fleets: Fleets
    reporter: Reporter
    once: Once = field(default_factory=Once)

    def tick(self, scheduled_at: datetime | None) -> Tick | None:
        """The running tick; None, and reported, where clock and schedule are too far apart."""
        tick = Tick.of(scheduled_at, self.clock.now(), MINUTE)
        if tick.may_act:
            return tick
        report_late(tick, self.reporter)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class MovablePorts(ActorPorts, ABC):
    """What buying, releasing and publishing need: they act in other places too.

    Attributes:
        places: reaches the other accounts and Regions; None where there is but one.
        agenda: tells which targets have something to do; None: all are looked at.
    """

    places: Places | None = None
    agenda: Agenda | None = None

    def at(self, place: Place) -> Self:
        """The same in the place of a target.

        Raises:
            PlaceUnreachableError: it cannot be reached.
        """
        return self if self.places is None else self.moved(self.places(place))

    def visit_due(
        self, targets: Sequence[Target], tick: Tick, visit: Callable[[Target], str]
    ) -> Summary:
        """One pass for each target that has something to do in this minute.

        Raises:
            TargetsFailedError: the pass of some target failed; the others are done.
        """
        waiting = attended(targets, tick.scheduled_at, self.agenda, self.reporter)
        return visit_targets(waiting, visit, self.reporter).checked()

    @abstractmethod
    def moved(self, there: PlaceAdapters) -> Self:
        """The same with the parts of another place."""
