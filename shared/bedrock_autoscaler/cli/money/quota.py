"""`quota`: what the account may use, how much room is left, and a request for more."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.deployed import access_to
from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json

if TYPE_CHECKING:
    from bedrock_autoscaler.cli.stack import StackAccess
    from bedrock_autoscaler.domain.economics.quotas import AccountQuota

app = typer.Typer(
    help="Bedrock's quotas: what is applied, what is left, and asking for more.",
    no_args_is_help=True,
)

StackOption = Annotated[str, typer.Option(help="Name of the deployed stack.")]
TargetArgument = Annotated[str, typer.Argument(metavar="TARGET", help="Name of the target.")]
DEFAULT_STACK = "bedrock-autoscaler"


@app.command("list", epilog="Example: bedrock-autoscaler quota list --family unit_pool")
def list_quotas(
    *,
    family: Annotated[
        str | None,
        typer.Option(
            help="on_demand, cross_region, global, unit_pool, units_of_model, other; default: all "
            "but other."
        ),
    ] = None,
    stack: StackOption = DEFAULT_STACK,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the quotas of inference and of model units, applied values beside the defaults.

    `code` means that the quota is known by its code; `name` that only its name tells, which is
    shown and never relied upon.
    """
    from bedrock_autoscaler.cli.money.quota_use import all_quotas, chosen

    found = chosen(all_quotas(access_to(stack)), family)
    if output is Output.JSON:
        print_json([_plain(quota) for quota in found])
        return
    from rich.console import Console

    from bedrock_autoscaler.cli.tables import print_table

    console = Console()
    headings = ("code", "family", "counts", "applied", "default", "more?", "by", "name")
    print_table(console, headings, [_cells(quota) for quota in found])
    doubted = [quota for quota in found if quota.doubt]
    for quota in doubted:
        console.print(f"{quota.code} is not relied upon: {quota.doubt}", soft_wrap=True)


@app.command(epilog="Example: bedrock-autoscaler quota headroom chat")
def headroom(
    target: TargetArgument,
    *,
    stack: StackOption = DEFAULT_STACK,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what is left of each quota that binds a target: units held, the peak of two weeks."""
    from bedrock_autoscaler.cli.money.quota_use import rooms_of

    access = access_to(stack)
    found = rooms_of(access, access.target(target))
    if output is Output.JSON:
        print_json([room.plain() for room in found])
        return
    from rich.console import Console

    from bedrock_autoscaler.cli.tables import print_table

    headings = ("quota", "for", "counts", "in force", "used", "left", "source")
    print_table(Console(), headings, [room.cells() for room in found])


@app.command(epilog="Example: bedrock-autoscaler quota request chat --quota L-FE44174A")
def request(
    target: TargetArgument,
    *,
    quota: Annotated[
        str | None, typer.Option(help="Code of the quota; needed where several bind the target.")
    ] = None,
    value: Annotated[
        int | None,
        typer.Option(min=0, help="What to ask for; default: from the peak, or max_units."),
    ] = None,
    burndown: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            max=100.0,
            help="Quota tokens of one output token, where no `quota` of the option states them.",
        ),
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send the request; without it, it is only printed.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before sending.")] = False,
    stack: StackOption = DEFAULT_STACK,
    output: OutputOption = Output.TABLE,
) -> None:
    """Prepare an increase, with the account's own evidence, as text and as the API call."""
    from bedrock_autoscaler.cli.money.quota_request import prepare

    access = access_to(stack)
    prepared = prepare(access, access.target(target), quota, value, burndown=burndown)
    if output is Output.JSON:
        print_json(prepared.plain())
    else:
        typer.echo(prepared.text())
    if not send:
        return
    if not yes:
        typer.confirm(f"Ask AWS for {prepared.value:,.0f} of {prepared.quota.code}?", abort=True)
    _send(access, prepared.quota.code, prepared.value)


def _send(access: "StackAccess", code: str, value: float) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    client = access.client("service-quotas")
    try:
        answer = client.request_service_quota_increase(
            ServiceCode="bedrock", QuotaCode=code, DesiredValue=value
        )
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"{code}: AWS did not take the request: {error}") from error
    told = answer["RequestedQuota"]
    typer.echo(f"sent: request {told.get('Id', '?')}, {told.get('Status', '?')}", err=True)


def _cells(quota: "AccountQuota") -> tuple[str, ...]:
    return (
        quota.code,
        quota.kind.family.value,
        quota.kind.measure.value,
        "-" if quota.applied is None else f"{quota.applied:,.0f}",
        "-" if quota.default is None else f"{quota.default:,.0f}",
        "yes" if quota.is_adjustable else "no",
        "code" if quota.is_known else "name",
        quota.kind.subject or quota.name,
    )


def _plain(quota: "AccountQuota") -> dict[str, object]:
    return {
        "code": quota.code,
        "name": quota.name,
        "family": quota.kind.family.value,
        "measure": quota.kind.measure.value,
        "subject": quota.kind.subject,
        "applied": quota.applied,
        "default": quota.default,
        "adjustable": quota.is_adjustable,
        "known_by_code": quota.is_known,
        "doubt": quota.doubt,
    }
