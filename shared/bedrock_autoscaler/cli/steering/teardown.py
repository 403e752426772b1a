"""`teardown`: lists everything of a stack that costs money, and takes away what is ours."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from typing import Annotated

import typer

from bedrock_autoscaler.cli.deployed import StackOption, access_to
from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json

EXAMPLE = "Example: bedrock-autoscaler teardown --stack bedrock-autoscaler --dry-run"


def teardown(
    *,
    stack: StackOption,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what there is and what would be done.")
    ] = False,
    keep_tables: Annotated[
        bool, typer.Option("--keep-tables", help="Leave decisions, routes and consents.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the stack's name.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take a stack away without leaving anything behind that is paid for.

    In this order: the switch to `stop`, the provisioned throughputs that carry the stack's tag,
    the stack itself, its tables, its parameters. A throughput under a commitment cannot be deleted
    and is named with the end of its term; what is not the stack's is named and left. Asks for the
    stack's name first. A step that fails ends it, so that nothing is left without a watcher.
    """
    from bedrock_autoscaler.cli.steering.dismantling import dismantle
    from bedrock_autoscaler.cli.steering.parts import plan_of, print_plan, to_document

    access = access_to(stack)
    plan = plan_of(access, keep_tables=keep_tables)
    if output is Output.JSON:
        print_json(to_document(plan))
    else:
        print_plan(plan)
    if dry_run:
        return
    if not yes:
        answer = typer.prompt(f"Type the stack's name, {stack}, to delete this", err=True)
        if answer != stack:
            raise CommandError(f"{answer!r} is not {stack!r}; nothing was deleted")
    for done in dismantle(access, plan):
        typer.echo(done, err=output is Output.JSON)
