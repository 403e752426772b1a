"""The ledger's fakes with what a simulation needs besides: looking past faults, going back."""

import copy
from typing import Any, override

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseIntent, ReleaseIntent
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import Loop
from tests.fakes.memory_decisions import MemoryDecisions
from tests.fakes.memory_dispatch import MemoryAgenda, MemoryPolicies
from tests.fakes.memory_ledger import MemoryFleets
from tests.fakes.memory_routes import MemoryRoutingTables
from tests.fakes.memory_scalings import MemoryScalings
from tests.fakes.memory_settings import MemoryLastGood
from tests.simulation.history import SimulatedHistory


class SimulatedFleets(MemoryFleets):
    """Intents and reservations that the oracles may look at."""

    def peek_purchases(self, target: str) -> tuple[PurchaseIntent, ...]:
        """All purchase intents of a target."""
        return tuple(i for (owner, _), i in self._purchases.items() if owner == target)

    def peek_targets(self) -> tuple[str, ...]:
        """Targets that ever reserved anything."""
        return tuple(self.records)

    def peek_record(self, target: str) -> FleetRecord:
        """What is reserved for a target."""
        return self._record(target)

    def peek_purchase(self, target: str, decision_id: str) -> PurchaseIntent | None:
        """The purchase intent of a decision."""
        return self._purchases.get((target, decision_id))

    def peek_releases(self) -> tuple[ReleaseIntent, ...]:
        """All release intents of all targets."""
        return tuple(self._releases.values())


class SimulatedDecisions(MemoryDecisions):
    """The decision log, with the newest decision at hand."""

    def __init__(self) -> None:
        super().__init__()
        self._newest: dict[tuple[str, Loop], RecordedDecision] = {}

    @override
    def record(self, recorded: RecordedDecision) -> bool:
        """Keep it; False when its id is taken."""
        is_new = super().record(recorded)
        decision = recorded.decision
        if is_new:
            key = (decision.target, decision.loop)
            known = self._newest.get(key)
            if known is None or known.decision.scheduled_at < decision.scheduled_at:
                self._newest[key] = self.kept[decision.id]
        return is_new

    @override
    def latest(self, target: str, loop: Loop) -> RecordedDecision | None:
        """The one with the latest scheduled time."""
        return self._newest.get((target, loop))

    def peek(self, decision_id: str) -> bool:
        """Whether there is such a decision."""
        return decision_id in self.kept

    def peek_one(self, decision_id: str) -> RecordedDecision | None:
        """One decision."""
        return self.kept.get(decision_id)

    def peek_all(self) -> tuple[RecordedDecision, ...]:
        """Every decision in the order of its record."""
        return tuple(self.kept.values())


class SimulatedTables(MemoryRoutingTables):
    """Routing tables that the oracles may look at."""

    def peek(self, target: str) -> RoutingTable | None:
        """The table in force."""
        return self.tables.get(target)


type Backup = tuple[tuple[object, dict[str, Any]], ...]


class Ledger:
    """Everything that the ledger table keeps; the routes stand in a table of their own."""

    def __init__(self) -> None:
        self.fleets = SimulatedFleets()
        self.decisions = SimulatedDecisions()
        self.history = SimulatedHistory()
        self.last_good = MemoryLastGood()
        self.scalings = MemoryScalings()
        self.policies = MemoryPolicies()
        self.agenda = MemoryAgenda()

    def backup(self) -> Backup:
        """All items as they stand."""
        stores = (
            *(self.fleets, self.decisions, self.history, self.last_good, self.scalings),
            *(self.policies, self.agenda),
        )
        return tuple((store, _items(vars(store))) for store in stores)

    @staticmethod
    def restore(backup: Backup) -> None:
        """All items as they stood."""
        for store, items in backup:
            vars(store).update(_items(items))


def _items(members: dict[str, Any]) -> dict[str, Any]:
    """The containers of a fake, copied one level deep: what they hold is immutable."""
    return {
        name: copy.copy(value)
        for name, value in members.items()
        if isinstance(value, dict) and name not in {"_before", "_after"}
    }
