"""The whole demo: start, deploy, load, replay, check, report."""

import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console

from bedrock_autoscaler.backtest.errors import BacktestError
from bedrock_autoscaler.backtest.scenario import DAY_MINUTES
from bedrock_autoscaler.cli.decisions.sources import Ledger, open_table, write_export
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_autoscaler.report.building import payloads_from
from bedrock_autoscaler.report.review import Head, review_page
from bedrock_autoscaler.report.wording import describe_action
from bedrock_world.demo.checks import backtest_score, check_log
from bedrock_world.demo.display import Display
from bedrock_world.demo.driver import Driver, Stage
from bedrock_world.demo.errors import DemoError
from bedrock_world.demo.firing import Firing
from bedrock_world.demo.keeping import keep
from bedrock_world.demo.plan import MEAN_UNITS, MODEL, REGION, TARGET, DemoPlan, make_plan
from bedrock_world.demo.report import demo_page
from bedrock_world.demo.results import MinuteResult, alternatives, deployed, row_of
from bedrock_world.demo.schedules import read_schedules
from bedrock_world.demo.seeding import load_history, write_settings
from bedrock_world.demo.summary import (
    LEDGER_FILE,
    REPORT_FILE,
    REVIEW_FILE,
    SUMMARY_FILE,
    DemoSummary,
    Replayed,
    summarise,
    tell,
)
from bedrock_world.demo.surroundings import world_settings
from bedrock_world.local import LocalAws, LocalAwsError, StackOutputs
from bedrock_world.local.environment import ACCOUNT
from bedrock_world.server import RunningWorld, serve
from bedrock_world.sinks import CloudWatchSink
from bedrock_world.world import World

__all__ = ["DemoError", "DemoOptions", "DemoSummary", "run_demo"]

STACK = "bedrock-autoscaler"
_REPOSITORY = Path(__file__).parents[3]
_SAMPLE = _REPOSITORY / "examples" / "sample.csv.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What may be chosen.

    Attributes:
        trace: None: the shipped sample.
        day: None: the last one of the trace.
        out: folder for what is left behind.
        keep: leave everything running until interrupted.
        is_quiet: nothing is shown.
        offset: start this long after midnight.
        minutes: replay so many minutes.
    """

    trace: Path | None = None
    day: date | None = None
    out: Path = Path("out/demo")
    keep: bool = False
    is_quiet: bool = False
    offset: timedelta = timedelta(0)
    minutes: int = DAY_MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deployed:
    """The running application and its surroundings."""

    aws: LocalAws
    world: World
    outputs: StackOutputs

    def ledger(self) -> Ledger:
        return open_table(self.aws.client("dynamodb"), self.outputs.ledger_table)


def run_demo(options: DemoOptions, console: Console | None = None) -> DemoSummary:
    """Run the demo from nothing to its report.

    Raises:
        DemoError: something that it needs is missing or failed.
    """
    console = console or Console(quiet=options.is_quiet)
    display = Display(console)
    try:
        plan = make_plan(
            options.trace or _SAMPLE,
            options.day,
            offset=options.offset,
            minutes=options.minutes,
        )
        _announce(display, plan)
        with _started(display, plan) as running:
            replayed = _replayed(display, plan, running)
            summary = _concluded(display, running, replayed, options.out)
            if options.keep:
                _keep(display, plan, running)
    except (BacktestError, LocalAwsError) as error:
        raise DemoError(str(error)) from error
    return summary


def _announce(display: Display, plan: DemoPlan) -> None:
    calls = plan.trace.invocations[plan.first :].sum()
    display.say(
        f"[bold]{plan.source.name}[/bold], {plan.start:%A %Y-%m-%d}, {plan.minutes:,} minutes from "
        f"{plan.start:%H:%M} UTC, {calls:,.0f} calls; {plan.first / DAY_MINUTES:g} days "
        "before it as history"
    )
    display.say(
        f"Volume: the trace times {plan.scale:.4g}, so that the demand of the day averages "
        f"{MEAN_UNITS:g} model units. Prices and rates are the demo's own."
    )
    if plan.requests_per_call > 1:
        display.say(f"One call stands for {plan.requests_per_call:.3g} requests of that volume.")


@contextmanager
def _started(display: Display, plan: DemoPlan) -> Iterator[_Deployed]:
    """World, emulator and deployed stack, settings and history in place."""
    world = World(world_settings(plan, ACCOUNT))
    with (
        serve(world) as running,
        LocalAws(tools=_REPOSITORY / ".tools", world_url=running.url) as aws,
    ):
        with display.stage("sam build and sam deploy to the local AWS"):
            outputs = aws.deploy(_REPOSITORY, stack=STACK, parameters=_parameters(running))
        world.sinks.append(CloudWatchSink(aws.client("cloudwatch")))
        with (
            display.stage(f"{plan.first:,} minutes of metric history into CloudWatch"),
            ThreadPoolExecutor() as pool,
        ):
            write_settings(aws.client("ssm"), outputs.settings_prefix, plan, ACCOUNT)
            warm = pool.submit(_warm_up, aws, plan)
            load_history(aws.client("cloudwatch"), plan.trace, plan.first, STACK)
            warm.result()
        yield _Deployed(aws=aws, world=world, outputs=outputs)


def _warm_up(aws: LocalAws, plan: DemoPlan) -> None:
    """Start each function on a tick of the day after: so far ahead, none reads or decides."""
    for schedule in read_schedules(aws.client("scheduler"), STACK):
        aws.invoke(schedule.function, schedule.event_at(plan.start + timedelta(days=1)))


def _parameters(running: RunningWorld) -> dict[str, str]:
    return {
        "AlarmSet": "basic",
        "ClockEndpoint": f"{running.url}/_world/clock",
        "PurchasableModelArns": f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}*",
        # Their ticks come from the demo, on virtual time; the emulator's own would come on ours.
        "SchedulesState": "DISABLED",
    }


def _replayed(display: Display, plan: DemoPlan, running: _Deployed) -> Replayed:
    news = _News(running.ledger())
    with (
        _driving(plan, running) as driver,
        display.stage(f"{plan.minutes:,} virtual minutes", has_own_view=True),
        display.replay(plan, lambda: news.text) as show,
    ):

        def each(result: MinuteResult) -> None:
            news.look(result)
            show(result)

        minutes = driver.run(each)
    return Replayed(plan=plan, driver=driver, minutes=minutes, ledger=running.ledger())


@contextmanager
def _driving(plan: DemoPlan, running: _Deployed) -> Iterator[Driver]:
    """What lets minutes pass."""
    aws = running.aws
    schedules = read_schedules(aws.client("scheduler"), STACK)
    with Firing(aws, schedules, running.world) as firing:
        yield Driver(
            Stage(
                plan=plan,
                world=running.world,
                firing=firing,
                ssm=aws.client("ssm"),
                bedrock=aws.client("bedrock-runtime"),
                settings_prefix=running.outputs.settings_prefix,
            )
        )


class _News:
    """The last capacity decision that was no hold, looked up once per capacity tick."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.text = "none yet"

    def look(self, result: MinuteResult) -> None:
        """Read the newest decision after a tick of the capacity loop."""
        if result.minute.minute % 5:
            return
        latest = self._ledger.decisions.latest(TARGET, Loop.CAPACITY)
        if latest is not None and latest.decision.actions:
            actions = " and ".join(describe_action(one) for one in latest.decision.actions)
            self.text = f"{latest.decision.scheduled_at:%H:%M} {actions}"


