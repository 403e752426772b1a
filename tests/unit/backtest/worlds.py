"""Small traces and scenarios with round numbers, and a slow replay to check the fast one by."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bedrock_autoscaler.backtest.replay import Replay, Score
from bedrock_autoscaler.backtest.scenario import Scenario
from bedrock_autoscaler.backtest.timeline import (
    DEFAULT_SHARES,
    DEFAULT_SPILL,
    Route,
    TimelineLine,
    plan_of,
)
from bedrock_autoscaler.backtest.trace import Trace

START = datetime(2025, 4, 1, tzinfo=UTC)

# A unit-minute is 100 tokens and costs 1 USD; 100 tokens on demand cost 2 USD: break-even 0.5.
PLAIN = Scenario(tokens_per_unit=100, unit_hour=60, input_1k=20, output_1k=20)


def trace_of(load: Sequence[float], *, requests: Sequence[float] | None = None) -> Trace:
    """A trace with these input tokens, no output tokens and one request a minute."""
    columns = (requests or [1.0] * len(load), load, [0.0] * len(load))
    return Trace.of("small", START, columns)


def lines_in(text: str) -> tuple[TimelineLine, ...]:
    """The units and spill orders of a written timeline, as anybody may read them."""
    documents = [json.loads(line) for line in text.splitlines()]
    return tuple(
        TimelineLine(
            minute=datetime.fromisoformat(document["minute"]),
            provisioned_units=document.get("provisioned_units"),
            spill=tuple(Route(one) for one in document["spill"]) if "spill" in document else None,
        )
        for document in documents
    )


@dataclass
class _Unit:
    ordered: int
    deleted: int | None = None


@dataclass(frozen=True)
class _Commitment:
    bought: int
    end: int
    units: int
    unit_hour: float


@dataclass
class _Fleet:
    """Single units and commitments, changed line by line."""

    scenario: Scenario
    alive: list[_Unit] = field(default_factory=list)
    gone: list[_Unit] = field(default_factory=list)
    commitments: list[_Commitment] = field(default_factory=list)

    def follow(self, row: int, line: TimelineLine) -> bool:
        """Do what a line says; whether it changed anything."""
        held = len(self.alive)
        wanted = held if line.provisioned_units is None else line.provisioned_units
        self.alive += [_Unit(ordered=row) for _ in range(wanted - held)]
        for _ in range(held - wanted):
            unit = min(
                self.alive, key=lambda unit: (paid_left(unit, row, self.scenario), unit.ordered)
            )
            unit.deleted = row
            self.alive.remove(unit)
            self.gone.append(unit)
        for purchase in line.commit:
            price = self.scenario.committed_unit_hour(purchase.term)
            assert price is not None
            end = row + purchase.term.minutes
            self.commitments.append(_Commitment(row, end, purchase.units, price))
        return wanted != held or bool(line.commit)

    def existing(self, row: int) -> int:
        """Units ordered and not yet gone."""
        return len(self.alive) + sum(c.units for c in self.commitments if c.bought <= row < c.end)

    def in_service(self, row: int) -> int:
        """Units that serve."""
        lead = self.scenario.creation_minutes
        return sum(row >= unit.ordered + lead for unit in self.alive) + sum(
            c.units for c in self.commitments if c.bought + lead <= row < c.end
        )

    def paid_minutes(self, minutes: int, score_from: int) -> int:
        """Scored minutes paid for units without commitment."""
        return sum(
            paid_minutes(unit, minutes, score_from, self.scenario)
            for unit in (*self.alive, *self.gone)
        )

    def committed_minutes(self, minutes: int, score_from: int) -> list[tuple[int, float]]:
        """Scored unit-minutes of each commitment, and its price for a unit-hour."""
        return [
            (c.units * max(0, min(c.end, minutes) - max(c.bought, score_from)), c.unit_hour)
            for c in self.commitments
        ]


@dataclass
class _Sums:
    """What the scored minutes add up to."""

    on_demand_usd: float = 0.0
    cross_region_usd: float = 0.0
    throttle_usd: float = 0.0
    requests: float = 0.0
    refused_requests: float = 0.0
    tokens: float = 0.0
    refused_tokens: float = 0.0
    pt_served: float = 0.0
    pt_capacity: float = 0.0
    violations: int = 0
    changes: int = 0
    peak: int = 0


def slow_score(
    trace: Trace, scenario: Scenario, lines: Sequence[TimelineLine], score_from: int
) -> Score:
    """The contract's accounting, one minute, one unit and one route at a time."""
    by_row = {trace.index_of(line.minute): line for line in lines}
    fleet, sums = _Fleet(scenario), _Sums()
    shares, spill = DEFAULT_SHARES, DEFAULT_SPILL
    for row in range(len(trace)):
        line = by_row.get(row)
        changed = False
        if line is not None:
            changed = fleet.follow(row, line)
            shares = line.shares if line.shares is not None else shares
            spill = line.spill if line.spill is not None else spill
        if row >= score_from:
            sums.peak = max(sums.peak, fleet.existing(row))
            sums.changes += changed
            capacity = fleet.in_service(row) * scenario.tokens_per_unit
            minute = _Minute.of(trace, row, scenario)
            _serve_minute(minute, scenario, sums, capacity=capacity, routing=(shares, spill))
    paid = fleet.paid_minutes(len(trace), score_from)
    committed = fleet.committed_minutes(len(trace), score_from)
    commitment_usd = sum(minutes / 60 * price for minutes, price in committed)
    pt_usd = paid / 60 * scenario.unit_hour
    return Score(
        total_usd=pt_usd + commitment_usd + sums.on_demand_usd + sums.cross_region_usd,
        pt_usd=pt_usd,
        commitment_usd=commitment_usd,
        on_demand_usd=sums.on_demand_usd,
        cross_region_usd=sums.cross_region_usd,
        throttled_requests=sums.refused_requests / sums.requests if sums.requests else 0.0,
        throttled_tokens=sums.refused_tokens / sums.tokens if sums.tokens else 0.0,
        violation_minutes=sums.violations,
        pt_utilisation=sums.pt_served / sums.pt_capacity if sums.pt_capacity else 0.0,
        unit_hours_paid=(paid + sum(minutes for minutes, _ in committed)) / 60,
        changes=sums.changes,
        peak_units=sums.peak,
        throttle_usd=sums.throttle_usd,
    )


