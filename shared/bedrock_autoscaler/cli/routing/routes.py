"""`routes`: the published table of a target, as it is and as gateways take it."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.deployed import access_to
from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json

if TYPE_CHECKING:
    from bedrock_autoscaler.domain.routing.table import RoutingTable

app = typer.Typer(help="Read a target's routing table, and export it.", no_args_is_help=True)

DEFAULT_PREFIX = "/bedrock-autoscaler"
_NOT_FOUND = "ParameterNotFound"
TargetArgument = Annotated[str, typer.Argument(metavar="TARGET", help="Name of the target.")]
FromOption = Annotated[
    Path | None,
    typer.Option("--from", help="A file with the table, instead of Parameter Store."),
]
PrefixOption = Annotated[str, typer.Option(help="The stack's SettingsPrefix.")]
StackOption = Annotated[
    str, typer.Option(help="Stack whose SettingsPrefix and Region are used, in place of --prefix.")
]
RegionOption = Annotated[str, typer.Option(help="Region of routes that name none.")]


@app.command(epilog="Example: bedrock-autoscaler routes show chat --stack bedrock-autoscaler")
def show(
    target: TargetArgument,
    *,
    source: FromOption = None,
    prefix: PrefixOption = DEFAULT_PREFIX,
    stack: StackOption = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Print the table that callers follow now, checked as they check it."""
    import json

    from bedrock_autoscaler.client.document import routing_table_text

    table = read_table(target, source, prefix, stack)
    if output is Output.JSON:
        print_json(json.loads(routing_table_text(table)))
        return
    typer.echo(f"{table.target} version {table.version} of {table.published_at:%Y-%m-%d %H:%M} UTC")
    for route in table.routes:
        asks = " ".join(each for each in (route.region, route.tier, route.latency) if each)
        typer.echo(
            f"{route.weight:>7.1%}  {route.kind.value:<18}  {route.address}  {asks}".rstrip()
        )
    for route in table.deferrable:
        typer.echo(f"  waits  {route.kind.value:<18}  {route.address}")


@app.command(epilog="Example: bedrock-autoscaler routes litellm chat > config.yaml")
def litellm(
    target: TargetArgument,
    *,
    region: RegionOption = "",
    source: FromOption = None,
    prefix: PrefixOption = DEFAULT_PREFIX,
    stack: StackOption = "",
) -> None:
    """Print the table as a LiteLLM Router or proxy configuration (JSON, which is YAML too)."""
    from bedrock_autoscaler.client.litellm_config import router_config

    print_json(router_config(read_table(target, source, prefix, stack), region))


@app.command(
    epilog="Example: bedrock-autoscaler routes envoy chat --region us-east-1 --gateway ai"
    " | kubectl apply -f -"
)
def envoy(
    target: TargetArgument,
    *,
    region: RegionOption,
    gateway: Annotated[str, typer.Option(help="Name of the Gateway that serves callers.")],
    source: FromOption = None,
    prefix: PrefixOption = DEFAULT_PREFIX,
    stack: StackOption = "",
) -> None:
    """Print the table as resources of Envoy AI Gateway (JSON, which is YAML too)."""
    from bedrock_autoscaler.client.envoy import envoy_resources

    print_json(envoy_resources(read_table(target, source, prefix, stack), region, gateway))


def read_table(target: str, source: Path | None, prefix: str, stack: str = "") -> "RoutingTable":
    """The table of a target.

    Args:
        target: its name.
        source: a file with it; None: Parameter Store.
        prefix: the stack's SettingsPrefix.
        stack: name of the stack that tells prefix and Region; empty: the SDK's own Region. A target
            in a spoke has no copy there: then it is the table that its callers' copy is made of.

    Raises:
        CommandError: it cannot be read, is malformed, or belongs to another target.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from bedrock_autoscaler.client.document import parse_routing_table
    from bedrock_autoscaler.sdk_errors import code_of

    place = str(source or (f"stack {stack}" if stack else f"{prefix}/routes/{target}"))
    try:
        table = parse_routing_table(_text(target, source, prefix, stack))
    except (BotoCoreError, ClientError, OSError) as error:
        if isinstance(error, ClientError) and code_of(error) == _NOT_FOUND:
            raise CommandError(
                f"there is no routing table at {place} for {target!r}: it is no target, or nothing "
                "is published for it yet; `bedrock-autoscaler targets list` names the targets"
            ) from error
        # The SDK's errors have no such text of the system; a file's error repeats its path.
        told = getattr(error, "strerror", None) or error
        raise CommandError(f"the routing table at {place} cannot be read: {told}") from error
    except ValueError as error:
        raise CommandError(f"{place}: {error}") from error
    if table.target != target:
        raise CommandError(f"that is the routing table of target {table.target}, not of {target}")
    return table


def _text(target: str, source: Path | None, prefix: str, stack: str) -> str:
    """The text of the table: of a file, of the stack, or of Parameter Store in the SDK's Region."""
    from bedrock_autoscaler.client.tables import FileTable, SsmTable

    if source is not None:
        return FileTable(source).read()
    if stack:
        return _of_stack(target, stack)
    import boto3

    return SsmTable(boto3.client("ssm"), target, prefix).read()


def _of_stack(target: str, stack: str) -> str:
    """The callers' copy beside the stack; without one the table itself, and a word on it."""
    from botocore.exceptions import ClientError

    from bedrock_autoscaler.client.document import routing_table_text
    from bedrock_autoscaler.client.tables import SsmTable
    from bedrock_autoscaler.sdk_errors import code_of

    access = access_to(stack)
    try:
        return SsmTable(access.ssm, target, access.place.prefix).read()
    except ClientError as error:
        if code_of(error) != _NOT_FOUND:
            raise
        table = access.tables_by(access.ssm).current(target)
        if table is None:
            access.target(target)
            raise
    typer.echo(
        f"{target} has no copy beside the stack: this is the table itself. In a spoke, read the "
        "copy with credentials of its account and --prefix in place of --stack.",
        err=True,
    )
    return routing_table_text(table)
