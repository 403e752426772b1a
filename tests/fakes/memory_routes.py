"""Routing tables and the callers' copy of them, in memory."""

from dataclasses import replace
from threading import RLock

from bedrock_autoscaler.application.errors import StaleDecisionError
from bedrock_autoscaler.domain.routing.table import RoutingTable
from tests.fakes.failures import Failures


class MemoryRoutingTables(Failures):
    """The authority and the projection.

    Attributes:
        projected: what callers read, by target; theirs to spoil.
        projections: how often the projection was written.
        published: every table that was ever in force, oldest first.
        tables: those in force, by target; theirs to change.
    """

    def __init__(self) -> None:
        super().__init__()
        self.projected: dict[str, RoutingTable] = {}
        self.projections = 0
        self.published: list[RoutingTable] = []
        self.tables: dict[str, RoutingTable] = {}
        self._lock = RLock()

    def current(self, target: str) -> RoutingTable | None:
        """The table in force."""
        self._begin("current")
        return self.tables.get(target)

    def publish(self, table: RoutingTable) -> None:
        """Put it in force if it follows the one in force."""
        self._begin("publish")
        with self._lock:
            known = self.tables.get(table.target)
            version = known.version if known else 0
            if table.version != version + 1:
                raise StaleDecisionError(
                    f"routing table of {table.target} is at version {version}, "
                    f"{table.version} cannot follow"
                )
            self.tables[table.target] = table
            self.published.append(table)
        self._end("publish")

    def overtake(self, table: RoutingTable) -> RoutingTable:
        """Put it in force above the version that callers read."""
        self._begin("overtake")
        with self._lock:
            known = self.tables.get(table.target)
            if known is None or known.version != table.version:
                raise StaleDecisionError(f"routing table of {table.target} has moved")
            copy = self.projected.get(table.target, table)
            above = replace(table, version=max(copy.version, table.version) + 1)
            self.tables[table.target] = above
            self.published.append(above)
        self._end("overtake")
        return above

    def is_projected(self, table: RoutingTable) -> bool:
        """Whether it is where callers read."""
        self._begin("is_projected")
        return self.projected.get(table.target) == table

    def project(self, table: RoutingTable) -> None:
        """Copy it to where callers read, unless it is there; never over a newer one."""
        self._begin("project")
        seen = self.projected.get(table.target)
        if seen is not None and seen.version > table.version:
            raise StaleDecisionError(
                f"callers of {table.target} read version {seen.version}, newer than {table.version}"
            )
        if seen != table:
            self.projected[table.target] = table
            self.projections += 1
        self._end("project")
