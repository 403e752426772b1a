"""The page around the plots: one file, no script, nothing loaded from anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .4rem; }
p.lead { color: #555; margin-top: 0; }
svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
td.text, th.text { text-align: left; }
tr.ours td { font-weight: 600; }
details { margin: .2rem 0; }
summary { cursor: pointer; font-variant-numeric: tabular-nums; }
ul { margin: .2rem 0 .6rem; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A heading, a paragraph, and HTML that was made here."""

    heading: str
    text: str = ""
    html: str = ""


def page(title: str, lead: str, blocks: Sequence[Block]) -> str:
    """The whole document."""
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{escape(lead)}</p>',
    ]
    for block in blocks:
        parts.append(f"<h2>{escape(block.heading)}</h2>")
        if block.text:
            parts.append(f"<p>{escape(block.text)}</p>")
        parts.append(block.html)
    parts.append("</body></html>\n")
    return "\n".join(parts)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, ours: int | None = None) -> str:
    """A table of texts; the first column is left-aligned.

    Args:
        header: column headings.
        rows: cells.
        ours: number of the row to set off.
    """
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    lines = [f"<table><thead><tr>{head}</tr></thead><tbody>"]
    for number, row in enumerate(rows):
        mark = ' class="ours"' if number == ours else ""
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row)
        lines.append(f"<tr{mark}>{cells}</tr>")
    lines.append("</tbody></table>")
    return "".join(lines)


def folded(summary: str, lines: Sequence[str]) -> str:
    """A line that opens to show more."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<details><summary>{escape(summary)}</summary><ul>{items}</ul></details>"
