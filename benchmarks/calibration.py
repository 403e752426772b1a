"""Measures how well the forecast's distribution holds: coverage and pinball loss.

    python -m benchmarks.calibration [--traces ../shared/traces] [--sample N] [--every 15] [--save]

Each trace is scaled to a mean of two units and streamed: the forecast learns at each quarter of an
hour, as deployed, and is asked for the minutes that a unit ordered now would serve. Coverage is by
the randomised probability integral transform with a fixed seed: an outcome that equals an atom of
the forecast (a minute without traffic) falls evenly within it. The pinball loss at 5 to 95% is
compared with the same hour of the last day (seasonal-naive) and with the last 24 hours (trailing
window). The first two days of each trace are learned from and not counted. Exits 1 when a bound
is missed: 80% intervals cover 77-83% and 95% intervals 93-97% of all outcomes, 72-88% and 90-99%
within each class of at least five traces; the mean loss is below both others.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.progress import track

from bedrock_autoscaler.adapters.documents import BacktestSettings, parse_for_backtest
from bedrock_autoscaler.backtest.scenario import DAY_MINUTES
from bedrock_autoscaler.domain.classes.classification import classify
from bedrock_autoscaler.domain.decision import NO_MEMORY
from bedrock_autoscaler.domain.economics.costs import Economics, Tier
from bedrock_autoscaler.domain.forecasting.distribution import (
    NOT_CALIBRATED,
    calibrate,
    mixture,
)
from bedrock_autoscaler.domain.forecasting.learning import NOTHING_LEARNED, learn, order_window
from bedrock_autoscaler.domain.forecasting.lookback import moment_at
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series
from benchmarks.population import Source, find_sources, generated_sources, load, sample_of
from benchmarks.surroundings import ROOT, commit, machine, python

MEAN_UNITS = 2.0
type Bounds = dict[float, tuple[float, float]]

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
POOLED: Bounds = {0.8: (0.77, 0.83), 0.95: (0.93, 0.97)}
BY_CLASS: Bounds = {0.8: (0.72, 0.88), 0.95: (0.90, 0.99)}
LEAST_TRACES = 5
_LAG = 2
_WARM_UP = 2 * DAY_MINUTES
_LOOK_BACK = 14 * DAY_MINUTES
_OUTCOMES = 4
_SEED = 20_261_121
_ECONOMICS = Economics(
    unit_usd=40.0,
    tiers=(Tier(address="on-demand", capacity_units=float("inf"), usd_per_unit_hour=80.0),),
    throttle_usd=800.0,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """What one trace gave.

    Attributes:
        label: class of the trace at its end.
        part: tuning or kept aside.
        positions: of the outcomes in the forecast's distribution, 0 to 1.
        loss: mean pinball loss in units of the forecast, the same hour yesterday, and 24 hours.
    """

    name: str
    label: str
    part: str
    positions: Series
    loss: tuple[float, float, float]

    def covered(self, share: float) -> float:
        """Share of outcomes within the central interval."""
        return covered(self.positions, share)


def covered(positions: Series, share: float) -> float:
    """Share of positions within the central interval of this nominal share."""
    edge = (1 - share) / 2
    return float(np.mean((positions >= edge) & (positions <= 1 - edge)))


def measure(source: Source, every: int) -> Measured:
    """Stream one trace."""
    sizing = _shipped().thresholds.sizing
    trace = load(source)
    load_units = trace.equivalents(5.0)
    load_units = load_units * (MEAN_UNITS / max(float(load_units.mean()), 1e-12))
    random = np.random.default_rng(_SEED)
    learned, calibration = NOTHING_LEARNED, NOT_CALIBRATED
    begin, end = order_window(sizing)
    positions, losses = [], []
    for row in range(60, len(load_units) - end, 15):
        first = max(row - _LAG - _LOOK_BACK, 0)
        demand = Demand(
            start=trace.minute_at(first),
            load=load_units[first : row - _LAG],
            requests=trace.invocations[first : row - _LAG],
        )
        now = trace.minute_at(row)
        moment = moment_at(demand, now, now)
        windows = moment.windows()
        if windows is not None and row >= _WARM_UP and row % every == 0:
            forecast = mixture(windows, np.array(learned.order_weights))
            outcomes = random.choice(load_units[row + begin : row + end], _OUTCOMES)
            low, high = forecast.below(outcomes)
            at = low + random.random(_OUTCOMES) * (high - low)
            positions.append(calibration.probability_of(at))
            ours = forecast.at(calibration.levels_of(LEVELS))
            losses.append(
                [_pinball(values, outcomes) for values in (ours, *_others(load_units, row))]
            )
        calibration = calibrate(calibration, demand, learned, now=now, sizing=sizing)
        learned = learn(learned, demand, now, economics=_ECONOMICS, sizing=sizing)
    return Measured(
        name=source.name,
        label=_label(source, load_units),
        part=source.part.value,
        positions=np.concatenate(positions),
        loss=tuple(np.mean(losses, axis=0).tolist()),
    )


def _shipped() -> BacktestSettings:
    """The shipped settings, decided upon each quarter of an hour."""
    parsed = parse_for_backtest("shipped defaults", None, decision_minutes=15)
    if not isinstance(parsed, BacktestSettings):
        raise TypeError(f"the shipped settings are refused: {parsed}")
    return parsed


def _others(load_units: Series, row: int) -> tuple[Series, Series]:
    """Quantiles of this hour yesterday, and of the last 24 hours."""
    yesterday = load_units[row + 15 - DAY_MINUTES : row + 75 - DAY_MINUTES]
    trailing = load_units[row - _LAG - DAY_MINUTES : row - _LAG]
    return np.quantile(yesterday, LEVELS), np.quantile(trailing, LEVELS)


def _pinball(quantiles: Series, outcomes: Series) -> float:
    """Mean pinball loss of the quantiles at `LEVELS`, in units."""
    error = outcomes - quantiles[:, np.newaxis]
    levels = np.array(LEVELS)[:, np.newaxis]
    return float(np.maximum(levels * error, (levels - 1) * error).mean())


def _label(source: Source, load_units: Series) -> str:
    """Class by our classifier over the last two weeks."""
    trace = load(source)
    first = max(len(load_units) - _LOOK_BACK, 0)
    demand = Demand(
        start=trace.minute_at(first),
        load=load_units[first:],
        requests=trace.invocations[first:],
    )
    rules = _shipped().thresholds.classifying
    end = trace.minute_at(len(load_units) - 1) + timedelta(minutes=1)
    classification, _ = classify(demand, rules=rules, break_even=0.5, memory=NO_MEMORY, now=end)
    return classification.label.value


def table(measured: Sequence[Measured]) -> tuple[list[str], bool]:
    """The lines of the report, and whether every bound holds."""
    lines = [f"{'traces':<28} {'n':>4} {'80%':>7} {'95%':>7}  bounds"]
    holds = True
    groups: list[tuple[str, Sequence[Measured], Bounds | None]] = [("all", measured, POOLED)]
    groups += [
        (f"part {part}", [one for one in measured if one.part == part], None)
        for part in sorted({one.part for one in measured})
    ]
    for label in sorted({one.label for one in measured}):
        alike = [one for one in measured if one.label == label]
        groups.append((f"class {label}", alike, BY_CLASS if len(alike) >= LEAST_TRACES else None))
    for name, group, bounds in groups:
        positions = np.concatenate([one.positions for one in group])
        shares = {share: covered(positions, share) for share in POOLED}
        missed = [
            share
            for share, (low, high) in (bounds or {}).items()
            if not low <= shares[share] <= high
        ]
        holds &= not missed
        said = "shown only" if bounds is None else "missed" if missed else "held"
        lines.append(f"{name:<28} {len(group):>4} {shares[0.8]:>7.1%} {shares[0.95]:>7.1%}  {said}")
    ours, yesterday, trailing = np.mean([one.loss for one in measured], axis=0)
    is_best = ours < min(yesterday, trailing)
    lines += [
        "",
        (
            f"mean pinball loss, units: forecast {ours:.4f}, same hour yesterday {yesterday:.4f}, "
            f"last 24 hours {trailing:.4f}: {'lowest' if is_best else 'NOT the lowest'}"
        ),
    ]
    return lines, holds and bool(is_best)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and say whether the bounds hold."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration",
        description="Coverage and pinball loss of the forecast's distribution.",
    )
    parser.add_argument("--traces", type=Path, default=ROOT.parent / "shared" / "traces")
    parser.add_argument("--sample", type=int, default=1_000, help="traces, spread evenly")
    parser.add_argument("--every", type=int, default=15, help="minutes between forecasts judged")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results")
    options = parser.parse_args(arguments)
    found = find_sources(options.traces)
    population = f"{len(found)} long traces" if found else "generated traffic: no traces are here"
    sources = sample_of(found or generated_sources(), options.sample)
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        measuring = pool.map(measure, sources, repeat(options.every))
        measured = list(track(measuring, "streaming traces", total=len(sources)))
    lines, holds = table(measured)
    command = " ".join(["python -m benchmarks.calibration", *(arguments or sys.argv[1:])])
    head = [
        f"{command}",
        f"{len(sources)} of {population}; commit {commit()}; {machine()}; {python()}",
        "",
    ]
    text = "\n".join([*head, *lines]) + "\n"
    sys.stdout.write(text)
    if options.save:
        (ROOT / "benchmarks" / "results" / "calibration.txt").write_text(text, encoding="utf-8")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
