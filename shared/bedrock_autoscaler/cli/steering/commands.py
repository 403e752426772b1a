"""`pause`, `resume`, `override`, `stop`, `start`: a person's hand on what runs.

All but the last two write the section `controls` of a target's document, as `settings set` does:
checked as a whole, versioned, and in force from the next tick. `stop` and `start` write the kill
switch. What makes things quieter is done at once; what lets money move asks first.
"""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.deployed import access_to
from bedrock_autoscaler.cli.output import CommandError

if TYPE_CHECKING:
    from bedrock_autoscaler.cli.stack import StackAccess

PAUSE_EXAMPLE = "Example: bedrock-autoscaler pause chat --direction grow --until 4h"
RESUME_EXAMPLE = "Example: bedrock-autoscaler resume chat"
STOP_EXAMPLE = "Example: bedrock-autoscaler stop --why 'incident 4711'"
START_EXAMPLE = "Example: bedrock-autoscaler start"

DEFAULT_STACK = "bedrock-autoscaler"
_ALLOW, _STOP = "allow", "stop"

TargetArgument = Annotated[str, typer.Argument(metavar="TARGET", help="Name of the target.")]
StackOption = Annotated[str, typer.Option(help="Name of the deployed stack.")]
WhyOption = Annotated[str, typer.Option(help="Kept with the version in `settings history TARGET`.")]
SwitchWhyOption = Annotated[
    str, typer.Option("--why", help="Kept with the version in `settings history switch`.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before writing.")]
UntilOption = Annotated[
    str, typer.Option(help="It ends by itself then: 90m, 4h, 2d, or a time such as 2026-12-24T08Z.")
]


class Direction(StrEnum):
    """What is paused."""

    GROW = "grow"
    SHRINK = "shrink"


_FIELDS = {Direction.GROW: "pause_growth", Direction.SHRINK: "pause_shrink"}

DirectionOption = Annotated[
    Direction | None,
    typer.Option(help="grow: purchases alone; shrink: releases alone; default: both."),
]

override = typer.Typer(
    help="Put a person's number of units, or first route, in place of what the rules say.",
    no_args_is_help=True,
)


