"""`economics`: what each way to serve a model costs at each load, and where they break even."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.deployed import access_to
from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_autoscaler.cli.money.ways import Asked
    from bedrock_autoscaler.domain.economics.break_even import Comparison, Mix, Way
    from bedrock_autoscaler.domain.economics.price_book import PriceBook

type Row = tuple[str, ...]

EXAMPLE = (
    "Example: bedrock-autoscaler economics amazon.nova-2-lite-v1:0 --unit-rate 1500000:150000"
    " --html nova.html"
)
_SHARES = (0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
_PARTS = 2
_WHOLE_FROM = 100
"""Tokens a minute from which a fraction says nothing."""

ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A model id; the ARN of a custom or imported model; `custom:BASE`; `imported:NAME`.",
    ),
]


def economics(
    model: ModelArgument,
    *,
    region: Annotated[str, typer.Option(help="Region that is called.")] = "us-east-1",
    input_share: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="Input tokens as a share of all tokens.")
    ] = 0.8,
    unit_rate: Annotated[
        str | None,
        typer.Option(
            metavar="IN:OUT",
            help="Input and output tokens a minute that one model unit serves; AWS publishes none.",
        ),
    ] = None,
    units_per_copy: Annotated[
        int | None, typer.Option(min=1, max=64, help="Of an imported model, as its import tells.")
    ] = None,
    copy_rate: Annotated[
        float | None,
        typer.Option(min=1.0, help="Tokens a minute that one copy of an imported model serves."),
    ] = None,
    against: Annotated[
        str, typer.Option(help="Set the ways by the token of this model beside.")
    ] = "",
    most: Annotated[
        float | None, typer.Option("--to", min=1.0, help="Highest load shown, tokens a minute.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the plot here.")] = None,
    stack: Annotated[
        str | None, typer.Option(help="Take the prices that this stack has refreshed.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print the cost of each way against tokens per minute, with break-even points and sources.

    A load is steady: input and output tokens together, all hours of the day. Nothing is bought.
    """
    from bedrock_autoscaler.cli.known import refuse_no_region
    from bedrock_autoscaler.cli.money.ways import Asked, ways_of
    from bedrock_autoscaler.domain.economics.break_even import compare

    book = _book(stack)
    refuse_no_region(region, book)
    asked = Asked(
        model=model,
        region=region,
        input_share=input_share,
        unit_rate=_rate(unit_rate),
        units_per_copy=units_per_copy,
        copy_rate=copy_rate,
        against=against,
    )
    found = compare(ways_of(asked, book), most)
    if html is not None:
        _write(html, asked, found)
    if output is Output.JSON:
        print_json(_plain(asked, found))
        return
    _print(asked, found)


def _rate(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    parts = text.split(":")
    try:
        inputs, outputs = (float(part) for part in parts)
    except ValueError:
        inputs, outputs = 0.0, 0.0
    if len(parts) != _PARTS or not (0 < inputs < float("inf") and 0 < outputs < float("inf")):
        raise CommandError(f"--unit-rate {text!r}: give two numbers above 0, as 1500000:150000")
    return inputs, outputs


def _book(stack: str | None) -> "PriceBook":
    if stack is None:
        from bedrock_autoscaler.adapters.prices import load_prices

        return load_prices()

    return access_to(stack).prices().book


def _write(path: Path, asked: "Asked", found: "Comparison") -> None:
    from bedrock_autoscaler.report.break_even import economics_page

    text = economics_page(f"Economics of {asked.model}", _lead(asked), found)
    write_text(path, text)
    typer.echo(f"written to {path}", err=True)


def _lead(asked: "Asked") -> str:
    return (
        f"{asked.region}, {asked.input_share:.0%} input tokens, "
        f"worked out on {datetime.now(tz=UTC).date().isoformat()}"  # noqa: TID251 - the date of a page
    )


# -- the table ---------------------------------------------------------------------------------


def _print(asked: "Asked", found: "Comparison") -> None:
    from rich.console import Console

    from bedrock_autoscaler.cli.tables import print_table

    console = Console()
    console.print(f"{asked.model}, {_lead(asked)}; USD per hour by load in tokens a minute")
    ways = [way.name for way in found.ways]
    print_table(console, ["tokens a minute", *ways], list(_costs(found)))
    print_table(
        console, ["tokens a minute", "cheapest", "units and overflow"], list(_cheapest(found))
    )
    one, option = ("copy", "--copy-rate") if asked.is_imported else ("unit", "--unit-rate")
    if any(way.rate_is_unknown for way in found.ways):
        console.print(f"each: for one {one}, since nobody told what a {one} serves ({option})")
    console.print("Break-even of one unit, over all hours that it is held")
    if found.break_evens:
        headings = ["one unit of", "against", "tokens a minute", "USD an hour", "use", "pays"]
        print_table(console, headings, list(_crossings(found)))
    elif asked.is_imported:
        console.print("none: --against MODEL sets one beside that is paid by the token")
    else:
        console.print("none: too few prices are known")
    console.print("Where each number comes from")
    print_table(console, ["way", "number", "value", "as of", "source"], list(_sources(found)))


def _loads(found: "Comparison") -> list[float]:
    return [share * found.highest / max(_SHARES) for share in _SHARES]


def _load_text(load: float) -> str:
    """Whole tokens a minute; of a load so low that rows would look alike, the fraction too."""
    return f"{load:,.0f}" if load >= _WHOLE_FROM else f"{load:.4g}"


def _costs(found: "Comparison") -> "Iterator[Row]":
    for load in _loads(found):
        yield (_load_text(load), *(_cost(way, load) for way in found.ways))


def _cheapest(found: "Comparison") -> "Iterator[Row]":
    from bedrock_autoscaler.domain.economics.break_even import best_mix, cheapest

    for load in _loads(found):
        best = cheapest(found.ways, load)
        yield _load_text(load), best.name if best else "-", _mixed(best_mix(found.ways, load))


def _mixed(mix: "Mix | None") -> str:
    """Units for a part of the load, the rest by the token."""
    if mix is None:
        return "-"
    units = f"{mix.units} x {mix.by_unit}" if mix.units else "no unit"
    return f"{units}: {mix.usd_per_hour:,.2f}"


def _cost(way: "Way", load: float) -> str:
    each = " each" if way.rate_is_unknown else ""
    return f"{way.usd_per_hour(load):,.2f}{each}"


def _crossings(found: "Comparison") -> "Iterator[Row]":
    for one in found.break_evens:
        yield (
            one.by_unit,
            one.by_token,
            f"{one.tokens_per_minute:,.0f}",
            f"{one.usd_per_hour:,.2f}",
            "unknown" if one.utilization is None else f"{one.utilization:.0%}",
            {None: "unknown", True: "above", False: "never"}[one.is_reached],
        )


def _sources(found: "Comparison") -> "Iterator[Row]":
    for way in found.ways:
        for figure in way.figures:
            yield way.name, figure.what, figure.value, figure.as_of, figure.source
        if way.note:
            yield way.name, "note", way.note, "", ""


def _plain(asked: "Asked", found: "Comparison") -> dict[str, object]:
    loads = _loads(found)
    return {
        "model": asked.model,
        "region": asked.region,
        "input_share": asked.input_share,
        "tokens_per_minute": loads,
        "ways": [
            asdict(way) | {"usd_per_hour": [way.usd_per_hour(load) for load in loads]}
            for way in found.ways
        ],
        "break_even": [asdict(one) for one in found.break_evens],
    }
