"""`doctor`: what keeps the stack or a target from working, and the command against it."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from typing import Annotated

import typer

from bedrock_autoscaler.cli.deployed import DEFAULT_STACK, StackOption, access_to
from bedrock_autoscaler.cli.output import Output, OutputOption, print_json

EXAMPLE = "Example: bedrock-autoscaler doctor chat"
SICK = 1
"""Exit status with a RED finding."""


def doctor(
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="Only this one; default: all.")
    ] = None,
    *,
    stack: StackOption = DEFAULT_STACK,
    as_json: Annotated[bool, typer.Option("--json", help="As --output json.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check permissions, metrics, quotas, prices, unit rate, life cycle, settings and schedule.

    Each finding is GREEN, YELLOW or RED with the command that mends it. Reads only. What blocks a
    purchase is RED for a target that acts and YELLOW for one that advises. Exit status 1 with a
    RED one.
    """
    from bedrock_autoscaler.cli.doctor.checks import State, print_checks, to_documents
    from bedrock_autoscaler.cli.doctor.stack_checks import stack_checks
    from bedrock_autoscaler.cli.doctor.target_checks import target_checks

    access = access_to(stack)
    targets = access.settings().targets if target is None else (access.target(target),)
    found = [*stack_checks(access), *(c for each in targets for c in target_checks(access, each))]
    if as_json or output is Output.JSON:
        print_json(to_documents(found))
    else:
        print_checks(found)
    if any(check.state is State.RED for check in found):
        raise typer.Exit(SICK)
