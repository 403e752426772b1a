"""Asks the oracles of the failure model at every call that changes something.

They compare what is done with the true state of the simulated world, with the ledger and with
the published tables, and never with what the application believes.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bedrock_autoscaler.application.ports.bedrock import Inventory, ListedThroughput
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseIntent, ReleaseIntent
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord
from bedrock_autoscaler.domain.routing.table import RoutingTable
from tests.simulation.bedrock import SimulatedPt
from tests.simulation.gate import Run
from tests.simulation.oracles.caps import CapOracles
from tests.simulation.oracles.consents import ConsentOracles
from tests.simulation.oracles.endpoints import EndpointOracles
from tests.simulation.oracles.findings import Findings
from tests.simulation.oracles.permits import PermitOracles
from tests.simulation.oracles.purchases import PurchaseOracles
from tests.simulation.oracles.releases import ReleaseOracles
from tests.simulation.oracles.surroundings import Surroundings
from tests.simulation.oracles.tables import TableOracles

_EFFECTS = frozenset(
    {
        "fleets.begin_purchase",
        "fleets.update_purchase",
        "fleets.begin_release",
        "fleets.update_release",
        "fleets.trip",
        "tables.publish",
        "tables.overtake",
        "scalings.write",
    }
)


class Watch:
    """Hears of every changing call, and passes it on to the oracles that look at it."""

    def __init__(self, world: Surroundings, findings: Findings) -> None:
        self._world = world
        self._findings = findings
        permits = PermitOracles(world=world, findings=findings)
        self._consents = ConsentOracles(world=world, findings=findings)
        self._purchases = PurchaseOracles(world=world, findings=findings, permits=permits)
        self._caps = CapOracles(world=world, findings=findings, made=self._purchases.made)
        self._tables = TableOracles(world=world, findings=findings, permits=permits)
        self._releases = ReleaseOracles(
            world=world, findings=findings, permits=permits, left=self._tables.left
        )
        self._endpoints = EndpointOracles(world=world, findings=findings, permits=permits)
        self._starting = self._asked_before()
        self._done = self._told_after()
        world.endpoints.on_scaled = self._endpoints.scaled
        world.bedrock.on_created = self._purchases.created
        world.bedrock.on_gone = self._gone

    def starting(self, call: str, run: Run, args: tuple[Any, ...]) -> None:
        """A changing call is about to be sent."""
        self._findings.run = run
        check = self._starting.get(call)
        if check is not None:
            check(run, *args)

    def done(self, call: str, run: Run, args: tuple[Any, ...], answer: object) -> None:
        """A call has had its effect."""
        self._findings.run = run
        note = self._done.get(call)
        if note is not None:
            note(run, args[0] if args else None, answer)
        if call in _EFFECTS:
            self._findings.effects.append(f"{call} {_subject(args)}")

    def note_table(self, table: RoutingTable) -> None:
        """A table that is in force, and read by callers, from the beginning."""
        self._tables.note(table)

    def restored(self) -> None:
        """The ledger went back in time: it cannot count what it has forgotten."""
        self._world.is_restored = True
        self._purchases.restored()
        self._releases.restored()
        self._endpoints.restored()

    def _asked_before(self) -> Mapping[str, Callable[..., None]]:
        """What is asked before a call: by its run and its arguments."""
        return {
            "purchasing.buy": self._purchases.buying,
            "releasing.delete": self._releases.deleting,
            "tables.publish": self._tables.publishing,
            "tables.project": self._tables.projecting,
            "tables.overtake": self._tables.overtaking,
            "endpoints.scale": self._endpoints.scaling,
        }

    def _told_after(self) -> Mapping[str, Callable[[Run, Any, Any], None]]:
        """Who hears of a call: of its run, its first argument and its answer."""
        purchases, tables, endpoints = self._purchases, self._tables, self._endpoints
        return {
            "fleets.begin_purchase": lambda run, intent, _: self._reserved(run, intent),
            "fleets.update_purchase": lambda _, before, __: purchases.updated(before),
            "decisions.record": purchases.decided,
            "fleets.begin_release": lambda run, release, _: self._leaves(run, release),
            "fleets.update_release": lambda _, before, __: self._release_updated(before),
            "tables.publish": lambda _, table, __: tables.published(table),
            "tables.project": lambda _, table, __: tables.projected(table),
            "tables.overtake": lambda _, __, above: tables.overtaken(above),
            "scalings.write": lambda _, before, __: endpoints.written(before),
            "capacity.inventory": _listed,
            "releasing.get": _got,
            "switch.allows_action": _switched,
            "fleets.record_of": _read_breaker,
        }

    def _release_updated(self, before: ReleaseIntent) -> None:
        self._tables.release_updated(before)
        self._releases.updated(before)

    def _reserved(self, run: Run, intent: PurchaseIntent) -> None:
        """O1, O2, O3: what more was reserved is within the caps, and agreed where it must be."""
        target = run.target(intent.target)
        if target is None:
            self._findings.failed("O1", f"{intent.decision_id} reserves for no target in force")
            return
        run.is_closed.pop(intent.target, None)
        self._caps.reserved(run, intent, target)
        self._consents.reserved(intent, target)

    def _leaves(self, run: Run, release: ReleaseIntent) -> None:
        """O6, O13: a release begins."""
        self._tables.leaves(release)
        self._releases.begun(run, release)

    def _gone(self, pt: SimulatedPt) -> None:
        self._findings.effects.append(f"gone {pt.name}")


def _listed(run: Run, _: None, answer: Inventory) -> None:
    run.inventory = answer


def _got(run: Run, arn: str, answer: ListedThroughput | None) -> None:
    run.got[arn] = answer


def _switched(run: Run, target: str, answer: object) -> None:
    run.allowed[target] = bool(answer)


def _read_breaker(run: Run, target: str, answer: FleetRecord) -> None:
    run.is_closed[target] = answer.tripped_at is None


def _subject(args: tuple[Any, ...]) -> str:
    """What a change is about, for the transcript."""
    subject = args[-1]
    if isinstance(subject, PurchaseIntent | ReleaseIntent):
        return f"{subject.decision_id} {subject.state}"
    if isinstance(subject, RoutingTable):
        return f"{subject.target} {subject.version}"
    if isinstance(subject, EndpointRecord):
        return f"{subject.address} {subject.changes[-1].state}"
    return ""
