"""Timelines: what a policy decided, line by line, and the same as one value a minute."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.backtest.scenario import Scenario, Term
from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.domain.units import iso

# Shares are written as decimals, so their sum may be off one by some rounding.
SHARE_TOLERANCE = 1e-6


class Route(StrEnum):
    """Where traffic is served, as it is spelled in a timeline."""

    PT = "pt"
    ON_DEMAND = "on_demand"
    CROSS_REGION = "cross_region"


ROUTES = tuple(Route)
DEFAULT_SHARES: Mapping[Route, float] = MappingProxyType({Route.PT: 1.0})
DEFAULT_SPILL = ROUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitPurchase:
    """Committed units bought in one minute; irrevocable.

    Attributes:
        units: whole model units, at least 1.
        term: how long they are paid.
    """

    units: int
    term: Term


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineLine:
    """What holds from a minute on; None keeps the last value.

    Attributes:
        minute: aware, in UTC, a whole minute.
        provisioned_units: no-commitment units ordered and not yet deleted.
        commit: purchases made in this minute.
        shares: where traffic is offered first; sums to 1.
        spill: where what does not fit goes, in order.
        extra: additions of our own; they change no dollar.
    """

    minute: datetime
    provisioned_units: int | None = None
    commit: tuple[CommitPurchase, ...] = ()
    shares: Mapping[Route, float] | None = None
    spill: tuple[Route, ...] | None = None
    extra: Mapping[str, object] = field(default_factory=dict)

    def to_document(self) -> dict[str, object]:
        """The JSON object of the contract, unchanged values left out."""
        document: dict[str, object] = {"minute": iso(self.minute)}
        if self.provisioned_units is not None:
            document["provisioned_units"] = self.provisioned_units
        if self.commit:
            document["commit"] = [
                {"units": purchase.units, "term": purchase.term.value} for purchase in self.commit
            ]
        if self.shares is not None:
            document["shares"] = {
                route.value: self.shares[route] for route in ROUTES if route in self.shares
            }
        if self.spill is not None:
            document["spill"] = [route.value for route in self.spill]
        if self.extra:
            document["extra"] = dict(self.extra)
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPurchase:
    """Committed units and the row of the minute in which they are bought."""

    row: int
    units: int
    term: Term


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """A timeline with one value a minute, ready to be replayed.

    Attributes:
        units: no-commitment units ordered and not deleted, for each minute.
        shares: minutes x routes, in the order of `ROUTES`; None: all is offered to units.
        spills: the different spill orders in use.
        spill_index: for each minute its entry of `spills`; None: the first one throughout.
        commitments: purchases in the order of their minutes.
    """

    units: NDArray[np.int64]
    shares: NDArray[np.float64] | None = None
    spills: tuple[tuple[Route, ...], ...] = (DEFAULT_SPILL,)
    spill_index: NDArray[np.int64] | None = None
    commitments: tuple[PlannedPurchase, ...] = ()


def lines_fault(lines: Iterable[TimelineLine], trace: Trace, scenario: Scenario) -> str | None:
    """What is wrong with a timeline, or None: minutes must rise and lie inside the trace."""
    last = None
    for line in lines:
        fault = line_fault(line, last, trace, scenario)
        if fault:
            return f"minute {line.minute.isoformat()}: {fault}"
        last = line.minute
    return None


def line_fault(
    line: TimelineLine, last: datetime | None, trace: Trace, scenario: Scenario
) -> str | None:
    """What is wrong with one line after the one of minute `last`, or None."""
    if not trace.start <= line.minute < trace.end:
        return f"outside the trace, which runs from {iso(trace.start)} to before {iso(trace.end)}"
    if last is not None and line.minute <= last:
        return f"not after the line before it, {iso(last)}"
    if line.provisioned_units is not None and line.provisioned_units < 0:
        return f"provisioned_units is {line.provisioned_units}; it must be at least 0"
    return _commit_fault(line, scenario) or _routing_fault(line)


def _commit_fault(line: TimelineLine, scenario: Scenario) -> str | None:
    for purchase in line.commit:
        if purchase.units < 1:
            return f"a commitment of {purchase.units} units; it must be at least 1"
        if scenario.committed_unit_hour(purchase.term) is None:
            return f"term {purchase.term.value} is not sold in this scenario"
    return None


def _routing_fault(line: TimelineLine) -> str | None:
    if line.shares is not None:
        shares = tuple(line.shares.values())
        if not all(0 <= share <= 1 for share in shares):
            return f"shares {shares} must each lie between 0 and 1"
        if abs(sum(shares) - 1) > SHARE_TOLERANCE:
            return f"shares sum to {sum(shares):.6f}; they must sum to 1"
    if line.spill is not None and len(set(line.spill)) != len(line.spill):
        return f"spill {tuple(line.spill)} names a route twice"
    return None


def plan_of(lines: Iterable[TimelineLine], trace: Trace, scenario: Scenario) -> Plan:
    """The plan that a timeline describes.

    Raises:
        ValueError: a line is invalid, out of order or outside the trace.
    """
    lines = tuple(lines)
    fault = lines_fault(lines, trace, scenario)
    if fault:
        raise ValueError(fault)
    rows = [trace.index_of(line.minute) for line in lines]
    spill_index, spills = _spills(lines, rows, len(trace))
    return Plan(
        units=_held(
            [(row, line.provisioned_units) for row, line in zip(rows, lines, strict=True)],
            len(trace),
        ),
        shares=_shares(lines, rows, len(trace)),
        spills=spills,
        spill_index=spill_index,
        commitments=tuple(
            PlannedPurchase(row=row, units=purchase.units, term=purchase.term)
            for row, line in zip(rows, lines, strict=True)
            for purchase in line.commit
        ),
    )


def _held(points: list[tuple[int, int | None]], minutes: int) -> NDArray[np.int64]:
    """Each value from its row on, until the next; 0 before the first."""
    stated = [(row, value) for row, value in points if value is not None]
    starts = np.array([0, *(row for row, _ in stated), minutes])
    values = np.array([0, *(value for _, value in stated)], dtype=np.int64)
    return np.repeat(values, np.diff(starts))


def _shares(
    lines: tuple[TimelineLine, ...], rows: list[int], minutes: int
) -> NDArray[np.float64] | None:
    """Shares of each minute, or None where no line states any."""
    stated = [
        (row, line.shares) for row, line in zip(rows, lines, strict=True) if line.shares is not None
    ]
    if not stated:
        return None
    starts = np.array([0, *(row for row, _ in stated), minutes])
    table = np.array(
        [
            [shares.get(route, 0.0) for route in ROUTES]
            for shares in (DEFAULT_SHARES, *(shares for _, shares in stated))
        ]
    )
    # Rounded decimals may sum to a hair more than one; nothing may be offered twice.
    table /= table.sum(axis=1, keepdims=True)
    return np.repeat(table, np.diff(starts), axis=0)


def _spills(
    lines: tuple[TimelineLine, ...], rows: list[int], minutes: int
) -> tuple[NDArray[np.int64] | None, tuple[tuple[Route, ...], ...]]:
    """For each minute the number of its spill order, and the orders."""
    numbers = {DEFAULT_SPILL: 0}
    points: list[tuple[int, int | None]] = []
    for row, line in zip(rows, lines, strict=True):
        if line.spill is not None:
            points.append((row, numbers.setdefault(line.spill, len(numbers))))
    return (_held(points, minutes) if points else None), tuple(numbers)
