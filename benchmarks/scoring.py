"""Scores one trace in one scenario: the policy, what could be used instead, and the optimum.

A worker process runs `score_pair` for one pair at a time; what it gives back is small.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import process_time
from typing import override

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.backtest.baselines import BASELINES, all_on_demand
from bedrock_autoscaler.backtest.policy import Policy, PolicyContext, Step, run_policy
from bedrock_autoscaler.backtest.replay import Replay, Score
from bedrock_autoscaler.backtest.scenario import (
    DAY_MINUTES,
    WARM_UP_DAYS,
    scenario_for,
)
from bedrock_autoscaler.backtest.timeline import plan_of
from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.cli.backtest.policies import core_policy
from benchmarks.optimum_cache import cached_optimum
from benchmarks.population import Part, Source, load

OPTIMUM = "optimum"
ON_DEMAND = all_on_demand.__name__
WARM = "warm50-x2"
_WEEK_MINUTES = 7 * DAY_MINUTES
# From here on a decision has all the history that it looks at, less a day.
_LONG_HISTORY_MINUTES = 13 * DAY_MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One trace in one scenario, and what to run on it.

    Attributes:
        source: the trace.
        scenario: name of the scenario.
        policies: settings documents of our policy by the name of the row; None: the defaults.
        with_baselines: whether the others run too; all on demand always does.
        cache: folder of remembered optima; None: compute them.
    """

    source: Source
    scenario: str
    policies: Mapping[str, Mapping[str, object] | None]
    with_baselines: bool
    cache: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one policy did on one pair.

    Attributes:
        objective_usd: the bill and the worth of what was throttled.
        throttled_share: of the input equivalents, from 0 to 1.
        changes_per_week: minutes in which units were ordered or deleted, a week.
        seconds: processor time that it took to plan, or to decide, and to replay.
    """

    objective_usd: float
    throttled_share: float
    changes_per_week: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairResult:
    """What one pair gave.

    Attributes:
        scenario: name of the scenario.
        part: the trace's part.
        outcomes: by the name of the policy, the optimum among them.
        remembered: whether the optimum came from the cache.
        decision_seconds: processor time of each of our decisions.
        long_history_seconds: of those that had all the history they look at.
    """

    scenario: str
    part: Part
    outcomes: Mapping[str, Outcome]
    remembered: bool
    decision_seconds: NDArray[np.float32]
    long_history_seconds: NDArray[np.float32]


class _Timed(Policy):
    """A policy whose decisions are timed."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.seconds: list[float] = []
        self.seen_minutes: list[int] = []

    @property
    @override
    def name(self) -> str:
        return self._policy.name

    @property
    @override
    def interval_minutes(self) -> int:
        return self._policy.interval_minutes

    @property
    @override
    def publication_lag_minutes(self) -> int:
        return self._policy.publication_lag_minutes

    @override
    def settings(self) -> Mapping[str, object]:
        return self._policy.settings()

    @override
    def decide(self, seen: Trace, now: datetime) -> Step:
        before = process_time()
        step = self._policy.decide(seen, now)
        self.seconds.append(process_time() - before)
        self.seen_minutes.append(len(seen))
        return step


def scenarios_of(source: Source, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the scenarios that the trace is long enough for: the warm one scores week two."""
    short = source.minutes <= WARM_UP_DAYS * DAY_MINUTES
    return tuple(name for name in names if not (short and name == WARM))


def replay_of(trace: Trace, scenario: str) -> Replay:
    """A trace, not yet scaled, under a benchmark scenario.

    Raises:
        ValueError: the trace has no tokens or is too short for the scenario.
    """
    benchmark = scenario_for(scenario, trace)
    start = benchmark.score_from
    row = 0 if start is None else trace.index_of(start)
    return Replay(trace.scaled(benchmark.scale), benchmark.scenario, row)


def policy_for(replay: Replay, settings: Mapping[str, object] | None) -> Policy:
    """Our policy for a replay; without a settings document as shipped."""
    return core_policy(
        PolicyContext(
            scenario=replay.scenario,
            settings=settings,
            settings_path=None,
            start=replay.trace.start,
            score_from=replay.trace.minute_at(replay.score_from),
        )
    )


def score_pair(pair: Pair) -> PairResult | None:
    """Run everything on one pair; None where even the optimum costs nothing."""
    replay = replay_of(load(pair.source), pair.scenario)
    before = process_time()
    optimum, remembered = cached_optimum(replay, pair.cache)
    outcomes = {OPTIMUM: _outcome(replay, optimum, process_time() - before)}
    if optimum.objective_usd <= 0:
        return None
    seconds: list[float] = []
    seen_minutes: list[int] = []
    for name, settings in pair.policies.items():
        timed, outcomes[name] = _run(replay, settings)
        seconds += timed.seconds
        seen_minutes += timed.seen_minutes
    for name, baseline in BASELINES.items():
        if pair.with_baselines or name == ON_DEMAND:
            before = process_time()
            score = replay.score(baseline(replay))
            outcomes[name] = _outcome(replay, score, process_time() - before)
    spent = np.array(seconds, dtype=np.float32)
    return PairResult(
        scenario=pair.scenario,
        part=pair.source.part,
        outcomes=outcomes,
        remembered=remembered,
        decision_seconds=spent,
        long_history_seconds=spent[np.array(seen_minutes) >= _LONG_HISTORY_MINUTES],
    )


def _run(replay: Replay, settings: Mapping[str, object] | None) -> tuple[_Timed, Outcome]:
    """Our policy over a replay."""
    trace, scenario = replay.trace, replay.scenario
    before = process_time()
    timed = _Timed(policy_for(replay, settings))
    run = run_policy(timed, trace, scenario)
    score = replay.score(plan_of(run.lines, trace, scenario))
    return timed, _outcome(replay, score, process_time() - before)


def _outcome(replay: Replay, score: Score, seconds: float) -> Outcome:
    scored = len(replay.trace) - replay.score_from
    return Outcome(
        objective_usd=score.objective_usd,
        throttled_share=score.throttled_tokens,
        changes_per_week=score.changes / scored * _WEEK_MINUTES,
        seconds=seconds,
    )