def _concluded(display: Display, running: _Deployed, run: Replayed, out: Path) -> DemoSummary:
    """Check the log, leave the files behind and say what came of it."""
    with display.stage("all decisions read back and decided again"):
        check = check_log(run.ledger, run.plan)
    write_export(running.aws.client("dynamodb"), running.outputs.ledger_table, out / LEDGER_FILE)
    backtest = row_of("same policy, backtest", backtest_score(run.plan, check.target))
    rows = (deployed(run.minutes), *alternatives(run.plan), backtest)
    summary = summarise(run, check, rows, out)
    html = demo_page(run.plan, run.minutes, rows, check.decisions)
    (out / REPORT_FILE).write_text(html, encoding="utf-8")
    (out / REVIEW_FILE).write_text(_review(run), encoding="utf-8")
    (out / SUMMARY_FILE).write_text(json.dumps(summary.to_document(), indent=2) + "\n")
    tell(display, summary)
    return summary


def _review(run: Replayed) -> str:
    """The page that `report` makes of a stack's ledger, of the replayed minutes."""
    start = run.plan.start
    end = start + (run.plan.minutes + 1) * MINUTE
    head = Head(
        title=f"Review of {run.plan.source.name}",
        made="Made of the demo's ledger; its prices and rates are the demo's own numbers.",
        place=f"--from {LEDGER_FILE}",
    )
    return review_page(head, payloads_from(run.ledger.sources, run.ledger.targets, start, end))


def _keep(display: Display, plan: DemoPlan, running: _Deployed) -> None:
    """Leave everything as it is until the person has seen enough."""
    decisions = running.ledger().decisions
    with _driving(plan, running) as driver:

        def pass_minutes(minutes: int) -> str:
            driver.go_on(minutes)
            latest = decisions.latest(TARGET, Loop.CAPACITY)
            newest = latest.decision.id if latest else "none"
            now = running.world.clock.now()
            return f"It is {now:%Y-%m-%d %H:%M} UTC; newest decision on capacity: {newest}"

        try:
            keep(display.say, running.aws.variables, pass_minutes, sys.stdin)
            threading.Event().wait()  # nothing more is typed
        except KeyboardInterrupt:
            display.say("Stopping.")
