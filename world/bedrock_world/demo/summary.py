"""What came of a run of the demo, in numbers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bedrock_autoscaler.cli.decisions.sources import Ledger
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, PurchaseState, ReleaseState
from bedrock_autoscaler.domain.units import iso
from bedrock_world.demo.checks import LogCheck, holds
from bedrock_world.demo.display import Display
from bedrock_world.demo.driver import Driver
from bedrock_world.demo.plan import MEAN_UNITS, TARGET, DemoPlan
from bedrock_world.demo.results import MinuteResult, Row

LEDGER_FILE = "ledger.jsonl.gz"
REPORT_FILE = "report.html"
REVIEW_FILE = "review.html"
SUMMARY_FILE = "summary.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A replay that has ended, and the ledger that it filled."""

    plan: DemoPlan
    driver: Driver
    minutes: Sequence[MinuteResult]
    ledger: Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSummary:
    """What came of it.

    Attributes:
        rows: the deployed application first, then the alternatives, then a backtest of the
            same policy on the same minutes.
        purchases, in_service: purchase intents, and those of them that reached InService.
        releases: releases that ended in a confirmed deletion.
        table_versions: routing tables published.
        holds: capacity decisions that changed nothing.
        replay_differences: decisions that replay differently.
        other_verdicts: capacity decisions on which the backtest's code disagrees.
        surprises: see `Firing`; other than 0, another run may differ by a minute here or there.
    """

    trace: str
    start: str
    minutes: int
    scale: float
    mean_units: float
    rows: tuple[Row, ...]
    decisions: int
    capacity_decisions: int
    purchases: int
    in_service: int
    releases: int
    table_versions: int
    holds: int
    replay_differences: int
    other_verdicts: int
    invocations: int
    surprises: int
    http_calls: int
    ledger: str
    report: str
    review: str

    def to_document(self) -> dict[str, object]:
        """The same as plain JSON values."""
        return asdict(self)


def summarise(run: Replayed, check: LogCheck, rows: tuple[Row, ...], out: Path) -> DemoSummary:
    """The summary of a run whose files go to `out`."""
    plan, driver, fleets = run.plan, run.driver, run.ledger.fleets
    purchases = fleets.purchases(TARGET)
    releases = Counter(intent.state for intent in fleets.releases(TARGET))
    return DemoSummary(
        trace=plan.source.name,
        start=iso(plan.start),
        minutes=plan.minutes,
        scale=plan.scale,
        mean_units=MEAN_UNITS,
        rows=rows,
        decisions=len(check.decisions),
        capacity_decisions=check.verdicts,
        purchases=len(purchases),
        in_service=sum(map(_was_in_service, purchases)),
        releases=releases[ReleaseState.DELETED],
        table_versions=driver.table_version,
        holds=holds(check.decisions),
        replay_differences=len(check.differences),
        other_verdicts=len(check.other_verdicts),
        invocations=driver.invocations,
        surprises=driver.surprises,
        http_calls=driver.http_calls,
        ledger=str(out / LEDGER_FILE),
        report=str(out / REPORT_FILE),
        review=str(out / REVIEW_FILE),
    )


def _was_in_service(intent: PurchaseIntent) -> bool:
    return intent.in_service_since is not None or intent.state is PurchaseState.IN_SERVICE


def tell(display: Display, summary: DemoSummary) -> None:
    """Print it for a person."""
    display.say("")
    display.compare(summary.rows)
    display.say("")
    display.say(
        f"{summary.decisions:,} decisions, {summary.capacity_decisions} of them on capacity: "
        f"{summary.purchases} purchases ({summary.in_service} reached InService), "
        f"{summary.releases} releases, {summary.holds} holds; "
        f"{summary.table_versions} routing tables published"
    )
    display.say(
        f"Decided again on their recorded inputs: {summary.replay_differences} differences. "
        f"Through the backtest's decision code: {summary.other_verdicts} other verdicts in "
        f"{summary.capacity_decisions}."
    )
    display.say(
        f"{summary.invocations:,} invocations of deployed functions; {summary.http_calls} Converse "
        "calls over HTTP by an unmodified boto3 client"
    )
    if summary.surprises:
        display.say(
            f"{summary.surprises} minutes were taken for still and were not: another run may differ"
        )
    display.say(f"Report: {summary.report}")
    display.say(f"Every decision with its evidence: {summary.review}")
    display.say(f"Decision log: bedrock-autoscaler decisions list --from {summary.ledger}")
