"""`pause`, `resume`, `override`, `stop`, `start`: a person's hand on what runs.

All but the last two write the section `controls` of a target's document, as `settings set` does:
checked as a whole, versioned, and in force from the next tick. `stop` and `start` write the kill
switch. What makes things quieter is done at once; what lets money move asks first.
"""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bedrock_autoscaler.application.errors import AutoscalerError
from bedrock_autoscaler.cli.deployed import access_to
from bedrock_autoscaler.cli.output import CommandError

if TYPE_CHECKING:
    from bedrock_autoscaler.adapters.stored_settings import StoredVersion
    from bedrock_autoscaler.cli.stack import StackAccess

PAUSE_EXAMPLE = "Example: bedrock-autoscaler pause chat --direction grow --until 4h"
RESUME_EXAMPLE = "Example: bedrock-autoscaler resume chat"
STOP_EXAMPLE = "Example: bedrock-autoscaler stop --why 'incident 4711'"
START_EXAMPLE = "Example: bedrock-autoscaler start"

DEFAULT_STACK = "bedrock-autoscaler"
_ALLOW, _STOP = "allow", "stop"
_USUAL_SWITCH = "/bedrock-autoscaler/switch"
"""The kill switch of a stack whose `SettingsPrefix` is the template's default."""

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
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before a pause is made to end earlier.")
    ] = False,
) -> None:
    """Stop purchases, releases or both of a target; decisions and routing go on.

    A drain already begun stops before its Delete. Nothing is bought or deleted by a pause. It asks
    only where a pause in force would end earlier than it does.
    """
    from bedrock_autoscaler.cli.moments import later
    from bedrock_autoscaler.cli.steering.pausing import lasting, outlasted, shortened

    access = access_to(stack)
    fields = [_FIELDS[one] for one in ([direction] if direction else Direction)]
    why = why or "paused"
    now = access.clock.now()
    if until is None:
        ends = list(outlasted(access.target(target).controls, fields, now))
        changes = [f"controls.{field}=true" for field in fields]
        _write(access, target, changes, why=why, yes=True)
        for line in ends:
            typer.echo(line)
        return
    moment, paused = later(until, now), access.target(target)
    earlier = list(shortened(paused.controls, fields, moment, now))
    for line in earlier:
        typer.echo(line)
    if earlier and not yes:
        typer.confirm("Go on?", abort=True)
    changes = [f"controls.{field}_until={json.dumps(moment.isoformat())}" for field in fields]
    _write(access, target, changes, why=why, yes=True)
    for line in lasting(paused, fields, access.deployment):
        typer.echo(line)


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
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=0, help="Model units to hold.")],
    *,
    until: UntilOption,
    why: WhyOption = "",
    stack: StackOption = DEFAULT_STACK,
    yes: YesOption = False,
) -> None:
    """Hold so many units until then, whatever sizing says; caps, evidence and pace still bind."""
    from bedrock_autoscaler.cli.moments import later
    from bedrock_autoscaler.cli.steering.units_override import Standing, units_lines

    access = access_to(stack)
    now = access.clock.now()
    moment = later(until, now).isoformat()
    lines = units_lines(
        access.target(target),
        access.settings(),
        number,
        access.fleets.record_of(target).reserved_units,
        standing=Standing(switch=_said(access), now=now),
    )
    for line in lines:
        typer.echo(line)
    value = json.dumps({"units": number, "until": moment, "by": access.identity})
    _write(access, target, [f"controls.units={value}"], why=why or "override of units", yes=yes)


@override.command(
    epilog="Example: bedrock-autoscaler override route chat us.amazon.nova-2-lite-v1:0 --until 4h"
)
def route(
    target: TargetArgument,
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="Address of one of the target's options.")
    ],
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
    by_hand = f", if its SettingsPrefix is the default: {_stop_command(_USUAL_SWITCH)}"
    try:
        access = access_to(stack)
        by_hand = f": {_stop_command(access.switch_name)}"
        _throw(access, _STOP, why, by=_who(access))
    except (AutoscalerError, CommandError) as error:
        raise CommandError(f"{error}; by hand{by_hand}") from error


def start(
    *, why: SwitchWhyOption = "", stack: StackOption = DEFAULT_STACK, yes: YesOption = False
) -> None:
    """Open the kill switch again: targets in mode `act` buy, release and route."""
    if not yes:
        typer.echo("every target in mode act may buy, release and route from the next tick on")
        typer.confirm("Go on?", abort=True)
    access = access_to(stack)
    _throw(access, _ALLOW, why, by=access.identity)


def _stop_command(parameter: str) -> str:
    return f"aws ssm put-parameter --type String --overwrite --name {parameter} --value {_STOP}"


def _who(access: "StackAccess") -> str:
    """The caller, whom nobody needs to know before everything stops."""
    try:
        return access.identity
    except (AutoscalerError, CommandError):
        return "unknown identity"


def _throw(access: "StackAccess", value: str, why: str, *, by: str) -> None:
    before = _said(access)
    access.throw(value, f"{why or 'by a command'}: {by}")
    now = _said(access)
    if now is None:
        typer.echo(f"{access.switch_name}: {value} was written; it cannot be read back")
        return
    typer.echo(f"{access.switch_name}: {before or '(not read)'} -> {now}")
    if now != value:
        raise CommandError(f"{access.switch_name} says {now!r}; somebody else wrote to it")


def _said(access: "StackAccess") -> str | None:
    """What the switch says in words; None where it cannot be read, which holds up no writing."""
    try:
        return access.switch or "(not set)"
    except CommandError:
        return None


def _write(access: "StackAccess", target: str, changes: list[str], *, why: str, yes: bool) -> None:
    from bedrock_autoscaler.cli.settings.changing import Options, carry_out, change_of

    access.target(target)
    carry_out(change_of(access, target, changes), Options(why=why, yes=yes))


def _unset(access: "StackAccess", target: str, fields: list[str], *, why: str, yes: bool) -> None:
    """Leave out those of the fields of `controls` that the stored document has.

    Raises:
        CommandError: the document is unusable, or was written to since it was looked at.
    """
    from bedrock_autoscaler.cli.settings.changing import Options, carry_out, change_of

    access.target(target)
    stored = access.stored.newest(target)
    controls = _controls_of(access, target, stored) if stored else {}
    there = [field for field in fields if field in controls]
    if stored is None or not there:
        typer.echo(f"nothing of the kind is set for {target}; nothing was written")
        return
    # The section goes with its last field.
    is_whole = len(there) == len(controls)
    there = ["controls"] if is_whole else [f"controls.{field}" for field in there]
    change = change_of(access, target, (), removals=there, version=stored.version)
    carry_out(change, Options(why=why, yes=yes))


def _controls_of(access: "StackAccess", target: str, stored: "StoredVersion") -> dict[str, Any]:
    """The section `controls` as it is stored; empty without one."""
    from bedrock_autoscaler.cli.settings.changing import stored_object

    controls = stored_object(access, target, stored).get("controls")
    if controls is None:
        return {}
    if not isinstance(controls, dict):
        raise CommandError(
            f"{access.stored.parameter(target)}, version {stored.version}: controls is no object "
            f"but {type(controls).__name__}; `bedrock-autoscaler settings rollback {target}`"
        )
    return controls
