"""`prices`: the price book as it stands, what a refresh would change, and a refresh by hand."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.cli.deployed import access_to
from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json
from bedrock_autoscaler.domain.units import count_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from bedrock_autoscaler.application.pricing import KeptPrices, PriceOffers, PricingPorts
    from bedrock_autoscaler.cli.money.priced import Change, Line
    from bedrock_autoscaler.cli.stack import StackAccess
    from bedrock_autoscaler.domain.economics.price_book import PriceBook
    from bedrock_autoscaler.domain.economics.price_review import Reading

app = typer.Typer(
    help="The price book: what is known, from where, and what is in doubt.", no_args_is_help=True
)

StackChoice = Annotated[
    str | None,
    typer.Option(help="The prices that this stack goes by; without it, those that are shipped."),
]
StackOption = Annotated[str, typer.Option(help="Name of the deployed stack.")]
RegionOption = Annotated[str | None, typer.Option(help="Only this Region.")]
FilesOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--from",
        help="A bulk offer file, as old as its publication, instead of the Query API; repeatable.",
    ),
]
BulkOption = Annotated[
    bool, typer.Option("--bulk", help="Fetch the public offer files, which need no permission.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before writing.")]
DEFAULT_STACK = "bedrock-autoscaler"


@app.command("list", epilog="Example: bedrock-autoscaler prices list --stack bedrock-autoscaler")
def list_prices(
    *, stack: StackChoice = None, region: RegionOption = None, output: OutputOption = Output.TABLE
) -> None:
    """List every price with its unit, Region, source and date, and those that are in doubt.

    With a stack, the rates that its targets' documents state come first.
    """
    found = _lines(stack, region, None)
    if region is not None and not found:
        raise CommandError(_nothing_in(region, _lines(stack, None, None)))
    _show(found, output)


@app.command(epilog="Example: bedrock-autoscaler prices show amazon.nova-2-lite-v1:0")
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model or profile id.")],
    *,
    stack: StackChoice = None,
    region: RegionOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show all prices of one model, by whatever address and in every Region."""
    found = _lines(stack, region, model)
    if not found:
        anywhere = _lines(stack, None, model) if region is not None else ()
        if region is not None and anywhere:
            raise CommandError(f"{model!r}: {_nothing_in(region, anywhere)}")
        raise CommandError(f"no price is known for {model!r}; `prices list` shows those that are")
    _show(found, output)


