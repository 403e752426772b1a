"""What a run says: its verdict in sentences, its tables, and the two documents that are kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum, auto
from pathlib import Path

import numpy as np

from bedrock_autoscaler.backtest.documents import document_text
from bedrock_autoscaler.domain.units import significant
from benchmarks import known
from benchmarks.population import Part
from benchmarks.running import Checked
from benchmarks.scoring import PairResult
from benchmarks.sheets import (
    Sheet,
    comparison_sheet,
    markdown,
    policy_sheet,
    seconds_of,
    seconds_sheet,
)
from benchmarks.summary import Summary, summarise
from benchmarks.verdict import (
    Figure,
    bounds_line,
    changes_line,
    figures_line,
    figures_of,
    no_harm_line,
    published_baselines_lines,
)


class Yardstick(Enum):
    """What the published figures are to the traces of a run.

    Exact: it has the very traces that they were measured on. Rough: some of them, or others.
    None: the traffic was generated, and they say nothing.
    """

    EXACT = auto()
    ROUGH = auto()
    NONE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How a result was made.

    Attributes:
        command: what to type to make it again.
        traffic: on which traffic, in words.
        commit, machine, python: of the code and what ran it.
        seconds: from start to end.
    """

    command: str
    traffic: str
    commit: str
    machine: str
    python: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that is printed and kept.

    Attributes:
        origin: how it was made.
        lines: the verdict, a sentence each.
        sheets: tables in the order of printing.
        summaries: every figure.
        seconds: for each policy the pairs that were run and the mean seconds of one.
        figures: ours beside the known ones, by our rows; none where they are no yardstick.
    """

    origin: Origin
    lines: tuple[str, ...]
    sheets: tuple[Sheet, ...]
    summaries: tuple[Summary, ...]
    seconds: Mapping[str, tuple[int, float]]
    figures: Mapping[str, tuple[Figure, ...]]

    def to_markdown(self) -> str:
        """The document for people."""
        facts = "\n".join(
            f"- {key}: {value}"
            for key, value in (
                ("command", f"`{self.origin.command}`"),
                ("traffic", self.origin.traffic),
                ("commit", self.origin.commit),
                ("machine", self.origin.machine),
                ("python", self.origin.python),
                ("duration", f"{self.origin.seconds / 60:.1f} minutes"),
            )
        )
        verdict = "\n".join(f"- {line}" for line in self.lines)
        tables = "\n".join(markdown(sheet) for sheet in self.sheets)
        return f"# Cost of the policy beside the optimum\n\n{facts}\n\n{verdict}\n\n{tables}"

    def to_document(self) -> dict[str, object]:
        """The document for programs: aggregates only, nothing of a single trace but the worst."""
        return {
            "origin": asdict(self.origin),
            "verdict": list(self.lines),
            "figures": {
                policy: [
                    {**asdict(figure), "ours": significant(figure.ours), "met": figure.is_met}
                    for figure in figures
                ]
                for policy, figures in self.figures.items()
            },
            "summaries": [summary.to_document() for summary in self.summaries],
            "seconds_per_pair": {
                name: {"pairs": count, "mean": significant(mean, 3)}
                for name, (count, mean) in self.seconds.items()
            },
        }


def report_on(
    results: Sequence[PairResult],
    checked: Checked,
    *,
    origin: Origin,
    policies: tuple[str, ...],
    yardstick: Yardstick,
) -> Report:
    """Aggregate a run's results.

    Args:
        results: of all pairs.
        checked: the check values.
        origin: how they were made.
        policies: names of our own rows; the lifted bounds first where there are two.
        yardstick: what the published figures are to these traces.
    """
    summaries = tuple(summary for part in Part for summary in summarise(results, part))
    seconds = seconds_of(results)
    parts = [part for part in Part if any(row.part is part for row in summaries)]
    with_known = yardstick is not Yardstick.NONE
    sheets = [
        policy_sheet(summaries, policy, part, with_known=with_known)
        for policy in policies
        for part in parts
    ]
    return Report(
        origin=origin,
        lines=(
            checked.line,
            *_notes(results, yardstick),
            *_verdict(summaries, policies, yardstick),
            decisions_line(results),
        ),
        sheets=(*sheets, comparison_sheet(summaries, Part.ALL), seconds_sheet(seconds)),
        summaries=summaries,
        seconds=seconds,
        figures={policy: figures_of(summaries, policy) for policy in policies if with_known},
    )


def _notes(results: Sequence[PairResult], yardstick: Yardstick) -> Iterator[str]:
    """What to know before reading a figure."""
    if yardstick is Yardstick.ROUGH:
        yield (
            f"The known figures were measured on {known.TRACES} traces, which are not those of "
            "this run: a rough yardstick."
        )
    remembered = sum(result.remembered for result in results)
    if remembered:
        yield (
            f"{remembered} of {len(results)} optima were remembered from an earlier run of the "
            "same code on the same traffic."
        )


def _verdict(
    summaries: Sequence[Summary], policies: tuple[str, ...], yardstick: Yardstick
) -> Iterator[str]:
    for policy in policies:
        if yardstick is not Yardstick.NONE:
            yield figures_line(summaries, policy)
        yield no_harm_line(summaries, policy)
        yield changes_line(summaries, policy)
    match policies:
        case lifted, shipped:
            yield bounds_line(summaries, shipped=shipped, lifted=lifted)
        case _:
            pass
    if yardstick is Yardstick.EXACT:
        yield from published_baselines_lines(summaries)


def decisions_line(results: Sequence[PairResult]) -> str:
    """How fast our policy decides."""
    every = np.concatenate([result.decision_seconds for result in results])
    long = np.concatenate([result.long_history_seconds for result in results])
    line = (
        f"Decisions: {len(every):,} at {1 / every.mean():,.0f} a second and core, "
        f"{1000 * every.mean():.2f} ms on average, {1000 * np.percentile(every, 95):.2f} ms at p95"
    )
    if not len(long):
        return f"{line}; none with two weeks of history."
    return (
        f"{line}; with two weeks of history {1000 * long.mean():.2f} ms and "
        f"{1000 * np.percentile(long, 95):.2f} ms."
    )


def write(report: Report, folder: Path, name: str) -> tuple[Path, Path]:
    """Keep a report as Markdown and as JSON; gives both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{name}.md", folder / f"{name}.json"
    paths[0].write_text(report.to_markdown(), encoding="utf-8")
    paths[1].write_text(document_text(report.to_document()), encoding="utf-8")
    return paths
