"""What a deployment holds already when a schedule begins: PTs bought, in service, routed, used."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.decision import decision_id
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import Commitment, Loop, OptionKind, Target
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import build_decision, build_observation, build_situation, build_traffic
from tests.simulation.metrics import minute_of
from tests.simulation.settings import START

if TYPE_CHECKING:
    from tests.simulation.bedrock import SimulatedPt
    from tests.simulation.engine import Simulation

_OLDEST, _NEWEST = 100, 30
_USED = 0.7
_RESTED_ON = build_situation(
    observation=build_observation(traffic=build_traffic(30), by_option=()),
)
_DECIDED = build_decision()


def open_with(simulation: "Simulation", target: Target, chance: random.Random) -> None:
    """Give a target some PTs of one unit, as earlier runs without faults would have left them."""
    bought = target.provisioned
    rails = target.guard_rails
    if bought is None or bought.price is None or target.mode == "advise":
        return
    affordable = int(rails.max_usd_per_hour // bought.price.usd_per_hour)
    held = simulation.plan.held
    if held is None:
        count = min(chance.choice((0, 1, 2, 3)), rails.max_units, affordable)
        held = tuple(chance.sample(range(_NEWEST, _OLDEST), count))
    # A decision has a minute of its own, so that no two PTs have the same age.
    pts = [_bought(simulation, target, START - age * MINUTE) for age in sorted(held)[::-1]]
    if chance.random() < _USED or simulation.plan.held is not None:
        _route(simulation, target, pts)


def _bought(simulation: "Simulation", target: Target, at: datetime) -> "SimulatedPt":
    """A purchase and its PT, in service since a minute later."""
    world = simulation.world
    world.now = at
    name = decision_id(target.name, Loop.CAPACITY, at)
    _record(simulation, target, name, at)
    bought = target.provisioned
    if bought is None or bought.price is None:
        raise ValueError(f"{target.name} buys nothing")
    simulation.bedrock.endings.insert(0, MINUTE)
    pt = simulation.bedrock.add(
        name=f"{name}-open",
        model_id=bought.model_id,
        units=1,
        tags=(simulation.deployment, target.name, name),
        bought_for=name,
        target=target.name,
    )
    intent = PurchaseIntent(
        decision_id=name,
        target=target.name,
        token=f"{name}-token",
        name=pt.name,
        model_id=bought.model_id,
        model_units=1,
        commitment=Commitment.NONE,
        usd_per_hour=bought.price.usd_per_hour,
        state=PurchaseState.IN_SERVICE,
        recorded_at=at,
        arn=pt.arn,
        billed_from=at,
        in_service_since=at + MINUTE,
        ended_at=None,
        detail="",
        version=3,
    )
    fleets, rails = simulation.ledger.fleets, target.guard_rails
    fleets.begin_purchase(
        intent,
        fleet=fleets.record_of(target.name),
        unmanaged_units=0,
        max_units=rails.max_units,
        max_usd_per_hour=rails.max_usd_per_hour,
    )
    world.now = START
    return pt


def _record(simulation: "Simulation", target: Target, name: str, at: datetime) -> None:
    """The decision behind it; what it rested on is of no interest."""
    seen = _RESTED_ON.observation
    traffic = replace(seen.traffic, start=at - 33 * MINUTE)
    situation = replace(
        _RESTED_ON,
        target=target,
        scheduled_at=at,
        observation=replace(seen, traffic=traffic),
    )
    decision = replace(
        _DECIDED,
        id=name,
        target=target.name,
        scheduled_at=at,
        settings_version=target.settings_version,
    )
    recorded = RecordedDecision(
        decision=decision, situation=situation, history=None, code_version="1.2.3"
    )
    simulation.ledger.decisions.record(recorded)
    simulation.opened.add(name)


def _route(simulation: "Simulation", target: Target, pts: "list[SimulatedPt]") -> None:
    """The table that names them, and the calls that followed it."""
    if not pts or not target.options:
        return
    first = target.options[0]
    routes = [Route(kind=OptionKind.PROVISIONED, address=pt.arn, weight=1 / len(pts)) for pt in pts]
    last = pts[-1].created_at + timedelta(minutes=5)
    table = RoutingTable(
        target=target.name,
        version=1,
        routes=(*routes, Route(kind=first.kind, address=first.address, weight=0.0)),
        refresh_seconds=target.thresholds.routing.refresh_seconds,
        no_fallback=False,
        decision_id=decision_id(target.name, Loop.ROUTING, last.replace(second=0)),
        published_at=last,
    )
    simulation.tables.publish(table)
    simulation.tables.project(table)
    simulation.watch.note_table(table)
    for pt in pts:
        for minute in range(minute_of(last), minute_of(START)):
            simulation.metrics.put(pt.arn, minute, 1.0)
        simulation.surroundings.last_call_to[pt.arn] = START - MINUTE
