"""`cost-of-running`: the autoscaler's own AWS bill, per target and month."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from bedrock_autoscaler.adapters.running_prices import RunningPrices
    from bedrock_autoscaler.domain.economics.own_cost import Line, Running

EXAMPLE = "Example: bedrock-autoscaler cost-of-running --targets 1000 --places 80"

_PACES = (("steady", 15), ("always bursty", 1))


def cost_of_running(
    *,
    targets: Annotated[int, typer.Option(min=1, help="Targets in all places.")] = 100,
    places: Annotated[int, typer.Option(min=1, help="Accounts and Regions that they are in.")] = 1,
    series: Annotated[
        int, typer.Option(min=1, help="ModelIds of each target, throughputs held among them.")
    ] = 1,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print what the autoscaler itself costs, at list prices, by service.

    A steady target is visited each quarter of an hour, an always bursty one each minute. The
    capacity that is bought is no part of it.
    """
    from bedrock_autoscaler.adapters.running_prices import load_running_prices
    from bedrock_autoscaler.domain.economics.own_cost import Running, kept_usd, month_usd, usage

    prices = load_running_prices()
    try:
        fleets = {
            name: Running(targets=targets, places=places, series=series, minutes=minutes)
            for name, minutes in _PACES
        }
    except ValueError as error:
        raise CommandError(str(error)) from error
    lines = {name: usage(fleet) for name, fleet in fleets.items()}
    if output is Output.JSON:
        print_json(_plain(lines, fleets, prices))
        return
    from rich.console import Console

    console = Console()
    console.print(_table(lines, targets, prices))
    for name, own in lines.items():
        total = month_usd(own, prices.usd)
        console.print(
            f"{name}: {total / targets:.3f} USD per target and month, {total:,.2f} USD in all; "
            f"after a year {kept_usd(own, prices.usd) / targets:.3f} USD more for what is kept",
            highlight=False,
        )
    more = month_usd(usage(_with_one_more(fleets["steady"])), prices.usd)
    further = (more - month_usd(lines["steady"], prices.usd)) / targets
    console.print(f"each further ModelId of a steady target: {further:.3f} USD", highlight=False)
    console.print(
        f"List prices of {prices.region} as of {prices.as_of}, quoted, without free tiers.",
        highlight=False,
    )


def _with_one_more(fleet: "Running") -> "Running":
    from dataclasses import replace

    return replace(fleet, series=fleet.series + 1)


def _table(lines: dict[str, tuple["Line", ...]], targets: int, prices: "RunningPrices") -> "Table":
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    table.add_column("USD per target and month")
    for name in lines:
        table.add_column(name, justify="right")
    for row in zip(*lines.values(), strict=True):
        service = f"{row[0].service}{' (shared)' if row[0].is_shared else ''}"
        costs = (line.quantity * prices.usd[line.price] / targets for line in row)
        table.add_row(service, *(f"{cost:.4f}" for cost in costs))
    return table


def _plain(
    lines: dict[str, tuple["Line", ...]], fleets: dict[str, "Running"], prices: "RunningPrices"
) -> dict[str, object]:
    from bedrock_autoscaler.domain.economics.own_cost import month_usd

    return {
        "region": prices.region,
        "as_of": prices.as_of.isoformat(),
        "paces": {
            name: {
                "minutes": fleets[name].minutes,
                "usd_per_target_and_month": month_usd(own, prices.usd) / fleets[name].targets,
                "lines": [
                    {
                        "service": line.service,
                        "is_shared": line.is_shared,
                        "is_kept": line.is_kept,
                        "quantity": line.quantity,
                        "per": prices.prices[line.price].per,
                        "usd": line.quantity * prices.usd[line.price],
                        "source": prices.prices[line.price].source,
                    }
                    for line in own
                ],
            }
            for name, own in lines.items()
        },
    }
