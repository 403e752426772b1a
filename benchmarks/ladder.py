"""What a base on terms would have come to, in ninety days in which traffic may turn.

    python -m benchmarks.ladder [--traces FOLDER] [--seed N] [--workers N] [--save]

Each trace of a week or more is extended to 90 days and scaled to a mean of 2 units at the prices of
the scenario claude50-x2. A quarter of the traces goes on as it was, a quarter is halved on day 45,
a quarter doubled, a quarter stops. From day 30 on the shipped code evaluates a ladder each week and
judges each renewal on the eve of it, and a person does what it says. Costs are the arithmetic of
marginal values on hours (`benchmarks/ladder_play.py`); terms are charged for their part of the 90
days. Bounds: against no commitment at all the median at most 1 and the 90th percentile at most
1.10; within 10% of the best commitments in hindsight in the median; no loss above what the advice
had said would be lost if demand ended. Exits 1 when one is missed on the traces; on generated
traffic, which is steady far more often than real traffic and stops as often, they are only shown.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks.ladder_play import Played, play
from benchmarks.ladder_traffic import Story, Turn, stories
from benchmarks.order import DEFAULT_TRACES
from benchmarks.population import find_sources, generated_sources
from benchmarks.surroundings import ROOT, commit, machine, python

RESULT = ROOT / "benchmarks" / "results" / "ladder.txt"
SEED = 1
MOST_MEDIAN, MOST_P90, MOST_HINDSIGHT = 1.0, 1.10, 1.10
_SHEETS = {
    "one month (36 USD) beside none (40 USD)": False,
    "one month (36 USD) and six months (20 USD) beside none (40 USD)": True,
}
_TOLERANCE = 1e-9


def main() -> int:
    """Run, print, and save if asked; 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--traces", type=Path, default=DEFAULT_TRACES, help="folder of traces")
    parser.add_argument("--seed", type=int, default=SEED, help="of the extensions")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--save", action="store_true", help="write the result file")
    asked = parser.parse_args()
    found = find_sources(asked.traces)
    told = stories(found or generated_sources(), asked.seed)
    tasks = [(story, six_months) for six_months in _SHEETS.values() for story in told]
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        running = pool.map(_play, tasks)
        console = Console(stderr=True)
        played = list(track(running, "stories", total=len(tasks), console=console))
    text, holds = report(played, len(told), are_real=bool(found))
    sys.stdout.write(text)
    if asked.save:
        RESULT.write_text(text, encoding="utf-8")
    return 0 if holds or not found else 1


def report(
    played: Sequence[Played | None], stories_told: int, *, are_real: bool
) -> tuple[str, bool]:
    """The tables, and whether all bounds hold."""
    traffic = (
        "traces of a week or more"
        if are_real
        else "series of GENERATED traffic: no traces are here"
    )
    lines = [
        " ".join(["python -m benchmarks.ladder", *sys.argv[1:]]),
        f"commit {commit()}, {python()}, {machine()}",
        f"{stories_told} {traffic}; cost from day 30 to day 90",
        "relative to no commitment, medians unless said otherwise.",
    ]
    all_hold = True
    for number, title in enumerate(_SHEETS):
        part = played[number * stories_told : (number + 1) * stories_told]
        table, holds = sheet([one for one in part if one is not None])
        lines += ["", f"Terms sold: {title}", "", *table]
        all_hold = all_hold and holds
    if not are_real:
        lines += ["", "On generated traffic the bounds are shown, not enforced."]
    return "\n".join([*lines, ""]), all_hold


_HEADER = (
    f"{'from day 45 on':<16}{'stories':>8}{'committed':>10}{'ladder':>8}{'mean':>7}{'p90':>7}"
    f"{'worst':>7}{'all on demand':>15}{'hindsight':>11}{'worst loss':>12}{'printed':>9}"
)


def sheet(played: Sequence[Played]) -> tuple[list[str], bool]:
    """One table and its bounds."""
    committed = [one for one in played if one.bought]
    lines = [
        _HEADER,
        *(_row(turn.value, [one for one in played if one.story.turn is turn]) for turn in Turn),
        _row("all", played),
        _row("all committed", committed),
        "",
    ]
    bounds = _bounds(played)
    lines += [f"{text}: {'held' if holds else 'MISSED'}" for text, holds in bounds]
    lines += ["", *_honestly(played, committed)]
    return lines, all(holds for _, holds in bounds)


def _bounds(played: Sequence[Played]) -> list[tuple[str, bool]]:
    ladder = _ratios(played, lambda one: one.ladder / one.flexible)
    hindsight = _ratios(played, lambda one: one.ladder / one.hindsight)
    median, p90 = float(np.median(ladder)), float(np.quantile(ladder, 0.9))
    best = float(np.median(hindsight))
    worse = [one for one in played if one.loss > one.regret_ended + 0.01]
    return [
        (
            f"median against no commitment {median:.3f}, bound {MOST_MEDIAN:.2f}",
            median <= MOST_MEDIAN + _TOLERANCE,
        ),
        (f"p90 against no commitment {p90:.3f}, bound {MOST_P90:.2f}", p90 <= MOST_P90),
        (
            f"median against the best in hindsight {best:.3f}, bound {MOST_HINDSIGHT:.2f}",
            best <= MOST_HINDSIGHT,
        ),
        (
            f"{len(worse)} of {len(played)} stories lost more than the printed regret, bound 0",
            not worse,
        ),
    ]


def _honestly(played: Sequence[Played], committed: Sequence[Played]) -> list[str]:
    """What the bounds do not show."""
    known = _ratios(committed, lambda one: one.ladder_perfect / one.perfect)
    halved = [one for one in played if one.story.turn is Turn.HALVED]
    beyond = sum(one.loss > one.regret_halved + 0.01 for one in halved)
    total = sum(one.ladder for one in played) / sum(one.flexible for one in played)
    return [
        f"All bills together: {total:.3f} of no commitment. Where the flexible layer knows each",
        f"hour beforehand, committed stories cost {_median(known)} of it.",
        f"Of {len(halved)} halved stories {beyond} lost more than was printed for halved demand.",
    ]


def _row(name: str, played: Sequence[Played]) -> str:
    if not played:
        return f"{name:<16}{0:>8}"
    ladder = _ratios(played, lambda one: one.ladder / one.flexible)
    on_demand = _ratios(played, lambda one: one.on_demand / one.flexible)
    hindsight = _ratios(played, lambda one: one.hindsight / one.flexible)
    worst = max(played, key=lambda one: one.loss)
    return (
        f"{name:<16}{len(played):>8}{sum(one.bought > 0 for one in played):>10}"
        f"{np.median(ladder):>8.3f}{ladder.mean():>7.3f}{np.quantile(ladder, 0.9):>7.3f}"
        f"{ladder.max():>7.3f}{np.median(on_demand):>15.3f}{np.median(hindsight):>11.3f}"
        f"{worst.loss:>12,.0f}{worst.regret_ended:>9,.0f}"
    )


def _ratios(
    played: Sequence[Played], ratio: Callable[[Played], float]
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([ratio(one) for one in played])


def _median(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> str:
    return f"{np.median(values):.3f}" if len(values) else "nothing"


def _play(task: tuple[Story, bool]) -> Played | None:
    story, six_months = task
    return play(story, six_months=six_months)


if __name__ == "__main__":
    sys.exit(main())
