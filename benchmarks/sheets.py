"""Tables as plain text cells, to be shown on a terminal and written as Markdown alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.known import KNOWN
from benchmarks.population import Part
from benchmarks.scoring import PairResult
from benchmarks.summary import CLOSED, Summary

_HARM_HEADINGS = (">2%", ">5%", "worst")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table.

    Attributes:
        title: one line.
        headings: of the columns.
        rows: cells, as many as headings; the columns of `left` are words, the others figures.
        left: how many columns from the left hold words.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def policy_sheet(
    summaries: Sequence[Summary], policy: str, part: Part, *, with_known: bool
) -> Sheet:
    """One policy in every scenario over one part, beside what was published for all traces."""
    rows = []
    traces = 0
    for row in summaries:
        if row.policy != policy or row.part is not part:
            continue
        known = _known_cells(row.scenario) if with_known else ("", "", "")
        traces = max(traces, row.traces)
        rows.append(
            (
                row.scenario,
                f"{row.traces}",
                f"{row.median:.3f}",
                known[0],
                f"{row.p90:.3f}",
                known[1],
                f"{row.worst:.3f}",
                known[2],
                *_behaviour(row),
            )
        )
    known_heading = "known / perfect"
    return Sheet(
        title=f"{policy}: {part} ({traces} traces)",
        headings=(
            *("scenario", "traces", "median", known_heading, "p90", known_heading),
            *("worst", "known", "throttled", "changes/week", *_HARM_HEADINGS),
        ),
        rows=tuple(rows),
    )


def _known_cells(scenario: str) -> tuple[str, str, str]:
    """Best known causal figure and perfect hour for median and p90; the former for the worst."""
    known = KNOWN[scenario]
    median, p90, worst = (f"{figure:.3f}" for figure in known.causal)
    return (f"{median} / {known.perfect[0]:.3f}", f"{p90} / {known.perfect[1]:.3f}", worst)


def comparison_sheet(summaries: Sequence[Summary], part: Part) -> Sheet:
    """Every policy in every scenario over one part."""
    return Sheet(
        title=f"All policies: {part}",
        headings=(
            *("scenario", "policy", "median", "p90", "worst", "throttled", "changes/week"),
            *_HARM_HEADINGS,
        ),
        rows=tuple(
            (
                row.scenario,
                row.policy.replace("_", " "),
                f"{row.median:.3f}",
                f"{row.p90:.3f}",
                f"{row.worst:.3f}",
                *_behaviour(row),
            )
            for row in summaries
            if row.part is part
        ),
        left=2,
    )


def _behaviour(row: Summary) -> tuple[str, ...]:
    """Throttled share, changes, and harm where on demand is a way out."""
    harm = (
        ("", "", "")
        if row.scenario in CLOSED
        else (f"{row.slight_harm_share:.0%}", f"{row.harm_share:.0%}", f"{row.worst_harm:+.1%}")
    )
    return (f"{row.throttled_share:.2%}", f"{row.changes_per_week:.0f}", *harm)


def seconds_of(results: Sequence[PairResult]) -> dict[str, tuple[int, float]]:
    """For each policy how many pairs were run and the mean seconds of one, optima computed only."""
    spent: dict[str, list[float]] = {}
    for result in results:
        for name, outcome in result.outcomes.items():
            if name != "optimum" or not result.remembered:
                spent.setdefault(name, []).append(outcome.seconds)
    return {name: (len(values), float(np.mean(values))) for name, values in spent.items()}


def seconds_sheet(seconds: Mapping[str, tuple[int, float]]) -> Sheet:
    """Where the time goes."""
    return Sheet(
        title="Processor time",
        headings=("what", "pairs", "s/pair", "s in all"),
        rows=tuple(
            (name.replace("_", " "), f"{count}", f"{mean:.4f}", f"{count * mean:.1f}")
            for name, (count, mean) in sorted(seconds.items(), key=lambda item: -item[1][1])
        ),
    )


def markdown(sheet: Sheet) -> str:
    """The table in Markdown, with its title as a heading."""
    marks = ["---" if column < sheet.left else "--:" for column in range(len(sheet.headings))]
    lines = [sheet.headings, marks, *sheet.rows]
    body = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"## {sheet.title}\n\n{body}\n"
