"""The root of the command line: its commands, its version, and its exit status.

A command imports what it needs when it runs, so that `--help` answers at once.
"""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from bedrock_autoscaler import __version__
from bedrock_autoscaler.application.errors import AutoscalerError
from bedrock_autoscaler.backtest.errors import BacktestError
from bedrock_autoscaler.cli import demo
from bedrock_autoscaler.cli.backtest import commands as backtest
from bedrock_autoscaler.cli.backtest import traces
from bedrock_autoscaler.cli.decisions import commands as decisions
from bedrock_autoscaler.cli.doctor import commands as doctor
from bedrock_autoscaler.cli.money import commitments, economics, prices, quota, running, savings
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.cli.review import commands as reviewing
from bedrock_autoscaler.cli.review import status as standing
from bedrock_autoscaler.cli.routing import bench, routes
from bedrock_autoscaler.cli.settings import commands as settings
from bedrock_autoscaler.cli.steering import approving, operating, teardown
from bedrock_autoscaler.cli.steering import commands as steering
from bedrock_autoscaler.cli.targets import commands as targets

PROGRAM = "bedrock-autoscaler"
UNUSABLE = 2
"""Exit status for input, settings or surroundings that a person must change."""
INTERRUPTED = 130

app = typer.Typer(
    name=PROGRAM,
    help="Right-sizes Amazon Bedrock capacity: observes demand, decides, buys, releases, routes.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command(epilog=demo.EXAMPLE)(demo.demo)
app.command(epilog=backtest.EXAMPLE)(backtest.backtest)
app.command(epilog=bench.EXAMPLE)(bench.bench)
app.command(epilog=doctor.EXAMPLE)(doctor.doctor)
app.command(epilog=economics.EXAMPLE)(economics.economics)
app.command(epilog=commitments.EXAMPLE)(commitments.commitments)
app.command(epilog=operating.VERIFY_EXAMPLE)(operating.verify)
app.command(epilog=operating.ADOPT_EXAMPLE)(operating.adopt)
app.command("reset-breaker", epilog=operating.RESET_EXAMPLE)(operating.reset_breaker)
app.command(epilog=targets.MODE_EXAMPLE)(targets.mode)
app.command(epilog=approving.REQUESTS_EXAMPLE)(approving.requests)
app.command(epilog=approving.APPROVE_EXAMPLE)(approving.approve)
app.command(epilog=approving.REJECT_EXAMPLE)(approving.reject)
app.command(epilog=steering.PAUSE_EXAMPLE)(steering.pause)
app.command(epilog=steering.RESUME_EXAMPLE)(steering.resume)
app.command(epilog=steering.STOP_EXAMPLE)(steering.stop)
app.command(epilog=steering.START_EXAMPLE)(steering.start)
app.add_typer(steering.override, name="override")
app.command(epilog=standing.STATUS_EXAMPLE)(standing.status)
app.command(epilog=standing.WATCH_EXAMPLE)(standing.watch)
app.command(epilog=savings.EXAMPLE)(savings.ledger)
app.command(epilog=reviewing.REPORT_EXAMPLE)(reviewing.report)
app.command(epilog=reviewing.REVIEW_EXAMPLE)(reviewing.review)
app.command("cost-of-running", epilog=running.EXAMPLE)(running.cost_of_running)
app.command(epilog=teardown.EXAMPLE)(teardown.teardown)
app.add_typer(decisions.app, name="decisions")
app.add_typer(prices.app, name="prices")
app.add_typer(quota.app, name="quota")
app.add_typer(routes.app, name="routes")
app.add_typer(settings.app, name="settings")
app.add_typer(targets.app, name="targets")
app.add_typer(traces.app, name="traces")


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - the callback's signature is typer's
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback(epilog=f"Example: {PROGRAM} demo")
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it, exit."),
    ] = False,
) -> None:
    """Right-sizes Amazon Bedrock capacity: observes demand, decides, buys, releases, routes."""


def run(arguments: Sequence[str]) -> int:
    """Carry out one command; its exit status.

    0, or 2 with one line on standard error for wrong usage and unusable input. What is neither
    is a defect of this program and keeps its traceback.
    """
    try:
        outcome = app(args=list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except typer.TyperException as error:
        # Usage errors compose their text on request; it names the parameter.
        compose = getattr(error, "format_message", error.__str__)
        return _refuse(f"{compose()} (see {PROGRAM} --help)")
    except (AutoscalerError, BacktestError, CommandError) as error:
        return _refuse(str(error))
    except (typer.Abort, KeyboardInterrupt):
        typer.echo(f"{PROGRAM}: interrupted", err=True)
        return INTERRUPTED
    return outcome if isinstance(outcome, int) else 0


def main() -> None:
    """Entry point of the installed program."""
    sys.exit(run(sys.argv[1:]))


def _refuse(reason: str) -> int:
    typer.echo(f"{PROGRAM}: {' '.join(reason.split())}", err=True)
    return UNUSABLE
