"""One backtest from files to a report and a timeline; the command line calls this."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path

from bedrock_autoscaler.backtest.documents import (
    document_text,
    read_scenario,
    read_settings,
    timeline_text,
)
from bedrock_autoscaler.backtest.errors import BacktestError, TraceError
from bedrock_autoscaler.backtest.policy import PolicyContext, PolicyFactory, run_policy
from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.report import Report, report_of
from bedrock_autoscaler.backtest.timeline import TimelineLine
from bedrock_autoscaler.backtest.trace import Trace, read_trace
from bedrock_autoscaler.domain.units import iso

MOST_UNITS = 10_000
"""Model units of the busiest minute; the optimum's tables grow with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    """What a backtest gives back.

    Attributes:
        report: scores and classes.
        timeline: the policy's decisions.
    """

    report: Report
    timeline: tuple[TimelineLine, ...]

    def report_text(self) -> str:
        """The report as JSON; the same inputs give the same text."""
        return document_text(self.report.to_document())

    def timeline_text(self) -> str:
        """The timeline as JSON lines; the same inputs give the same text."""
        return timeline_text(self.timeline)


def run_backtest(
    trace_path: Path,
    scenario_path: Path,
    policy_factory: PolicyFactory,
    *,
    settings_path: Path | None = None,
    scale: float = 1.0,
    score_from: str | None = None,
) -> BacktestResult:
    """Replay a policy over a trace under a scenario.

    Args:
        trace_path: a trace, `.csv` or `.csv.gz`.
        scenario_path: a scenario document.
        policy_factory: makes the policy of this run.
        settings_path: the target's settings document; None: the shipped defaults.
        scale: multiplies all three traffic columns.
        score_from: ISO 8601 in UTC, the first scored minute; None: the trace's first one.

    Raises:
        BacktestError: an input cannot be used; the text is one line that names the file, the
            line and the reason.
    """
    scenario = read_scenario(scenario_path)
    settings = None if settings_path is None else read_settings(settings_path)
    raw = read_trace(trace_path)
    if not isfinite(scale) or scale < 0:
        raise BacktestError(f"--scale {scale}: must be a finite number, at least 0")
    try:
        trace = raw.scaled(scale)
    except ValueError as error:
        raise TraceError(trace_path, None, str(error)) from error
    row = 0 if score_from is None else _scored_row(trace, score_from, trace_path)
    replay = Replay(trace, scenario, row)
    peak = float(replay.demand.max())
    if not peak <= MOST_UNITS:
        reason = (
            f"with --scale {scale:g} the traffic peaks at {peak:,.6g} model units of "
            f"{scenario.tokens_per_unit:g} input equivalents a minute; at most {MOST_UNITS:,} can "
            "be replayed: lower --scale or raise tokens_per_unit"
        )
        raise TraceError(trace_path, None, reason)
    policy = policy_factory(
        PolicyContext(
            scenario=scenario,
            settings=settings,
            settings_path=None if settings_path is None else str(settings_path),
            start=trace.start,
            score_from=trace.minute_at(row),
        )
    )
    run = run_policy(policy, trace, scenario)
    report = report_of(
        replay, run, policy_name=policy.name, settings=policy.settings(), scale=scale
    )
    return BacktestResult(report=report, timeline=run.lines)


def _scored_row(trace: Trace, text: str, path: Path) -> int:
    """The row of the first scored minute.

    Raises:
        BacktestError: not a whole UTC minute inside the trace.
    """
    try:
        told = datetime.fromisoformat(text)
    except ValueError as error:
        raise BacktestError(
            f"--score-from {text[:40]!r} is not ISO 8601, such as {iso(trace.start)}"
        ) from error
    minute = told.replace(tzinfo=UTC) if told.tzinfo is None else told
    if minute.utcoffset() != timedelta(0) or minute.second or minute.microsecond:
        raise BacktestError(f"--score-from {text!r} must be a whole minute in UTC")
    row = trace.index_of(minute.astimezone(UTC))
    if not 0 <= row < len(trace):
        raise BacktestError(
            f"--score-from {text!r} lies outside the trace {path}, which runs from "
            f"{iso(trace.start)} to before {iso(trace.end)}"
        )
    return row
