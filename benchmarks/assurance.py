"""Whether a promise of at most 0.5% throttled is kept without overflow, and what that costs.

    python -m benchmarks.assurance [SAMPLE] [--seeds-from N] [--workers N] [--save]

Predictable traffic of the labelled generator (steady, diurnal, weekly, trend), SAMPLE seeds of each
kind (default 4), scaled so that the 90th percentile of the scored minutes is 6 units; 14 days are
scored after 7 days of history. A unit costs 1.3 times what its traffic would cost on demand, units
are the only way to be served, a lead time is 15 minutes, and a throttled token is worth no more
than its price, so that the promise alone justifies units. Test seeds are 1, 2, ...; constants were
chosen on seeds from 1001 on. Costs are relative to the cheapest plan that knows the future and
keeps the promise. Exits 1 when fewer than 90% of the traces keep it or the mean cost is above
that of target tracking at 80%.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from bedrock_autoscaler.backtest.baselines import target_tracking
from bedrock_autoscaler.backtest.optimum import optimum_plan
from bedrock_autoscaler.backtest.policy import Policy, Step, run_policy
from bedrock_autoscaler.backtest.replay import Replay, Score
from bedrock_autoscaler.backtest.scenario import DAY_MINUTES, Scenario
from bedrock_autoscaler.backtest.timeline import Plan, plan_of
from bedrock_autoscaler.backtest.trace import Trace
from benchmarks.labelled_traffic import Volume, generate
from benchmarks.scoring import policy_for

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "assurance.txt"
SETTINGS = ROOT / "benchmarks" / "settings" / "assurance.json"
KINDS = ("steady", "diurnal", "weekly", "trend")
SEEDS = 4
OURS, TRACKING, FIXED = "bedrock-autoscaler", "target tracking 80%", "fixed p99.5 of 7 days"
LOWER_TARGETS = (0.7, 0.6, 0.5)
LEAST_KEPT = 0.9
VOLUMES = (Volume.EVEN, Volume.WIDE)
"""How the traces' calls a minute are drawn; the bounds are of the first."""

_PUBLISHED = (
    "published for traffic of these kinds: target tracking 80% costs 1.28, throttles .09% at the",
    "median and .84% at p90, 78% keep; fixed p99.5 costs 1.77, .09% and 2.7%, 83% keep",
)
_START = datetime(2025, 1, 6, tzinfo=UTC)
_HISTORY, _SCORED = 7 * DAY_MINUTES, 14 * DAY_MINUTES
# The policy gets a day before the score begins to build up its units.
_FIRST_DECISION = _HISTORY - DAY_MINUTES
_PEAK_UNITS, _PEAK_QUANTILE = 6.0, 0.9
_BREAK_EVEN, _INPUT_1K = 1.3, 0.003
_FACTORS = (3.0, 1_000.0)
_BISECTIONS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one policy did on one trace.

    Attributes:
        cost: paid unit-hours relative to the cheapest plan that keeps the promise.
        throttled: share of the tokens.
        changes: a week.
    """

    cost: float
    throttled: float
    changes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One trace: what each policy did, by name."""

    kind: str
    volume: Volume
    outcomes: Mapping[str, Outcome]


class _WithHistory:
    """A policy that first decides when most of the history is there."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.name = policy.name
        self.interval_minutes = policy.interval_minutes
        self.publication_lag_minutes = policy.publication_lag_minutes

    def settings(self) -> Mapping[str, object]:
        return self._policy.settings()

    def decide(self, seen: Trace, now: datetime) -> Step:
        return self._policy.decide(seen, now) if len(seen) >= _FIRST_DECISION else Step()


def main() -> int:
    """Run, print, and save if asked; 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sample", nargs="?", type=int, default=SEEDS, help="seeds of each kind")
    parser.add_argument("--seeds-from", type=int, default=1, help="1001 for tuning")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--save", action="store_true", help="write the result file")
    asked = parser.parse_args()
    settings = json.loads(SETTINGS.read_text(encoding="utf-8"))
    seeds = range(asked.seeds_from, asked.seeds_from + asked.sample)
    tasks = [
        (kind, seed, volume, settings) for volume in VOLUMES for seed in seeds for kind in KINDS
    ]
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        running = pool.map(_score, tasks)
        console = Console(stderr=True)
        results = list(track(running, "traces", total=len(tasks), console=console))
    promised = settings["slo"]["assure_throttled_share"]
    text, kept = report(results, promised)
    sys.stdout.write(text)
    if asked.save:
        RESULT.write_text(text, encoding="utf-8")
    return 0 if kept else 1


def report(results: Sequence[Result], promised: float) -> tuple[str, bool]:
    """The tables of both volumes, and whether both bounds hold at the first one."""
    judged, *others = VOLUMES
    ours, theirs = (_row(_of(results, judged), name, promised) for name in (OURS, TRACKING))
    keeps, cheap = ours.kept >= LEAST_KEPT, ours.cost <= theirs.cost
    lines = [
        " ".join(["python -m benchmarks.assurance", *sys.argv[1:]]),
        f"At most {promised:.2%} throttled promised, no overflow; cost is relative to the",
        "cheapest plan that knows the future and keeps the promise.",
        "",
        *_tables(_of(results, judged), promised),
        *_PUBLISHED,
        "",
        f"promise kept by {ours.kept:.0%} of the traces, bound {LEAST_KEPT:.0%}: {_word(keeps)}",
        f"mean cost {ours.cost:.3f}, target tracking at 80% {theirs.cost:.3f}: {_word(cheap)}",
    ]
    for volume in others:
        lines += ["", "Beside it, held to no bound:", *_tables(_of(results, volume), promised)]
    return "\n".join([*lines, ""]), keeps and cheap


