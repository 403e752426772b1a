"""Tables that a narrow terminal folds between words, and not within a number."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

_GAP = 2
_LONGEST_WORD = 16
"""A longer word, such as an ARN, may be folded anywhere."""


def print_table(console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose columns are as wide as they need, or as the terminal lets them."""
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    columns = list(zip(headings, *rows, strict=True))
    room = console.width - _GAP * (len(columns) - 1)
    for heading, width in zip(headings, widths(columns, room), strict=True):
        table.add_column(heading, overflow="fold", width=width)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """A width for each column: its longest words first, then what room is left for its texts."""
    found = [max(_longest_word(text) for text in column) for column in columns]
    wanted = [max(len(text) for text in column) for column in columns]
    while sum(found) > max(room, len(found)):
        found[found.index(max(found))] -= 1
    while sum(found) < room:
        short = [at for at, width in enumerate(found) if width < wanted[at]]
        if not short:
            break
        found[min(short, key=found.__getitem__)] += 1
    return found


def _longest_word(text: str) -> int:
    return max((min(len(word), _LONGEST_WORD) for word in text.split()), default=1)