def pause(
    target: TargetArgument,
    *,
    direction: DirectionOption = None,
    until: Annotated[
        str | None,
        typer.Option(help="It ends by itself then: 90m, 4h, 2d, or a time; default: by `resume`."),
    ] = None,
    why: WhyOption = "",
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Stop purchases, releases or both of a target; decisions and routing go on.

    A drain already begun stops before its Delete. Nothing is bought or deleted by a pause.
    """
    from bedrock_autoscaler.cli.moments import later

    access = access_to(stack)
    fields = [_FIELDS[one] for one in ([direction] if direction else Direction)]
    if until is None:
        changes = [f"controls.{field}=true" for field in fields]
    else:
        moment = later(until, access.clock.now())
        changes = [f"controls.{field}_until={json.dumps(moment.isoformat())}" for field in fields]
    _write(access, target, changes, why=why or "paused", yes=True)


def resume(
    target: TargetArgument,
    *,
    direction: DirectionOption = None,
    why: WhyOption = "",
    stack: StackOption = DEFAULT_STACK,
    yes: YesOption = False,
) -> None:
    """End the pauses of a target; change windows and overrides stay."""
    access = access_to(stack)
    names = [_FIELDS[one] for one in ([direction] if direction else Direction)]
    fields = [name for field in names for name in (field, f"{field}_until")]
    _unset(access, target, fields, why=why or "resumed", yes=yes)


# A negative number is to be refused as one, not as an option that there is none of.
@override.command(
    epilog="Example: bedrock-autoscaler override units chat 3 --until 2d",
    context_settings={"ignore_unknown_options": True},
)
def units(
    target: TargetArgument,
    number: Annotated[int, typer.Argument(min=0, help="Model units to hold.")],
    *,
    until: UntilOption,
    why: WhyOption = "",
    stack: StackOption = DEFAULT_STACK,
    yes: YesOption = False,
) -> None:
    """Hold so many units until then, whatever sizing says; caps, evidence and pace still bind."""
    from bedrock_autoscaler.cli.moments import later
    from bedrock_autoscaler.cli.steering.units_override import units_lines

    access = access_to(stack)
    moment = later(until, access.clock.now()).isoformat()
    held = access.fleets.record_of(target).reserved_units
    for line in units_lines(access.target(target), access.settings(), number, held):
        typer.echo(line)
    value = json.dumps({"units": number, "until": moment, "by": access.identity})
    _write(access, target, [f"controls.units={value}"], why=why or "override of units", yes=yes)


@override.command(
    epilog="Example: bedrock-autoscaler override route chat us.amazon.nova-2-lite-v1:0 --until 4h"
)
def route(
    target: TargetArgument,
    address: Annotated[str, typer.Argument(help="Address of one of the target's options.")],
    *,
    until: UntilOption,
    why: WhyOption = "",
    stack: StackOption = DEFAULT_STACK,
    yes: YesOption = False,
) -> None:
    """Send callers this way first until then; units that are paid for stay in the table."""
    from bedrock_autoscaler.cli.moments import later

    access = access_to(stack)
    moment = later(until, access.clock.now()).isoformat()
    value = json.dumps({"address": address, "until": moment, "by": access.identity})
    _write(access, target, [f"controls.route={value}"], why=why or "override of a route", yes=yes)


@override.command(epilog="Example: bedrock-autoscaler override clear chat")
def clear(
    target: TargetArgument,
    *,
    why: WhyOption = "",
    stack: StackOption = DEFAULT_STACK,
    yes: YesOption = False,
) -> None:
    """Let the rules decide again on units and routes."""
    why = why or "overrides cleared"
    _unset(access_to(stack), target, ["units", "route"], why=why, yes=yes)


def stop(*, why: SwitchWhyOption = "", stack: StackOption = DEFAULT_STACK) -> None:
    """Throw the kill switch: nothing is bought, deleted or routed any more, within a tick.

    Decisions are still recorded, callers keep their tables, and what is owned is still billed.
    """
    _throw(stack, _STOP, why)


def start(
    *, why: SwitchWhyOption = "", stack: StackOption = DEFAULT_STACK, yes: YesOption = False
) -> None:
    """Open the kill switch again: targets in mode `act` buy, release and route."""
    if not yes:
        typer.echo("every target in mode act may buy, release and route from the next tick on")
        typer.confirm("Go on?", abort=True)
    _throw(stack, _ALLOW, why)


def _throw(stack: str, value: str, why: str) -> None:
    access = access_to(stack)
    before = access.switch
    access.throw(value, why)
    now = access.switch
    typer.echo(f"{access.switch_name}: {before or '(not set)'} -> {now}")
    if now != value:
        raise CommandError(f"{access.switch_name} says {now!r}; somebody else wrote to it")


def _write(access: "StackAccess", target: str, changes: list[str], *, why: str, yes: bool) -> None:
    from bedrock_autoscaler.cli.settings.changing import Options, carry_out, change_of

    access.target(target)
    carry_out(change_of(access, target, changes), Options(why=why, yes=yes))


def _unset(access: "StackAccess", target: str, fields: list[str], *, why: str, yes: bool) -> None:
    """Leave out those of the fields of `controls` that the stored document has."""
    from bedrock_autoscaler.adapters.documents.text import read_object
    from bedrock_autoscaler.cli.settings.changing import Options, carry_out, change_of

    access.target(target)
    stored = access.stored.newest(target)
    controls = read_object(stored.text).get("controls") or {} if stored else {}
    there = [field for field in fields if field in controls]
    if not there:
        typer.echo(f"nothing of the kind is set for {target}; nothing was written")
        return
    # The section goes with its last field.
    is_whole = len(there) == len(controls)
    there = ["controls"] if is_whole else [f"controls.{field}" for field in there]
    carry_out(change_of(access, target, (), removals=there), Options(why=why, yes=yes))