def _of(results: Sequence[Result], volume: Volume) -> list[Result]:
    return [result for result in results if result.volume is volume]


def _tables(results: Sequence[Result], promised: float) -> list[str]:
    """Every policy on all of these traces, then ours and target tracking by kind."""
    lines = [
        f"{len(results)} traces, 3 to 300 calls a minute, {results[0].volume.value}",
        _HEADER,
        *(_row(results, name, promised).line for name in results[0].outcomes),
    ]
    for kind in KINDS:
        part = [result for result in results if result.kind == kind]
        lines += ["", kind, *(_row(part, name, promised).line for name in (OURS, TRACKING))]
    return [*lines, "", *_where_tracking_keeps(results, promised), ""]


def _where_tracking_keeps(results: Sequence[Result], promised: float) -> list[str]:
    """Both on the traces where they do the same job: elsewhere one of them breaks the promise."""
    part = [result for result in results if result.outcomes[TRACKING].throttled <= promised]
    title = f"{len(part)} traces on which target tracking at 80% keeps the promise too"
    return [title, *(_row(part, name, promised).line for name in (OURS, TRACKING) if part)]


_HEADER = (
    f"{'policy':<24}{'cost mean':>10}{'median':>8}{'worst':>8}"
    f"{'throttled median':>18}{'p90':>8}{'kept':>7}{'changes/week':>14}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line of a table and the two figures that are bounded."""

    line: str
    cost: float
    kept: float


def _row(results: Sequence[Result], name: str, promised: float) -> _Row:
    found = [result.outcomes[name] for result in results]
    costs = np.array([outcome.cost for outcome in found])
    throttled = np.array([outcome.throttled for outcome in found])
    kept = float(np.mean(throttled <= promised))
    changes = float(np.median([outcome.changes for outcome in found]))
    line = (
        f"{name:<24}{costs.mean():>10.3f}{np.median(costs):>8.3f}{costs.max():>8.3f}"
        f"{np.median(throttled):>18.2%}{np.quantile(throttled, 0.9):>8.2%}{kept:>7.0%}"
        f"{changes:>14.0f}"
    )
    return _Row(line=line, cost=float(costs.mean()), kept=kept)


def _word(holds: object) -> str:
    return "held" if holds else "MISSED"


# -- one trace ---------------------------------------------------------------------------------


def _score(task: tuple[str, int, Volume, Mapping[str, Mapping[str, float]]]) -> Result:
    kind, seed, volume, settings = task
    replay = replay_of(kind, seed, volume)
    least = cheapest(replay, settings["slo"]["assure_throttled_share"])
    plans = {
        OURS: _ours(replay, settings),
        TRACKING: target_tracking(replay, 0.8),
        **{f"target tracking {to:.0%}": target_tracking(replay, to) for to in LOWER_TARGETS},
        FIXED: _fixed(replay),
    }
    scores = {name: replay.score(plan) for name, plan in plans.items()}
    return Result(
        kind=kind,
        volume=volume,
        outcomes={name: _outcome(score, least) for name, score in scores.items()},
    )


def replay_of(kind: str, seed: int, volume: Volume) -> Replay:
    """This traffic without overflow, at most of the time below 6 units."""
    traffic = generate(kind, seed, volume)
    minutes = _HISTORY + _SCORED
    tokens = traffic.tokens[:minutes]
    tokens_per_unit = float(np.quantile(tokens[_HISTORY:], _PEAK_QUANTILE)) / _PEAK_UNITS
    trace = Trace(
        name=f"{kind}-{seed}",
        start=_START,
        invocations=traffic.calls[:minutes],
        input_tokens=tokens,
        output_tokens=np.zeros(minutes),
    )
    scenario = Scenario(
        tokens_per_unit=tokens_per_unit,
        unit_hour=_BREAK_EVEN * tokens_per_unit * 60 * _INPUT_1K / 1000,
        input_1k=_INPUT_1K,
        output_1k=_INPUT_1K,
        throttle_factor=1.0,
        overflow=False,
    )
    return Replay(trace, scenario, _HISTORY)


def cheapest(replay: Replay, promised: float) -> Score:
    """The least cost at which the promise can be kept with knowledge of the future.

    The price of throttling at which the cheapest plan just keeps it is found by bisection.
    """
    low, high = np.log(_FACTORS)
    best = _optimum(replay, float(np.exp(high)))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        score = _optimum(replay, float(np.exp(middle)))
        if score.throttled_tokens <= promised:
            high, best = middle, score
        else:
            low = middle
    return best


def _optimum(replay: Replay, throttle_factor: float) -> Score:
    scenario = replace(replay.scenario, throttle_factor=throttle_factor)
    priced = Replay(replay.trace, scenario, replay.score_from)
    return priced.score(optimum_plan(priced))


def _ours(replay: Replay, settings: Mapping[str, object]) -> Plan:
    trace, scenario = replay.trace, replay.scenario
    run = run_policy(_WithHistory(policy_for(replay, settings)), trace, scenario)
    return plan_of(run.lines, trace, scenario)


def _fixed(replay: Replay) -> Plan:
    """Units for the 99.5th percentile of the last 7 days, set each midnight."""
    units = np.zeros(len(replay.trace), dtype=np.int64)
    for row in range(_FIRST_DECISION, len(units), DAY_MINUTES):
        recent = replay.demand[max(0, row - _HISTORY) : row]
        units[row : row + DAY_MINUTES] = np.ceil(np.quantile(recent, 0.995))
    return Plan(units=units)


def _outcome(score: Score, least: Score) -> Outcome:
    return Outcome(
        cost=score.unit_hours_paid / least.unit_hours_paid,
        throttled=score.throttled_tokens,
        changes=score.changes * 7 * DAY_MINUTES / _SCORED,
    )


if __name__ == "__main__":
    sys.exit(main())
