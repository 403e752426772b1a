"""A list of decisions on a terminal: a table where it is wide, else two lines each."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bedrock_autoscaler.domain.decision import Decision
from bedrock_autoscaler.report.wording import class_name, leading_reason, summary

_WIDE = 120


def print_list(shown: Sequence[Decision], found: int) -> None:
    """Print decisions to standard output.

    Args:
        shown: those to print.
        found: how many there were to choose from.
    """
    console = Console()
    if not found:
        console.print("no decision passes these filters")
        return
    if console.width >= _WIDE:
        console.print(_wide_table(shown))
    else:
        _print_narrow(console, shown)
    if len(shown) < found:
        console.print(f"{len(shown):,} of {found:,} decisions; --last 0 shows all")


def _wide_table(shown: Sequence[Decision]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("id", "units", "class", "decision"):
        table.add_column(heading, no_wrap=True)
    table.add_column("because", overflow="fold")
    for decision in shown:
        table.add_row(*_cells(decision), leading_reason(decision))
    return table


def _print_narrow(console: Console, shown: Sequence[Decision]) -> None:
    """Each decision on a line of its own, its reason on the next."""
    for decision in shown:
        console.print(Text("  ".join(cell for cell in _cells(decision) if cell)), soft_wrap=True)
        console.print(Padding(Text(leading_reason(decision), style="dim"), (0, 0, 0, 4)))


def _cells(decision: Decision) -> tuple[str, str, str, str]:
    units = f"{decision.actual_units}"
    if decision.allowed_units != decision.actual_units:
        units += f" -> {decision.allowed_units}"
    return decision.id, units, class_name(decision), summary(decision)
