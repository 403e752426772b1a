"""`ledger`: what decisions foresaw beside what came, in dollars and in throttles."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bedrock_autoscaler.cli.decisions.choosing import (
    DEFAULT_STACK,
    FIRST,
    Criteria,
    FromOption,
    SinceOption,
    StackOption,
    TargetOption,
    UntilOption,
    open_ledger,
    targets_of,
)
from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bedrock_autoscaler.report.savings import PurchaseRow, Savings, Sums

EXAMPLE = "Example: bedrock-autoscaler ledger --target chat --since 2026-11-01"


def ledger(
    *,
    source: FromOption = None,
    stack: StackOption = DEFAULT_STACK,
    target: TargetOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Set realised cost and throttles beside those foreseen, day by day; default: this month.

    `read` is the share of the minutes that CloudWatch gave; a day without any has no sums. `saved`
    is against what was paid for minutes whose price on demand is known; `-`: for none it is.
    `attempts refused` counts refusals among all attempts, retries too; `unserved` is demand that
    nobody served, in model units. `regret` is how much dearer the sizes decided were than the best
    ones in hindsight. Tokens read from a prompt cache are in no dollars, and those written to it
    are taken at the price of input.
    """
    from bedrock_autoscaler.report.realised import realise
    from bedrock_autoscaler.report.record import read_record
    from bedrock_autoscaler.report.savings import add_up

    opened = open_ledger(source, stack)
    start, end = span_of(Criteria(since=since, until=until), opened.now())
    found = []
    for name in targets_of(opened, target):
        record = read_record(opened.sources, name, start, end).trimmed()
        found.append(add_up(record, realise(record)))
    if output is Output.JSON:
        print_json([_plain(savings) for savings in found])
        return
    from rich.console import Console

    console = Console()
    for savings in found:
        _print(console.print, savings)


def span_of(criteria: Criteria, now: datetime, days: int = 0) -> tuple[datetime, datetime]:
    """The window, up to now; without a first moment so many days, or its month so far.

    Args:
        criteria: its `since` and `until`.
        now: the ledger's time.
        days: 0 for the month so far.

    Raises:
        CommandError: nothing lies in it.
    """
    from bedrock_autoscaler.domain.units import MINUTE, moment_text

    start, end = criteria.window
    end = min(end, now)
    if start == FIRST:
        month = (end - MINUTE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        start = end - timedelta(days=days) if days else month
    if start >= end:
        raise CommandError(
            f"nothing lies between the first moment, {moment_text(start)}, and the last, "
            f"{moment_text(end)} (now is {moment_text(now)}); give an earlier --since"
        )
    return start, end


def _money(name: str, sums: "Sums") -> tuple[str, ...]:
    """What was paid, and what the same calls cost all on demand."""
    told = (
        f"{sums.on_demand_usd:,.2f}",
        f"{sums.paid_usd:,.2f}",
        "-" if sums.all_on_demand_usd is None else f"{sums.all_on_demand_usd:,.2f}",
        _signed(sums.saved_usd),
    )
    return (
        name,
        f"{sums.known_minutes / sums.minutes:.0%}" if sums.minutes else "-",
        f"{sums.units_usd:,.2f}",
        *(told if sums.known_minutes else "-" * len(told)),
        _share(sums.throttles, sums.requests + sums.throttles),
    )


def _foresight(name: str, sums: "Sums") -> tuple[str, ...]:
    """What decisions foresaw for the sizes that they chose, and what came."""
    told = (f"{sums.expected_usd:,.2f}", f"{sums.came_usd:,.2f}", f"{sums.regret_usd:,.2f}")
    return (
        name,
        *(told if sums.judged else "-" * len(told)),
        _share(sums.expected_throttled, sums.judged_unit_hours),
        _share(sums.came_throttled, sums.judged_unit_hours),
        f"{sums.judged:,}",
    )


PURCHASES = ("purchase", "units", "state", "paid USD", "avoided", "net")
# Each fits into 80 columns.
TABLES = (
    (
        "paid, USD",
        (
            "day",
            "read",
            "units",
            "on demand",
            "paid",
            "all on\ndemand",
            "saved",
            "attempts\nrefused",
        ),
        _money,
    ),
    (
        "foreseen for the chosen size, USD, throttling at its worth",
        ("day", "foreseen", "came", "regret", "unserved,\nforeseen", "unserved,\ncame", "judged"),
        _foresight,
    ),
)


def _signed(usd: float | None) -> str:
    """With its sign, but for what rounds to nothing; a dash where it is not known."""
    if usd is None:
        return "-"
    return f"{usd:+,.2f}" if abs(usd) >= 0.005 else "0.00"  # noqa: PLR2004 - half a cent


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.2%}" if whole > 0 else "-"


def _print(show: Any, savings: "Savings") -> None:  # noqa: ANN401 - rich's print
    for title, headings, cells in TABLES:
        rows = [cells(day.isoformat(), sums) for day, sums in savings.days]
        show(f"[bold]{savings.target}[/bold]: {title}")
        show(_table(headings, [*rows, cells("total", savings.total)], left={0}))
        show()
    for line in notes(savings.total):
        show(line)
    show(f"booked for units this month: {savings.month_units_usd:,.2f} USD")
    if savings.purchases:
        show(_table(PURCHASES, [_purchase(row) for row in savings.purchases], left={0, 2}))


def notes(total: "Sums") -> "Iterator[str]":
    """What the sums leave out."""
    if total.cache_read_tokens > 0:
        yield (
            f"{total.cache_read_tokens:,.0f} tokens were read from a prompt cache: they cost money "
            "on demand and are not counted in any dollars here; tokens written to it are, at the "
            "price of input"
        )


def _table(headings: "Sequence[str]", rows: "Sequence[Sequence[str]]", *, left: set[int]) -> Any:  # noqa: ANN401 - a table of rich
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number in left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _purchase(row: "PurchaseRow") -> tuple[str, ...]:
    return (
        row.decision_id,
        f"{row.units}",
        row.state.value.replace("_", " "),
        f"{row.paid_usd:,.2f}",
        "-" if row.avoided_usd is None else f"{row.avoided_usd:,.2f}",
        _signed(None if row.avoided_usd is None else row.avoided_usd - row.paid_usd),
    )


def _plain(savings: "Savings") -> dict[str, Any]:
    """The ledger as JSON has it."""

    def sums(one: "Sums") -> dict[str, Any]:
        derived = {name: getattr(one, name) for name in ("paid_usd", "saved_usd", "regret_usd")}
        return asdict(one) | derived | {"reference_usd": one.all_on_demand_usd}

    return {
        "target": savings.target,
        "days": [{"day": day.isoformat(), **sums(one)} for day, one in savings.days],
        "total": sums(savings.total),
        "month_units_usd": savings.month_units_usd,
        "purchases": [
            asdict(row)
            | {
                name: moment.isoformat() if (moment := getattr(row, name)) else None
                for name in ("recorded_at", "in_service_since", "ended_at")
            }
            for row in savings.purchases
        ],
    }
