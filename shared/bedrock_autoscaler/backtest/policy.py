"""Runs a policy over a trace so that it cannot see what a real one would not have seen yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import numpy as np

from bedrock_autoscaler.backtest.scenario import Scenario
from bedrock_autoscaler.backtest.timeline import CommitPurchase, Route, TimelineLine, line_fault
from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.domain.units import iso

# CloudWatch publishes a minute's metrics that much later.
DEFAULT_PUBLICATION_LAG_MINUTES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRecord:
    """A traffic class and what it rests on.

    Attributes:
        since: the minute from which it holds, aware, in UTC.
        name: one of the classes of the contract, for example `steady`.
        evidence: features, thresholds and margins; plain JSON values.
    """

    since: datetime
    name: str
    evidence: Mapping[str, object] = field(default_factory=dict)

    def to_document(self) -> dict[str, object]:
        """The entry of `classes` in a report."""
        return {"from": iso(self.since), "class": self.name, "evidence": dict(self.evidence)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a policy decides in one minute; None and empty leave things as they are.

    Attributes:
        provisioned_units: no-commitment units that exist from this minute on.
        commit: committed units bought in this minute.
        shares: where traffic is offered first.
        spill: where what does not fit goes, in order.
        traffic_class: the name of the class and its evidence, where it was decided anew.
        extra: additions for the timeline, for example reasons; plain JSON values.
    """

    provisioned_units: int | None = None
    commit: tuple[CommitPurchase, ...] = ()
    shares: Mapping[Route, float] | None = None
    spill: tuple[Route, ...] | None = None
    traffic_class: tuple[str, Mapping[str, object]] | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


class Policy(Protocol):
    """A causal policy; one object serves one run and may keep state from minute to minute.

    Attributes:
        name: short, for reports.
        interval_minutes: it is asked in the trace's first minute and every so many after that.
        publication_lag_minutes: how old the newest row is that it is shown, at least.
    """

    @property
    def name(self) -> str:
        """Short, for reports."""
        ...

    @property
    def interval_minutes(self) -> int:
        """Minutes between two questions, at least 1."""
        ...

    @property
    def publication_lag_minutes(self) -> int:
        """Age of the newest row shown, at least 0."""
        ...

    def settings(self) -> Mapping[str, object]:
        """The settings in force, defaults included; plain JSON values for the report."""
        ...

    def decide(self, seen: Trace, now: datetime) -> Step:
        """What to do in the minute `now`.

        Args:
            seen: the rows before `now` less the publication lag, oldest first; none at first.
            now: the minute of the decision, aware, in UTC.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyContext:
    """What a policy may know before the first minute.

    Attributes:
        scenario: prices, quotas and delays.
        settings: the settings document, not yet understood; None: the shipped defaults.
        settings_path: where it was read, for messages; None where there is none.
        start: the first minute of the trace.
        score_from: the first scored minute; decisions before it are warm-up.
    """

    scenario: Scenario
    settings: Mapping[str, object] | None
    settings_path: str | None
    start: datetime
    score_from: datetime


# A fresh policy for each run; raises `SettingsError` for a document that it cannot use.
type PolicyFactory = Callable[[PolicyContext], Policy]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRun:
    """What a policy did over a trace.

    Attributes:
        lines: its timeline.
        classes: its traffic classes, in the order of time.
    """

    lines: tuple[TimelineLine, ...]
    classes: tuple[ClassRecord, ...]


class _Published:
    """The rows of a trace that exist at a moment; those to come are not a number."""

    __slots__ = ("_columns", "_count", "_trace")

    def __init__(self, trace: Trace) -> None:
        """Start before the first row."""
        self._trace = trace
        self._count = 0
        self._columns = tuple(np.full(len(trace), np.nan) for _ in range(3))

    def rows(self, count: int) -> Trace:
        """The first `count` rows; a count never falls."""
        source = (self._trace.invocations, self._trace.input_tokens, self._trace.output_tokens)
        views = []
        for column, values in zip(self._columns, source, strict=True):
            column[self._count : count] = values[self._count : count]
            view = column[:count]
            view.setflags(write=False)
            views.append(view)
        self._count = count
        return replace(
            self._trace, invocations=views[0], input_tokens=views[1], output_tokens=views[2]
        )


def run_policy(policy: Policy, trace: Trace, scenario: Scenario) -> PolicyRun:
    """Ask a policy minute by minute and write down what it says.

    In minute m it is shown rows before m less its publication lag; later rows do not exist yet
    even in memory it could reach. So the same trace cut short gives the same lines up to the cut.

    Raises:
        ValueError: the policy's interval or lag is out of range, or it said what no timeline
            allows.
    """
    interval, lag = policy.interval_minutes, policy.publication_lag_minutes
    if interval < 1 or lag < 0:
        raise ValueError(f"policy {policy.name}: interval {interval}, lag {lag} minutes")
    lines: list[TimelineLine] = []
    classes: list[ClassRecord] = []
    published = _Published(trace)
    for row in range(0, len(trace), interval):
        now = trace.minute_at(row)
        step = policy.decide(published.rows(max(0, row - lag)), now)
        line = TimelineLine(
            minute=now,
            provisioned_units=step.provisioned_units,
            commit=step.commit,
            shares=step.shares,
            spill=step.spill,
            extra=step.extra,
        )
        if line != TimelineLine(minute=now):
            fault = line_fault(line, None, trace, scenario)
            if fault:
                raise ValueError(f"policy {policy.name} at {iso(now)}: {fault}")
            lines.append(line)
        if step.traffic_class is not None:
            name, evidence = step.traffic_class
            classes.append(ClassRecord(since=now, name=name, evidence=evidence))
    return PolicyRun(lines=tuple(lines), classes=tuple(classes))
