"""The root of the command line: its commands, its version, and its exit status.

A command imports what it needs when it runs, so that `--help` answers at once.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
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
_PANELS: Mapping[str, Sequence[tuple[Callable[..., object], str] | tuple[typer.Typer, str]]] = {
    "Getting to know it": (
        (demo.demo, demo.EXAMPLE),
        (backtest.backtest, backtest.EXAMPLE),
        (traces.app, "traces"),
        (targets.app, "targets"),
        (doctor.doctor, doctor.EXAMPLE),
        (targets.mode, targets.MODE_EXAMPLE),
    ),
    "Seeing what it does": (
        (standing.status, standing.STATUS_EXAMPLE),
        (standing.watch, standing.WATCH_EXAMPLE),
        (decisions.app, "decisions"),
        (savings.ledger, savings.EXAMPLE),
        (reviewing.report, reviewing.REPORT_EXAMPLE),
        (reviewing.review, reviewing.REVIEW_EXAMPLE),
        (routes.app, "routes"),
    ),
    "Steering it": (
        (settings.app, "settings"),
        (approving.requests, approving.REQUESTS_EXAMPLE),
        (approving.approve, approving.APPROVE_EXAMPLE),
        (approving.reject, approving.REJECT_EXAMPLE),
        (steering.pause, steering.PAUSE_EXAMPLE),
        (steering.resume, steering.RESUME_EXAMPLE),
        (steering.override, "override"),
        (steering.stop, steering.STOP_EXAMPLE),
        (steering.start, steering.START_EXAMPLE),
    ),
    "Prices, quotas and what pays": (
        (economics.economics, economics.EXAMPLE),
        (commitments.commitments, commitments.EXAMPLE),
        (prices.app, "prices"),
        (quota.app, "quota"),
        (bench.bench, bench.EXAMPLE),
        (running.cost_of_running, running.EXAMPLE),
    ),
    "Mending and taking away": (
        (operating.verify, operating.VERIFY_EXAMPLE),
        (operating.adopt, operating.ADOPT_EXAMPLE),
        (operating.reset_breaker, operating.RESET_EXAMPLE),
        (teardown.teardown, teardown.EXAMPLE),
    ),
}
"""Commands by what they are for: a function with its example, or a group with its name."""

for _panel, _commands in _PANELS.items():
    for _command, _text in _commands:
        if isinstance(_command, typer.Typer):
            app.add_typer(_command, name=_text, rich_help_panel=_panel)
        else:
            app.command(epilog=_text, rich_help_panel=_panel)(_command)


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
        told = compose()
        return _refuse(f"{told} (see {PROGRAM} --help)") if told else UNUSABLE
    except (AutoscalerError, BacktestError, CommandError) as error:
        return _refuse(str(error))
    except typer.Abort:
        # A question without a yes: a no, no answer at all, or Ctrl-C in place of one.
        typer.echo(f"{PROGRAM}: nothing was done, since nobody said yes", err=True)
        return INTERRUPTED
    except KeyboardInterrupt:
        typer.echo(f"{PROGRAM}: interrupted", err=True)
        return INTERRUPTED
    return outcome if isinstance(outcome, int) else 0


def main() -> None:
    """Entry point of the installed program."""
    sys.exit(run(sys.argv[1:]))


def _refuse(reason: str) -> int:
    typer.echo(f"{PROGRAM}: {' '.join(reason.split())}", err=True)
    return UNUSABLE
