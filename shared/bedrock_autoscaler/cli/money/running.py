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
    source_regions: Annotated[
        int, typer.Option(min=0, help="Regions of SourceRegions; each has a heartbeat of its own.")
    ] = 0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print what the autoscaler itself costs with FanOut=on, at list prices, by service.

    A steady target is visited each quarter of an hour, an always bursty one each minute. The
    capacity that is bought is no part of it. A target that is called from other Regions too costs
    one further ModelId for each.
    """
    from bedrock_autoscaler.adapters.running_prices import load_running_prices
    from bedrock_autoscaler.domain.economics.own_cost import Running, month_usd, usage

    prices = load_running_prices()
    try:
        fleets = {
            name: Running(
                targets=targets,
                places=places,
                series=series,
                minutes=minutes,
                source_regions=source_regions,
            )
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
        console.print(_sum(name, own, fleets[name], prices), highlight=False)
    more = month_usd(usage(_with_one_more(fleets["steady"])), prices.usd)
    further = (more - month_usd(lines["steady"], prices.usd)) / targets
    console.print(f"each further ModelId of a steady target: {further:.3f} USD", highlight=False)
    console.print(
        f"List prices of {prices.region} as of {prices.as_of}, quoted, without free tiers.",
        highlight=False,
    )


def _sum(name: str, lines: tuple["Line", ...], fleet: "Running", prices: "RunningPrices") -> str:
    """The whole, and what it consists of: what is there anyway, and what each target adds."""
    from bedrock_autoscaler.domain.economics.own_cost import Part, kept_usd, month_usd

    total = month_usd(lines, prices.usd)
    stack, places, own = (month_usd(lines, prices.usd, part) for part in Part)
    return (
        f"{name}: {total / fleet.targets:.3f} USD per target and month, {total:,.2f} USD in all: "
        f"{stack:.2f} for the stack, {places:,.2f} for its places, {own / fleet.targets:.3f} for "
        f"each target; after a year {kept_usd(lines, prices.usd) / fleet.targets:.3f} USD more "
        "for what is kept"
    )


def _with_one_more(fleet: "Running") -> "Running":
    from dataclasses import replace

    return replace(fleet, series=fleet.series + 1)


def _table(lines: dict[str, tuple["Line", ...]], targets: int, prices: "RunningPrices") -> "Table":
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    table.add_column("USD per target and month")
    table.add_column("of")
    table.add_column("quantity")
    for name in lines:
        table.add_column(name, justify="right")
    for row in zip(*lines.values(), strict=True):
        first = row[0]
        costs = (line.quantity * prices.usd[line.price] / targets for line in row)
        figures = (f"{cost:.4f}" for cost in costs)
        table.add_row(first.service, first.part.value, first.basis.value, *figures)
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
                        "part": line.part.value,
                        "basis": line.basis.value,
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
