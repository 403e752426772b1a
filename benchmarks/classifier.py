"""Judges the classifier on labelled traffic and on the real traces, beside naive designs.

    python -m benchmarks.classifier [SAMPLE] [--traces FOLDER] [--workers N] [--save]

SAMPLE bounds the seeds of each kind (default 12) and takes that many real traces (default all).
Test seeds are 1, 2, ...; thresholds were chosen on seeds from 1000 on, and the cuts of the naive
designs are set on two of those here. `--save` writes benchmarks/results/classifier.txt.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from bedrock_autoscaler.backtest.trace import read_trace
from bedrock_autoscaler.domain.classes.labels import verdict_of
from bedrock_autoscaler.domain.decision import Verdict
from bedrock_autoscaler.domain.traffic.observation import Series
from benchmarks.classifier_tables import Judged, tables
from benchmarks.classifying import naive_scores, run_designs
from benchmarks.labelled_traffic import KINDS, MINUTES, generate
from benchmarks.naive_classifiers import NAIVE, best_cut

ROOT = Path(__file__).resolve().parents[1]
TRACES = ROOT / ".." / "shared" / "traces"
RESULT = ROOT / "benchmarks" / "results" / "classifier.txt"
SEEDS = 12
TUNING_SEEDS = (1000, 1001)
_TUNING_MINUTES = range(7 * 1440, MINUTES, 360)
_OUTPUT_WEIGHT = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for on the command line."""

    sample: int | None
    traces: Path
    workers: int
    save: bool


def main() -> int:
    """Judge, print, and save if asked; 1 if a bound is missed."""
    options = _options()
    console = Console(stderr=True)
    with ProcessPoolExecutor(options.workers) as pool:
        kinds = [(kind, seed) for kind in KINDS for seed in TUNING_SEEDS]
        scored = track(pool.map(_tuning, kinds), "naive cuts", total=len(kinds), console=console)
        cuts = _cuts(list(scored))
        tasks = [(kind, seed) for kind in KINDS for seed in range(1, (options.sample or SEEDS) + 1)]
        synthetic = list(
            track(
                pool.map(partial(_synthetic, cuts=cuts), tasks),
                "labelled traffic",
                total=len(tasks),
                console=console,
            )
        )
        files = _files(options)
        real = list(
            track(
                pool.map(partial(_real, cuts=cuts), files),
                "real traces",
                total=len(files),
                console=console,
            )
        )
    text, kept = tables(synthetic, real, _command(), cuts)
    sys.stdout.write(text)
    if options.save:
        RESULT.write_text(text, encoding="utf-8")
    return 0 if kept else 1


def _options() -> Options:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sample", nargs="?", type=int, help=f"seeds of each kind ({SEEDS})")
    parser.add_argument("--traces", type=Path, default=TRACES, help="folder of real traces")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--save", action="store_true", help="write the result file")
    found = parser.parse_args()
    return Options(sample=found.sample, traces=found.traces, workers=found.workers, save=found.save)


def _command() -> str:
    return " ".join(["python -m benchmarks.classifier", *sys.argv[1:]])


def _files(options: Options) -> Sequence[Path]:
    """The traces of a week or more, evenly thinned to the sample; none without the folder."""
    files = sorted(options.traces.glob("*.csv.gz"))
    files = [path for path in files if not path.name.endswith("-1h.csv.gz")]
    if options.sample is None or options.sample >= len(files):
        return files
    return files[:: -(-len(files) // options.sample)]


def _tuning(task: tuple[str, int]) -> tuple[Mapping[str, Series], Sequence[bool]]:
    traffic = generate(*task)
    scores = naive_scores(traffic.tokens, traffic.calls, _TUNING_MINUTES)
    bursty = [verdict_of(traffic.label_at(minute)) is Verdict.BURSTY for minute in _TUNING_MINUTES]
    return scores, bursty


def _cuts(scored: Sequence[tuple[Mapping[str, Series], Sequence[bool]]]) -> dict[str, float]:
    bursty = np.concatenate([flags for _, flags in scored])
    cuts = {}
    for name in NAIVE:
        values = np.concatenate([scores[name] for scores, _ in scored])
        cuts[name] = best_cut(values[~bursty], values[bursty])
    return cuts


def _synthetic(task: tuple[str, int], cuts: Mapping[str, float]) -> Judged:
    traffic = generate(*task)
    unit = float(traffic.tokens.mean()) or 1.0
    return Judged(
        kind=traffic.kind,
        run=run_designs(traffic.tokens / unit, traffic.calls, cuts),
        truth=tuple(traffic.label_at(minute) for minute in range(60, MINUTES + 1, 60)),
        onsets=traffic.onsets,
    )


def _real(path: Path, cuts: Mapping[str, float]) -> Judged:
    trace = read_trace(path)
    load = trace.input_tokens + _OUTPUT_WEIGHT * trace.output_tokens
    return Judged(
        kind=path.name.removesuffix(".csv.gz"),
        run=run_designs(load / float(load.mean()), trace.invocations, cuts, trace.start),
        truth=(),
        onsets=(),
    )


if __name__ == "__main__":
    sys.exit(main())
