"""The routing tables that callers follow."""

from typing import Protocol

from bedrock_autoscaler.domain.routing.table import RoutingTable


class RoutingTables(Protocol):
    """The authority for routing tables, and its projection that callers read."""

    def current(self, target: str) -> RoutingTable | None:
        """The table in force, read consistently; None before the first one."""

    def publish(self, table: RoutingTable) -> None:
        """Write version n on the condition that version n - 1 (or none) is in force.

        Raises:
            StaleDecisionError: another version is in force.
            ConfigurationError: the callers' copy could not hold it, or callers would refuse it;
                nothing was written.
        """

    def overtake(self, table: RoutingTable) -> RoutingTable:
        """Write the table in force again, one version above the callers' newer copy; that table.

        Versions of the authority fall when it is restored, and callers refuse to follow there.

        Raises:
            StaleDecisionError: another version is in force.
            ConfigurationError: the copy's version leaves no room for further ones, or callers would
                refuse the table.
        """

    def is_projected(self, table: RoutingTable) -> bool:
        """Whether the callers' copy equals `table`; reads, and changes nothing."""

    def project(self, table: RoutingTable) -> None:
        """Make the callers' copy equal to `table`; reads first and writes only a difference."""
