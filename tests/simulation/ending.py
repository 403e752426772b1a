"""What must come true once faults stop: L1, L2, L4, and what every decision must satisfy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from bedrock_autoscaler.application.reviewing.replaying import replay
from bedrock_autoscaler.domain.decision import Decision, Release, Situation
from bedrock_autoscaler.domain.fleet.intent import (
    OPEN_RELEASES,
    PurchaseIntent,
    PurchaseState,
    ReleaseState,
)
from bedrock_autoscaler.domain.fleet.lifecycle import STUCK_AFTER
from bedrock_autoscaler.domain.fleet.scalings import ScalingIntent
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import OptionKind, Target
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes
from tests.builders import bare_decision
from tests.simulation.fanning import firings_of
from tests.simulation.schedule import Firing, Function, Moment

if TYPE_CHECKING:
    from tests.simulation.engine import Simulation

_ALL = tuple(
    Firing(function)
    for function in (
        *(Function.ROUTING, Function.CAPACITY),
        *(Function.PURCHASE, Function.RELEASE, Function.PUBLISH),
    )
)
_EACH_MINUTE = tuple(firing for firing in _ALL if firing.function is not Function.CAPACITY)
_TABLE_TICKS, _AFTER_GRACE_TICKS = 2, 3
_GRACE_MINUTES = 25
_FANNED_TICKS = 20
"""Where targets are handed out: settings are five minutes old, and a quiet one is looked at each
quarter of an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How soon all was well again once faults had stopped.

    Attributes:
        table_ticks: until callers had the table in force.
        late_ticks: after the grace, until every intent had its outcome.
    """

    table_ticks: int
    late_ticks: int


_STANDING = frozenset({PurchaseState.BOUGHT, PurchaseState.IN_SERVICE, PurchaseState.FAILED})


def hold(situation: Situation) -> Decision:
    """A core that wants nothing, and routes to what is paid for and then to the options."""
    return bare_decision(situation, routes=_even_routes(situation))


def _even_routes(situation: Situation) -> tuple[Route, ...]:
    paid = [pt for pt in situation.fleet.owned if pt.is_routable]
    units = sum(pt.model_units for pt in paid)
    routes = [
        Route(kind=OptionKind.PROVISIONED, address=pt.arn, weight=pt.model_units / units)
        for pt in paid
    ]
    for option in situation.target.options:
        weight = 0.0 if routes else 1.0
        routes.append(Route(kind=option.kind, address=option.address, weight=weight))
    return tuple(routes)


def heal_and_check(simulation: "Simulation") -> Recovery:
    """Stop all faults, let time pass, and ask what must have come true by then.

    No more ticks are run than it takes: at most two until the tables are right, and three after
    the grace until no intent is open.
    """
    simulation.heal()
    ticks = _Ticks(simulation)
    more = _FANNED_TICKS if simulation.plan.fans_out else 0
    table_ticks = ticks.until(_are_copies_right, _TABLE_TICKS + more)
    _check_copies(simulation)
    ticks.play(_GRACE_MINUTES - 1, _ALL)
    late_ticks = 0 if _is_settled(simulation) else ticks.until(_is_settled, 2 + more)
    ticks.play(1, _ALL)
    _check_intents(simulation)
    _check_records(simulation)
    _check_endpoints(simulation)
    _check_copies(simulation)
    _check_tables(simulation)
    _check_rest(simulation, ticks)
    return Recovery(table_ticks=table_ticks, late_ticks=late_ticks)


class _Ticks:
    """Healthy ticks, one after the other."""

    def __init__(self, simulation: "Simulation") -> None:
        self._simulation = simulation
        self._next = len(simulation.plan.moments)
        self._more = (Firing(Function.SCALE),) if simulation.plan.endpoints else ()

    def play(self, minutes: int, firings: tuple[Firing, ...]) -> list[str]:
        """One of them, and what it changed."""
        effects = self._simulation.findings.effects
        before = len(effects)
        if self._simulation.plan.fans_out:
            firings = firings_of(firings)
        self._simulation.play(self._next, Moment(minutes * MINUTE, (), firings + self._more))
        self._next += 1
        return effects[before:]

    def until(self, condition: Callable[["Simulation"], bool], most: int) -> int:
        """One a minute until it holds: how many that took."""
        for count in range(1, most + 1):
            self.play(1, _ALL if count == 1 else _EACH_MINUTE)
            if condition(self._simulation):
                return count
        return most


def _is_settled(simulation: "Simulation") -> bool:
    return not _open_intents(simulation) and not any(_open_changes(simulation))


def _are_copies_right(simulation: "Simulation") -> bool:
    return not any(True for _ in _wrong_copies(simulation))


def _open_intents(simulation: "Simulation") -> list[PurchaseIntent]:
    fleets = simulation.ledger.fleets
    return [
        intent
        for name in simulation.plan.targets
        for intent in fleets.peek_purchases(name)
        if intent.state is PurchaseState.RECORDED
    ]


def _open_changes(simulation: "Simulation") -> Iterator[tuple[str, ScalingIntent]]:
    records = simulation.ledger.scalings.records.values()
    return ((record.address, record.open) for record in records if record.open)


def _check_endpoints(simulation: "Simulation") -> None:
    """L1, O5: each change has its outcome, or an alarm where Bedrock is at it for too long."""
    for address, change in _open_changes(simulation):
        is_over = simulation.endpoints.true_state(address).is_settled
        is_long = simulation.world.now - change.recorded_at > STUCK_AFTER
        if is_over or (is_long and not _is_told(simulation, "scaling_failed", change.decision_id)):
            simulation.findings.failed("L1", f"{address} is still being changed")
    for planned in simulation.plan.endpoints:
        instances = simulation.endpoints.true_state(planned.address).instances
        if planned.target is None and instances != planned.instances:
            simulation.findings.failed("O5", f"{planned.address} of others runs {instances}")


def _check_intents(simulation: "Simulation") -> None:
    """L1: no intent without an outcome or an alarm."""
    fleets, failed = simulation.ledger.fleets, simulation.findings.failed
    for intent in _open_intents(simulation):
        if not _is_told(simulation, "purchase_unresolved", intent.decision_id):
            failed("L1", f"{intent.decision_id} is still {intent.state}")
    standing = {pt.arn for pt in simulation.bedrock.existing()}
    for release in fleets.peek_releases():
        if release.state is ReleaseState.DELETING and release.arn not in standing:
            failed("L1", f"release {release.decision_id} of a PT that is gone is open")


def _check_records(simulation: "Simulation") -> None:
    """O10: no PT of ours without its record, unless the ledger or its tags were taken from us.

    Where a person gave it to another target, or took the tag of its decision, as for an adoption
    that never came, a person must have been told that it stands there.
    """
    if simulation.surroundings.is_restored:
        return
    fleets = simulation.ledger.fleets
    for pt in simulation.bedrock.existing():
        tags = pt.tags[-1] if pt.tags else None
        if pt.bought_for is None or tags is None or tags.deployment != simulation.deployment:
            continue
        kept = fleets.peek_purchase(pt.target or "", pt.bought_for)
        if kept is not None and kept.arn == pt.arn and kept.state in _STANDING:
            continue
        is_given_away = tags.target != pt.target or tags.decision_id is None
        if not (is_given_away and _is_told_of(simulation, pt.arn)):
            simulation.findings.failed("O10", f"{pt.arn} exists, its purchase is {kept}")


def _is_told_of(simulation: "Simulation", arn: str) -> bool:
    """Whether a person was told of a PT that no purchase explains."""
    wanted = {"ledger_incomplete", "unmanaged_pt", "orphaned_pt"}
    return any(a.alarm in wanted and arn in a.message for a in simulation.reporter.alarms)


def _is_told(simulation: "Simulation", alarm: str, subject: str) -> bool:
    """Whether a person was told of this very one."""
    return any(a.alarm == alarm and subject in a.message for a in simulation.reporter.alarms)


def _wrong_copies(simulation: "Simulation") -> Iterator[str]:
    for target in simulation.targets_in_force():
        if target.mode == "advise":
            continue
        table = simulation.tables.peek(target.name)
        copy = simulation.tables.projected.get(target.name)
        if table is None or copy != table:
            yield f"callers of {target.name} have {copy}, not {table}"
        elif not any(route.weight > 0 for route in table.routes):
            yield f"no route of {target.name} has a weight"


def _check_copies(simulation: "Simulation") -> None:
    """L2: callers have the table in force."""
    for problem in _wrong_copies(simulation):
        simulation.findings.failed("L2", problem)


def _check_tables(simulation: "Simulation") -> None:
    """L2: the table in force is what the newest decision wants."""
    for target in simulation.targets_in_force():
        table = simulation.tables.peek(target.name)
        if target.mode != "advise" and table is not None:
            _check_shares(simulation, target, {route.address for route in table.routes})


def _check_shares(simulation: "Simulation", target: Target, named: set[str]) -> None:
    """Every PT of ours that has served for a while, and is not leaving, is named."""
    decided_at = max(
        r.decision.scheduled_at
        for r in simulation.ledger.decisions.peek_all()
        if r.decision.target == target.name
    )
    # One that was called off after the newest decision comes back with the next.
    leaving = {
        r.arn
        for r in simulation.ledger.fleets.peek_releases()
        if r.state is not ReleaseState.CANCELLED or (r.ended_at and r.ended_at > decided_at)
    }
    open_now = {
        r.arn
        for r in simulation.ledger.fleets.peek_releases()
        if r.target == target.name and r.state in OPEN_RELEASES
    }
    if open_now & named:
        simulation.findings.failed("L2", f"the table of {target.name} names {open_now & named}")
    oldest = simulation.world.now - timedelta(minutes=20)
    for intent in simulation.ledger.fleets.peek_purchases(target.name):
        pt = simulation.bedrock.pts.get(intent.arn or "")
        if (
            intent.state is PurchaseState.IN_SERVICE
            and pt is not None
            and pt.exists(oldest)
            and pt.exists(simulation.world.now)
            and (intent.in_service_since or oldest) <= oldest
            and pt.tags
            and pt.tags[-1].deployment == simulation.deployment
            and pt.arn not in leaving | named
        ):
            simulation.findings.failed("L2", f"the table of {target.name} leaves {pt.arn} out")


def _check_rest(simulation: "Simulation", ticks: _Ticks) -> None:
    """L4: the same tick again does nothing."""
    if ticks.play(0, _ALL):  # it may finish what an earlier one began
        again = ticks.play(0, _ALL)
        if again:
            simulation.findings.failed("L4", f"a second tick did {again}")


def check_replays(simulation: "Simulation", sample: int) -> None:
    """O14, O8: stored decisions come out again, and never shrink on what was not seen."""
    decisions, history = simulation.ledger.decisions, simulation.ledger.history
    kept = [r for r in decisions.peek_all() if r.decision.id not in simulation.opened]
    step = max(len(kept) // sample, 1) if sample else 1
    for recorded in kept[::step] if sample else ():
        stored = decisions.load(recorded.decision.id, history)
        if stored is None:
            simulation.findings.failed("O14", f"{recorded.decision.id} is not stored")
            continue
        difference = replay(stored, simulation.core)
        if difference is not None:
            simulation.findings.failed("O14", str(difference))
        if simulation.plan.has_rules:
            problem = shrinks_blindly(stored.decision, stored.situation)
            if problem:
                simulation.findings.failed("O8", f"{stored.decision.id} {problem}")


def shrinks_blindly(decision: Decision, situation: Situation) -> str | None:
    """Why a decision of the rules shrinks on missing data; None when it does not."""
    rules = situation.target.thresholds.observing
    traffic = situation.observation.traffic
    known = np.flatnonzero(~np.isnan(traffic.invocations[-_NEWEST:]))
    share = len(known) / _NEWEST
    gaps = len(traffic.invocations[-_NEWEST:]) - 1 - int(known[-1]) if known.size else _NEWEST
    age = whole_minutes(situation.scheduled_at - traffic.end) + gaps
    is_blind = share < rules.min_completeness or age > rules.max_staleness_minutes
    if not is_blind:
        return None
    if any(isinstance(action, Release) for action in decision.actions):
        return f"releases on {share:.0%} of the minutes, {age} minutes old"
    staying = {pt.arn for pt in situation.fleet.owned if pt.is_routable}
    before = sum(r.weight for r in situation.routes if r.address in staying)
    after = sum(r.weight for r in decision.routes if r.address in staying)
    return f"sends {after} instead of {before} to PTs" if after < before - _ROUNDING else None


_NEWEST, _ROUNDING = 60, 1e-6
