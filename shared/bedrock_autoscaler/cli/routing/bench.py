"""`bench`: what an option of a target carries, and how fast it answers."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json
from bedrock_autoscaler.cli.routing.routes import (
    DEFAULT_PREFIX,
    FromOption,
    PrefixOption,
    StackOption,
    read_table,
)
from bedrock_autoscaler.domain.units import units_text

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from bedrock_autoscaler.cli.routing.loading import Driver, Prompt
    from bedrock_autoscaler.domain.routing.route import Route
    from bedrock_autoscaler.domain.routing.table import RoutingTable
    from bedrock_autoscaler.report.knee import Knee, Ramp, Stage

EXAMPLE = (
    "Example: bedrock-autoscaler bench chat --address us.amazon.nova-2-lite-v1:0"
    " --calls-per-minute 60 --input-tokens 2000 --output-tokens 300"
)


class Through(StrEnum):
    """The client that calls go through."""

    BOTO3 = "boto3"
    LITELLM = "litellm"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a bench came to."""

    route: "Route"
    units: int
    through: Through
    stages: "tuple[Stage, ...]"
    knee: "Knee | None"
    today: str

    @property
    def is_of_units(self) -> bool:
        """Whether the result is the rate of model units, and not a quota."""
        return self.route.kind.value == "provisioned"


