"""`targets` and `mode`: what there is to manage, what is managed, and whether it acts."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.deployed import DEFAULT_STACK, StackOption, YesOption, access_to
from bedrock_autoscaler.cli.output import Output, OutputOption, print_json

if TYPE_CHECKING:
    from bedrock_autoscaler.cli.stack import StackAccess

app = typer.Typer(
    help="Find what there is to manage, and put it under management.", no_args_is_help=True
)
MODE_EXAMPLE = "Example: bedrock-autoscaler mode chat act"


class ModeChoice(StrEnum):
    """The modes; the same names as in the domain."""

    ADVISE = "advise"
    ACT = "act"


@app.command(epilog="Example: bedrock-autoscaler targets discover")
def discover(
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Profiles of AWS that nobody calls too.")
    ] = False,
    stack: StackOption = DEFAULT_STACK,
    output: OutputOption = Output.TABLE,
) -> None:
    """List what carries Bedrock traffic here: models, profiles and provisioned throughputs.

    From the ModelIds that CloudWatch lists (those with a point in the last two weeks), the
    inference profiles and the provisioned throughputs of the account and Region.
    """
    from bedrock_autoscaler.cli.targets.discovering import (
        discovered,
        print_discovered,
        to_documents,
    )

    found = discovered(access_to(stack), every=every)
    if output is Output.JSON:
        print_json(to_documents(found))
    else:
        print_discovered(found)


@app.command("list", epilog="Example: bedrock-autoscaler targets list")
def list_targets(
    *, stack: StackOption = DEFAULT_STACK, output: OutputOption = Output.TABLE
) -> None:
    """List the targets: mode, units, newest decision, and what is wrong with a document."""
    from bedrock_autoscaler.cli.targets.managed import managed, print_managed, to_documents

    found = managed(access_to(stack))
    if output is Output.JSON:
        print_json(to_documents(found))
    else:
        print_managed(found)


@app.command(
    epilog="Example: bedrock-autoscaler targets add chat --address amazon.nova-lite-v1:0"
    " --provisioned amazon.nova-lite-v1:0:300k"
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the target, such as `chat`.")],
    *,
    address: Annotated[
        list[str] | None,
        typer.Option(help="A modelId that callers pass: a model or a profile. Several times."),
    ] = None,
    provisioned: Annotated[
        str | None, typer.Option(help="What may be bought: a model's context-length variant.")
    ] = None,
    input_rate: Annotated[
        float | None, typer.Option(min=1, help="Input tokens a minute that one unit serves.")
    ] = None,
    output_rate: Annotated[
        float | None, typer.Option(min=1, help="Output tokens a minute that one unit serves.")
    ] = None,
    rate_source: Annotated[str, typer.Option(help="Who says so; required beside a rate.")] = "",
    tokens_per_minute: Annotated[
        float | None, typer.Option(min=1, help="Applied quota of the first address.")
    ] = None,
    burndown: Annotated[
        float, typer.Option(min=1, max=100, help="Quota tokens of one output token.")
    ] = 1.0,
    max_units: Annotated[int | None, typer.Option(min=0, help="Units held at most.")] = None,
    max_usd_per_day: Annotated[
        float | None, typer.Option(min=0.01, help="Spend on units in a UTC day at most.")
    ] = None,
    mantle: Annotated[
        bool, typer.Option("--mantle", help="Part of the traffic uses the mantle endpoint.")
    ] = False,
    stack: StackOption = DEFAULT_STACK,
    yes: YesOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Put a workload under management, in mode advise; asks for what no option tells.

    With --yes nothing is asked: what no option tells stays unknown, which blocks purchases.
    """
    from bedrock_autoscaler.cli.settings.changing import Change, Options, carry_out
    from bedrock_autoscaler.cli.targets.adding import (
        Wanted,
        asked_for,
        document_of,
        doubts_of,
        refuse_at_once,
    )

    wanted = Wanted(
        addresses=tuple(address or ()),
        provisioned=provisioned,
        input_rate=input_rate,
        output_rate=output_rate,
        rate_source=rate_source,
        tokens_per_minute=tokens_per_minute,
        burndown=burndown,
        max_units=max_units,
        max_usd_per_day=max_usd_per_day,
        uses_mantle=mantle,
    )
    access = access_to(stack)
    refuse_at_once(access, name, wanted)
    wanted = wanted if yes else asked_for(wanted)
    text = document_of(access, wanted)
    for doubt in doubts_of(access, wanted):
        typer.echo(doubt, err=True)
    change = Change(access=access, name=name, stored=None, text=text)
    written = carry_out(change, Options(why=f"target {name} added", yes=yes, output=output))
    if written is not None and output is not Output.JSON:
        typer.echo(f"next: bedrock-autoscaler doctor {name}")


def mode(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Name of the target.")],
    wanted: Annotated[ModeChoice, typer.Argument(metavar="MODE", help="`advise` or `act`.")],
    *,
    stack: StackOption = DEFAULT_STACK,
    yes: YesOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let a target act, or only advise; says before what it may spend.

    The kill switch decides too: without `allow` in it nothing acts, whatever the mode.
    """
    from bedrock_autoscaler.cli.settings.changing import Options, carry_out, change_of

    access = access_to(stack)
    access.target(target)
    change = change_of(access, target, [f"mode={wanted.value}"])
    if output is not Output.JSON and wanted is ModeChoice.ACT:
        for line in _hindrances(access):
            typer.echo(line)
    carry_out(change, Options(why=f"mode {wanted.value}", yes=yes, output=output))


def _hindrances(access: "StackAccess") -> list[str]:
    """What keeps every target from acting, and the command against it."""
    lines = []
    if access.switch != "allow":
        lines.append(
            f"the switch is {access.switch or 'not set'}, so nothing acts yet: "
            f"bedrock-autoscaler start --stack {access.deployment}"
        )
    if not access.place.purchasable:
        lines.append(
            "PurchasableModelArns of the stack is empty, so that it may buy nothing: sam deploy "
            "--parameter-overrides PurchasableModelArns=ARN"
        )
    return lines