@app.command(epilog="Example: bedrock-autoscaler prices diff --stack bedrock-autoscaler")
def diff(
    *,
    stack: StackOption = DEFAULT_STACK,
    files: FilesOption = None,
    bulk: BulkOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what a refresh would change; writes nothing."""
    from bedrock_autoscaler.application.pricing import look
    from bedrock_autoscaler.cli.money.priced import changes

    ports = _ports(access_to(stack), files, bulk=bulk)
    before, after = look(ports)
    found = changes(ports.references, before, after)
    if output is Output.JSON:
        print_json([change.plain() for change in found])
        return
    _print_changes(found, after)


@app.command(epilog="Example: bedrock-autoscaler prices refresh --stack bedrock-autoscaler")
def refresh(
    *,
    stack: StackOption = DEFAULT_STACK,
    files: FilesOption = None,
    bulk: BulkOption = False,
    yes: YesOption = False,
) -> None:
    """Read the price list anew and keep what may be used; the stack does so once a day."""
    from bedrock_autoscaler.application.pricing import look
    from bedrock_autoscaler.cli.money.priced import changes

    ports = _ports(access_to(stack), files, bulk=bulk)
    before, after = look(ports)
    _print_changes(changes(ports.references, before, after), after)
    if not yes:
        typer.confirm(f"Keep these prices for {after.region}?", abort=True)
    ports.store.keep(after)
    typer.echo("kept")


@app.command(
    epilog="Example: bedrock-autoscaler prices accept amazon.nova-9-v1:0 --measure input_1k"
    " --usd 0.0009 --by jane"
)
def accept(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The address as `list` has it.")],
    *,
    measure: Annotated[str, typer.Option(help="input_1k, output_1k or unit_hour.")],
    usd: Annotated[str, typer.Option(help="The price that is vouched for, exactly.")],
    by: Annotated[str, typer.Option(help="Who vouches; kept with the price.")],
    commitment: Annotated[str, typer.Option(help="none, one_month or six_months.")] = "none",
    stack: StackOption = DEFAULT_STACK,
    yes: YesOption = False,
) -> None:
    """Vouch for a price that waits for a person; the next refresh takes it, and no other."""
    from bedrock_autoscaler.application.pricing import Acceptance
    from bedrock_autoscaler.cli.money.priced import key_of, money_of

    access = access_to(stack)
    word = Acceptance(
        key=key_of(model, access.place.region, measure, commitment),
        usd=money_of(usd),
        by=by,
        at=access.clock.now(),
    )
    typer.echo(f"{word.key}: {word.usd} USD, vouched for by {by}")
    if not yes:
        typer.confirm("Go on?", abort=True)
    access.price_store.accept(word)
    typer.echo("accepted; `prices refresh` puts it in force")


# -- where prices come from --------------------------------------------------------------------


class _WithOtherSources:
    """Offers that say, when they cannot be read, which others there are."""

    def __init__(self, offers: "PriceOffers") -> None:
        self._offers = offers

    def read(self, region: str, today: "date") -> "Reading":
        """One Region's prices, whole.

        Raises:
            CommandError: they could not be read.
        """
        try:
            return self._offers.read(region, today)
        except ObservationError as error:
            raise CommandError(
                f"{error}; --bulk reads the public offer files instead, which needs no permission, "
                "and --from one that is at hand"
            ) from error


def _ports(access: "StackAccess", files: "Sequence[Path] | None", *, bulk: bool) -> "PricingPorts":
    """The stack's store, and the list that was asked for."""
    from bedrock_autoscaler.adapters.observability import PowertoolsReporter
    from bedrock_autoscaler.adapters.pricelist import (
        BulkFiles,
        QueryApi,
        files_at,
        load_price_names,
        published,
    )
    from bedrock_autoscaler.adapters.prices import load_prices
    from bedrock_autoscaler.application.pricing import PricingPorts

    names = load_price_names()
    offers: PriceOffers
    if files:
        offers = BulkFiles(files_at(files), names, is_current=False)
    elif bulk:
        offers = BulkFiles(published(), names, is_current=True)
    else:
        offers = _WithOtherSources(QueryApi(access.clients.pricing(), names))
    return PricingPorts(
        clock=access.clock,
        offers=offers,
        store=access.price_store,
        reporter=PowertoolsReporter(access.deployment, "ERROR"),
        references=(*load_prices().quotes, *names.references),
        region=access.place.region,
    )


def _lines(stack: str | None, region: str | None, model: str | None) -> "tuple[Line, ...]":
    from bedrock_autoscaler.adapters.prices import load_prices
    from bedrock_autoscaler.cli.money.priced import book_lines, stated_lines

    book: PriceBook = load_prices()
    stated: tuple[Line, ...] = ()
    if stack is not None:
        access = access_to(stack)
        book = access.prices().book
        stated = stated_lines(access.settings().targets, book)
    return tuple(line for line in (*stated, *book_lines(book)) if line.is_about(model, region))


def _nothing_in(region: str, elsewhere: "Sequence[Line]") -> str:
    regions = ", ".join(sorted({line.key.region for line in elsewhere}))
    return f"no price is known in {region!r}; prices are known in {regions}"


# -- printing ----------------------------------------------------------------------------------


def _show(lines: "Sequence[Line]", output: Output) -> None:
    if output is Output.JSON:
        print_json([line.plain() for line in lines])
        return
    from rich.console import Console

    from bedrock_autoscaler.cli.tables import print_table

    console = Console()
    headings = ("address", "Region", "price", "as of", "whose", "source")
    print_table(console, headings, [line.cells() for line in lines])
    doubts = sum(1 for line in lines if line.doubt)
    console.print(
        count_text(len(lines), "price") + (f", {doubts} in doubt: blocked" if doubts else "")
    )


def _print_changes(found: "Iterable[Change]", after: "KeptPrices") -> None:
    from rich.console import Console

    console = Console()
    count = 0
    for change in found:
        count += 1
        console.print(change.line(), soft_wrap=True)
    console.print(
        f"{after.region}: {len(after.quotes)} prices in use, {count} changes, {len(after.doubts)} "
        f"blocked, {len(after.gaps)} no longer listed, {after.refused} products refused"
    )
