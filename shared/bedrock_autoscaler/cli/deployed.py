"""What all commands on a deployed stack share: its name, and access to it."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bedrock_autoscaler.cli.stack import StackAccess

DEFAULT_STACK = "bedrock-autoscaler"

StackOption = Annotated[str, typer.Option(help="Name of the deployed stack.")]
TargetOption = Annotated[str, typer.Option(help="Name of the target.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before writing.")]


def access_to(stack: str) -> "StackAccess":
    """A deployed stack, by its name.

    Raises:
        CommandError: there is no such stack, or it is none of this application.
    """
    from bedrock_autoscaler.cli.stack import StackAccess, find_stack

    return StackAccess(find_stack(stack))
