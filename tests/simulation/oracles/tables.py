"""The oracles of routing tables: what is published and projected, and when a PT left them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import OPEN_RELEASES, ReleaseIntent, ReleaseState
from bedrock_autoscaler.domain.routing.table import RoutingTable, routing_problem
from bedrock_autoscaler.domain.target import OptionKind
from tests.simulation.gate import Run
from tests.simulation.oracles.findings import Findings
from tests.simulation.oracles.permits import PermitOracles
from tests.simulation.oracles.surroundings import Surroundings

_CANCELLED = ReleaseState.CANCELLED
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOracles:
    """Compares tables with the settings, the fleet and the releases.

    Attributes:
        left: when a PT left a store of tables, by store and ARN; None while it is named there.
    """

    world: Surroundings
    findings: Findings
    permits: PermitOracles
    left: dict[tuple[str, str], datetime | None] = field(default_factory=dict, init=False)
    _versions: dict[str, int] = field(default_factory=dict, init=False)
    _leaving: dict[str, datetime] = field(default_factory=dict, init=False)
    _called_off: dict[str, datetime] = field(default_factory=dict, init=False)

    def note(self, table: RoutingTable) -> None:
        """A table that is in force, and read by callers, from the beginning."""
        self._versions[table.target] = table.version
        for store in ("authority", "projection"):
            self._note_routes(store, table)

    def leaves(self, release: ReleaseIntent) -> None:
        """A release begins: from now on its PT is to be out of each new table."""
        self._leaving[release.arn] = self.world.time.now

    def release_updated(self, before: ReleaseIntent) -> None:
        """A release that was called off leaves its PT in the tables."""
        releases = self.world.fleets.peek_releases()
        if any(r.decision_id == before.decision_id and r.state is _CANCELLED for r in releases):
            self._called_off.setdefault(before.decision_id, self.world.time.now)

    def publishing(self, run: Run, table: RoutingTable) -> None:
        """O11, O12 right before a table is written."""
        failed = self.findings.failed
        self.permits.permitted(run, table.target, "publish")
        problem = routing_problem(table.routes, no_fallback=table.no_fallback)
        if problem:
            failed("O11", f"table of {table.target}: {problem}")
        target = run.target(table.target)
        allowed = {option.address for option in target.options} if target else set()
        serving = _serving(run)
        for route in table.routes:
            if route.kind is not OptionKind.PROVISIONED:
                if route.address not in allowed:
                    failed("O11", f"table of {table.target} names {route.address}")
            elif route.address not in serving:
                failed("O11", f"table of {table.target} names {route.address}, not in service")
            else:
                self._is_routable(table.target, route.address)
        self._leaves_none_out(run, table, serving)
        self._names_none_that_leaves(run, table)

    def published(self, table: RoutingTable) -> None:
        """O11: its version rises."""
        last = self._versions.get(table.target, 0)
        if table.version != last + 1:
            message = f"{table.target} publishes version {table.version} after {last}"
            self.findings.failed("O11", message)
        self._versions[table.target] = table.version
        self._note_routes("authority", table)

    def overtaking(self, run: Run, table: RoutingTable) -> None:
        """O11, O12 right before the table in force is written again above the callers' copy."""
        self.permits.permitted(run, table.target, "overtake")
        self._names_none_that_leaves(run, table)

    def overtaken(self, table: RoutingTable) -> None:
        """O11: its version rises, by as much as it takes."""
        last = self._versions.get(table.target, 0)
        if table.version <= last:
            self.findings.failed("O11", f"{table.target} is at {table.version} after {last}")
        self._versions[table.target] = table.version
        self._note_routes("authority", table)

    def projecting(self, run: Run, table: RoutingTable) -> None:
        """O11, O12 right before the callers' copy is written, where it differs."""
        seen = self.world.tables.projected.get(table.target)
        if seen == table:
            return
        self.permits.permitted(run, table.target, "project")
        if seen is None or seen.version <= table.version:
            current = self.world.tables.peek(table.target)
            if current is None or current.version < table.version:
                message = f"{table.target} projects version {table.version} of no table"
                self.findings.failed("O11", message)

    def projected(self, table: RoutingTable) -> None:
        """Callers read it from now on."""
        self._note_routes("projection", table)

    def _is_routable(self, target: str, arn: str) -> None:
        """O11: only PTs of this target: another's are billed and sized for its own calls.

        One that a stranger gave all the tags of an open purchase cannot be told from its PT.
        """
        pt = self.world.bedrock.pts[arn]
        tags = pt.tags[-1] if pt.tags and pt.bought_for is None else None
        decision_id = tags.decision_id or "" if tags and tags.target == target else ""
        is_alike = self.world.fleets.peek_purchase(target, decision_id) is not None
        if pt.target != target and not is_alike and not self.world.is_restored:
            self.findings.failed("O11", f"table of {target} names {arn}, which is {pt.target}'s")

    def _leaves_none_out(self, run: Run, table: RoutingTable, serving: set[str]) -> None:
        """O8: what the decision sends to a PT that serves is not taken away for want of data.

        A release that was called off while this run was under way still stood when it read.
        """
        recorded = self.world.decisions.peek_one(table.decision_id)
        if recorded is None:
            return
        leaving = {
            release.arn
            for release in self.world.fleets.peek_releases()
            if release.state is not _CANCELLED
            or self._called_off.get(release.decision_id, _LONG_AGO) >= run.started_at
        }
        owned = {pt.arn for pt in recorded.situation.fleet.owned}
        named = {route.address for route in table.routes}
        for route in recorded.decision.routes:
            if route.address in (serving & owned) - leaving - named:
                message = f"table of {table.target} leaves {route.address} out"
                self.findings.failed("O8", message)

    def _names_none_that_leaves(self, run: Run, table: RoutingTable) -> None:
        """O6: no call is sent to a PT whose release this run could know of."""
        leaving = {r.arn for r in self.world.fleets.peek_releases() if r.state in OPEN_RELEASES}
        for route in table.routes:
            begun = self._leaving.get(route.address)
            if route.address in leaving and begun is not None and begun < run.started_at:
                message = f"table of {table.target} names {route.address}, which leaves"
                self.findings.failed("O6", message)

    def _note_routes(self, store: str, table: RoutingTable) -> None:
        """From when on a PT is out of a store."""
        now = self.world.time.now
        named = {r.address for r in table.routes if r.kind is OptionKind.PROVISIONED}
        for arn in named:
            self.left[store, arn] = None
        for pt in self.world.bedrock.pts.values():
            key = (store, pt.arn)
            if pt.target == table.target and pt.arn not in named and self.left.get(key, 1) is None:
                self.left[key] = now


def _serving(run: Run) -> set[str]:
    """PTs in service, as the run has read."""
    known = run.inventory.throughputs if run.inventory else ()
    return {pt.arn for pt in known if pt.status is Status.IN_SERVICE}