def bench(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Name of the target.")],
    *,
    address: Annotated[
        str, typer.Option(help="Route to call, of the target's table; default: its first.")
    ] = "",
    source: FromOption = None,
    prefix: PrefixOption = DEFAULT_PREFIX,
    stack: StackOption = "",
    units: Annotated[
        int, typer.Option(min=1, help="Model units of the throughput; the result is for one.")
    ] = 1,
    calls_per_minute: Annotated[float, typer.Option(min=1, help="Rate of the first stage.")] = 30.0,
    growth: Annotated[
        float, typer.Option(min=1.05, max=10, help="Of the rate, from stage to stage.")
    ] = 1.5,
    stages: Annotated[int, typer.Option(min=1, max=50, help="At most.")] = 10,
    refinements: Annotated[
        int, typer.Option(min=0, max=10, help="Stages between what was carried and what was not.")
    ] = 2,
    seconds: Annotated[
        float, typer.Option(min=1, help="Of a stage; below a minute a store may hide the knee.")
    ] = 90.0,
    clients: Annotated[int, typer.Option(min=1, max=500, help="Calls under way at once.")] = 64,
    input_tokens: Annotated[int, typer.Option(min=30, help="Of a prompt, about.")] = 1000,
    output_tokens: Annotated[int, typer.Option(min=1, help="Of an answer, at most.")] = 200,
    through: Annotated[
        Through, typer.Option(help="Client to call with: boto3's, or LiteLLM's completion.")
    ] = Through.BOTO3,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before calling.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Call one option of a target at growing rates until it throttles; this costs money.

    Calls go out with your credentials through LLMeter (the extra `load`), evenly spaced and tried
    once, so that every refusal is seen. Prints time to the first token, time between tokens,
    tokens a minute, throttles and errors of each stage, and where throttling begins: at a
    provisioned throughput a proposal for the unit rate, at the mix of tokens that was sent. The
    target's callers share the option's quota meanwhile. With `--through litellm` (the extra
    `litellm`) what LiteLLM adds to each call is in the times.
    """
    from bedrock_autoscaler.adapters.clock import SystemClock
    from bedrock_autoscaler.cli.routing.loading import Prompt
    from bedrock_autoscaler.report.knee import Ramp, find_knee

    table = read_table(target, source, prefix, stack)
    route = _route(table, address)
    ramp = Ramp(first=calls_per_minute, growth=growth, most_stages=stages, refinements=refinements)
    prompt = Prompt(input_tokens=input_tokens, output_tokens=output_tokens)
    driver = _driver(table, route, prompt, clients=clients, through=through)
    if not yes:
        _confirm(route, ramp, seconds, input_tokens + output_tokens)
    done: tuple[Stage, ...] = ()
    while (rate := ramp.next_rate(done)) is not None:
        done += (driver.run(rate, seconds),)
        if output is Output.TABLE:
            if len(done) == 1:
                typer.echo(_HEADER)
            typer.echo(_row(done[-1]))
    found = _Found(
        route=route,
        units=units,
        through=through,
        stages=done,
        knee=find_knee(done, units),
        today=f"{SystemClock().now():%Y-%m-%d}",
    )
    if output is Output.JSON:
        print_json(_document(found))
    else:
        typer.echo(_verdict(found))


def _route(table: "RoutingTable", address: str) -> "Route":
    """The route to call.

    Raises:
        CommandError: there is no such route in the table.
    """
    routes = [route for route in table.routes if address in {"", route.address}]
    if not routes:
        known = ", ".join(route.address for route in table.routes)
        raise CommandError(f"{address} is no route of {table.target}; its routes are: {known}")
    return routes[0]


def _driver(
    table: "RoutingTable", route: "Route", prompt: "Prompt", *, clients: int, through: Through
) -> "Driver":
    from bedrock_autoscaler.cli.routing.loading import REMEDY, Driver, completion, converse

    try:
        if through is Through.LITELLM:
            endpoint, request = completion(_parameters(table, route)), prompt.completion()
        else:
            endpoint, request = converse(_client(route, clients), route), prompt.request()
        return Driver(endpoint, request, clients=clients)
    except ImportError as error:
        raise CommandError(REMEDY) from error


def _client(route: "Route", clients: int) -> "BedrockRuntimeClient":
    """boto3's client, with one attempt."""
    import boto3
    from botocore.config import Config

    from bedrock_autoscaler.client import PROMPT

    config = PROMPT.merge(Config(max_pool_connections=clients))
    return boto3.client("bedrock-runtime", region_name=route.region or None, config=config)


def _parameters(table: "RoutingTable", route: "Route") -> dict[str, Any]:
    """What LiteLLM is told of the route's deployment, without what is the Router's."""
    from bedrock_autoscaler.client.litellm_config import deployments, route_id

    wanted = route_id(table.target, route)
    params = next(
        each["litellm_params"]
        for each in deployments(table, {})
        if each["model_info"]["id"] == wanted
    )
    return {name: value for name, value in params.items() if name not in {"order", "weight"}}


def _confirm(route: "Route", ramp: "Ramp", seconds: float, tokens: int) -> None:
    """Ask once, with the most that may be called."""
    rates = [ramp.first * ramp.growth**stage for stage in range(ramp.most_stages)]
    calls = sum(rates) * seconds / 60.0
    typer.confirm(
        f"Up to {calls:,.0f} calls and {calls * tokens:,.0f} tokens go to {route.address}, which "
        "are billed. Call it?",
        abort=True,
    )


_HEADER = (
    f"{'calls/min':>10} {'served':>7} {'throttled':>9} {'errors':>6} {'input/min':>11} "
    f"{'output/min':>11} {'first token':>15} {'between':>9}"
)


def _row(stage: "Stage") -> str:
    from bedrock_autoscaler.report.knee import middle, slow

    first, late = middle(stage.first_token_seconds), slow(stage.first_token_seconds)
    between = middle(stage.token_seconds)
    return (
        f"{stage.calls_per_minute:>10.1f} {stage.served:>7} {stage.throttled_share:>9.1%} "
        f"{sum(count for _, count in stage.errors):>6} "
        f"{stage.per_minute(stage.input_tokens):>11,.0f} "
        f"{stage.per_minute(stage.output_tokens):>11,.0f} "
        f"{_milliseconds(first):>6} /{_milliseconds(late):>7} {_milliseconds(between):>9}"
    )


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"


def _verdict(found: _Found) -> str:
    from bedrock_autoscaler.report.knee import is_steady

    lines = ["first token: median / 95%; between: median time between output tokens"]
    errors = sorted({code for stage in found.stages for code, _ in stage.errors})
    if errors:
        lines.append(f"errors besides throttles: {', '.join(errors)}")
    if found.knee is None:
        lines.append("no stage was carried: begin with a lower --calls-per-minute")
        return "\n".join(lines)
    knee, unit = found.knee, f" for each of {found.units} units" if found.units > 1 else ""
    begins = "throttling begins above" if knee.is_reached else "not reached; carried at least"
    lines.append(
        f"{begins} {knee.input_per_minute:,.0f} input and {knee.output_per_minute:,.0f} output "
        f"tokens a minute{unit}, by at most {knee.spread:.0%} more"
    )
    if not is_steady(found.stages):
        lines.append("a higher rate was carried than one that was refused: run it again")
    if found.is_of_units:
        lines.append(f"proposal: {_proposal(found)}")
    return "\n".join(lines)


def _proposal(found: _Found) -> str:
    """The unit rate as a target's document takes it."""
    import json

    return json.dumps({"provisioned": {"unit_rate": _unit_rate(found)}})


def _unit_rate(found: _Found) -> dict[str, Any]:
    knee = found.knee
    if knee is None or not found.is_of_units:
        return {}
    reached = "" if knee.is_reached else ", not reached"
    return {
        "input_tokens_per_minute": round(knee.input_per_minute),
        "output_tokens_per_minute": round(knee.output_per_minute),
        "source": f"bench of {found.today} on {units_text(found.units)} at one mix of tokens, "
        f"spread {knee.spread:.1%}{reached}",
    }


def _document(found: _Found) -> dict[str, Any]:
    """The result for programs."""
    from bedrock_autoscaler.report.knee import is_steady, middle, slow

    route = found.route
    return {
        "address": route.address,
        "region": route.region,
        "tier": route.tier,
        "latency": route.latency,
        "units": found.units,
        "through": found.through.value,
        "stages": [
            {
                "calls_per_minute": stage.calls_per_minute,
                "seconds": stage.seconds,
                "served": stage.served,
                "throttled": stage.throttled,
                "errors": dict(stage.errors),
                "input_tokens_per_minute": stage.per_minute(stage.input_tokens),
                "output_tokens_per_minute": stage.per_minute(stage.output_tokens),
                "first_token_seconds": {
                    "median": middle(stage.first_token_seconds),
                    "p95": slow(stage.first_token_seconds),
                },
                "between_tokens_seconds": middle(stage.token_seconds),
            }
            for stage in found.stages
        ],
        "knee": None
        if found.knee is None
        else {
            "input_tokens_per_minute": found.knee.input_per_minute,
            "output_tokens_per_minute": found.knee.output_per_minute,
            "spread": found.knee.spread,
            "reached": found.knee.is_reached,
            "steady": is_steady(found.stages),
        },
        "unit_rate": _unit_rate(found) or None,
    }