@dataclass(frozen=True)
class _Minute:
    requests: float
    load: float
    bill: float

    @classmethod
    def of(cls, trace: Trace, row: int, scenario: Scenario) -> "_Minute":
        """Requests, input equivalents and their whole price on demand."""
        inputs, outputs = float(trace.input_tokens[row]), float(trace.output_tokens[row])
        return cls(
            requests=float(trace.invocations[row]),
            load=inputs + scenario.output_weight * outputs,
            bill=(inputs * scenario.input_1k + outputs * scenario.output_1k) / 1000,
        )


def _serve_minute(
    minute: _Minute,
    scenario: Scenario,
    sums: _Sums,
    *,
    capacity: float,
    routing: tuple[Mapping[Route, float], tuple[Route, ...]],
) -> None:
    """Offer by shares, spill in order, and add up."""
    shares, spill = routing
    room = rooms(scenario, minute.load, minute.requests)
    room[Route.PT] = capacity
    left = minute.load
    served = dict.fromkeys(Route, 0.0)
    offers = [(route, minute.load * shares.get(route, 0.0)) for route in Route]
    for route, offered in (*offers, *((route, float("inf")) for route in spill)):
        part = min(left, offered, room[route])
        served[route] += part
        room[route] -= part
        left -= part
    sums.pt_capacity += capacity
    sums.pt_served += served[Route.PT]
    sums.requests += minute.requests
    sums.tokens += minute.load
    if minute.load == 0:
        sums.on_demand_usd += minute.bill if scenario.overflow else 0.0
        return
    price = minute.bill / minute.load
    sums.on_demand_usd += price * served[Route.ON_DEMAND]
    sums.cross_region_usd += price * served[Route.CROSS_REGION] * scenario.cross_region_price
    if left > 1e-9 * minute.load:
        sums.violations += 1
        sums.refused_requests += minute.requests * left / minute.load
        sums.refused_tokens += left
        sums.throttle_usd += price * left * scenario.throttle_factor


def rooms(scenario: Scenario, load: float, invocations: float) -> dict[Route, float]:
    """What on-demand and cross-Region can take in one minute, in input equivalents."""
    none = {Route.PT: 0.0, Route.ON_DEMAND: 0.0, Route.CROSS_REGION: 0.0}
    if not scenario.overflow:
        return none
    for route, factor in (
        (Route.ON_DEMAND, 1.0),
        (Route.CROSS_REGION, scenario.cross_region_factor),
    ):
        if factor == 0:
            continue
        room = float("inf")
        if scenario.on_demand_tpm is not None:
            room = scenario.on_demand_tpm * factor
        if scenario.on_demand_rpm is not None and invocations > scenario.on_demand_rpm * factor:
            room = min(room, load * scenario.on_demand_rpm * factor / invocations)
        none[route] = room
    return none


def paid_left(unit: _Unit, row: int, scenario: Scenario) -> int:
    """Minutes from `row` to the end of the period that is already paid."""
    end = unit.ordered
    while end < row:
        end += scenario.billing_minutes
    return end - row


def paid_minutes(unit: _Unit, minutes: int, score_from: int, scenario: Scenario) -> int:
    """Scored minutes that are paid for a unit."""
    end = unit.ordered
    while end < (minutes if unit.deleted is None else unit.deleted):
        end += scenario.billing_minutes
    return sum(score_from <= row < minutes for row in range(unit.ordered, end))


def score(
    trace: Trace, scenario: Scenario, lines: tuple[TimelineLine, ...], score_from: int = 0
) -> Score:
    return Replay(trace, scenario, score_from).score(plan_of(lines, trace, scenario))
