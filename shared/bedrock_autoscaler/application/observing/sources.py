"""Where a situation comes from, and whose run it is."""

from dataclasses import dataclass, field

from bedrock_autoscaler.application.observing.keeping import Keepsakes
from bedrock_autoscaler.application.observing.measuring import Listing
from bedrock_autoscaler.application.ports.bedrock import Capacity, Endpoints
from bedrock_autoscaler.application.ports.cloudwatch import Metrics
from bedrock_autoscaler.application.ports.decisions import Decisions
from bedrock_autoscaler.application.ports.history import History
from bedrock_autoscaler.application.ports.ledger import Fleets, LedgerState, Scalings
from bedrock_autoscaler.application.ports.persons import Approvals, Reporter
from bedrock_autoscaler.application.ports.tables import RoutingTables
from bedrock_autoscaler.application.scaling.spending import BoundedEndpoint
from bedrock_autoscaler.domain.target import StackRails


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a situation comes from.

    Attributes:
        listing: remembers which `ModelId`s CloudWatch lists, from tick to tick.
        keepsakes: what else is remembered.
        approvals: what persons were asked and agreed to; None where nobody is asked.
        endpoints: Marketplace endpoints; None where none is looked at.
        scalings: what the ledger keeps of them; None where none is changed.
        states: what the ledger said of each target in this run; None: it is read each time.
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
    scalings: Scalings | None = None
    states: dict[str, LedgerState] | None = None

    def state_of(self, target: str) -> LedgerState:
        """What the ledger holds for a target; both loops of a run see the same."""
        if self.states is None:
            return self.fleets.state_of(target)
        if target not in self.states:
            self.states[target] = self.fleets.state_of(target)
        return self.states[target]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """All targets of one account and Region, as far as a run that decides some must know.

    Attributes:
        names: of all in force; others' PTs are left to them.
        rails: the caps on all of them together.
        endpoints: of all of them, whose instances are paid under the same caps.
        silent_together: whether they fell silent together; None where this run reads them all
            and sees it itself.
    """

    names: frozenset[str]
    rails: StackRails
    endpoints: tuple[BoundedEndpoint, ...] = ()
    silent_together: bool | None = None

    @property
    def is_present(self) -> bool:
        """Whether this run reads all of them."""
        return self.silent_together is None
